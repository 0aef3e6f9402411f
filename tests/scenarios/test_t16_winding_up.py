"""A runner's end, where its last claim is in doubt or the storage hangs (clause LIV-1)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from aide_de_camp import (
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    Queue,
    StorageUnavailable,
    open_queue,
)
from aide_de_camp.runner import claims as claims_module
from aide_de_camp.runner import upkeep as upkeep_module

from .conftest import Run
from .support import SECOND
from .trouble import Wire, be_hasty, leftovers, until

NUMBER = JobType("number", int)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    be_hasty(monkeypatch)
    monkeypatch.setattr(claims_module, "_LAST_ANSWER", 0.05)


class Stubborn:
    """A handler that ends only when it is cancelled; and a second job, taken without a reply."""

    def __init__(self) -> None:
        self.router = JobRouter()
        self.began, self.cancelled = asyncio.Event(), asyncio.Event()
        self.in_doubt = asyncio.Event()

        @self.router.job("number", max_retries=0)
        async def number(payload: int) -> None:
            self.began.set()
            try:
                await asyncio.sleep(600)
            finally:
                self.cancelled.set()

    async def runs(self, queue: Queue, wire: Wire, runner: JobRunner) -> asyncio.Task[None]:
        """Have it run the first job, and lose every reply to its claim of the second."""
        task = asyncio.create_task(runner.run())
        await self.began.wait()
        replies = 0

        async def lost(verb: str) -> None:
            nonlocal replies
            if verb == "claim":
                replies += 1
                if replies == 3:  # the last try of one call
                    self.in_doubt.set()
                raise StorageUnavailable("the reply was lost", outcome_unknown=True)

        wire.after = lost
        await queue.schedule(NUMBER, 2)
        await self.in_doubt.wait()
        return task


@pytest.mark.parametrize("error", [ZeroDivisionError, StorageUnavailable, "hangs"])
def test_whatever_its_last_claim_meets_it_winds_up(
    queue_url: str, run: Run, error: type[Exception] | str
) -> None:
    """LIV-1: handlers are cancelled, their jobs released, no task is left, nothing is raised.

    Nor does a claim that hangs have the handlers wait: their time begins with the stop.
    """

    async def scenario() -> None:
        wire, stubborn, go = Wire(), Stubborn(), asyncio.Event()
        claims_at_last = 0

        async def trouble(verb: str) -> None:
            nonlocal claims_at_last
            if verb != "claim":
                return
            claims_at_last += 1
            if error == "hangs":
                await go.wait()
            if error is StorageUnavailable:
                raise StorageUnavailable("away", outcome_unknown=False)
            raise ZeroDivisionError

        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            job_id = await queue.schedule(NUMBER, 1)
            runner = JobRunner(queue, stubborn.router, concurrency=2, shutdown_timeout=SECOND / 50)
            task = await stubborn.runs(queue, wire, runner)
            if error == "hangs":
                wire.before = trouble
                await until(lambda: claims_at_last > 0)
            runner.shutdown()
            wire.before = trouble
            await stubborn.cancelled.wait()
            await task
            assert claims_at_last > 0
            assert runner.running == 0
            assert dict(runner.interrupted) == {job_id: "number"}
            wire.before = wire.after = None
            after = await queue.get_job(job_id)
            assert (after.state, after.retries) == (JobState.SCHEDULED, 0)
            assert not leftovers()

    run(scenario())


def test_handlers_end_on_time_while_the_last_claim_hangs(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LIV-1: the claim is asked again beside them; what it took is given back once it answers."""
    monkeypatch.setattr(claims_module, "_LAST_ANSWER", 20.0)

    async def scenario() -> None:
        wire, stubborn = Wire(), Stubborn()
        arrived, go = asyncio.Event(), asyncio.Event()

        async def hang(verb: str) -> None:
            if verb == "claim":
                arrived.set()
                await go.wait()

        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            first = await queue.schedule(NUMBER, 1)
            runner = JobRunner(queue, stubborn.router, concurrency=2, shutdown_timeout=SECOND / 50)
            task = await stubborn.runs(queue, wire, runner)
            runner.shutdown()
            wire.before, wire.after = hang, None
            await stubborn.cancelled.wait()
            if arrived.is_set():
                assert not task.done()
            go.set()
            await task
            jobs = (await queue.list_jobs()).jobs
            assert {job.id for job in jobs} >= {first}
            assert [(job.state, job.retries) for job in jobs] == [(JobState.SCHEDULED, 0)] * 2
            assert not leftovers()

    run(scenario())


@pytest.mark.parametrize("how", ["shutdown", "kill", "cancel"])
@pytest.mark.parametrize("verb", ["reap", "prune"])
def test_a_drain_whose_chores_hang_can_be_stopped(
    queue_url: str, run: Run, verb: str, how: str
) -> None:
    """LIV-1: it ends as it would have once they were done."""

    async def scenario() -> None:
        wire, router, ran = Wire(), JobRouter(), list[int]()
        arrived, never = asyncio.Event(), asyncio.Event()

        @router.job("number")
        async def number(payload: int) -> None:
            ran.append(payload)

        async def hang(called: str) -> None:
            if called == verb:
                arrived.set()
                await never.wait()

        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            await queue.schedule(number, 1)
            wire.before = hang
            runner = JobRunner(queue, router)
            task = asyncio.create_task(runner.drain())
            await arrived.wait()
            stop: dict[str, Callable[[], object]]
            stop = {"shutdown": runner.shutdown, "kill": runner.kill, "cancel": task.cancel}
            stop[how]()
            if how == "cancel":
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                assert await task == 0
            wire.before = None
            assert not ran
            assert not leftovers()
            assert await runner.drain() == 1

    run(scenario())


@pytest.mark.parametrize("verb", ["reap", "prune"])
def test_a_drain_with_a_backlog_of_chores_can_be_stopped(
    run: Run, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """LIV-1: between two of their steps, where the storage answers without ever waiting."""
    monkeypatch.setattr(upkeep_module, "_REAP_LIMIT", 1)
    monkeypatch.setattr("aide_de_camp.kept._PRUNE_STEP", 1)

    async def scenario() -> None:
        clock, router = ManualClock(), JobRouter()

        @router.job("number")
        async def number(payload: int) -> None: ...

        async with open_queue("memory://", clock=clock) as queue:
            for _ in range(100):
                await queue.schedule(number, 1)
                handle = await queue.poll_next(number)
                assert handle is not None
                if verb == "prune":
                    await handle.complete()
            clock.advance(SECOND * 3600 * 24 * 30)
            runner = JobRunner(queue, router)
            calls = 0
            original: Callable[..., Awaitable[object]] = getattr(queue.storage, verb)

            async def counted(*args: object, **kwargs: object) -> object:
                nonlocal calls
                calls += 1
                asyncio.get_running_loop().call_soon(runner.shutdown)
                return await original(*args, **kwargs)

            monkeypatch.setattr(queue.storage, verb, counted)
            assert await runner.drain() == 0
            assert calls < 10

    run(scenario())
