"""Several processes and many callers on one database (clauses PRI-7, SHR-1)."""

from __future__ import annotations

import asyncio
from uuid import UUID

import asyncpg
import pytest

from aide_de_camp.spi import LeaseResult, SettleKind, Settlement
from aide_de_camp_backends.postgresql.claiming import asked_by, claim_text
from aide_de_camp_backends.postgresql.sizes import size_of
from aide_de_camp_backends.postgresql.statement import Layout, prepare

from .conftest import outcome


def test_processes_share_out_the_jobs_each_once(bench):
    async def fill():
        async with bench.opened() as storage:
            jobs = [bench.job(priority=n % 7 - 3) for n in range(600)]
            return await bench.put(storage, *jobs)

    ids = asyncio.run(fill())
    children = [bench.child("claim") for _ in range(4)]
    found = [UUID(line) for child in children for line in outcome(child).splitlines()]
    assert sorted(found) == sorted(ids)


def test_what_others_have_locked_is_told_as_due_soon(bench):
    """A claim that finds only what a call under way has by the head says: again, soon."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job(), bench.job())
            connection = await asyncpg.connect(bench.url)
            async with connection.transaction():
                await connection.execute("SELECT 1 FROM adc_job FOR UPDATE")
                result = await bench.claim(storage)
                assert result.jobs == ()
                assert result.next_due is not None
                assert result.next_due <= result.now
            await connection.close()
            assert len((await bench.claim(storage)).jobs) == 2

    asyncio.run(run())


def test_batches_in_opposite_orders_don_t_block_each_other(bench):
    async def run() -> None:
        async with bench.opened() as one, bench.opened() as two:
            jobs = [bench.job() for _ in range(200)]
            await bench.put(one, *jobs)
            claimed = (await bench.claim(one, limit=200)).jobs
            there = [Settlement(job.id, job.token, SettleKind.COMPLETED) for job in claimed]
            back = there[::-1]
            results = await asyncio.gather(
                *(
                    storage.settle("q", batch, now=bench.now)
                    for storage in (one, two)
                    for batch in (there, back)
                )
            )
            assert {each for answers in results for each in answers} == {LeaseResult.APPLIED}

    asyncio.run(run())


@pytest.mark.parametrize("types", [None, ["t"]], ids=["any", "one type"])
@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_a_claim_of_one_type_or_of_any_locks_what_it_takes_alone(types, limit, bench):
    """Else a claim beside it passes over jobs that nobody has (PRI-7)."""
    statement = prepare(claim_text(size_of(limit), asked_by(types)), Layout("public", "adc_"))

    async def run() -> None:
        async with bench.opened() as storage:
            jobs = [bench.job(job_type="t", priority=n % 3) for n in range(9)]
            ids = await bench.put(storage, *jobs)
            connection = await asyncpg.connect(bench.url)
            transaction = connection.transaction()
            await transaction.start()
            values = claim_values(bench, limit, types)
            rows = await connection.fetch(statement.sql, *statement.arguments(values))
            left = (await bench.claim(storage, limit=9)).jobs
            await transaction.rollback()
            await connection.close()
            assert len(rows) == limit
            assert sorted([row["id"] for row in rows] + [job.id for job in left]) == sorted(ids)

    asyncio.run(run())


def claim_values(bench, limit, types):
    return {
        "queue": "q",
        "given": bench.now,
        "latest": bench.now,
        "request_id": UUID(int=1),
        "reaped": False,
        "types": types,
        "type": types and types[0],
        "limit": limit,
        "lease": 60_000_000,
        "limit_types": [],
        "limits": [],
        "max_retries": 5,
        "worker": "w",
    }
