from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from aide_de_camp.spi import Capability, ConfigurationError, SchemaError
from aide_de_camp_backends.sqlite import plugin
from aide_de_camp_backends.sqlite.connection import check_version
from aide_de_camp_backends.sqlite.options import Options


def test_a_relative_path_is_of_the_directory_at_that_moment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Options.parse("sqlite:///jobs.db", {}).path == tmp_path / "jobs.db"


def test_an_absolute_path_has_four_slashes():
    assert Options.parse("sqlite:////srv/jobs.db", {}).path == Path("/srv/jobs.db")


def test_defaults():
    options = Options.parse("sqlite:////srv/jobs.db", {})
    assert (options.full, options.busy_timeout, options.migrate) == (True, 10.0, True)


def test_options_come_from_the_query_and_the_mapping_and_the_mapping_wins():
    url = "sqlite:////srv/jobs.db?synchronous=normal&busy_timeout=3&migrate=false"
    options = Options.parse(url, {"busy_timeout": "0.5"})
    assert (options.full, options.busy_timeout, options.migrate) == (False, 0.5, False)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("synchronous", "off"),
        ("migrate", "maybe"),
        ("busy_timeout", "soon"),
        ("busy_timeout", "-1"),
        ("busy_timeout", "nan"),
        ("busy_timeout", "inf"),
        ("cache", "shared"),
    ],
)
def test_a_bad_option_is_refused_by_name(name, value):
    for url, options in (
        (f"sqlite:////srv/jobs.db?{name}={value}", {}),
        ("sqlite:////srv/jobs.db", {name: value}),
    ):
        with pytest.raises(ConfigurationError, match=name):
            plugin.connect(url, options)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite:///:memory:",
        "sqlite://",
        "sqlite:///",
        "sqlite:///file::memory:?cache=shared",
        "sqlite:///file::memory:",
        "sqlite:///file:jobs.db",
        "sqlite://host/jobs.db",
        "sqlite:jobs.db",
        "sqlite:///.",
        "sqlite:///missing/jobs.db",
        "sqlite:///jobs\0.db",
    ],
)
def test_what_names_no_file_is_refused_with_advice(url, tmp_path, monkeypatch):
    """P117: each connection to ':memory:' would have a database of its own."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError):
        plugin.connect(url, {})
    assert list(tmp_path.iterdir()) == []


def test_memory_is_told_where_to_go():
    """P117."""
    with pytest.raises(ConfigurationError, match="memory://"):
        plugin.connect("sqlite:///:memory:", {})


def test_a_relative_path_is_shared_by_two_storages(tmp_path, monkeypatch, bench):
    """P117: the data is shared, and no stray files are left."""
    monkeypatch.chdir(tmp_path)

    async def run() -> None:
        one, two = (plugin.connect("sqlite:///jobs.db", {})() for _ in range(2))
        await one.open()
        await two.open()
        job = bench.job()
        await one.enqueue("q", [job], now=None)
        (found,) = await two.get("q", [job.id])
        assert found is not None
        assert found.payload == job.payload
        await one.close()
        await two.close()

    asyncio.run(run())
    assert [path.name for path in tmp_path.iterdir()] == ["jobs.db"]


@pytest.mark.parametrize("name", ["with space.db", "quer%20y.db", "jobs#1.db", "töpfe.db"])
def test_any_file_name_does(name, tmp_path, bench):
    bench.url = f"sqlite:///{tmp_path / name}"

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            assert await storage.queues() == ["q"]

    asyncio.run(run())
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_connect_touches_nothing(tmp_path):
    plugin.connect(f"sqlite:///{tmp_path}/jobs.db", {})
    assert list(tmp_path.iterdir()) == []


def test_an_old_sqlite_is_refused_naming_the_version_needed():
    check_version((3, 38, 0))
    with pytest.raises(ConfigurationError, match=r"3\.38\.0 .* 3\.37\.2"):
        check_version((3, 37, 2))


def test_an_old_sqlite_is_refused_at_open(bench, monkeypatch):
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 34, 1))

    async def run() -> None:
        async with bench.opened():
            raise AssertionError

    with pytest.raises(ConfigurationError, match=r"3\.34\.1"):
        asyncio.run(run())
    assert not bench.path.exists()


def test_the_descriptor():
    (descriptor,) = plugin.adc_storages()
    assert (descriptor.scheme, descriptor.spi, descriptor.extra) == ("sqlite", (0, 1), "sqlite")
    assert descriptor.capabilities == frozenset(Capability)


@pytest.mark.parametrize(
    ("synchronous", "level", "declared"), [("full", 2, True), ("normal", 1, False)]
)
def test_power_loss_is_declared_from_the_setting_found(bench, synchronous, level, declared):
    async def run() -> None:
        async with bench.opened(synchronous=synchronous) as storage:
            found = await storage._writer().submit(
                lambda tx: tx.connection.execute("PRAGMA synchronous").fetchone()[0]
            )
            assert found == level
            assert (Capability.SURVIVES_POWER_LOSS in storage.capabilities) is declared

    asyncio.run(run())


@pytest.mark.parametrize("driver", ["sqlalchemy", "aiosqlite"])
def test_a_missing_driver_is_named(driver, monkeypatch):
    monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(ModuleNotFoundError) as caught:
        plugin.connect("sqlite:////srv/jobs.db", {})
    assert caught.value.name == driver


def test_without_migrate_a_missing_file_is_not_created(bench):
    async def run() -> None:
        async with bench.opened(migrate="false"):
            raise AssertionError

    with pytest.raises(SchemaError, match="adc migrate"):
        asyncio.run(run())
    assert not bench.path.exists()
