"""Peers' reports about PostgreSQL's tables: migrating them, meanwhile too, and where they are."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from contextlib import AsyncExitStack, suppress
from typing import Any

import asyncpg
import pytest

from aide_de_camp import (
    ConfigurationError,
    JobRunner,
    SchemaError,
    StorageUnavailable,
    open_queue,
)
from aide_de_camp.spi import Wake
from aide_de_camp_backends.postgresql import migrations
from aide_de_camp_backends.postgresql.plugin import connect
from aide_de_camp_backends.postgresql.storage import PostgresStorage

from ..postgresql.conftest import DatabaseBench
from ..servers import PostgresServer
from .beside import NUMBER, numbers, sql
from .conftest import Run
from .trouble import running, until, until_async

NEXT = (
    "ALTER TABLE adc_job ADD COLUMN extra integer",
    "CREATE INDEX adc_job_extra ON adc_job (queue, extra) WHERE extra IS NOT NULL",
    "ALTER TABLE adc_job ALTER COLUMN priority TYPE integer",
)
"""What a next version might do; the last of it makes every plan of the old one stale."""


@pytest.fixture
def with_a_next_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Migrations go one step further than this code does; what is open already is of this code."""
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, NEXT))
    monkeypatch.setattr(migrations, "LATEST", migrations.LATEST + 1)


async def migrate(url: str) -> tuple[int, int]:
    return await connect(url, {})().migrate()


def test_p98_old_workers_go_on_while_a_newer_version_migrates(
    postgresql_url: str, run: Run, request: pytest.FixtureRequest
) -> None:
    """LIV-2: stale plans are made anew, no job is lost or run twice; a new start is refused."""

    async def scenario() -> None:
        ran: list[int] = []
        async with open_queue(postgresql_url) as producer, open_queue(postgresql_url) as queue:
            async with running(queue, numbers(ran), concurrency=5):
                for n in range(200):
                    if n == 100:
                        request.getfixturevalue("with_a_next_step")
                        step = asyncio.create_task(migrate(postgresql_url))
                    await producer.schedule(NUMBER, n)
                assert await step == (1, 2)
                await until(lambda: len(ran) == 200)
            assert sorted(ran) == list(range(200))
            with pytest.MonkeyPatch.context() as old:
                old.setattr(migrations, "STEPS", migrations.STEPS[:-1])
                old.setattr(migrations, "LATEST", migrations.LATEST - 1)
                with pytest.raises(SchemaError, match="upgrade aide-de-camp"):
                    await open_queue(postgresql_url).__aenter__()

    run(scenario())


def test_p101_migrating_among_workers_of_the_old_version(
    postgresql_url: str,
    run: Run,
    request: pytest.FixtureRequest,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Five fresh copies with three workers each; no worker hears of a deadlock."""

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            ran: list[list[int]] = []
            urls = [f"{postgresql_url}?prefix=copy{n}_&pool_size=2" for n in range(5)]
            for url in urls:
                ran.append([])
                for _ in range(3):
                    queue = await stack.enter_async_context(open_queue(url))
                    router = numbers(ran[-1])
                    await stack.enter_async_context(running(queue, router, concurrency=2))
                bulk = [queue.schedule(NUMBER, n) for n in range(60)]
                await asyncio.gather(*bulk)
            request.getfixturevalue("with_a_next_step")
            for url, seen in zip(urls, ran, strict=True):
                assert await migrate(url) == (1, 2)
                await until(lambda: len(seen) == 60)  # noqa: B023 (used at once)
                assert sorted(seen) == list(range(60))

    with caplog.at_level(logging.WARNING):
        run(scenario())
    assert not caplog.records


@pytest.mark.usefixtures("with_a_next_step")
def test_p101_a_migration_that_meets_a_deadlock_is_made_again(
    postgresql_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each holds what the other wants, and the server ends the migration: it begins again.

    The server ends whoever looks first: that is the other one, if it begins to wait too late.
    """
    bench = DatabaseBench(postgresql_url)

    async def scenario() -> None:
        with pytest.MonkeyPatch.context() as old:
            old.setattr(migrations, "STEPS", migrations.STEPS[:-1])
            old.setattr(migrations, "LATEST", migrations.LATEST - 1)
            assert await migrate(postgresql_url) == (0, 1)
        index = "CREATE INDEX adc_job_first ON adc_job (queue, claims)"
        monkeypatch.setattr(migrations, "STEPS", (migrations.STEPS[0], (index, *NEXT)))
        other: Any = await asyncpg.connect(postgresql_url)
        await other.execute("SET deadlock_timeout = '10s'")
        with suppress(asyncpg.DeadlockDetectedError):
            async with other.transaction():
                await other.execute("UPDATE adc_meta SET value = value")
                step = asyncio.create_task(migrate(postgresql_url))
                await until_async(lambda: waiting(bench, 1), "the migration to wait")
                # It has locked the jobs already, and so this waits for it.
                await other.execute("UPDATE adc_job SET claims = claims")
        await other.close()
        assert await step == (1, 2)

    run(scenario())


async def waiting(bench: DatabaseBench, count: int) -> bool:
    found = await bench.sql(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    return bool(found == [(count,)])


def test_p101_a_migration_that_has_to_wait_keeps_nobody_waiting_for_long(
    postgresql_url: str,
    run: Run,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """LIV-2: who wants to work queues behind it, so it gives up in time; a later one succeeds."""
    bench = DatabaseBench(postgresql_url)
    monkeypatch.setattr(migrations, "_LONGEST_WAIT", 1_000)

    async def scenario() -> None:
        ran: list[int] = []
        async with open_queue(postgresql_url) as queue:
            request.getfixturevalue("with_a_next_step")
            other: Any = await asyncpg.connect(postgresql_url)
            async with other.transaction():
                await other.execute("SELECT 1 FROM adc_job")
                step = asyncio.create_task(migrate(postgresql_url))
                await until_async(lambda: waiting(bench, 1), "the migration to wait")
                work = asyncio.create_task(queue.schedule(NUMBER, 1))
                with pytest.raises(StorageUnavailable, match="locked for too long"):
                    await step
                await work  # while the transaction is still open
            await other.close()
            assert await migrate(postgresql_url) == (1, 2)
            await JobRunner(queue, numbers(ran)).drain()
            assert ran == [1]

    run(scenario())


def test_p105_the_command_may_be_given_again_and_at_once(
    postgresql_server: PostgresServer, postgresql_url: str
) -> None:
    """Twice in a row, then by several containers at once; each step is applied once.

    The layouts that come of it are compared in tests/postgresql/test_migrations.py.
    """
    other = postgresql_server.create_database()
    command = [sys.executable, "-m", "aide_de_camp", "migrate", "--json", "--queue"]
    for _ in range(2):
        assert subprocess.run([*command, postgresql_url], timeout=120).returncode == 0
    started = [subprocess.Popen([*command, other]) for _ in range(4)]
    assert [each.wait(timeout=120) for each in started] == [0] * 4
    versions = {
        tuple(
            postgresql_server.sql(
                "SELECT name, value FROM adc_meta WHERE name <> 'storage_id' ORDER BY name", each
            )
        )
        for each in (postgresql_url, other)
    }
    assert len(versions) == 1
    postgresql_server.drop_database(other)


@pytest.mark.parametrize("name", ["jobs_ä-1", "a b", 'a"b', "x" * 64])
def test_p106_a_schema_that_would_need_care_is_refused_by_name(name: str) -> None:
    """ERR-1: letters, digits and underscores will do, in capitals and small."""
    with pytest.raises(ConfigurationError, match="letters, digits and underscores") as caught:
        connect("postgresql://h/d", {"schema": name})
    assert caught.value.argument == "schema"


def test_p106_two_installations_beside_an_untouchable_public_schema(
    postgresql_server: PostgresServer, postgresql_url: str, run: Run
) -> None:
    """Names that differ in capitals only, an empty search path, and a user of few rights."""
    database = postgresql_url.rpartition("/")[2]
    role = f"{database}_user"
    own = postgresql_url.replace("//adc@", f"//{role}@")
    urls = [f"{own}?schema={schema}" for schema in ("Jobs_1", "jobs_1")]

    async def opened(stack: AsyncExitStack, url: str) -> PostgresStorage:
        storage = connect(url, {"listen": "on"})()
        assert isinstance(storage, PostgresStorage)
        await storage.open()
        stack.push_async_callback(storage.close)
        return storage

    async def scenario() -> None:
        for url in urls:
            assert await migrate(url) == (0, migrations.LATEST)
        places = await sql(
            postgresql_url,
            "SELECT DISTINCT nspname::text, relname ~ '^adc_' FROM pg_class AS c"
            " JOIN pg_namespace AS n ON n.oid = relnamespace"
            " WHERE c.oid >= 16384 AND nspname <> 'pg_toast'",
        )
        assert sorted(places) == [("Jobs_1", True), ("jobs_1", True)]
        ran: list[list[int]] = [[], []]
        for n, url in enumerate(urls):
            async with open_queue(url) as queue:
                for number in range(10):
                    await queue.schedule(NUMBER, number + n)
        for seen, url in zip(ran, urls, strict=True):
            async with open_queue(url) as queue:
                await JobRunner(queue, numbers(seen)).drain()
        assert ran == [list(range(10)), list(range(1, 11))]
        bench = DatabaseBench(own)
        async with AsyncExitStack() as stack:
            one, same, other = [await opened(stack, url) for url in (urls[0], *urls)]
            begun = [each.ticket("q") for each in (same, other)]
            for each, ticket in zip((same, other), begun, strict=True):
                assert await each.wait("q", ticket, 60) is Wake.WORK  # it listens now
            tickets = [each.ticket("q") for each in (same, other)]
            await bench.put(one, bench.job())
            assert await same.wait("q", tickets[0], 60) is Wake.WORK
            assert other.ticket("q") == tickets[1]

    postgresql_server.sql(
        f"CREATE ROLE {role} LOGIN; ALTER ROLE {role} SET search_path = '';"
        f"GRANT CREATE ON DATABASE {database} TO {role}"
    )
    postgresql_server.sql("REVOKE ALL ON SCHEMA public FROM PUBLIC", postgresql_url)
    try:
        run(scenario())
    finally:
        postgresql_server.sql(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}", postgresql_url)
