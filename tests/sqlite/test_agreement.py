"""SQLite answers as the memory backend does."""

from __future__ import annotations

import asyncio

import pytest

from ..agreement import agree


@pytest.mark.parametrize("seed", range(8))
def test_sqlite_answers_as_memory_does(bench, seed):
    async def run() -> None:
        async with bench.opened(synchronous="normal") as sqlite:
            await agree(bench, sqlite, seed)

    asyncio.run(run())
