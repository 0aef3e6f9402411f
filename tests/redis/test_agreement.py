"""Redis answers as the memory backend does, and its keys agree with each other afterwards."""

from __future__ import annotations

import asyncio

import pytest

from ..agreement import agree
from .soundness import check


@pytest.mark.parametrize("seed", range(8))
def test_redis_answers_as_memory_does(bench, redis_server, seed):
    """OBS-3: counters and indexes don't drift from the jobs."""

    async def run() -> None:
        async with bench.opened() as redis:
            await agree(bench, redis, seed)

    asyncio.run(run())
    assert check(redis_server, bench.url, "q")
