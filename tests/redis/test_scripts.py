"""The scripts: loaded again by themselves, within their limits, and with every key declared."""

from __future__ import annotations

import asyncio

import pytest
from attrs import evolve

from aide_de_camp.spi import (
    BATCH_JOBS,
    Cancellation,
    CountFilter,
    EnqueueResult,
    HoldStatus,
    JobFilter,
    JobState,
    Requeue,
    SettleKind,
)


def test_scripts_are_loaded_again_after_a_flush(bench, redis_server):
    async def run() -> None:
        async with bench.opened() as storage:
            for _ in range(2):
                redis_server.call("SCRIPT", "FLUSH", "SYNC")
                (job_id,) = await bench.put(storage, bench.job())
                (job,) = (await bench.claim(storage)).jobs
                assert job.id == job_id
                redis_server.call("SCRIPT", "FLUSH", "SYNC")
                await bench.settle(storage, job)
                redis_server.call("SCRIPT", "FLUSH", "SYNC")
                ((found,), page) = (
                    await storage.get("q", [job_id]),
                    await storage.list("q", JobFilter(), limit=1, newest_first=True),
                )
                assert found.state is JobState.COMPLETED
                assert [each.id for each in page.records] == [job_id]

    asyncio.run(run())


@pytest.mark.parametrize("types", [["t"], [f"t{i}" for i in range(60)]])
def test_the_largest_calls_fit(bench, types):
    """ENQ-4: 1,000 jobs of 16 KiB at once, through every script that takes many."""
    payload = bytes(range(256)) * 64

    async def run() -> None:
        async with bench.opened(timeout="120") as storage:
            jobs = [
                bench.job(payload=payload, job_type=types[i % len(types)], priority=i % 3)
                for i in range(BATCH_JOBS)
            ]
            results = await storage.enqueue("q", jobs, now=bench.now)
            assert set(results) == {EnqueueResult.STORED}
            request = bench.request(limit=2_000)
            for _ in range(2):  # a repeat gives the same
                claimed = (await storage.claim("q", request, now=bench.now)).jobs
                wanted = sorted(jobs, key=lambda job: (-job.priority, job.id.bytes))
                assert [job.id for job in claimed] == [job.id for job in wanted]
            assert {job.payload for job in claimed} == {payload}
            assert len(await storage.reap("q", 10**6, now=bench.now + 10**12)) == BATCH_JOBS
            ids = [job.id for job in jobs]
            found = await storage.get("q", ids)
            assert await storage.hold("q", ids) == [
                evolve(record, state=JobState.HELD) for record in found
            ]
            imported = await storage.import_jobs("other", await storage.hold("q", ids))
            assert set(imported) == {EnqueueResult.STORED}
            assert set(await storage.discard("other", ids)) == {HoldStatus.DONE}
            assert set(await storage.unhold("q", ids, now=bench.now)) == {HoldStatus.DONE}
            assert await storage.get("q", ids) == found
            await storage.cancel("q", [Cancellation(i, i) for i in ids], now=bench.now)
            assert await storage.prune("q", -(10**13), 10**6, now=bench.now) == BATCH_JOBS

    asyncio.run(run())


def test_a_claim_can_be_of_many_thousands(bench):
    """PRI-3, PRI-5: 5,000 that fall due in one instant, claimed at once."""

    async def run() -> None:
        async with bench.opened(timeout="120") as storage:
            ids = []
            for _ in range(5):
                ids += await bench.put(storage, *[bench.job() for _ in range(1_000)])
            claimed = (await bench.claim(storage, limit=10_000)).jobs
            assert [job.id for job in claimed] == ids

    asyncio.run(run())


def test_a_search_goes_in_bounded_steps(bench):
    """OBS-2: a page may be short, and says where to go on; reasons are counted over many calls."""

    async def run() -> None:
        async with bench.opened(timeout="120") as storage:
            for _ in range(5):
                await bench.put(storage, *[bench.job(max_retries=0) for _ in range(1_000)])
            (last,) = await bench.put(storage, bench.job(job_type="rare"))
            where = JobFilter(job_types=frozenset({"rare"}))
            page = await storage.list("q", where, limit=5)
            assert page.records == ()
            assert page.after is not None
            found, calls = [], 0
            while page.after is not None:
                page = await storage.list("q", where, limit=5, after=page.after)
                found += [each.id for each in page.records]
                calls += 1
            assert (found, calls) == ([last], 2)
            await bench.claim(storage, limit=5_000, types=["t"])
            await storage.reap("q", 5_000, now=bench.now + 10**12)
            reasons = CountFilter(reasons=frozenset({"lease"}))
            assert [row.count for row in await storage.count("q", reasons)] == [5_000]
            dead = JobFilter(states=frozenset({JobState.DEAD}))
            assert len((await storage.list("q", dead, limit=1_000)).records) == 1_000

    asyncio.run(run())


def test_nothing_is_left_behind(bench, redis_server):
    """KEP-1: when all jobs are gone, a few bytes per queue are left."""

    async def run() -> None:
        async with bench.opened() as storage:
            ids = await bench.put(storage, *[bench.job() for _ in range(6)])
            jobs = (await bench.claim(storage)).jobs
            await bench.settle(storage, jobs[0])
            await bench.settle(storage, jobs[1], SettleKind.RETRY, delay=0)
            await bench.settle(storage, jobs[2], SettleKind.DEAD, reason="why")
            await bench.settle(storage, jobs[3], SettleKind.CANCELLED, reason="why")
            await bench.settle(storage, jobs[4], SettleKind.DEAD, reason="why")
            await storage.requeue("q", [Requeue(ids[4], ids[4])], now=bench.now)
            await storage.reap("q", 9, now=bench.now + 10**12)
            for job in (await bench.claim(storage, now=bench.now + 10**12)).jobs:
                await bench.settle(storage, job, now=bench.now + 10**12)
            held = await storage.hold("q", [ids[2]])
            await storage.discard("q", [ids[2]])
            await storage.import_jobs("q", held)
            await storage.unhold("q", [ids[2]], now=bench.now)
            await storage.delete("q", [ids[2]])
            assert await storage.queues() == ["q"]
            assert await storage.prune("q", 0, 9, now=bench.now + 10**13) == 5
            assert await storage.queues() == []
            assert list(await storage.count("q", CountFilter())) == []

    asyncio.run(run())
    database = int(bench.url.rpartition("/")[2])
    keys = redis_server.call("KEYS", "*", database=database)
    assert sorted(keys) == ["{adc:q}:meta", "{adc}:layout", "{adc}:queues"]
