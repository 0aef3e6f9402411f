"""Peers' report P140: all dead jobs at once. Its progress display is the command line's."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from aide_de_camp import (
    JobNotFound,
    JobRequest,
    JobRouter,
    JobRunner,
    ManualClock,
    Queue,
    open_queue,
)

from .conftest import Run
from .support import ORDER, Order

# --- P140: all of them at once -------------------------------------------------------------------


async def kill_all(queue: Queue, number: int) -> list[UUID]:
    ids = await queue.schedule_bulk(
        [JobRequest(ORDER, Order(i), priority=i % 5) for i in range(number)]
    )
    settlements = []
    while (handle := await queue.poll_next(ORDER)) is not None:
        settlements.append(handle.dead_queue(reason="odd" if handle.payload.number % 2 else "even"))
    await asyncio.gather(*settlements)
    return ids


def test_p140_all_dead_jobs_are_requeued_once_and_in_their_order(queue_url: str, run: Run) -> None:
    """RET-4, PRI-6: more than one step's worth, by filter, repeated, and from several callers."""

    async def scenario() -> None:
        router, seen = JobRouter(), list[int]()

        @router.job("order")
        async def order(payload: Order) -> None:
            seen.append(payload.number)

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            ids = await kill_all(queue, 2_500)
            assert await queue.dead.count() == 2_500
            done = await asyncio.gather(*(queue.dead.requeue_all(reasons=["odd"]) for _ in "ab"))
            assert sum(done) == 1_250
            assert await queue.dead.requeue_all(reasons=["odd"]) == 0
            assert await queue.dead.requeue_all(job_types=["other"]) == 0
            assert await queue.dead.count() == 1_250
            assert await JobRunner(queue, router, concurrency=1).drain() == 1_250
            expected = [i for p in (4, 3, 2, 1, 0) for i in range(2_500) if i % 5 == p and i % 2]
            assert seen == expected
            done = await asyncio.gather(*(queue.dead.delete_all() for _ in "ab"))
            assert sum(done) == 1_250
            assert await queue.dead.count() == 0
            assert (await queue.count_jobs()).total == 1_250
            for index in (0, 2_498):
                with pytest.raises(JobNotFound):
                    await queue.get_job(ids[index])

    run(scenario())


def test_p140_requeueing_all_ends_though_jobs_die_again_meanwhile(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Jobs that die at once again aren't requeued for ever."""

    async def scenario() -> None:
        router, ran = JobRouter(), list[int]()

        @router.job("order", max_retries=0)
        async def order(payload: Order) -> None:
            ran.append(payload.number)
            raise RuntimeError

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            await kill_all(queue, 1_100)
            requeue = queue.storage.requeue

            async def requeue_and_run(*args: Any, now: int | None) -> Any:
                result = await requeue(*args, now=now)
                await JobRunner(queue, router, concurrency=50).drain()
                return result

            monkeypatch.setattr(queue.storage, "requeue", requeue_and_run)
            assert await queue.dead.requeue_all() == 1_100
            assert sorted(ran) == list(range(1_100))
            assert await queue.dead.count(reasons=["failed"]) == 1_100

    run(scenario())
