from __future__ import annotations

import asyncio
from uuid import uuid4

from aide_de_camp.spi import Cancellation, CancelStatus, CountFilter, CountRow, JobState


def test_each_job_is_handed_out_once_to_four_processes(bench, outcome):
    """Clauses PRI-7, SHR-1."""
    jobs = [bench.job() for _ in range(2_000)]

    async def fill() -> None:
        async with bench.opened() as storage:
            for start in range(0, 2_000, 500):
                await storage.enqueue("q", jobs[start : start + 500], now=None)

    asyncio.run(fill())
    children = [bench.child("claim", bench.url) for _ in range(4)]
    handed_out = [line for child in children for line in outcome(child).split()]
    assert sorted(handed_out) == sorted(str(job.id) for job in jobs)

    async def look() -> None:
        async with bench.opened() as storage:
            counts = await storage.count("q", CountFilter())
            assert counts == [CountRow(JobState.COMPLETED, "t", 2_000)]

    asyncio.run(look())


def test_of_racing_claims_and_cancels_exactly_one_wins(bench):
    """Clause CAN-8, over two connections."""

    async def run() -> None:
        async with (
            bench.opened(synchronous="normal") as one,
            bench.opened(synchronous="normal") as two,
        ):
            for _ in range(100):
                (job_id,) = await bench.put(one, bench.job())
                claimed, (cancelled,) = await asyncio.gather(
                    bench.claim(one), two.cancel("q", [Cancellation(job_id, uuid4())], now=None)
                )
                (record,) = await one.get("q", [job_id])
                if claimed.jobs:
                    assert cancelled.status is CancelStatus.RUNNING
                    assert record.state is JobState.RUNNING
                    await bench.settle(one, claimed.jobs[0])
                else:
                    assert cancelled.status is CancelStatus.CANCELLED
                    assert record.state is JobState.CANCELLED

    asyncio.run(run())
