"""A snapshot that somebody holds open makes claims slower and slower: whoever does is named."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager

import asyncpg
import pytest

from aide_de_camp_backends.postgresql.holders import HolderWatch

from ..calls import START

PATIENCE = 60
DEAD = "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = to_regclass('adc_job')"


@asynccontextmanager
async def snapshot(bench):
    """Hold a snapshot open, as a forgotten transaction or a long report does."""
    settings = {"application_name": "it's a report"}
    connection = await asyncpg.connect(bench.url, server_settings=settings)
    try:
        await connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        await connection.fetch("SELECT 'hunter2'")
        yield connection.get_server_pid()
    finally:
        await connection.close()


async def pass_jobs(bench, storage) -> None:
    """Leave dead rows behind, and wait until the server's statistics say so."""
    await bench.put(storage, *(bench.job() for _ in range(20)))
    claimed = await bench.claim(storage, limit=20)
    assert len(claimed.jobs) == 20
    async with asyncio.timeout(PATIENCE):
        while not (await bench.sql(DEAD))[0][0]:
            await bench.sql("SELECT pg_sleep(0.05)")


async def prune(bench, storage) -> None:
    await storage.prune(bench.queue, 0, 10, now=START)


def warnings(caplog) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "aide_de_camp.postgresql" and record.levelno == logging.WARNING
    ]


def test_who_holds_an_old_snapshot_is_named_sparingly_and_without_its_statement(bench, caplog):
    async def run() -> None:
        seconds = [0.0]
        async with bench.opened() as storage:
            storage._holders = HolderWatch(lambda: seconds[0], old=0, dead=1)
            async with snapshot(bench) as pid:
                await pass_jobs(bench, storage)
                for present in (0, 1, 61, 300, 601):
                    seconds[0] = present
                    await prune(bench, storage)
                told = warnings(caplog)
                assert len(told) == 2, told
                assert f"session {pid} of " in told[0]
                assert "application 'it''s a report'" in told[0]
                assert "idle in transaction" in told[0]
                assert "dead rows of jobs" in told[0]
                assert "hunter2" not in caplog.text
            seconds[0] = 2_000
            await prune(bench, storage)
            assert len(warnings(caplog)) == 2

    asyncio.run(run())


@pytest.mark.parametrize("watch", [HolderWatch(dead=1), HolderWatch(old=0)])
def test_a_young_snapshot_or_one_that_keeps_little_is_no_trouble(bench, caplog, watch):
    async def run() -> None:
        async with bench.opened() as storage, snapshot(bench):
            storage._holders = watch
            await pass_jobs(bench, storage)
            await prune(bench, storage)
            assert warnings(caplog) == []

    asyncio.run(run())


def test_what_can_t_be_seen_is_nobody_s_trouble(bench, caplog, monkeypatch):
    """What merely speaks PostgreSQL's language may have no such view."""
    monkeypatch.setattr(
        "aide_de_camp_backends.postgresql.holders.LOOK",
        "SELECT who FROM no_such_view WHERE :jobs::text = '' AND :old::bigint + :dead::bigint = 0",
    )

    async def run() -> None:
        async with bench.opened() as storage:
            caplog.set_level(logging.DEBUG, "aide_de_camp.postgresql")
            await prune(bench, storage)
            assert "can't see who holds old snapshots" in caplog.text
            assert warnings(caplog) == []

    asyncio.run(run())
