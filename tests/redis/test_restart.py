"""The server is killed with jobs in flight, and comes back (DUR-1, LIV-2)."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from aide_de_camp.spi import (
    CountFilter,
    JobState,
    LeaseResult,
    SettleKind,
    StorageUnavailable,
    Wake,
)

from ..servers import RedisServer


async def until_it_works(call):
    async with asyncio.timeout(60):
        while True:
            try:
                return await call()
            except StorageUnavailable:
                await asyncio.sleep(0.02)


@pytest.fixture
def server():
    with RedisServer(persistence="always") as started:
        yield started


def test_what_was_acknowledged_survives_kill_9(bench_at, server):
    """Some writers go on until they are cut off; all that they were told is there afterwards."""
    bench = bench_at(server.url())

    async def run() -> None:
        told: list[UUID] = []
        completed: list[UUID] = []

        async def produce(storage) -> None:
            while True:
                job = bench.job()
                await storage.enqueue("q", [job], now=None)
                told.append(job.id)

        async def work(storage) -> None:
            while True:
                for job in (await bench.claim(storage, limit=3, now=None)).jobs:
                    await bench.settle(storage, job, now=None)
                    completed.append(job.id)

        async with bench.opened() as storage:
            tasks = [asyncio.create_task(each(storage)) for each in (produce, produce, work)]
            async with asyncio.timeout(60):
                while len(completed) < 100:
                    await asyncio.sleep(0.01)
            await asyncio.to_thread(server.kill)
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(end, StorageUnavailable) for end in ends), ends
            await asyncio.to_thread(server.start)
            records = []
            for start in range(0, len(told), 500):
                part = told[start : start + 500]
                records += await until_it_works(lambda ids=part: storage.get("q", ids))
            assert all(records)
            states = {record.id: record.state for record in records}
            assert all(states[job_id] is JobState.COMPLETED for job_id in completed)
            counted = sum(row.count for row in await storage.count("q", CountFilter()))
            assert len(told) <= counted <= len(told) + 2  # and what nobody was told of

    asyncio.run(run())


def test_leases_and_tokens_survive(bench_at, server):
    """LEA-3: a holder from before the kill settles; one whose lease was lost doesn't."""
    bench = bench_at(server.url())

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job(), bench.job(), now=None)
            kept, lost = (await bench.claim(storage, now=None)).jobs
            await asyncio.to_thread(server.kill)
            with pytest.raises(StorageUnavailable):
                await bench.settle(storage, kept, now=None)
            await asyncio.to_thread(server.start)
            settled = await until_it_works(lambda: bench.settle(storage, kept, now=None))
            assert settled is LeaseResult.APPLIED
            far = lost.lease_until + 1
            (again,) = (await bench.claim(storage, now=far)).jobs
            assert (again.id, again.retries) == (lost.id, 1)
            assert again.token > lost.token
            assert await bench.settle(storage, lost, now=far) is LeaseResult.LOST
            retried = await bench.settle(storage, again, SettleKind.RELEASED, now=far)
            assert retried is LeaseResult.APPLIED

    asyncio.run(run())


def test_wake_ups_come_back_and_miss_nothing(bench_at, server):
    """WAK-1: what may have come while they were cut off counts as changed."""
    bench = bench_at(server.url())

    async def run() -> None:
        async with bench.opened() as storage:
            ticket = storage.ticket("q")
            assert await storage.wait("q", ticket, 60) is Wake.WORK  # connected for the first time
            ticket = storage.ticket("q")
            await asyncio.to_thread(server.restart)
            assert await storage.wait("q", ticket, 60) is Wake.WORK
            ticket = storage.ticket("q")
            await until_it_works(lambda: bench.put(storage, bench.job()))
            assert await storage.wait("q", ticket, 60) is Wake.WORK

    asyncio.run(run())
