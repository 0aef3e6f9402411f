"""Every backend does what the model of the contract does, whatever is done."""

from __future__ import annotations

from aide_de_camp_conformance.model import ModelConformance

from .test_memory import MemoryHarness
from .test_postgresql import PostgresHarness
from .test_redis import RedisHarness
from .test_sqlite import SqliteHarness


class TestMemory(ModelConformance):
    harness = MemoryHarness


class TestSqlite(ModelConformance):
    harness = SqliteHarness


class TestPostgres(ModelConformance):
    harness = PostgresHarness


class TestRedis(ModelConformance):
    harness = RedisHarness
