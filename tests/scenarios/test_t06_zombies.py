"""Peers' reports about workers that come back from the dead, and jobs that are settled twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from aide_de_camp import (
    EventKind,
    JobContext,
    JobHandle,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    LeaseLost,
    ManualClock,
    StopReason,
    StorageUnavailable,
    open_queue,
)

from .conftest import Run
from .support import SECOND, listening
from .trouble import NoPulse, Wire, be_hasty, leftovers, running, shared, until

NUMBER = JobType("number", int)
LEASE = 5 * SECOND

Verb = Callable[[JobHandle[int]], Awaitable[None]]
VERBS: dict[str, Verb] = {
    "complete": lambda job: job.complete(),
    "fail": lambda job: job.fail(ValueError("late")),
    "fail at a time": lambda job: job.fail(delay=SECOND),
    "dead queue": lambda job: job.dead_queue(ValueError("late")),
    "snooze": lambda job: job.snooze(SECOND),
    "release": lambda job: job.release(),
    "cancel": lambda job: job.cancel("late"),
    "extend": lambda job: job.extend(),
}


@pytest.mark.parametrize("newer", ["running", "scheduled", *VERBS])
@pytest.mark.parametrize("late", VERBS)
def test_p45_a_stale_attempt_changes_nothing(
    queue_url: str, run: Run, late: str, newer: str
) -> None:
    """LEA-3: refused, whatever the newer run did meanwhile, and the record stays as it is.

    The kinds are crossed: a stale call of the very kind that the newer run used is stale too.
    """

    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            job_id = await queue.schedule(NUMBER, 1)
            first = await queue.poll_next(NUMBER, lease=LEASE)
            assert first is not None
            clock.advance(LEASE)
            if newer == "scheduled":
                await queue.storage.reap(queue.name, 1, now=clock.now())
            else:
                second = await queue.poll_next(NUMBER, lease=LEASE)
                assert second is not None
                assert second.token > first.token
                if newer != "running":
                    await VERBS[newer](second)
            clock.advance(1)
            (before,) = await queue.storage.get(queue.name, [job_id])
            for _ in range(2):
                with pytest.raises(LeaseLost) as caught:
                    await VERBS[late](first)
                assert caught.value.job_id == job_id
            (after,) = await queue.storage.get(queue.name, [job_id])
            assert after == before

    run(scenario())


@pytest.mark.parametrize("ending", ["fails", "returns", "ignores the notice"])
def test_p47_a_lost_lease_ends_no_runner(
    queue_url: str, run: Run, ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    """LEA-3, LEA-6: the late outcome is refused, logged and told; the runner takes the next job."""

    async def scenario() -> None:
        registry, ear = listening()
        clock, later, wire = ManualClock(), ManualClock(), Wire()
        url = shared(queue_url)
        router, begun, go = JobRouter(), list[int](), asyncio.Event()

        @router.job("number")
        async def number(payload: int) -> None:
            begun.append(payload)
            if payload:
                return
            await go.wait()
            if ending == "fails":
                raise RuntimeError("late")

        queue = wire.lay(open_queue(url, clock=clock, registry=registry))
        async with queue, open_queue(url, clock=later) as other:
            job_id = await queue.schedule(NUMBER, 0)
            async with running(queue, router, lease=LEASE, heartbeat=NoPulse, poll_interval=LEASE):
                await until(lambda: begun == [0])
                # Taken by another in one call: the zombie's own runner must not be the one.
                later.advance(LEASE)
                held = await other.poll_next(NUMBER, lease=100 * LEASE)
                assert held is not None
                go.set()
                await until(lambda: EventKind.LEASE_LOST in ear.kinds(job_id))
                after = await queue.get_job(job_id)
                assert (after.state, after.claims, after.token) == (
                    JobState.RUNNING,
                    2,
                    held.token,
                )
                await queue.schedule(NUMBER, 1)
                await until(lambda: begun == [0, 1])
            await held.complete()
            told = ear.kinds(job_id)
            assert told.count(EventKind.LEASE_LOST) == 1
            assert EventKind.COMPLETED not in told
            assert EventKind.RETRIED not in told

    with caplog.at_level(logging.WARNING, "aide_de_camp"):
        run(scenario())
    assert sum("lease lost" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize(
    "ending", ["stops", "swallows it", "turns it into an error", "in a thread"]
)
def test_p47_a_handler_is_told_that_its_lease_is_lost(
    queue_url: str, run: Run, ending: str
) -> None:
    """LEA-6: extensions that are refused fire the token and cancel; the runner goes on."""

    async def scenario() -> None:
        registry, ear = listening()
        clock, later, wire = ManualClock(), ManualClock(), Wire()
        url = shared(queue_url)
        router, begun, heard = JobRouter(), list[int](), list[object]()

        async def zombie(payload: int, job: JobContext) -> None:
            begun.append(payload)
            if payload:
                return
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                heard.append(job.token.reason)
                if ending == "turns it into an error":
                    raise RuntimeError("interrupted") from None
                if ending == "stops":
                    raise

        def thread(payload: int, job: JobContext) -> None:
            begun.append(payload)
            if not payload:
                job.token.wait_blocking(20)
                heard.append(job.token.reason)

        handler: Callable[[int, JobContext], Any] = thread if ending == "in a thread" else zombie
        router.job("number")(handler)
        queue = wire.lay(open_queue(url, clock=clock, registry=registry))
        async with queue, open_queue(url, clock=later) as other:
            job_id = await queue.schedule(NUMBER, 0)
            async with running(queue, router, lease=LEASE, concurrency=1, poll_interval=LEASE):
                await until(lambda: begun == [0])
                later.advance(LEASE)
                held = await other.poll_next(NUMBER, lease=100 * LEASE)
                assert held is not None
                for _ in range(6):
                    clock.advance(LEASE / 12)
                    await wire.quiet()
                await until(lambda: heard)
                assert heard == [StopReason.LEASE_LOST]
                await queue.schedule(NUMBER, 1)
                await until(lambda: begun == [0, 1], "the same slot's next job")
            after = await queue.get_job(job_id)
            assert (after.state, after.token, after.retries) == (JobState.RUNNING, held.token, 1)
            await held.complete()
            assert ear.kinds(job_id).count(EventKind.LEASE_LOST) == 1
            assert not leftovers()

    run(scenario())


@pytest.mark.parametrize("trouble", ["fails", "hangs"])
def test_p47_a_lease_that_cant_be_extended_is_given_up_in_time(
    queue_url: str, run: Run, trouble: str
) -> None:
    """LEA-6: by the monotonic clock, before anybody else can have the job; storage away or stuck.

    Where ``extend`` hangs, the beat's own time limit is real time, so that this takes a second.
    """

    async def scenario() -> None:
        clock, wire = ManualClock(), Wire()
        router, heard = JobRouter(), list[object]()
        begun = asyncio.Event()

        @router.job("number")
        async def number(payload: int, job: JobContext) -> None:
            begun.set()
            try:
                await asyncio.sleep(600)
            finally:
                heard.append(job.token.reason)

        async def away(verb: str) -> None:
            if verb == "extend":
                if trouble == "hangs":
                    await asyncio.sleep(600)
                raise StorageUnavailable("away", outcome_unknown=False)

        async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
            job_id = await queue.schedule(NUMBER, 1, max_retries=0)
            async with running(queue, router, lease=SECOND, poll_interval=timedelta(days=1)):
                await begun.wait()
                wire.before = away
                for step in range(12):
                    assert not heard, f"given up too soon, at {step}/12 of the lease"
                    clock.advance(SECOND / 12)
                    if trouble == "fails":
                        await wire.quiet()
                assert not heard
                clock.advance(SECOND / 12)
                await until(lambda: heard)
                assert heard == [StopReason.LEASE_LOST]
                wire.before = None
            clock.advance(SECOND)
            await queue.storage.reap(queue.name, 1, now=clock.now())
            assert (await queue.get_job(job_id)).state is JobState.DEAD

    run(scenario())


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    be_hasty(monkeypatch)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("times", [3, 30])
@pytest.mark.parametrize("replies", [True, False], ids=["replies", "calls"])
def test_p49_settling_is_repeated_until_it_is_answered(
    queue_url: str, run: Run, replies: bool, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    """RET-5, LIV-4: run once, completed once; the log says that it isn't acknowledged yet."""

    async def scenario() -> None:
        registry, ear = listening()
        router, ran, wire = JobRouter(), list[int](), Wire()

        @router.job("number")
        async def number(payload: int) -> None:
            ran.append(payload)

        clock = ManualClock()
        async with wire.lay(open_queue(queue_url, clock=clock, registry=registry)) as queue:
            job_id = await queue.schedule(NUMBER, 1)
            wire.fail(["settle"], times, replies=replies)
            assert await JobRunner(queue, router).drain() == 1
            after = await queue.get_job(job_id)
            assert (after.state, after.claims, ran) == (JobState.COMPLETED, 1, [1])
            assert wire.counts["settle"] == times + 1
            assert ear.kinds(job_id).count(EventKind.COMPLETED) == 1

    with caplog.at_level(logging.ERROR, "aide_de_camp"):
        run(scenario())
    told = [each for each in caplog.records if "not acknowledged" in each.getMessage()]
    assert len(told) == 1, "said at once, and not again with each try"


@pytest.mark.usefixtures("hasty")
def test_p49_an_outcome_that_comes_too_late_is_refused(queue_url: str, run: Run) -> None:
    """LEA-2, LEA-3: away for longer than the lease: another runs it, without any restart."""

    async def scenario() -> None:
        registry, ear = listening()
        clock, wire, url = ManualClock(), Wire(), shared(queue_url)
        router, ran = JobRouter(), list[int]()
        started, begin = asyncio.Event(), asyncio.Event()

        @router.job("number")
        async def number(payload: int, job: JobContext) -> None:
            started.set()
            await begin.wait()
            ran.append(job.claims)

        async def cut_off(verb: str) -> None:
            if verb != "wait":
                raise StorageUnavailable("away", outcome_unknown=False)

        queue = wire.lay(open_queue(url, clock=clock, registry=registry))
        async with queue, open_queue(url, clock=clock) as other:
            job_id = await queue.schedule(NUMBER, 1)

            async with running(queue, router, lease=LEASE, poll_interval=timedelta(days=1)):
                await started.wait()
                wire.before = cut_off
                begin.set()
                await until(lambda: ran == [1])
                clock.advance(LEASE)
                assert await JobRunner(other, router).drain() == 1
                assert ran == [1, 2]
                (before,) = await other.storage.get(other.name, [job_id])
                wire.before = None
                await until(lambda: EventKind.LEASE_LOST in ear.kinds(job_id))
            assert await other.storage.get(other.name, [job_id]) == [before]
            assert before is not None
            assert (before.state, before.claims) == (JobState.COMPLETED, 2)
            assert EventKind.COMPLETED not in ear.kinds(job_id)

    run(scenario())
