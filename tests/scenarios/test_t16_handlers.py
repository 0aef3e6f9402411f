"""Whatever a handler raises, returns or leaves behind, its runner goes on (P122)."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from aide_de_camp import (
    Cancel,
    DeadReason,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    QueueClosed,
    Snooze,
    StorageUnavailable,
    open_queue,
)

from .conftest import Run
from .trouble import leftovers

NUMBER = JobType("number", int)
AT_ONCE = timedelta(0)


class Unreadable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


class WorseThanUnreadable(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


class NoReason:
    def __str__(self) -> str:
        raise SystemExit


class NoEqual:
    def __eq__(self, other: object) -> bool:
        raise ValueError("compare me element by element")

    __hash__ = None  # type: ignore[assignment]  # as an array's


def nested(depth: int) -> BaseException:
    error: Exception = ValueError("the innermost")
    for _ in range(depth):
        error = ExceptionGroup("around it", [error])
    return error


def chained(length: int) -> BaseException:
    error = first = ValueError("the first")
    for _ in range(length):
        error.__cause__ = error = ValueError("one more")
    error.__context__ = first
    return first


RAISED: dict[str, Callable[[], BaseException]] = {
    "Exception": lambda: Exception("bad"),
    "BaseException": lambda: BaseException("bad"),
    "CancelledError": lambda: asyncio.CancelledError("bad"),
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "ExceptionGroup": lambda: ExceptionGroup("bad", [ValueError(), KeyError()]),
    "BaseExceptionGroup": lambda: BaseExceptionGroup("bad", [KeyboardInterrupt(), SystemExit()]),
    "GeneratorExit": GeneratorExit,
    "MemoryError": MemoryError,
    "RecursionError": RecursionError,
    "StopIteration": lambda: StopIteration(1),
    "StopAsyncIteration": StopAsyncIteration,
    "TimeoutError": TimeoutError,
    "QueueClosed": lambda: QueueClosed("not this queue"),
    "StorageUnavailable": lambda: StorageUnavailable("mine", outcome_unknown=True),
    "unreadable": Unreadable,
    "worse than unreadable": WorseThanUnreadable,
    "deeply nested": lambda: nested(2_000),
    "long chain": lambda: chained(2_000),
    "surrogates and NULs": lambda: ValueError("\x00\udc80" * 10_000),
}


@pytest.mark.parametrize("kind", ["async", "sync"])
@pytest.mark.parametrize("raised", RAISED)
def test_p122_whatever_is_raised_ends_its_job_alone(
    queue_url: str, run: Run, raised: str, kind: str
) -> None:
    """RET-2, RET-3: it fails and is kept as dead; the jobs beside and behind it run."""

    async def scenario() -> None:
        router, ran = JobRouter(), list[int]()

        async def bad_async(payload: int) -> None:
            error = RAISED[raised]()
            raise error

        def bad_sync(payload: int) -> None:
            error = RAISED[raised]()
            raise error

        handler: Callable[[int], Any] = bad_async if kind == "async" else bad_sync
        bad = router.job("bad", max_retries=0)(handler)

        @router.job("good")
        async def good(payload: int) -> None:
            ran.append(payload)

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            for number in range(3):
                await queue.schedule(good, number, priority=number - 1)
            ids = [await queue.schedule(bad, 0) for _ in range(2)]
            assert await JobRunner(queue, router, concurrency=1).drain() == 5
            assert sorted(ran) == [0, 1, 2]
            for job_id in ids:
                dead = await queue.get_job(job_id)
                assert (dead.state, dead.reason) == (JobState.DEAD, DeadReason.FAILED)
                assert dead.error is not None
                # A coroutine that raises StopIteration raises RuntimeError, by Python's own rule.
                names = {type(RAISED[raised]()).__name__, "RuntimeError"}
                assert dead.error.type in names
                assert len(dead.error.message.encode()) <= 8 * 1024
                assert len((dead.error.traceback or "").encode()) <= 64 * 1024
            assert not leftovers()

    run(scenario())


SOME: contextvars.ContextVar[object] = contextvars.ContextVar("SOME", default=0)


async def cancels_its_own_task(payload: int) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()


async def cancels_its_own_task_and_waits(payload: int) -> None:
    await cancels_its_own_task(payload)
    await asyncio.sleep(600)


async def cancels_itself_thrice_and_swallows_it(payload: int) -> None:
    for _ in range(3):
        try:
            await cancels_its_own_task_and_waits(payload)
        except asyncio.CancelledError:
            continue


async def leaves_a_context_variable_that_cant_be_compared(payload: int) -> None:
    SOME.set(NoEqual())


async def leaves_a_task_behind(payload: int) -> None:
    task = asyncio.create_task(asyncio.sleep(0))
    task.add_done_callback(lambda _: None)


async def returns_a_cancel_without_words(payload: int) -> Any:
    return Cancel(NoReason())  # type: ignore[arg-type]  # the point


async def returns_a_bad_snooze(payload: int) -> Any:
    return Snooze("tomorrow")  # type: ignore[arg-type]  # the point


def returns_a_coroutine(payload: int) -> Any:
    return leaves_a_task_behind(payload)


def is_a_generator(payload: int) -> Any:
    yield payload


async def is_an_async_generator(payload: int) -> Any:
    yield payload


async def uncancels_what_nobody_cancelled(payload: int) -> None:
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()


COMPLETE, FAIL = JobState.COMPLETED, JobState.DEAD
ODD = [
    (cancels_its_own_task, COMPLETE),
    (cancels_its_own_task_and_waits, FAIL),
    (cancels_itself_thrice_and_swallows_it, COMPLETE),
    (leaves_a_context_variable_that_cant_be_compared, COMPLETE),
    (leaves_a_task_behind, COMPLETE),
    (returns_a_cancel_without_words, FAIL),
    (returns_a_bad_snooze, FAIL),
    (returns_a_coroutine, FAIL),
    (is_a_generator, FAIL),
    (is_an_async_generator, FAIL),
    (uncancels_what_nobody_cancelled, COMPLETE),
]


@pytest.mark.parametrize("handler, state", ODD, ids=lambda value: getattr(value, "__name__", ""))
def test_p122_odd_handlers_cost_no_slot(
    queue_url: str, run: Run, handler: Callable[[int], Any], state: JobState
) -> None:
    """P122 and its kind: the only slot lives on, and runs the odd one three times and the rest."""
    SOME.set(NoEqual())

    async def scenario() -> None:
        router, ran = JobRouter(), list[int]()
        odd = router.job("odd", max_retries=0)(handler)

        @router.job("good")
        async def good(payload: int) -> None:
            ran.append(payload)

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            ids = []
            for number in range(3):
                ids.append(await queue.schedule(odd, number))
                await queue.schedule(good, number)
            runner = JobRunner(queue, router, concurrency=1)
            assert await runner.drain() == 6
            assert ran == [0, 1, 2]
            assert [(await queue.get_job(job_id)).state for job_id in ids] == [state] * 3
            assert not leftovers()

    run(scenario())


def test_an_attempt_past_its_limit_fails_though_it_blocked_the_loop(
    queue_url: str, run: Run
) -> None:
    """RET-9: by real time, since a loop that is blocked can't be told."""

    async def scenario() -> None:
        router = JobRouter()

        @router.job("number", time_limit=timedelta(seconds=0.05), max_retries=0)
        async def number(payload: int) -> None:
            threading.Event().wait(0.1)

        async with open_queue(queue_url) as queue:
            job_id = await queue.schedule(number, 1)
            await JobRunner(queue, router).drain()
            after = await queue.get_job(job_id)
            assert (after.state, after.reason) == (JobState.DEAD, DeadReason.TIMEOUT)

    run(scenario())
