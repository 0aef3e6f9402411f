"""Random calls, made to PostgreSQL and to the memory backend: every answer must be the same."""

from __future__ import annotations

import asyncio

import pytest

from ..agreement import agree


@pytest.mark.parametrize("seed", range(8))
def test_postgresql_answers_as_memory_does(bench, seed):
    async def run() -> None:
        async with bench.opened() as storage:
            await agree(bench, storage, seed)

    asyncio.run(run())
