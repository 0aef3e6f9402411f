"""Peers' reports about leases and heartbeats under jobs that run long or block."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta

import pytest

from aide_de_camp import (
    JobContext,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    Queue,
    Snooze,
    StopReason,
    open_queue,
)

from .conftest import Run
from .support import SECOND, instant, listening
from .trouble import Wire, leftovers, running, shared, until

NUMBER = JobType("number", int)


def two_queues(url: str, clock: ManualClock) -> tuple[Wire, Queue, Wire, Queue]:
    """Two queues on one storage, each behind a wire of its own."""
    one, other = Wire(), Wire()
    first = one.lay(open_queue(url, clock=clock))
    return one, first, other, other.lay(open_queue(url, clock=clock))


async def pass_time(clock: ManualClock, total: timedelta, step: timedelta, *wires: Wire) -> None:
    """Move the clock step by step, and have everybody act on each."""
    for _ in range(total // step):
        clock.advance(step)
        for wire in wires:
            await wire.quiet()


@pytest.mark.parametrize("lease", [1, 3, 60])
def test_p38_a_long_job_starts_once_and_is_renewed_in_time(
    queue_url: str, run: Run, lease: int
) -> None:
    """LEA-1, LEA-2: at least three renewals per lease; nobody else starts it."""

    async def scenario() -> None:
        clock, length = ManualClock(), timedelta(seconds=lease)
        wire_a, queue_a, wire_b, queue_b = two_queues(shared(queue_url), clock)
        router, started, finish = JobRouter(), list[int](), asyncio.Event()

        @router.job("number")
        async def number(payload: int) -> None:
            started.append(payload)
            await finish.wait()

        options = {"lease": length, "poll_interval": length / 4}
        async with queue_a, queue_b:
            job_id = await queue_a.schedule(NUMBER, 1)
            async with running(queue_a, router, **options), running(queue_b, router, **options):
                await until(lambda: started)
                for _ in range(5):
                    before = wire_a.counts["extend"] + wire_b.counts["extend"]
                    await pass_time(clock, length, length / 24, wire_a, wire_b)
                    renewed = wire_a.counts["extend"] + wire_b.counts["extend"] - before
                    assert renewed >= 3
                    held = await queue_a.get_job(job_id)
                    assert held.lease_until is not None
                    assert held.lease_until - instant(clock) >= length / 2
                finish.set()
                await until(lambda: wire_a.counts["settle"] + wire_b.counts["settle"])
            after = await queue_a.get_job(job_id)
            assert (after.state, after.claims, started) == (JobState.COMPLETED, 1, [1])

    run(scenario())


def test_p39_heartbeats_go_on_during_a_graceful_shutdown(queue_url: str, run: Run) -> None:
    """LIV-1, LEA-1: A renews until the job is settled, B never starts it; then A ends."""

    async def scenario() -> None:
        clock = ManualClock()
        wire_a, queue_a, wire_b, queue_b = two_queues(shared(queue_url), clock)
        begun, finish = list[str](), asyncio.Event()

        def router_of(name: str) -> JobRouter:
            router = JobRouter()

            @router.job("number")
            async def number(payload: int, job: JobContext) -> None:
                begun.append(name)
                await finish.wait()
                assert job.token.reason is StopReason.SHUTDOWN

            return router

        async with queue_a, queue_b:
            job_id = await queue_a.schedule(NUMBER, 1)
            runner_a = JobRunner(queue_a, router_of("A"), lease=2 * SECOND)
            running_a = asyncio.create_task(runner_a.run())
            await until(lambda: begun)
            async with running(queue_b, router_of("B"), lease=2 * SECOND, poll_interval=SECOND):
                runner_a.shutdown()
                await pass_time(clock, 10 * SECOND, SECOND / 6, wire_a, wire_b)
                held = await queue_b.get_job(job_id)
                assert (held.state, held.claims) == (JobState.RUNNING, 1)
                assert wire_a.counts["extend"] >= 15
                claims = wire_a.counts["claim"]
                finish.set()
                await running_a
                assert wire_a.counts["claim"] == claims, "nothing is claimed after the request"
                after = await queue_b.get_job(job_id)
                assert (after.state, after.claims) == (JobState.COMPLETED, 1)
            assert begun == ["A"]
            assert not leftovers()

    run(scenario())


def test_p40_jobs_in_cycles_never_drop_out(queue_url: str, run: Run) -> None:
    """ENQ-8, RET-6: under one id a cycle is a Snooze, as scheduling a kept id stores nothing.

    Beside them, cycles that schedule a successor; all under a sweep between any two turns.
    """

    async def scenario() -> None:
        clock, wire = ManualClock(), Wire()
        router, turns = JobRouter(), dict.fromkeys(range(100), 0)

        @router.job("snoozing")
        async def snoozing(payload: int) -> Snooze:
            turns[payload] += 1
            return Snooze(SECOND)

        @router.job("scheduling")
        async def scheduling(payload: int, job: JobContext) -> None:
            turns[payload] += 1
            await job.schedule(scheduling, payload, job_id=job.id)  # a kept id: it changes nothing
            await job.schedule_in(scheduling, payload, SECOND)

        async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
            requests = [JobRequest(snoozing, n) for n in range(50)]
            ids = await queue.schedule_many(requests)
            await queue.schedule_many([JobRequest(scheduling, n) for n in range(50, 100)])
            async with running(queue, router, lease=SECOND, poll_interval=SECOND, concurrency=7):
                for turn in range(1, 21):
                    await until(lambda: sum(turns.values()) >= 100 * turn)  # noqa: B023 (used at once)
                    await queue.storage.reap(queue.name, 500, now=clock.now())
                    await wire.quiet()
                    counts = await queue.count_jobs()
                    assert counts.by_state.get(JobState.SCHEDULED) == 100
                    assert counts.by_state.get(JobState.COMPLETED, 0) == 50 * turn
                    assert counts.total == 100 + 50 * turn
                    assert set(turns.values()) == {turn}
                    clock.advance(1 if turn < 20 else 0)
            seen = [await queue.get_job(job_id) for job_id in ids]
            assert all(job.snoozes == 20 and job.retries == 0 for job in seen)

    run(scenario())


def test_p41_a_future_job_is_nobodys_until_it_is_due(queue_url: str, run: Run) -> None:
    """PRI-3: three runners, a lease far shorter than the wait: one run, not before its time."""

    async def scenario() -> None:
        clock = ManualClock()
        router, ran, wires = JobRouter(), list[object](), [Wire(), Wire(), Wire()]

        @router.job("number")
        async def number(payload: int) -> None:
            ran.append(instant(clock))

        options = {"lease": 2 * SECOND, "poll_interval": SECOND}
        url = shared(queue_url)
        queues = [wire.lay(open_queue(url, clock=clock)) for wire in wires]
        async with queues[0], queues[1], queues[2]:
            due = instant(clock) + 10 * SECOND
            job_id = await queues[0].schedule_at(number, 1, due)
            async with (
                running(queues[0], router, **options),
                running(queues[1], router, **options),
                running(queues[2], router, **options),
            ):
                while instant(clock) < due - SECOND / 2:
                    await pass_time(clock, SECOND / 2, SECOND / 2, *wires)
                    early = await queues[0].get_job(job_id)
                    assert (early.state, early.claims) == (JobState.SCHEDULED, 0)
                    assert (early.lease_until, early.worker) == (None, None)
                await pass_time(clock, 10 * SECOND, SECOND / 2, *wires)
            assert ran == [due]
            assert (await queues[0].get_job(job_id)).claims == 1

    run(scenario())


def test_p42_no_length_of_run_takes_a_job_from_a_live_worker(queue_url: str, run: Run) -> None:
    """LEA-2: without a time limit a job may run for 100 leases, whoever sweeps meanwhile."""

    async def scenario() -> None:
        clock = ManualClock()
        url = shared(queue_url)
        wire_a, queue_a, wire_b, queue_b = two_queues(url, clock)
        registry, ear = listening()
        router, started, finish = JobRouter(), list[int](), asyncio.Event()

        @router.job("number", time_limit=None, max_retries=0)
        async def number(payload: int) -> None:
            started.append(payload)
            await finish.wait()

        queue_c = open_queue(url, clock=clock, registry=registry)
        async with queue_a, queue_b, queue_c:
            job_id = await queue_a.schedule(NUMBER, 1)
            async with running(queue_a, router, lease=SECOND):
                await until(lambda: started)
                async with running(queue_b, router, lease=SECOND, poll_interval=SECOND):
                    for _ in range(100 * 8):
                        clock.advance(SECOND / 8)
                        await wire_a.quiet()
                        assert not await queue_c.storage.reap(queue_c.name, 9, now=clock.now())
                    await wire_b.quiet()
                    finish.set()
                    await until(lambda: wire_a.counts["settle"])
            after = await queue_a.get_job(job_id)
            assert (after.state, after.claims, started) == (JobState.COMPLETED, 1, [1])
            assert not ear.events

    run(scenario())


@pytest.mark.parametrize("stuck", [1, 25])
def test_p43_a_sweep_isnt_blinded_by_jobs_that_must_stay(
    queue_url: str, run: Run, stuck: int
) -> None:
    """LEA-2: behind 30 older healthy leases the stuck jobs are found, page by page."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            ids = await queue.schedule_many([JobRequest(NUMBER, n) for n in range(30 + stuck)])
            for _ in range(30):
                await queue.poll_next(NUMBER, lease=timedelta(hours=1))
            clock.advance(1)
            for _ in range(stuck):
                await queue.poll_next(NUMBER, lease=SECOND)
            clock.advance(1)
            found: list[object] = []
            for size in (min(10, stuck - start) for start in range(0, stuck, 10)):
                page = await queue.storage.reap(queue.name, 10, now=clock.now())
                assert len(page) == size
                found += [each.id for each in page]
            assert sorted(map(str, found)) == [str(job_id) for job_id in ids[30:]]
            assert not await queue.storage.reap(queue.name, 10, now=clock.now())
            states = (await queue.count_jobs()).by_state
            assert (states[JobState.RUNNING], states[JobState.SCHEDULED]) == (30, stuck)

    run(scenario())


def test_p44_handlers_that_block_keep_their_leases(queue_url: str, run: Run) -> None:
    """LEA-5: by real time, one blocks the loop and one a thread, both for longer than a lease.

    Each starts once, although somebody else asks for them all the while, and once more when the
    lease that they began with is over. The warning of a blocked loop is in test_t16_stops.py.
    """
    url, lease = shared(queue_url), 5 * SECOND
    begun, rival_ran, asked = list[str](), list[str](), list[int]()
    both_block, over, wire = threading.Event(), threading.Event(), Wire()

    def rival() -> None:
        """Another runner, in a thread and a loop of its own, that would take either job."""
        router = JobRouter()

        @router.job("blocks_loop")
        async def blocks_loop(payload: str) -> None:
            rival_ran.append(payload)

        @router.job("blocks_thread")
        async def blocks_thread(payload: str) -> None:
            rival_ran.append(payload)

        async def claim_what_is_lost() -> None:
            async with wire.lay(open_queue(url)) as queue:
                await until(both_block.is_set)
                async with running(queue, router, lease=lease, poll_interval=SECOND / 10):
                    await until(over.is_set)

        asyncio.run(claim_what_is_lost())

    async def scenario() -> None:
        router = JobRouter()

        @router.job("blocks_thread")
        def blocks_thread(payload: str) -> None:
            begun.append(payload)
            over.wait(20)

        @router.job("blocks_loop")
        async def blocks_loop(payload: str) -> None:
            begun.append(payload)
            both_block.set()
            time.sleep(6)  # noqa: ASYNC251 (the point)
            before, end = wire.counts["claim"], time.monotonic() + 10
            while wire.counts["claim"] < before + 2 and time.monotonic() < end:
                time.sleep(0.05)  # noqa: ASYNC251 (the point)
            asked.append(wire.counts["claim"] - before)
            over.set()

        async with open_queue(url) as queue:
            ids = [await queue.schedule(blocks_thread, "thread")]
            other = threading.Thread(target=rival)
            other.start()
            async with running(queue, router, lease=lease, concurrency=2):
                await until(lambda: begun)
                ids.append(await queue.schedule(blocks_loop, "loop"))
                views = [await queue.get_job(job_id) for job_id in ids]
                while any(view.state is not JobState.COMPLETED for view in views):
                    await asyncio.sleep(0.02)
                    views = [await queue.get_job(job_id) for job_id in ids]
            await asyncio.to_thread(other.join)
            assert asked[0] >= 2, "nobody asked for them when the first lease was over"
            assert [(view.claims, view.retries) for view in views] == [(1, 0), (1, 0)]
            assert begun == ["thread", "loop"]
            assert not rival_ran

    run(scenario())
