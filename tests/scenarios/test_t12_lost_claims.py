"""Claims that took effect and whose replies were lost: what they took is run, or given back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from aide_de_camp import (
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    Queue,
    StorageUnavailable,
    open_queue,
)

from .conftest import Run
from .support import SECOND
from .trouble import Wire, be_hasty, leftovers, running, until

ONCE = JobType("number", int, max_retries=0)
OTHER = JobType("other", int, max_retries=0)
ROUND = 3  # a call is tried so often before its caller is told

SCRIPTS = {
    "lost": ["lose"] * ROUND,
    "lost, refused": ["lose"] * ROUND + ["refuse"] * ROUND,
    "lost, refused twice": ["lose"] * ROUND + ["refuse"] * 2 * ROUND,
    "lost, refused, lost": (["lose"] * ROUND + ["refuse"] * ROUND) * 2,
    "lost, broken": ["lose"] * ROUND + ["break"],
    "lost once, then broken": ["lose", "break"],
    "lost once, then refused": ["lose"] + ["refuse"] * (2 * ROUND - 1),
}


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    be_hasty(monkeypatch)


def follow(wire: Wire, script: list[str], verb: str = "claim") -> None:
    """Have the next calls of a verb lose their replies, be refused, or break, one after another."""
    steps: Iterator[str] = iter(script)
    step: str | None = None

    async def before(called: str) -> None:
        nonlocal step
        if called == verb:
            step = next(steps, None)
            if step == "refuse":
                raise StorageUnavailable("the server restarts", outcome_unknown=False)
            if step == "break":
                raise ZeroDivisionError

    async def after(called: str) -> None:
        if called == verb and step == "lose":
            raise StorageUnavailable("the reply was lost", outcome_unknown=True)

    wire.before, wire.after = before, after


def counting(ran: list[int]) -> JobRouter:
    router = JobRouter()

    @router.job("number", max_retries=0)
    async def number(payload: int) -> None:
        ran.append(payload)

    return router


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_runner_runs_what_it_took(queue_url: str, run: Run, script: str) -> None:
    """LIV-4, RET-8: no lease expires, since the clock stands: the very claim is repeated."""

    async def scenario() -> None:
        wire, ran = Wire(), list[int]()
        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            ids = await queue.schedule_many([JobRequest(ONCE, n) for n in range(4)])
            follow(wire, SCRIPTS[script])
            async with running(queue, counting(ran), concurrency=2):
                await until(lambda: len(ran) == 4)
            for job_id in ids:
                after = await queue.get_job(job_id)
                assert (after.state, after.claims) == (JobState.COMPLETED, 1)
            assert ran == list(range(4))

    run(scenario())


async def poll(queue: Queue, job: JobType[int]) -> tuple[int, int] | None:
    """Poll until the storage answers; the payload, and how often the job was claimed."""
    while True:
        try:
            handle = await queue.poll_next(job)
        except (StorageUnavailable, ZeroDivisionError):
            continue
        if handle is None:
            return None
        await handle.complete()
        return handle.payload, handle.claims


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_poll_hands_out_what_one_before_took(queue_url: str, run: Run, script: str) -> None:
    """LIV-4, RET-8: the same for those who drive the queue themselves."""

    async def scenario() -> None:
        wire = Wire()
        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            await queue.schedule_many([JobRequest(ONCE, n) for n in range(2)])
            follow(wire, SCRIPTS[script])
            assert [await poll(queue, ONCE) for _ in range(3)] == [(0, 1), (1, 1), None]

    run(scenario())


def test_what_cant_be_given_back_is_not_forgotten(queue_url: str, run: Run) -> None:
    """LIV-4, RET-1: a poll for another type takes it, fails to give it back, and tries again."""

    async def scenario() -> None:
        wire = Wire()
        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            job_id = await queue.schedule(ONCE, 1)
            follow(wire, ["lose"] * ROUND)
            with pytest.raises(StorageUnavailable):
                await queue.poll_next(ONCE)
            follow(wire, ["refuse"] * ROUND, "settle")
            with pytest.raises(StorageUnavailable):
                await queue.poll_next(OTHER)
            assert await queue.poll_next(OTHER) is None
            after = await queue.get_job(job_id)
            assert (after.state, after.retries) == (JobState.SCHEDULED, 0)

    run(scenario())


@pytest.mark.parametrize("script", ["lost", "lost, refused"])
def test_it_is_forgotten_once_its_lease_is_over(queue_url: str, run: Run, script: str) -> None:
    """LEA-2: a repeat doesn't renew that time, and what it took is whoever's claims it then."""

    async def scenario() -> None:
        wire, clock = Wire(), ManualClock()
        async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
            lasting = JobType("number", int, max_retries=3)
            await queue.schedule(lasting, 1)
            follow(wire, SCRIPTS[script])
            for _ in range(len(SCRIPTS[script]) // ROUND):
                with pytest.raises(StorageUnavailable):
                    await queue.poll_next(lasting, lease=10 * SECOND)
                clock.advance(5 if script == "lost, refused" else 10)
            claims = wire.counts["claim"]
            handle = await queue.poll_next(lasting)
            assert handle is not None
            assert (handle.claims, handle.retries) == (2, 1)
            assert wire.counts["claim"] == claims + 1

    run(scenario())


def test_what_may_be_held_for_too_long_is_given_back(queue_url: str, run: Run) -> None:
    """LEA-6: the first of the tries may have taken it, however late the last reply was lost."""

    async def scenario() -> None:
        wire, clock = Wire(), ManualClock()
        async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
            await queue.schedule(ONCE, 1)
            follow(wire, ["lose"] * 2 * ROUND)
            for _ in range(2):
                with pytest.raises(StorageUnavailable):
                    await queue.poll_next(ONCE, lease=10 * SECOND)
                clock.advance(6)
            handle = await queue.poll_next(ONCE, lease=10 * SECOND)
            assert handle is not None
            assert (handle.claims, handle.retries) == (2, 0)

    run(scenario())


@pytest.mark.parametrize("how", ["cancel", "kill", "shutdown"])
@pytest.mark.parametrize("times", [1, ROUND])
def test_a_runner_that_ends_gives_back_what_a_lost_claim_took(
    queue_url: str, run: Run, how: str, times: int
) -> None:
    """LIV-1: also where its claim was on its way when it was told to end, or cancelled."""

    async def scenario() -> None:
        wire, ran = Wire(), list[int]()
        arrived, go = asyncio.Event(), asyncio.Event()
        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            job_id = await queue.schedule(ONCE, 1)
            left = times

            async def after(verb: str) -> None:
                nonlocal left
                if verb == "claim" and left > 0:
                    left -= 1
                    arrived.set()
                    await go.wait()
                    raise StorageUnavailable("the reply was lost", outcome_unknown=True)

            wire.after = after
            runner = JobRunner(queue, counting(ran))
            task = asyncio.create_task(runner.run())
            await arrived.wait()
            if how == "cancel":
                task.cancel()
            else:
                runner.kill() if how == "kill" else runner.shutdown()
            await asyncio.sleep(0)
            go.set()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled() is (how == "cancel")
            view = await queue.get_job(job_id)
            assert (view.state, view.retries, ran) == (JobState.SCHEDULED, 0, [])
            assert not leftovers()

    run(scenario())
