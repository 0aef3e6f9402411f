"""What a URL says, and what of it is never shown."""

from __future__ import annotations

import asyncio
import traceback
from uuid import UUID

import pytest

from aide_de_camp.spi import (
    Capability,
    ConfigurationError,
    JobState,
    SettleKind,
    StorageError,
    StorageUnavailable,
)
from aide_de_camp_backends.postgresql.options import Options
from aide_de_camp_backends.postgresql.plugin import connect
from aide_de_camp_backends.postgresql.server import Server

from ..servers.postgresql import PostgresServer
from .conftest import DatabaseBench

PASSWORD = "s3cr3t"


@pytest.mark.parametrize(
    ("query", "argument"),
    [
        ("colour=red", "options"),
        ("schema=a-b", "schema"),
        ("schema=", "schema"),
        ('schema=a"b', "schema"),
        ("prefix=", "prefix"),
        ("prefix=1x", "prefix"),
        ("pool_size=0", "pool_size"),
        ("pool_size=many", "pool_size"),
        ("connect_timeout=0", "connect_timeout"),
        ("command_timeout=nan", "command_timeout"),
        ("pool_timeout=-1", "pool_timeout"),
        ("prepared_statements=maybe", "prepared_statements"),
        ("listen=never", "listen"),
        ("migrate=perhaps", "migrate"),
        ("port=abc", "url"),
    ],
)
def test_bad_options_are_refused_by_name(query, argument):
    with pytest.raises(ConfigurationError) as caught:
        connect(f"postgresql://u:secret@h/d?{query}", {})
    assert caught.value.argument == argument
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "password", ["pa?secret", "1?secret&x", "1?x&secret", "?secret=1", "1?secret"]
)
def test_a_piece_of_a_password_is_no_option_s_name(password):
    with pytest.raises(ConfigurationError, match=r"written as %(3F|XX)") as caught:
        connect(f"postgresql://u:{password}@h/d", {})
    assert "secret" not in str(caught.value)
    assert "h/d" not in str(caught.value)


@pytest.mark.parametrize("address", ["h:x/d", "h:0/d", "h:99999/d", "a:1,b:x/d"])
def test_bad_ports_are_refused(address):
    with pytest.raises(ConfigurationError, match="port"):
        connect(f"postgresql://{address}", {})


@pytest.mark.parametrize("address", ["h/d", "h:1/d", "a:1,b:2/d", "[::1]:5432/d", "/d?host=/tmp"])
def test_good_addresses_are_taken(address):
    assert connect(f"postgres://u:p@{address}", {"pool_size": "2"})


def test_options_reach_the_driver_or_us_and_never_a_repr():
    chosen = Options.parse("postgresql://u:secret@h/d?sslmode=require&pool_size=3", {})
    assert chosen.dsn == "postgresql://u:secret@h/d?sslmode=require"
    assert chosen.pool_size == 3
    assert "secret" not in repr(chosen)


def refused(url):
    async def run() -> None:
        storage = connect(url, {"connect_timeout": "5"})()
        await storage.open()

    with pytest.raises((StorageError, ConfigurationError)) as caught:
        asyncio.run(run())
    text = "".join(traceback.format_exception(caught.value))
    assert PASSWORD not in text
    return caught.value


def test_what_is_wrong_with_a_url_is_told_when_opening():
    with PostgresServer(password=PASSWORD) as server:
        url = server.url()
        wrong = refused(url.replace(PASSWORD, f"{PASSWORD}-not"))
        assert isinstance(wrong, ConfigurationError)
        assert "password" in str(wrong)
        missing = refused(url.replace("/postgres", "/nowhere"))
        assert isinstance(missing, ConfigurationError)
        assert "no such database" in str(missing)
        server.stop()
        away = refused(url)
        assert isinstance(away, StorageUnavailable)
        assert away.outcome_unknown is False


def test_sockets_do_too(postgresql_server):
    bench = DatabaseBench(postgresql_server.create_database())
    name = bench.url.rpartition("/")[2]
    url = f"postgresql:///{name}?host={postgresql_server.folder}&port={postgresql_server.port}"

    async def run() -> None:
        async with bench.opened(f"{url}&user=adc") as storage:
            await bench.put(storage, bench.job())

    asyncio.run(run())
    postgresql_server.drop_database(bench.url)


@pytest.mark.parametrize(
    "isolation", ["repeatable read", "serializable"], ids=lambda name: name.replace(" ", "-")
)
def test_any_default_isolation_does(bench, isolation):
    async def run() -> None:
        name = bench.url.rpartition("/")[2]
        await bench.sql(
            f"ALTER DATABASE \"{name}\" SET default_transaction_isolation = '{isolation}'"
        )
        async with bench.opened() as storage:
            jobs = [bench.job(priority=n % 5) for n in range(60)]
            await bench.put(storage, *jobs)

            async def drain() -> list[UUID]:
                found = []
                while jobs := (await bench.claim(storage, limit=3)).jobs:
                    for job in jobs:
                        await bench.settle(storage, job, SettleKind.COMPLETED)
                    found += [job.id for job in jobs]
                return found

            drained = await asyncio.gather(*(drain() for _ in range(4)))
            assert sorted(each for found in drained for each in found) == sorted(
                job.id for job in jobs
            )

    asyncio.run(run())


def test_without_prepared_statements_all_verbs_work(bench):
    """As a pooler in transaction mode needs it: nothing is left in the session."""

    async def run() -> None:
        async with bench.opened(prepared_statements="off", listen="off") as storage:
            await bench.put(storage, bench.job(), bench.job())
            first, second = (await bench.claim(storage)).jobs
            await bench.settle(storage, first, SettleKind.COMPLETED)
            await bench.settle(storage, second, SettleKind.DEAD)
            assert len(await storage.count("q", _all())) == 2
            kept = await storage._opened._pool.acquire()
            names = await kept.fetch("SELECT name FROM pg_prepared_statements WHERE name <> ''")
            assert names == []
            storage._opened._pool.release(kept)

    asyncio.run(run())


def test_sessions_of_our_own_keep_prepared_statements(bench):
    """Behind a pooler they don't: tests/scenarios/test_t13_poolers.py has that."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.claim(storage)
            kept = await storage._opened._pool.acquire()
            names = await kept.fetch("SELECT name FROM pg_prepared_statements WHERE name <> ''")
            (plans,) = await kept.fetchrow("SELECT current_setting('plan_cache_mode')")
            storage._opened._pool.release(kept)
        assert names
        assert plans == "force_generic_plan"

    asyncio.run(run())


def _all():
    from aide_de_camp.spi import CountFilter

    return CountFilter(states=frozenset(JobState))


@pytest.mark.parametrize(
    ("settings", "declared"),
    [
        (("on", "on", "on"), {"DUR-1", "DUR-2"}),
        (("off", "on", "on"), {"DUR-1"}),
        (("on", "off", "on"), set()),
        (("on", "on", "off"), {"DUR-1"}),
        (("on", "local", "on"), {"DUR-1", "DUR-2"}),
        ((None, None, None), set()),
    ],
)
def test_durability_is_declared_from_the_settings(settings, declared):
    fsync, commit, pages = settings
    server = Server("PostgreSQL 18", fsync, commit, pages, None, False, "public", "d")
    found = {each.value for each in server.capabilities(listens=False)}
    assert found == {"MOV-1", "SHR-1", "TXN-1"} | declared
    assert Capability.WAKE_UP in server.capabilities(listens=True)


def test_a_durable_server_says_so():
    with PostgresServer(durable=True) as server:
        bench = DatabaseBench(server.url())

        async def run() -> None:
            async with bench.opened() as storage:
                assert Capability.SURVIVES_POWER_LOSS in storage.capabilities
                assert "fsync=on" in storage.server

        asyncio.run(run())
