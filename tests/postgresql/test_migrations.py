"""The stored layout: made once, whoever comes at the same time, and as the metadata says."""

from __future__ import annotations

import asyncio

import attrs
import pytest
from sqlalchemy import MetaData, create_engine

from aide_de_camp.spi import JobFilter, SchemaError
from aide_de_camp_backends.postgresql.migrations import LATEST, ROWS
from aide_de_camp_backends.postgresql.plugin import connect
from aide_de_camp_backends.postgresql.tables import define

from .conftest import outcome

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
WHERE table_schema = $1 ORDER BY 1, 2
"""
INDEXES = "SELECT replace(indexdef, $1 || '.', '') FROM pg_indexes WHERE schemaname = $1"


def migrate(bench, **options):
    return asyncio.run(connect(bench.url, options)().migrate())


def shape(bench, schema):
    """Give a schema's tables and indexes as the server understands them."""

    async def look():
        return [await bench.sql(COLUMNS, schema), sorted(await bench.sql(INDEXES, schema))]

    return asyncio.run(look())


def test_migrating_twice_does_it_once(bench):
    """P105."""
    assert migrate(bench) == (0, LATEST)
    first = shape(bench, "public")
    assert first[0]
    assert migrate(bench) == (LATEST, LATEST)
    assert shape(bench, "public") == first


@pytest.mark.parametrize("options", ["", "?schema=theirs"])
def test_ten_processes_at_once_apply_each_step_once(bench, options):
    """P105."""
    children = [bench.child("migrate", bench.url + options) for _ in range(10)]
    answers = sorted(outcome(child).split() for child in children)
    assert answers == sorted([["0", str(LATEST)]] + [[str(LATEST)] * 2] * 9)


def test_ten_processes_at_once_open_a_new_database(bench):
    """P105: as containers do at their start."""
    children = [bench.child("nothing") for _ in range(10)]
    assert {outcome(child) for child in children} == {"opened\n"}


@pytest.mark.parametrize("prefix", ["adc_", "my_queue_", "ABC_"])
def test_migrations_and_metadata_describe_the_same_layout(bench, prefix):
    migrate(bench, schema="migrated", prefix=prefix)
    asyncio.run(bench.sql("CREATE SCHEMA described"))
    metadata = MetaData()
    define(metadata, schema="described", prefix=prefix)
    engine = create_engine(bench.url.replace("postgresql:", "postgresql+psycopg:"))
    metadata.create_all(engine)
    engine.dispose()
    migrated, described = shape(bench, "migrated"), shape(bench, "described")
    assert migrated == described
    assert len(migrated[1]) == 9


def test_a_newer_layout_is_refused_and_left_alone(bench):
    migrate(bench)
    asyncio.run(bench.sql("UPDATE adc_meta SET value = $1 WHERE name = 'schema_version'", 99))
    for act in (connect(bench.url, {})().open, connect(bench.url, {})().migrate):
        with pytest.raises(SchemaError, match=r"99.*upgrade aide-de-camp"):
            asyncio.run(act())
    (found,) = asyncio.run(bench.sql("SELECT value FROM adc_meta WHERE name = 'schema_version'"))
    assert found == (99,)


def test_with_migrate_off_nothing_is_created(bench):
    with pytest.raises(SchemaError, match="adc migrate"):
        asyncio.run(connect(bench.url, {"migrate": "off"})().open())
    assert shape(bench, "public") == [[], []]
    migrate(bench, migrate="off")

    async def use() -> None:
        async with bench.opened(migrate="off") as storage:
            await bench.put(storage, bench.job())

    asyncio.run(use())


def test_prefixes_and_schemas_keep_apart(bench):
    async def use() -> None:
        async with (
            bench.opened() as one,
            bench.opened(prefix="other_") as two,
            bench.opened(schema="elsewhere") as three,
        ):
            await bench.put(one, bench.job(), bench.job(), bench.job())
            await bench.put(two, bench.job(), bench.job())
            await bench.put(three, bench.job())
            claimed = [len((await bench.claim(each)).jobs) for each in (one, two, three)]
            assert claimed == [3, 2, 1]

    asyncio.run(use())


@pytest.mark.parametrize("schema", ['we"ird', "a:given.b", "%(x)s", "adc_job"])
def test_the_search_path_s_schema_may_have_any_name(bench, schema):
    quoted = '"{}"'.format(schema.replace('"', '""'))

    async def use() -> None:
        name = bench.url.rpartition("/")[2]
        await bench.sql(f"CREATE SCHEMA {quoted}")
        await bench.sql(f'ALTER DATABASE "{name}" SET search_path = {quoted}')
        async with bench.opened(prefix="My_") as storage:
            job, own = bench.job(), bench.job()
            await bench.put(storage, job)
            engine = create_engine(bench.url.replace("postgresql:", "postgresql+psycopg:"))
            with engine.begin() as connection:
                await storage.enqueue_in(connection, "q", [own], now=bench.now)
            engine.dispose()
            page = await storage.list("q", JobFilter(), limit=5)
            assert {each.id for each in page.records} == {job.id, own.id}
            assert len((await bench.claim(storage)).jobs) == 2
        assert await bench.sql(f'SELECT count(*) FROM {quoted}."My_job"') == [(2,)]

    asyncio.run(use())


def test_tables_without_what_must_be_in_them_are_told_of(bench):
    """As an application's own migrations leave them that forget it."""
    metadata = MetaData()
    tables = define(metadata)
    engine = create_engine(bench.url.replace("postgresql:", "postgresql+psycopg:"))
    metadata.create_all(engine)
    own = {"migrate": "off"}
    for act in (connect(bench.url, own)().open, connect(bench.url, {})().migrate):
        with pytest.raises(SchemaError, match=r"schema_version.*now_floor.*storage_id.*ROWS"):
            asyncio.run(act())
    rows = [{"name": name, "value": value} for name, value in ROWS]
    with engine.begin() as connection:
        connection.execute(tables.meta.insert(), rows)
    engine.dispose()

    async def use() -> None:
        async with bench.opened(**own) as storage:
            await bench.put(storage, bench.job())
            assert len((await bench.claim(storage)).jobs) == 1

    asyncio.run(use())
    assert migrate(bench) == (LATEST, LATEST)


def test_counts_of_any_size_are_kept(bench):
    """They grow for as long as a job lives, and come from other storages too."""

    async def use() -> None:
        async with bench.opened() as storage:
            (job_id,) = await bench.put(storage, bench.job())
            (record,) = await storage.hold("q", [job_id])
            many = 2**40
            grown = attrs.evolve(record, claims=many, retries=many, snoozes=many)
            await storage.import_jobs("other", [grown])
            await storage.unhold("other", [job_id], now=bench.now)
            (job,) = (await storage.claim("other", bench.request(), now=bench.now)).jobs
            assert (job.claims, job.retries, job.snoozes) == (many + 1, many, many)

    asyncio.run(use())


def test_tables_that_vanish_are_told_of(bench):
    async def use() -> None:
        async with bench.opened() as storage:
            await bench.sql("DROP TABLE adc_job")
            with pytest.raises(SchemaError, match="adc migrate"):
                await bench.claim(storage)

    asyncio.run(use())
