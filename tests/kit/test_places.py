"""A storage is tested by its URL alone, and what others keep there isn't touched."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

import redis
from aide_de_camp import JobType, Registry, open_queue
from aide_de_camp.spi import ConfigurationError
from aide_de_camp_conformance import Report, UrlHarness, run

LETTER = JobType("letter", str)
ONLY = ("ENQ-4.order", "ENQ-8.queues", "TXN-1.commit", "DUR-1")
"""Several queues, somebody's own transaction, and processes that are killed."""


def keep(url: str) -> None:
    """Have a job of somebody's at a URL."""

    async def schedule() -> None:
        async with open_queue(url) as queue:
            await queue.schedule(LETTER, "keep me")

    asyncio.run(schedule())


def run_at(url: str, only: Sequence[str] = ("PRI-2.priority",)) -> Report:
    with closing(UrlHarness(url)) as harness:
        report = run(harness, only=only)
        assert harness.left == []
    assert report.passed, [each for each in report.results if each.message]
    return report


def tables(url: str) -> list[tuple[str, ...]]:
    """Every relation of the database with what is in it, as text."""

    async def look() -> list[tuple[str, ...]]:
        connection = await asyncpg.connect(url)
        try:
            names = await connection.fetch(
                "SELECT relname, relnamespace::regnamespace::text AS schema, relkind::text AS kind "
                "FROM pg_class WHERE relnamespace::regnamespace::text !~ '^(pg_|information_)' "
                "ORDER BY 1, 2"
            )
            found: list[tuple[str, ...]] = []
            for row in names:
                rows: list[object] = []
                if row["kind"] == "r":
                    rows = await connection.fetch(
                        f'SELECT t::text FROM "{row["schema"]}"."{row["relname"]}" t ORDER BY 1'
                    )
                found.append((row["schema"], row["relname"], str(rows)))
            return found
        finally:
            await connection.close()

    return asyncio.run(look())


def test_a_database(postgresql_url):
    keep(postgresql_url)
    before = tables(postgresql_url)
    run_at(postgresql_url, ONLY)
    assert tables(postgresql_url) == before
    run_at(f"{postgresql_url}?migrate=off&prefix=mine_&pool_size=3")
    assert tables(postgresql_url) == before
    (kept,) = [rows for _, name, rows in before if name == "adc_job"]
    assert "letter" in kept


def test_a_server_of_keys(redis_url):
    keep(redis_url)
    with closing(redis.Redis.from_url(redis_url)) as client:
        client.set("adc_kit_", "somebody's")
        before = {key: client.dump(key) for key in client.keys("*")}
        run_at(redis_url, ONLY)
        run_at(f"{redis_url}?prefix=mine&timeout=20")
        assert {key: client.dump(key) for key in client.keys("*")} == before
    assert len(before) > 3


def test_a_cluster(redis_cluster):
    url = redis_cluster.url()
    keep(url)
    with closing(UrlHarness(url)) as harness:
        report = run(harness, only=("PRI-2.priority", "ENQ-8.queues"))
        assert (report.passed, harness.left) == (True, [])
    cluster = redis.RedisCluster.from_url(url.replace("redis+cluster", "redis").partition(",")[0])
    with closing(cluster):
        names = [key for key in cluster.scan_iter("*") if b"adc_kit_" in key]
        assert names == []
        assert cluster.dbsize(target_nodes="primaries")


def test_a_file(tmp_path):
    url = f"sqlite:///{tmp_path}/jobs.db"
    keep(url)
    before = (tmp_path / "jobs.db").read_bytes()
    run_at(url, ONLY)
    assert [each.name for each in tmp_path.iterdir()] == ["jobs.db"]
    assert (tmp_path / "jobs.db").read_bytes() == before


def test_a_file_that_is_not_there_is_not_made(tmp_path):
    run_at(f"sqlite:///{tmp_path}/none.db?synchronous=normal&migrate=false")
    assert list(tmp_path.iterdir()) == []


def test_the_memory_of_this_process():
    report = run_at("memory://mine")
    assert report.introduction.backend == "aide_de_camp_backends.memory.storage"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("memory://", "memory://adc_kit_1"),
        ("memory://mine", "memory://adc_kit_1"),
        ("sqlite:///a.db", "sqlite:///a.db-adc_kit_1?migrate=true"),
        (
            "sqlite:///a.db?migrate=false&busy_timeout=5",
            "sqlite:///a.db-adc_kit_1?busy_timeout=5&migrate=true",
        ),
        ("postgres://h/d", "postgres://h/d?prefix=adc_kit_1_&migrate=true"),
        (
            "postgresql://a:p%3Fq@h/d?schema=s&pref%69x=mine_",
            "postgresql://a:p%3Fq@h/d?schema=s&prefix=adc_kit_1_&migrate=true",
        ),
        ("redis://:a=b@h/3?prefix=mine&timeout=3", "redis://:a=b@h/3?timeout=3&prefix=adc_kit_1"),
        ("redis+cluster://h:1,i:2", "redis+cluster://h:1,i:2?prefix=adc_kit_1"),
    ],
)
def test_what_a_place_is_called(url, expected):
    registry = Registry()
    scratch = registry.scratch(url)
    assert scratch is not None
    made = scratch.url(url, "adc_kit_1")
    assert made == expected
    registry.storage(made)
    # The longest name that is promised.
    registry.storage(scratch.url(url, "x" * 25))


def test_a_place_that_is_not_there_is_removed_without_harm(tmp_path, postgresql_url, redis_url):
    for url in (f"sqlite:///{tmp_path}/a.db", postgresql_url, redis_url, "memory://"):
        scratch = Registry().scratch(url)
        assert scratch is not None
        asyncio.run(scratch.remove(scratch.url(url, "adc_kit_none")))


def test_a_url_that_a_backend_can_not_read_is_refused():
    for url in ("sqlite://", "postgresql://h/d?what=1", "redis://h/x"):
        scratch = Registry().scratch(url)
        assert scratch is not None
        with pytest.raises(ConfigurationError):
            scratch.url(url, "adc_kit_1")


def test_what_can_not_be_removed_is_named(tmp_path: Path, monkeypatch):
    with closing(UrlHarness(f"sqlite:///{tmp_path}/jobs.db")) as harness:
        (tmp_path / "jobs.db-adc_kit_stuck").mkdir()
        harness.remove("adc_kit_stuck")
        assert harness.left == ["adc_kit_stuck"]
