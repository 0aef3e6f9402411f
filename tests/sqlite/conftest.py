"""What the tests of the SQLite backend share: a file, and other processes on it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from aide_de_camp_backends.sqlite.plugin import connect
from aide_de_camp_backends.sqlite.storage import SqliteStorage

from ..calls import SECOND, START, Calls

__all__ = ["SECOND", "START"]
CHILD = Path(__file__).with_name("child.py")


class Bench(Calls):
    """A file of its own, and short ways to use it."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.url = f"sqlite:///{path}"

    @asynccontextmanager
    async def opened(self, **options: str) -> AsyncIterator[SqliteStorage]:
        storage = connect(self.url, options)()
        assert isinstance(storage, SqliteStorage)
        await storage.open()
        try:
            yield storage
        finally:
            await storage.close()

    def child(self, *arguments: str) -> subprocess.Popen[str]:
        """Start another process on the file; see child.py."""
        return subprocess.Popen(
            [sys.executable, "-W", "error", str(CHILD), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path / "jobs.db")


def outcome(process: subprocess.Popen[str]) -> str:
    """Give what a child printed; it must have ended well."""
    printed, complaints = process.communicate(timeout=120)
    assert process.returncode == 0, complaints
    return printed


@pytest.fixture(name="outcome")
def outcome_fixture() -> Any:
    return outcome
