"""Peers' reports about outages. Those about listening connections are in test_t13_listening.py."""

from __future__ import annotations

import asyncio
import logging
import time
from datetime import timedelta
from random import Random
from uuid import UUID

import pytest

from aide_de_camp import (
    BulkInterrupted,
    EventKind,
    JobContext,
    JobNotFound,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    Queue,
    StorageUnavailable,
    new_job_id,
    open_queue,
)

from .conftest import Run
from .support import SECOND, all_jobs, listening
from .trouble import Wire, be_hasty, leftovers, running, until, until_async

NUMBER = JobType("number", int)

RUNNERS_VERBS = ("claim", "extend", "settle", "reap", "prune", "wait")


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    be_hasty(monkeypatch)


async def away(verb: str) -> None:
    raise StorageUnavailable("not the primary", outcome_unknown=False)


@pytest.mark.usefixtures("hasty")
def test_p94_a_producer_gets_prompt_errors_and_keeps_nothing(queue_url: str, run: Run) -> None:
    """ENQ-8, LIV-2: each caller is told, with its own id; nothing is sent later behind its back."""

    async def scenario() -> None:
        wire = Wire()
        async with wire.lay(open_queue(queue_url)) as queue:
            wire.before = away
            ids = [new_job_id() for _ in range(300)]
            calls = [queue.schedule(NUMBER, n, job_id=each) for n, each in enumerate(ids)]
            for each, answer in zip(
                ids, await asyncio.gather(*calls, return_exceptions=True), strict=True
            ):
                assert isinstance(answer, StorageUnavailable)
                assert answer.job_ids == (each,)
                assert answer.outcome_unknown is False
            with pytest.raises(StorageUnavailable) as caught:
                await queue.schedule_many([JobRequest(NUMBER, n) for n in range(3)])
            assert len(caught.value.job_ids) == 3
            many = [JobRequest(NUMBER, n, job_id=new_job_id()) for n in range(2_500)]
            with pytest.raises(BulkInterrupted) as interrupted:
                await queue.schedule_bulk(many)
            assert interrupted.value.scheduled == ()
            assert interrupted.value.remaining == tuple(each.job_id for each in many)
            wire.before = None
            assert not leftovers()
            assert (await queue.count_jobs()).total == 0
            await queue.schedule(NUMBER, 0, job_id=ids[0])
            assert (await queue.count_jobs()).total == 1

    run(scenario())


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("times", [1, 2, 3, 5])
def test_p94_a_schedule_whose_reply_is_lost(queue_url: str, run: Run, times: int) -> None:
    """ENQ-8, LIV-4: either it returns, or it says that the outcome is unknown; never twice."""

    async def scenario() -> None:
        wire = Wire()
        async with wire.lay(open_queue(queue_url)) as queue:
            wire.fail(["enqueue"], times, replies=True)
            if times < 3:
                known = await queue.schedule(NUMBER, 1)
            else:
                with pytest.raises(StorageUnavailable) as caught:
                    await queue.schedule(NUMBER, 1)
                assert caught.value.outcome_unknown
                (known,) = caught.value.job_ids
                assert await queue.schedule(NUMBER, 1, job_id=known) == known
            assert [job.id for job in await all_jobs(queue)] == [known]

    run(scenario())


@pytest.mark.parametrize("error", [StorageUnavailable, ZeroDivisionError])
def test_p95_claims_that_fail_at_once_dont_spin(
    queue_url: str, run: Run, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    """LIV-2: most of a second of failing claims: few calls, one line in the log; then it recovers.

    The pauses are real time. 60 calls in 30 s are the report's bound; fifteen are far above it.
    Errors that no storage may raise are borne likewise.
    """

    async def scenario() -> None:
        wire, router, ran = Wire(), JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int) -> None:
            ran.append(payload)

        async def broken(verb: str) -> None:
            if verb == "claim":
                if error is StorageUnavailable:
                    await away(verb)
                raise error("not the primary")

        async with wire.lay(open_queue(queue_url)) as queue:
            await queue.schedule(number, 1)
            wire.before = broken
            async with running(queue, router):
                used = time.process_time()
                await asyncio.sleep(0.8)
                assert 1 <= wire.counts["claim"] <= 15
                assert time.process_time() - used < 1
                wire.before = None
                await until(lambda: ran == [1])

    with caplog.at_level(logging.WARNING, "aide_de_camp"):
        run(scenario())
    assert [each.levelno for each in caplog.records] == [logging.ERROR]


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("times", [1, 4])
@pytest.mark.parametrize("replies", [True, False], ids=["replies", "calls"])
@pytest.mark.parametrize("verb", RUNNERS_VERBS)
def test_every_verb_of_a_runner_may_fail(
    queue_url: str, run: Run, verb: str, replies: bool, times: int
) -> None:
    """LIV-2, LIV-4: no runner ends, no job is lost, none runs twice, beyond a call's tries too."""

    async def scenario() -> None:
        registry, ear = listening()
        wire, router, ran = Wire(), JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int) -> None:
            ran.append(payload)

        clock = ManualClock()
        async with wire.lay(open_queue(queue_url, clock=clock, registry=registry)) as queue:
            wire.fail([verb], times, replies=replies)
            async with running(queue, router, concurrency=3, poll_interval=SECOND):
                for number_of_job in range(6):
                    await queue.schedule(number, number_of_job)

                    async def all_done() -> bool:
                        clock.advance(1)
                        counts = await queue.count_jobs(states=[JobState.COMPLETED])
                        return counts.total == number_of_job + 1  # noqa: B023 (used at once)

                    await until_async(all_done)
            assert sorted(ran) == list(range(6))
            told = [event.job_id for event in ear.events if event.kind is EventKind.COMPLETED]
            assert len(told) == len(set(told)) == 6
            assert not leftovers()

    run(scenario())


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("replies", [True, False], ids=["replies", "calls"])
def test_a_storage_that_fails_at_random(queue_url: str, run: Run, replies: bool) -> None:
    """LIV-2, LIV-4: every third call of any verb fails, for producers, cancellers and runner."""
    random = Random(12)

    async def scenario() -> None:
        wire, router, ran = Wire(), JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int, job: JobContext) -> None:
            ran.append(payload)
            if payload % 10 == 1 and job.retries == 0:
                raise RuntimeError("once")

        async def trouble(verb: str) -> None:
            if random.random() < 1 / 3:
                raise StorageUnavailable("the connection broke", outcome_unknown=replies)

        async def stubbornly(queue: Queue, number_of_job: int) -> UUID:
            job_id = new_job_id()
            while True:
                try:
                    return await queue.schedule(NUMBER, number_of_job, job_id=job_id)
                except StorageUnavailable:
                    continue

        async def cancel(queue: Queue, job_id: UUID) -> bool:
            while True:
                try:
                    return await queue.cancel_job(job_id)
                except StorageUnavailable:
                    continue
                except JobNotFound:
                    # It has run: a repeat of the whole call would find its own doing.
                    return False

        clock = ManualClock()
        async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
            wire.before, wire.after = (None, trouble) if replies else (trouble, None)
            async with running(queue, router, concurrency=5, poll_interval=SECOND):
                ids = await asyncio.gather(*(stubbornly(queue, n) for n in range(200)))
                answers = await asyncio.gather(*(cancel(queue, each) for each in ids[::5]))

                async def all_done() -> bool:
                    clock.advance(0.5)
                    try:
                        counts = await queue.count_jobs()
                    except StorageUnavailable:
                        return False
                    return not any(n and state.live for state, n in counts.by_state.items())

                await until_async(all_done)
            wire.before = wire.after = None
            cancelled = {each for each, hit in zip(ids[::5], answers, strict=True) if hit}
            views = await all_jobs(queue)
            assert {job.id for job in views} == set(ids)
            for job in views:
                expected = JobState.CANCELLED if job.id in cancelled else JobState.COMPLETED
                assert job.state is expected
            numbers = dict(zip(ids, range(200), strict=True))
            for job_id, number_of_job in numbers.items():
                runs = 0 if job_id in cancelled else 2 if number_of_job % 10 == 1 else 1
                assert ran.count(number_of_job) == runs

    run(scenario())


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("times", [1, 3, 10])
def test_a_claim_whose_replies_are_lost_costs_its_jobs_nothing(
    queue_url: str, run: Run, times: int
) -> None:
    """LIV-4, RET-1, RET-8: at most once, and it runs: the claim is repeated, not a new one made."""

    async def scenario() -> None:
        wire, router, ran = Wire(), JobRouter(), list[int]()

        @router.job("number", max_retries=0)
        async def number(payload: int) -> None:
            ran.append(payload)

        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            ids = await queue.schedule_many([JobRequest(NUMBER, n) for n in range(5)])
            wire.fail(["claim"], times, replies=True)
            async with running(queue, router, concurrency=3):
                await until(lambda: len(ran) == 5)
            assert ran == list(range(5))
            for job_id in ids:
                after = await queue.get_job(job_id)
                assert (after.state, after.claims) == (JobState.COMPLETED, 1)

    run(scenario())


def test_drain_tells_of_an_outage(queue_url: str, run: Run) -> None:
    """LIV-2: a drain is a call: it raises, leaves nothing behind, and can be repeated."""

    async def scenario() -> None:
        wire, router, ran = Wire(), JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int) -> None:
            ran.append(payload)

        async with wire.lay(open_queue(queue_url)) as queue:
            await queue.schedule(number, 1)
            runner = JobRunner(queue, router, shutdown_timeout=timedelta(0))
            for verbs in (("reap",), ("claim",)):
                wire.fail(verbs, 3, replies=False)
                with pytest.raises(StorageUnavailable):
                    await runner.drain()
                assert not leftovers()
            assert await runner.drain() == 1
            assert ran == [1]

    run(scenario())
