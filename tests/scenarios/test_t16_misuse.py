"""Runners and queues used wrongly, and heartbeats that can't beat."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from datetime import timedelta

import pytest

from aide_de_camp import (
    JobContext,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    QueueClosed,
    QueueMisused,
    StopReason,
    open_queue,
)
from aide_de_camp.runner.heartbeat import Pulse

from .conftest import Run
from .support import SECOND
from .trouble import Wire, leftovers, until

NUMBER = JobType("number", int)
AT_ONCE = timedelta(0)


def _finishing() -> JobRouter:
    router = JobRouter()

    @router.job("number")
    async def number(payload: int) -> None: ...

    return router


def test_a_runner_runs_once_at_a_time_and_again_afterwards(queue_url: str, run: Run) -> None:
    """LIV-3: a second run() or drain() meanwhile is refused, and harms the first in no way."""

    async def scenario() -> None:
        router, ran = JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int) -> None:
            ran.append(payload)

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            runner = JobRunner(queue, router)
            for turn in range(3):
                task = asyncio.create_task(runner.run())
                await queue.schedule(NUMBER, turn)
                await until(lambda: len(ran) == turn + 1)  # noqa: B023 (used at once)
                for call in (runner.run, runner.drain):
                    with pytest.raises(QueueMisused, match="running already"):
                        await call()
                runner.shutdown()
                await task
                assert await runner.drain() == 0
            assert not leftovers()

    run(scenario())


def test_a_runner_that_is_told_to_stop_before_it_starts(queue_url: str, run: Run) -> None:
    """LIV-1: it claims nothing, and ends."""

    async def scenario() -> None:
        wire, router = Wire(), _finishing()
        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            await queue.schedule(NUMBER, 1)
            runner = JobRunner(queue, router)
            runner.shutdown()
            await runner.run()
            assert wire.counts["claim"] == 0
            assert await runner.drain() == 1

    run(scenario())


def test_a_closed_or_foreign_queue_is_refused(queue_url: str, run: Run) -> None:
    """LIV-3: before it was opened, after it was closed, and in another loop."""
    router = _finishing()
    queue = open_queue(queue_url)
    runner = JobRunner(queue, router)

    async def closed() -> None:
        for call in (runner.run, runner.drain):
            with pytest.raises(QueueClosed, match="async with"):
                await call()

    run(closed())
    with asyncio.Runner() as one:
        one.run(queue.open())

        async def foreign() -> None:
            for call in (runner.run, runner.drain):
                with pytest.raises(QueueMisused, match="another event loop"):
                    await call()

        thread = threading.Thread(target=lambda: run(foreign()))
        thread.start()
        thread.join()
        assert one.run(runner.drain()) == 0
        one.run(queue.close())
        one.run(queue.close())
    run(closed())


@pytest.mark.parametrize("manual", [True, False], ids=["manual clock", "real clock"])
def test_a_queue_closed_under_its_runner(queue_url: str, run: Run, manual: bool) -> None:
    """LIV-3: the runner ends with QueueClosed; what it held comes back when its lease expires."""

    async def scenario() -> None:
        clock = ManualClock() if manual else None
        router, began, end = JobRouter(), asyncio.Event(), asyncio.Event()

        @router.job("number")
        async def number(payload: int) -> None:
            began.set()
            await end.wait()

        queue = open_queue(queue_url, clock=clock)
        async with queue:
            await queue.schedule(NUMBER, 1)
            runner = JobRunner(
                queue, router, poll_interval=SECOND / 10, shutdown_timeout=AT_ONCE, lease=SECOND
            )
            task = asyncio.create_task(runner.run())
            await began.wait()
            await queue.close()
            while not task.done():
                if clock is not None:
                    clock.advance(0.05)
                await asyncio.sleep(0.01)
            with pytest.raises(QueueClosed):
                await task
            assert runner.running == 0
            assert not leftovers()
            with pytest.raises(QueueClosed):
                await runner.drain()

    run(scenario())


class _CantStart:
    def __init__(self, _pulse: Pulse) -> None:
        pass

    def start(self) -> None:
        raise RuntimeError("can't start new thread")

    async def stop(self) -> None:
        """Never started."""


def test_a_heartbeat_that_cant_start(queue_url: str, run: Run) -> None:
    """A runner without heartbeats would lose its leases: it doesn't run, and can be run again."""

    async def scenario() -> None:
        async with open_queue(queue_url) as queue:
            job_id = await queue.schedule(NUMBER, 1)
            runner = JobRunner(queue, _finishing(), heartbeat=_CantStart)
            for _ in range(2):
                with pytest.raises(RuntimeError, match="new thread"):
                    await runner.run()
            assert not leftovers()
            assert (await queue.get_job(job_id)).claims == 0

    run(scenario())


@pytest.mark.parametrize("verb", ["open", "extend", "close"])
@pytest.mark.parametrize("trouble", ["fails", "hangs"])
def test_a_heartbeats_own_storage_may_fail(run: Run, trouble: str, verb: str) -> None:
    """LEA-6: by real time: a beat that can't be is a lease lost in time, never a stuck runner.

    It is the runner's doing alone, so that one storage is enough. Where only closing fails no
    lease is lost, so that its length leaves time for a beat on any machine.
    """
    lost = verb != "close"

    async def scenario() -> None:
        main, heard = threading.get_ident(), list[object]()
        wire, router = Wire(), JobRouter()

        async def bad(called: str) -> None:
            if called == verb and threading.get_ident() != main:
                if trouble == "hangs":
                    await asyncio.sleep(600)
                raise OSError("no route")

        @router.job("number", max_retries=0)
        async def number(payload: int, job: JobContext) -> None:
            try:
                if lost:
                    await asyncio.sleep(20)  # cut short by the loss
                await until(lambda: wire.counts["extend"], "a beat")
            finally:
                heard.append(job.token.reason)

        wire.before = bad
        async with wire.lay(open_queue("memory://")) as queue:
            job_id = await queue.schedule(number, 1)
            await JobRunner(queue, router, lease=SECOND if lost else 10 * SECOND).drain()
            after = await queue.get_job(job_id)
            assert heard == [StopReason.LEASE_LOST if lost else None]
            assert (after.state is JobState.COMPLETED) is not lost
            assert not leftovers()

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(scenario())
        gc.collect()


def test_a_loop_whose_threads_are_all_taken(queue_url: str, run: Run) -> None:
    """LIV-1: handlers that filled the loop's own pool for good don't keep a runner from ending."""
    go = threading.Event()

    async def scenario() -> None:
        router, began = JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int) -> None:
            began.append(payload)
            await asyncio.to_thread(go.wait)

        async with open_queue(queue_url) as queue:
            for payload in range(40):
                await queue.schedule(NUMBER, payload)
            runner = JobRunner(queue, router, concurrency=40, shutdown_timeout=AT_ONCE)
            task = asyncio.create_task(runner.run())
            await until(lambda: len(began) == 40)
            runner.kill()
            await task
            assert (await queue.count_jobs(states=[JobState.SCHEDULED])).total == 40
            go.set()

    run(scenario())
