"""What the tests of the PostgreSQL backend share: a database, and a storage on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from aide_de_camp_backends.postgresql.plugin import connect
from aide_de_camp_backends.postgresql.storage import PostgresStorage

from ..calls import Calls

CHILD = Path(__file__).with_name("child.py")


class DatabaseBench(Calls):
    """A database of its own, and short ways to use it."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    @asynccontextmanager
    async def opened(
        self, url: str | None = None, **options: str
    ) -> AsyncIterator[PostgresStorage]:
        storage = connect(url or self.url, options)()
        assert isinstance(storage, PostgresStorage)
        await storage.open()
        try:
            yield storage
        finally:
            await storage.close()

    def child(self, command: str, url: str | None = None) -> subprocess.Popen[str]:
        """Start another process on the database; see child.py."""
        return subprocess.Popen(
            [sys.executable, "-W", "error", str(CHILD), command, url or self.url],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    async def sql(self, statement: str, *arguments: Any) -> list[Any]:
        """Run a statement beside the storage."""
        connection: Any = await asyncpg.connect(self.url)
        try:
            return [tuple(row) for row in await connection.fetch(statement, *arguments)]
        finally:
            await connection.close()


@pytest.fixture
def bench(postgresql_url: str) -> DatabaseBench:
    return DatabaseBench(postgresql_url)


def outcome(process: subprocess.Popen[str]) -> str:
    """Give what a child printed; it must have ended well."""
    printed, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    return printed
