"""The work whose cost is counted: what doesn't depend on the machine it runs on."""

from __future__ import annotations

import asyncio

from aide_de_camp import JobRequest, JobRouter, JobRunner, Queue

JOBS = 1_000
SLOTS = 100
CALLERS = 50
router = JobRouter()


@router.job("noop")
async def noop(payload: dict[str, int]) -> None:
    """Do nothing."""


async def fill(queue: Queue, count: int = JOBS) -> None:
    """Schedule jobs in bulk."""
    await queue.schedule_bulk(JobRequest(noop, {"n": number}) for number in range(count))


async def drain(queue: Queue, count: int = JOBS) -> None:
    """Run all jobs, by one runner."""
    assert await JobRunner(queue, router, concurrency=SLOTS).drain() == count


async def schedule_at_once(queue: Queue) -> None:
    """Schedule jobs one by one from many tasks."""

    async def some() -> None:
        for number in range(JOBS // CALLERS):
            await queue.schedule(noop, {"n": number})

    await asyncio.gather(*(some() for _ in range(CALLERS)))
