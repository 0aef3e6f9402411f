"""What handlers return (clause RET-6)."""

from __future__ import annotations

import asyncio
import concurrent.futures
import gc
import re
import warnings
from uuid import uuid4

import pytest

from aide_de_camp import Cancel, JobRouter, JobRunner, JobState, JobType, Snooze, open_queue
from aide_de_camp.settling import as_returned
from aide_de_camp.spi import ClaimedJob, SettleKind

JOB = ClaimedJob(
    id=uuid4(),
    job_type="x",
    payload=b"",
    codec="json",
    priority=0,
    scheduled_at=0,
    enqueued_at=0,
    token=1,
    claims=1,
    retries=0,
    snoozes=0,
    max_retries=1,
    lease_until=1,
)


@pytest.mark.parametrize("returned", [Snooze, Cancel])
def test_the_class_itself_is_a_failure_not_a_result(returned):
    outcome = as_returned(JOB, JobType("x", int), returned)
    assert outcome.kind is SettleKind.RETRY
    assert outcome.error is not None
    assert outcome.error.type == "InvalidHandlerResult"


@pytest.mark.parametrize("returned", [None, 0, "a result", {}])
def test_a_result_completes_the_job(returned):
    assert as_returned(JOB, JobType("x", int), returned).kind is SettleKind.COMPLETED


async def work():
    await asyncio.sleep(0)


class Later:
    """Can be awaited, and is neither a coroutine nor a future."""

    def __await__(self):
        return work().__await__()


def generates():
    yield 1


async def generates_async():
    yield 1


def in_a_thread():
    return concurrent.futures.Future()


async def a_task():
    return asyncio.get_running_loop().create_task(work())


async def a_future_that_is_done():
    future = asyncio.get_running_loop().create_future()
    future.set_result(1)
    return future


async def made(make):
    result = make()
    return await result if make in (a_task, a_future_that_is_done) else result


UNDONE = [
    (work, "a coroutine that it didn't await", "awaits it"),
    (Later, "a Later that it didn't await", "awaits it"),
    (a_task, "a Task that it didn't await", "awaits it"),
    (a_future_that_is_done, "a Future that it didn't await", "awaits it"),
    (in_a_thread, "a Future of work in a thread or process", "result()"),
    (generates, "a generator that never ran", "yields nothing"),
    (generates_async, "async_generator that never ran", "yields nothing"),
]


@pytest.mark.parametrize(("make", "what", "advice"), UNDONE)
def test_work_that_nobody_waited_for_is_a_failure_that_says_what_to_do(make, what, advice):
    async def main():
        return as_returned(JOB, JobType("x", int), await made(make))

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a coroutine that was never awaited, for one
        outcome = asyncio.run(main())
        gc.collect()
    assert outcome.kind is SettleKind.RETRY
    assert outcome.error.type == "InvalidHandlerResult"
    assert re.search(what, outcome.error.message)
    assert advice in outcome.error.message


def test_a_coroutine_that_somebody_else_runs_is_not_closed():
    async def main():
        waiting = asyncio.Event()
        coroutine = waiting.wait()
        task = asyncio.create_task(coroutine)
        await asyncio.sleep(0)
        outcome = as_returned(JOB, JobType("x", int), coroutine)
        waiting.set()
        return outcome.kind, await task

    assert asyncio.run(main()) == (SettleKind.RETRY, True)


def test_a_runner_takes_it_for_a_failure_from_either_kind_of_handler():
    router = JobRouter()

    @router.job("sync", max_retries=0)
    def sync(payload: int) -> object:
        return work()

    @router.job("async", max_retries=0)
    async def forgetful(payload: int) -> object:
        return asyncio.get_running_loop().create_future()

    async def main():
        async with open_queue("memory://") as queue:
            ids = [await queue.schedule(job, 1) for job in (sync, forgetful)]
            await JobRunner(queue, router).drain()
            views = [await queue.get_job(job_id) for job_id in ids]
            return [(view.state, view.error.type) for view in views]

    assert asyncio.run(main()) == [(JobState.DEAD, "InvalidHandlerResult")] * 2
