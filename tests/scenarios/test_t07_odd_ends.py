"""What else a handler may do to its attempt: the kind of the reports in T03 and T07."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from aide_de_camp import (
    Cancel,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobView,
    ManualClock,
    Queue,
    open_queue,
)

from .conftest import Run
from .support import AT_ONCE, ORDER, Order, shared

# --- whatever a handler does, its attempt ends and the runner goes on ----------------------------


class Unspeakable:
    """An object that has no words."""

    def __str__(self) -> str:
        raise ValueError("no words")


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")

    __repr__ = __str__


async def cancels_itself(payload: Order) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    await asyncio.sleep(0)


async def cancels_itself_and_raises(payload: Order) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    raise RuntimeError


async def raises_cancelled(payload: Order) -> None:
    raise asyncio.CancelledError


async def has_an_unspeakable_reason(payload: Order) -> Any:
    reason: Any = Unspeakable()
    return Cancel(reason)


async def raises_the_unspeakable(payload: Order) -> None:
    raise UnspeakableError


def returns_a_coroutine(payload: Order) -> Any:
    return raises_cancelled(payload)


async def forgets_an_await(payload: Order) -> Any:
    return raises_cancelled(payload)


async def yields_async(payload: Order) -> AsyncIterator[int]:
    yield 1


def yields(payload: Order) -> Iterator[int]:
    yield 1


def exits(payload: Order) -> None:
    sys.exit(3)


async def exits_async(payload: Order) -> None:
    sys.exit(3)


async def is_interrupted(payload: Order) -> None:
    raise KeyboardInterrupt


def stops_iterating(payload: Order) -> None:
    raise StopIteration(1)


async def exits_its_generator(payload: Order) -> None:
    raise GeneratorExit


async def raises_a_group(payload: Order) -> None:
    raise BaseExceptionGroup("two", [KeyboardInterrupt(), ValueError("x" * 100_000)])


def recurses(payload: Order) -> None:
    recurses(payload)


async def times_out(payload: Order) -> None:
    async with asyncio.timeout(0):
        await asyncio.sleep(1)


@pytest.mark.parametrize(
    "handler, error",
    [
        (cancels_itself, "CancelledError"),
        (cancels_itself_and_raises, "RuntimeError"),
        (raises_cancelled, "CancelledError"),
        (has_an_unspeakable_reason, "ValueError"),
        (raises_the_unspeakable, "UnspeakableError"),
        (returns_a_coroutine, "InvalidHandlerResult"),
        (forgets_an_await, "InvalidHandlerResult"),
        (yields_async, "InvalidHandlerResult"),
        (yields, "InvalidHandlerResult"),
        (exits, "SystemExit"),
        (exits_async, "SystemExit"),
        (is_interrupted, "KeyboardInterrupt"),
        (stops_iterating, "StopIteration"),
        (exits_its_generator, "GeneratorExit"),
        (raises_a_group, "BaseExceptionGroup"),
        (recurses, "RecursionError"),
        (times_out, "TimeoutError"),
    ],
)
def test_an_odd_end_is_a_failure_and_the_slot_serves_the_next(
    queue_url: str, run: Run, handler: Callable[..., Any], error: str
) -> None:
    """RET-2, DEC-3's kind: with one slot, so that a slot that died would hang the runner."""

    async def scenario() -> None:
        router, seen = JobRouter(), list[int]()
        odd = router.job("odd", max_retries=1, backoff=AT_ONCE)(handler)

        @router.job("plain")
        async def plain(payload: int) -> None:
            await asyncio.sleep(0)
            seen.append(payload)

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            ids = [await queue.schedule(odd, Order(each)) for each in range(3)]
            await queue.schedule_many([JobRequest(plain, each) for each in range(3)])
            runner = JobRunner(queue, router, concurrency=1)
            assert await runner.drain() == 9
            assert seen == [0, 1, 2]
            for job_id in ids:
                job = await queue.get_job(job_id)
                assert failed(job, error), job
            assert runner.running == 0

    def failed(job: JobView, error: str) -> bool:
        return (
            (job.state, job.reason, job.retries, job.claims) == (JobState.DEAD, "failed", 1, 2)
            and job.error is not None
            and job.error.type == error
            and len(job.error.message.encode()) <= 8 * 1_024
            and len((job.error.traceback or "").encode()) <= 64 * 1_024
        )

    run(scenario())


def test_a_cancellation_left_behind_does_not_reach_the_next_job(queue_url: str, run: Run) -> None:
    """A handler that cancels its task and returns; the next one in that slot must not notice."""

    async def scenario() -> None:
        router, seen = JobRouter(), list[int]()

        @router.job("careless")
        async def careless(payload: int) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            if payload:
                try:
                    await asyncio.sleep(0)
                except asyncio.CancelledError:
                    seen.append(-payload)

        @router.job("careful")
        async def careful(payload: int) -> None:
            task = asyncio.current_task()
            assert task is not None
            assert task.cancelling() == 0
            async with asyncio.timeout(10):
                await asyncio.sleep(0)
            seen.append(payload)

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            ids = []
            for each in range(2):
                ids.append(await queue.schedule(careless, each))
                ids.append(await queue.schedule(careful, 5 + each))
            assert await JobRunner(queue, router, concurrency=1).drain() == 4
            assert seen == [5, -1, 6]
            assert await ended(queue) == 4

    async def ended(queue: Queue) -> int:
        return (await queue.count_jobs()).by_state[JobState.COMPLETED]

    run(scenario())


def test_a_loop_that_is_torn_down_uses_no_retry(queue_url: str, run: Run) -> None:
    """LIV-1: the program ends while a runner is a task in the background: its jobs are released.

    Told apart from a handler that cancels its own task, which is a failure.
    """
    url = shared(queue_url)

    async def scenario() -> None:
        async with open_queue(url) as queue:
            ids = [await queue.schedule(ORDER, Order(each), max_retries=0) for each in range(3)]
            await asyncio.to_thread(asyncio.run, program())
            for job_id in ids:
                job = await queue.get_job(job_id)
                assert (job.state, job.retries, job.claims) == (JobState.SCHEDULED, 0, 1)

    async def program() -> None:
        router, begun = JobRouter(), asyncio.Semaphore(0)

        @router.job("order")
        async def order(payload: Order) -> None:
            begun.release()
            await asyncio.Event().wait()

        async def service() -> None:
            async with open_queue(url) as queue:
                await JobRunner(queue, router).run()

        background = asyncio.create_task(service())
        for _ in range(3):
            await begun.acquire()
        assert not background.done()

    run(scenario())
