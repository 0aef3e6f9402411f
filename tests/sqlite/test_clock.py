from __future__ import annotations

import asyncio
import sqlite3

from aide_de_camp.spi import TIME_MAX, TIME_MIN, SettleKind

SECOND = 1_000_000


def test_now_never_goes_back_within_a_storage(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            later = bench.now + 10 * SECOND
            assert (await bench.claim(storage, now=later)).now == later
            assert (await bench.claim(storage, now=bench.now)).now == later
            (job_id,) = await bench.put(storage, bench.job(delay=SECOND), now=bench.now)
            (record,) = await storage.get("q", [job_id])
            assert (record.enqueued_at, record.scheduled_at) == (later, later + SECOND)

    asyncio.run(run())


def test_what_was_found_due_stays_due_for_another_process_and_after_a_restart(bench):
    due = bench.now + 10 * SECOND

    async def run() -> None:
        async with bench.opened() as storage:
            (job_id,) = await bench.put(storage, bench.job(scheduled_at=due))
            (job,) = (await bench.claim(storage, now=due + 5)).jobs
            await bench.settle(storage, job, SettleKind.RELEASED, now=due + 5)
        async with bench.opened() as storage:
            result = await bench.claim(storage, now=bench.now)
            assert [found.id for found in result.jobs] == [job_id]
            assert result.now == due

    asyncio.run(run())


def test_tokens_grow_when_the_clock_goes_back(bench):
    """Clause LEA-3."""

    async def run() -> None:
        tokens = []
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
        for now in (bench.now + SECOND, bench.now, bench.now, bench.now + 5 * SECOND):
            async with bench.opened() as storage:
                (job,) = (await bench.claim(storage, now=now)).jobs
                tokens.append(job.token)
                await bench.settle(storage, job, SettleKind.RELEASED, now=now)
        assert tokens == sorted(set(tokens))
        assert tokens[-1] == bench.now + 5 * SECOND

    asyncio.run(run())


def test_an_empty_claim_writes_nothing(bench):
    """Else it would wake every process that waits."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job(delay=SECOND))
            watcher = sqlite3.connect(bench.path)
            before = watcher.execute("PRAGMA data_version").fetchone()
            for step in range(5):
                now = bench.now + step * SECOND // 5
                assert (await bench.claim(storage, now=now)).jobs == ()
            assert watcher.execute("PRAGMA data_version").fetchone() == before
            assert len((await bench.claim(storage, now=bench.now + SECOND)).jobs) == 1
            assert watcher.execute("PRAGMA data_version").fetchone() != before
            watcher.close()

    asyncio.run(run())


def test_times_are_clamped_to_the_legal_range(bench):
    """Clause RET-7."""

    async def run() -> None:
        async with bench.opened() as storage:
            ids = await bench.put(
                storage, bench.job(delay=10**18), bench.job(scheduled_at=TIME_MIN, delay=7)
            )
            far, old = await storage.get("q", ids)
            assert (far.scheduled_at, old.scheduled_at) == (TIME_MAX, TIME_MIN)
            (job,) = (await bench.claim(storage, lease=10**18)).jobs
            assert (job.id, job.lease_until) == (ids[1], TIME_MAX)
            assert await storage.prune("q", 10**18, 5, now=bench.now) == 0

    asyncio.run(run())


def test_without_a_given_now_the_host_s_clock_counts(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            result = await bench.claim(storage, now=None)
            assert result.now > bench.now

    asyncio.run(run())
