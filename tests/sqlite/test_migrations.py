from __future__ import annotations

import asyncio
import sqlite3

import pytest
from sqlalchemy import create_engine

from aide_de_camp.spi import SchemaError, StorageError
from aide_de_camp_backends._sql.tables import METADATA
from aide_de_camp_backends.sqlite.migrations import LATEST


def shape(path):
    """Give a database's tables and indexes as SQLite understands them."""
    connection = sqlite3.connect(path)
    try:
        tables = {
            table: connection.execute(f"PRAGMA table_info({table})").fetchall()
            for table in ("adc_job", "adc_meta")
        }
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall()
        indexes = {
            name: (
                [each[2:4] for each in connection.execute(f"PRAGMA index_xinfo({name})")],
                sql.partition("WHERE")[2].strip(),
            )
            for name, sql in rows
        }
        return tables, indexes
    finally:
        connection.close()


def migrate(bench, **options):
    async def run():
        storage_options = options
        from aide_de_camp_backends.sqlite.plugin import connect

        return await connect(bench.url, storage_options)().migrate()

    return asyncio.run(run())


def set_version(bench, version):
    connection = sqlite3.connect(bench.path)
    connection.execute("UPDATE adc_meta SET value = ? WHERE name = 'schema_version'", (version,))
    connection.commit()
    connection.close()


def test_migrating_twice_does_it_once(bench):
    """P105."""
    assert migrate(bench) == (0, LATEST)
    first = shape(bench.path)
    assert migrate(bench) == (LATEST, LATEST)
    assert shape(bench.path) == first


def test_ten_processes_at_once_apply_each_step_once(bench, outcome):
    """P105."""
    children = [bench.child("migrate", bench.url) for _ in range(10)]
    answers = sorted(outcome(child).split() for child in children)
    assert answers == sorted([["0", str(LATEST)]] + [[str(LATEST)] * 2] * 9)


def test_ten_processes_at_once_open_a_new_file(bench, outcome):
    """P105: as containers do at their start."""
    children = [bench.child("nothing", bench.url) for _ in range(10)]
    assert {outcome(child) for child in children} == {"opened\n"}


def test_migrations_and_tables_describe_the_same_layout(bench, tmp_path):
    migrate(bench)
    engine = create_engine(f"sqlite:///{tmp_path}/other.db")
    METADATA.create_all(engine)
    engine.dispose()
    migrated, described = shape(bench.path), shape(tmp_path / "other.db")
    assert migrated[1] == described[1]
    # Columns that are added later come last in a migrated file.
    for table in ("adc_job", "adc_meta"):
        assert sorted(column[1:4] for column in migrated[0][table]) == sorted(
            column[1:4] for column in described[0][table]
        )


def test_tables_are_strict(bench):
    migrate(bench)
    connection = sqlite3.connect(bench.path)
    found = connection.execute("SELECT name, strict FROM pragma_table_list WHERE name LIKE 'adc%'")
    assert sorted(found) == [("adc_job", 1), ("adc_meta", 1)]
    connection.close()


@pytest.mark.parametrize("option", ["true", "false"])
def test_a_newer_layout_is_refused(bench, option):
    migrate(bench)
    set_version(bench, LATEST + 1)

    async def run() -> None:
        async with bench.opened(migrate=option):
            raise AssertionError

    with pytest.raises(SchemaError, match="upgrade aide-de-camp"):
        asyncio.run(run())
    with pytest.raises(SchemaError):
        migrate(bench)


def test_an_older_layout_is_refused_without_migrate(bench):
    sqlite3.connect(bench.path).close()
    bench.path.touch()

    async def run() -> None:
        async with bench.opened(migrate="false"):
            raise AssertionError

    with pytest.raises(SchemaError, match="adc migrate"):
        asyncio.run(run())
    assert migrate(bench, migrate="false") == (0, LATEST)

    async def again() -> None:
        async with bench.opened(migrate="false") as storage:
            assert await storage.queues() == []

    asyncio.run(again())


def test_a_migration_that_fails_leaves_nothing(bench, monkeypatch):
    broken = (("CREATE TABLE adc_meta (name TEXT, value INTEGER)", "CREATE nonsense"),)
    monkeypatch.setattr("aide_de_camp_backends.sqlite.migrations.STEPS", broken)
    with pytest.raises(StorageError):
        migrate(bench)
    monkeypatch.undo()
    assert migrate(bench) == (0, LATEST)


def test_what_is_no_database_is_refused(bench):
    bench.path.write_bytes(b"certainly not a database file" * 100)

    async def run() -> None:
        async with bench.opened():
            raise AssertionError

    with pytest.raises(StorageError, match="no SQLite database"):
        asyncio.run(run())
    assert bench.path.read_bytes() == b"certainly not a database file" * 100
