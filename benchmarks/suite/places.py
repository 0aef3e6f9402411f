"""Where jobs are stored: private servers, and a fresh place on them for every measurement.

PostgreSQL with fsync and its stock settings, Redis or Valkey with the persistence of its stock
configuration (snapshots, no append-only file), SQLite's files beside the results, on their disk.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Self

from attrs import frozen
from benchmarks.suite.processes import cpu_seconds
from tests.servers import PostgresServer, RedisServer

STOCK_POSTGRESQL: dict[str, str | int] = {"shared_buffers": "128MB", "max_connections": 100}
STOCK_REDIS = {"save": "3600 1 300 100 60 10000"}


@frozen
class Place:
    """A fresh place for jobs.

    Attributes:
        url: its address.
        cpu: CPU seconds that its server used so far; 0 where there is none.
        size: bytes that it takes; None where that can't be told.
    """

    url: str
    cpu: Callable[[], float]
    size: Callable[[], int | None]


def nothing() -> float:
    return 0.0


def unknown() -> int | None:
    return None


class Places:
    """The servers, started when first needed, and ended with this."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._stack = ExitStack()
        self._postgresql: PostgresServer | None = None
        self._redis: RedisServer | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def version(self, backend: str) -> str:
        """Say which server it is."""
        if backend == "postgresql":
            return f"PostgreSQL {self._server().sql('SHOW server_version')[0][0]}"
        if backend == "redis":
            info = self._cache().info("server")
            name = info.get("server_name", "redis").capitalize()
            return f"{name} {info.get('valkey_version') or info['redis_version']}"
        return f"SQLite {sqlite3.sqlite_version}" if backend == "sqlite" else "memory"

    @contextmanager
    def fresh(self, backend: str) -> Iterator[Place]:
        """Give an empty place, removed afterwards."""
        make = {
            "postgresql": self._database,
            "redis": self._emptied,
            "sqlite": self._file,
            "memory": self._memory,
        }
        with make[backend]() as place:
            yield place

    @contextmanager
    def _database(self) -> Iterator[Place]:
        server = self._server()
        url = server.create_database()
        name = url.rpartition("/")[2]
        try:
            yield Place(
                url,
                lambda: cpu_seconds([server.process.pid]),
                lambda: int(server.sql(f"SELECT pg_database_size('{name}')")[0][0]),
            )
        finally:
            server.drop_database(url)
            # What one contestant left to be written must not be written in another's time.
            server.sql("CHECKPOINT")

    @contextmanager
    def _emptied(self) -> Iterator[Place]:
        server = self._cache()
        server.call("FLUSHALL", "SYNC")
        yield Place(
            server.url(),
            lambda: cpu_seconds([server.process.pid]),
            lambda: int(server.info("memory")["used_memory_dataset"]),
        )
        server.call("FLUSHALL", "SYNC")

    @contextmanager
    def _file(self) -> Iterator[Place]:
        folder = Path(tempfile.mkdtemp(dir=self._folder))
        path = folder / "jobs.db"
        try:
            yield Place(f"sqlite:///{path}", nothing, lambda: _used(path))
        finally:
            shutil.rmtree(folder)

    @contextmanager
    def _memory(self) -> Iterator[Place]:
        yield Place("memory://", nothing, unknown)

    def _server(self) -> PostgresServer:
        if self._postgresql is None:
            server = PostgresServer(durable=True, settings=STOCK_POSTGRESQL)
            self._postgresql = self._stack.enter_context(server)
        return self._postgresql

    def _cache(self) -> RedisServer:
        if self._redis is None:
            self._redis = self._stack.enter_context(RedisServer(settings=STOCK_REDIS))
        return self._redis


def _used(path: Path) -> int:
    """Give the bytes of the pages in use."""
    if not path.exists():
        return 0
    connection = sqlite3.connect(path)
    try:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    finally:
        connection.close()
    return int((pages - free) * size)
