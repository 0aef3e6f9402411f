"""The present never goes back, and a job once found due stays due."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import attrs
import pytest

from aide_de_camp.spi import Requeue, SettleKind

from ..calls import SECOND


def test_now_never_goes_back_within_a_storage(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            later = bench.now + 10 * SECOND
            assert (await bench.claim(storage, now=later)).now == later
            assert (await bench.claim(storage, now=bench.now)).now == later
            (job_id,) = await bench.put(storage, bench.job(delay=SECOND), now=bench.now)
            (record,) = await storage.get("q", [job_id])
            assert record.scheduled_at == later + SECOND

    asyncio.run(run())


def test_a_job_that_was_given_back_stays_due_for_everybody(bench):
    due = bench.now + 10 * SECOND

    async def run() -> None:
        async with bench.opened() as one, bench.opened() as behind:
            await bench.put(one, bench.job(scheduled_at=due))
            (job,) = (await bench.claim(one, now=due + 5)).jobs
            await bench.settle(one, job, SettleKind.RELEASED, now=due + 5)
            (again,) = (await bench.claim(behind, now=bench.now)).jobs
            assert again.token > job.token
        async with bench.opened() as restarted:
            assert (await bench.claim(restarted, now=bench.now)).now >= due

    asyncio.run(run())


def test_a_lease_that_was_lost_leaves_its_job_due(bench):
    due = bench.now + 10 * SECOND

    async def run() -> None:
        async with bench.opened() as one, bench.opened() as behind:
            await bench.put(one, bench.job(scheduled_at=due))
            await bench.claim(one, now=due, lease=SECOND)
            assert len(await one.reap("q", 5, now=due + 2 * SECOND)) == 1
            assert len((await bench.claim(behind, now=bench.now)).jobs) == 1

    asyncio.run(run())


@pytest.mark.parametrize("how", ["release", "requeue"])
def test_one_whose_clock_is_behind_leaves_a_job_due_that_was_so_once(bench, how):
    due = bench.now + 10 * SECOND

    async def run() -> None:
        async with bench.opened() as one, bench.opened() as behind:
            (job_id,) = await bench.put(one, bench.job(scheduled_at=due))
            (job,) = (await bench.claim(one, now=due + 5)).jobs
            if how == "release":
                await bench.settle(behind, job, SettleKind.RELEASED, now=bench.now)
            else:
                await bench.settle(one, job, SettleKind.DEAD, now=due + 5)
                await behind.requeue("q", [Requeue(job_id, uuid4())], now=bench.now)
            for storage in (one, behind):
                (again,) = (await bench.claim(storage, now=bench.now)).jobs
                assert again.id == job_id
                await bench.settle(storage, again, SettleKind.RELEASED, now=bench.now)

    asyncio.run(run())


@pytest.mark.parametrize("dead", [True, False])
def test_a_place_that_was_never_due_doesn_t_move_the_present(bench, dead):
    """As a job may have it that came from another storage, or that was put off."""
    place = bench.now + 10 * SECOND

    async def run() -> None:
        async with bench.opened() as one, bench.opened() as other:
            (job_id,) = await bench.put(one, bench.job())
            (job,) = (await bench.claim(one)).jobs
            await bench.settle(one, job, SettleKind.RETRY, delay=10 * SECOND)
            (record,) = await one.hold("q", [job_id])
            assert record.scheduled_at == place
            finished = bench.now if dead else None
            moved = attrs.evolve(record, finished_at=finished)
            await other.import_jobs("elsewhere", [moved])
            await other.unhold("elsewhere", [job_id], now=bench.now)
            if dead:
                await other.requeue("elsewhere", [Requeue(job_id, uuid4())], now=bench.now)
            result = await other.claim("elsewhere", bench.request(), now=bench.now)
            assert result.jobs == ()
            assert (result.now, result.next_due) == (bench.now, place)

    asyncio.run(run())


def test_claims_don_t_write_the_floor(bench):
    """All claimers would queue for its row."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job(scheduled_at=bench.now + 3))
            (job,) = (await bench.claim(storage, now=bench.now + 5)).jobs
            await bench.settle(storage, job, SettleKind.COMPLETED, now=bench.now + 5)
            floor = await bench.sql("SELECT value FROM adc_meta WHERE name = 'now_floor'")
            assert floor == [(-(2**63),)]

    asyncio.run(run())


def test_without_a_given_now_the_server_s_clock_counts(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            found = (await bench.claim(storage, now=None)).now
            assert abs(found - time.time_ns() // 1_000) < 60 * SECOND

    asyncio.run(run())
