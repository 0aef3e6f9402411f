"""Peers' reports about priority, starvation and ties.

Left out: P04, which asks for a policy between several queues; a runner serves one.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from random import Random

import pytest

from aide_de_camp import (
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    Queue,
    Snooze,
    new_job_id,
    open_queue,
)
from aide_de_camp.spi import ClaimRequest, ClaimResult

from .conftest import Run
from .support import SECOND, instant

NUMBER = JobType("number", int)


async def claimed(queue: Queue, most: int = 10_000) -> list[int]:
    """What claims of one job each yield, each completed before the next."""
    found: list[int] = []
    while len(found) < most and (handle := await queue.poll_next(NUMBER)) is not None:
        found.append(handle.payload)
        await handle.complete()
    return found


def recording() -> tuple[JobRouter, list[int]]:
    router, order = JobRouter(), list[int]()

    @router.job("number")
    async def number(payload: int) -> None:
        order.append(payload)

    return router, order


@pytest.mark.parametrize("priority", [-128, -3, 0, 127])
def test_p01_a_job_given_back_keeps_its_place(queue_url: str, run: Run, priority: int) -> None:
    """PRI-6, RET-1: a release keeps the place, however often, and uses no retry."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            first = await queue.schedule(NUMBER, 1, priority=priority)
            clock.advance(0.05)
            second = await queue.schedule(NUMBER, 2, priority=priority)
            before = await queue.get_job(first)
            for _ in range(3):
                clock.advance(1)
                handle = await queue.poll_next(NUMBER)
                assert handle is not None
                assert (handle.id, handle.retries) == (first, 0)
                await handle.release()
            after = await queue.get_job(first)
            assert (after.scheduled_at, after.retries, after.snoozes, after.claims) == (
                before.scheduled_at,
                0,
                0,
                3,
            )
            assert await claimed(queue) == [1, 2]
            assert (await queue.get_job(second)).state is JobState.COMPLETED

    run(scenario())


def test_p01_a_snoozed_job_takes_the_place_of_its_new_time(queue_url: str, run: Run) -> None:
    """PRI-6 decides here, not the report: a snooze's place is that of its new time.

    So the job that waited all along comes first, and the attempt counter is unchanged.
    """

    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            first = await queue.schedule(NUMBER, 1, priority=7)
            clock.advance(0.05)
            await queue.schedule(NUMBER, 2, priority=7)
            handle = await queue.poll_next(NUMBER)
            assert handle is not None
            await handle.snooze(SECOND)
            clock.advance(0.999_999)
            assert await claimed(queue, 1) == [2]
            assert await claimed(queue) == []  # due in another microsecond
            clock.advance(0.000_001)
            assert await claimed(queue) == [1]
            job = await queue.get_job(first)
            assert (job.retries, job.snoozes, job.claims) == (0, 1, 2)

    run(scenario())


@pytest.mark.parametrize("sync", [False, True])
def test_p02_a_delayed_job_competes_by_priority_once_due(
    queue_url: str, run: Run, sync: bool
) -> None:
    async def scenario() -> None:
        clock, router, order = ManualClock(), JobRouter(), list[int]()

        def work(payload: int) -> None:
            order.append(payload)
            clock.advance(1)

        async def work_async(payload: int) -> None:
            work(payload)

        job = router.job("number")(work if sync else work_async)
        async with open_queue(queue_url, clock=clock) as queue:
            await queue.schedule_in(job, 99, 2 * SECOND, priority=100)
            for number in range(4):
                await queue.schedule(job, number, priority=-1)
            assert await JobRunner(queue, router, concurrency=1).drain() == 5
        assert order == [0, 1, 99, 2, 3]

    run(scenario())


@pytest.mark.parametrize("prefetch", [0, 1, 2, 5])
def test_p03_an_urgent_job_waits_for_no_more_than_the_prefetch(
    queue_url: str, run: Run, prefetch: int
) -> None:
    """PRI-8: with prefetch p at most p jobs overtake it; none by default."""

    async def scenario() -> None:
        router, order = JobRouter(), list[int]()
        async with open_queue(queue_url, clock=ManualClock()) as queue:

            @router.job("number")
            async def number(payload: int) -> None:
                order.append(payload)
                if payload == 0:
                    await queue.schedule(number, 99, priority=1)
                await asyncio.sleep(0)

            await queue.schedule_many([JobRequest(number, each) for each in range(8)])
            runner = JobRunner(queue, router, concurrency=1, prefetch=prefetch)
            assert await runner.drain() == 9
        assert order.index(99) - 1 <= prefetch
        assert [each for each in order if each != 99] == list(range(8))

    run(scenario())


@pytest.mark.parametrize("slots, prefetch", [(1, 0), (3, 0), (10, 0), (2, 3)])
def test_p03_a_runner_claims_for_no_more_than_its_free_slots(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch, slots: int, prefetch: int
) -> None:
    """PRI-8, at every claim that it makes."""

    async def scenario() -> None:
        router, asked, busy = JobRouter(), list[int](), 0

        @router.job("number")
        async def number(_: int) -> None:
            nonlocal busy
            busy += 1
            for _ in range(3):
                await asyncio.sleep(0)
            busy -= 1

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            claim = queue.storage.claim

            async def counted(name: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
                asked.append(request.limit + busy)
                return await claim(name, request, now=now)

            monkeypatch.setattr(queue.storage, "claim", counted)
            await queue.schedule_many([JobRequest(number, each) for each in range(40)])
            runner = JobRunner(queue, router, concurrency=slots, prefetch=prefetch)
            assert await runner.drain() == 40
        assert max(asked) == slots + prefetch

    run(scenario())


@pytest.mark.parametrize("way", ["many", "bulk", "one by one", "at once"])
def test_p05_jobs_of_one_instant_come_out_as_they_went_in(
    queue_url: str, run: Run, way: str
) -> None:
    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            requests = [JobRequest(NUMBER, each, at=instant(clock)) for each in range(500)]
            if way == "many":
                ids = await queue.schedule_many(requests)
            elif way == "bulk":
                ids = await queue.schedule_bulk(requests)
            elif way == "one by one":
                ids = [await queue.schedule(NUMBER, each) for each in range(500)]
            else:
                ids = await asyncio.gather(*(queue.schedule(NUMBER, each) for each in range(500)))
            assert ids == sorted(ids)
            assert len({(await queue.get_job(each)).scheduled_at for each in ids[::50]}) == 1
            assert await claimed(queue, 60) == list(range(60))
            router, order = recording()
            # Several slots, each claim for as many jobs as are free: the order of starts.
            assert await JobRunner(queue, router, concurrency=7).drain() == 440
            assert order == list(range(60, 500))

    run(scenario())


def test_p05_claims_of_one_and_of_many_agree(queue_url: str, run: Run) -> None:
    """PRI-2 and PRI-5 on random priorities and times, against a plain sort."""

    async def scenario() -> None:
        dice = Random(20)
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            base = instant(clock)
            requests = [
                JobRequest(
                    NUMBER,
                    each,
                    priority=dice.choice([-128, -1, 0, 0, 0, 1, 127]),
                    at=base - timedelta(microseconds=dice.randrange(4)),
                )
                for each in range(300)
            ]
            await queue.schedule_many(requests)
            expected = [
                request.payload
                for request in sorted(requests, key=lambda r: (-r.priority, r.at, r.payload))
            ]
            assert await claimed(queue, 100) == expected[:100]
            router, order = recording()
            await JobRunner(queue, router, concurrency=9).drain()
            assert order == expected[100:]

    run(scenario())


def test_p06_arrival_wins_over_ids(queue_url: str, run: Run) -> None:
    """Ids that sort in the reverse of their arrival, and later jobs whose ids sort first."""

    async def scenario() -> None:
        ids = [new_job_id() for _ in range(60)]
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            for number in range(30):
                await queue.schedule(NUMBER, number, job_id=ids[59 - number])
                clock.advance(timedelta(microseconds=1))
            order: list[int] = []
            for number in range(30, 60):
                order += await claimed(queue, 1)
                await queue.schedule(NUMBER, number, job_id=ids[59 - number])
                clock.advance(timedelta(microseconds=1))
            order += await claimed(queue)
            assert order == list(range(60))

    run(scenario())


@pytest.mark.parametrize("slots", [1, 10])
def test_p07_a_backlog_is_worked_off_without_a_pause(queue_url: str, run: Run, slots: int) -> None:
    """The clock stands still, so a runner that slept a poll interval would never wake."""

    async def scenario() -> None:
        router, order = JobRouter(), list[int]()
        async with open_queue(queue_url, clock=ManualClock()) as queue:

            @router.job("number")
            async def number(payload: int) -> None:
                order.append(payload)
                if payload == 999:
                    runner.shutdown()

            runner = JobRunner(queue, router, concurrency=slots)
            await queue.schedule_bulk([JobRequest(number, each) for each in range(1_000)])
            await runner.run()
            assert order == list(range(1_000))
            counts = await queue.count_jobs()
            assert counts.by_state[JobState.COMPLETED] == 1_000

    run(scenario())


def test_a_job_that_is_not_due_or_not_asked_for_hides_nothing(queue_url: str, run: Run) -> None:
    """PRI-3, PRI-4: the whole kind of P02 and P06, many urgent jobs ahead that can't run."""

    async def scenario() -> None:
        other = JobType("other", int)
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            await queue.schedule_bulk(
                [JobRequest(other, each, priority=127) for each in range(1_500)]
                + [JobRequest(NUMBER, 9, priority=127, delay=SECOND) for _ in range(1_500)]
            )
            await queue.schedule(NUMBER, 1, priority=-128)
            assert await claimed(queue) == [1]
            counts = await queue.count_jobs()
            assert counts.by_type["other"] == {JobState.SCHEDULED: 1_500}
            assert counts.by_type["number"] == {JobState.SCHEDULED: 1_500, JobState.COMPLETED: 1}

    run(scenario())


def test_a_job_that_always_asks_for_later_starves_nobody(queue_url: str, run: Run) -> None:
    """P01's kind the other way about: an urgent job that keeps snoozing lets others through."""

    async def scenario() -> None:
        router, order = JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int) -> Snooze | None:
            order.append(payload)
            return Snooze(SECOND) if payload < 0 else None

        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            await queue.schedule(number, -1, priority=127)
            await queue.schedule_many([JobRequest(number, each) for each in range(3)])
            runner = JobRunner(queue, router, concurrency=1)
            await runner.drain()
            assert order == [-1, 0, 1, 2]
            clock.advance(1)
            assert await runner.drain() == 1

    run(scenario())
