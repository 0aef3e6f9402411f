"""What the tests of the Redis backend share: a place in a server, and short ways to use it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from aide_de_camp_backends.redis.plugin import connect
from aide_de_camp_backends.redis.storage import RedisStorage

from ..calls import Calls


class Bench(Calls):
    """An address, and short ways to use what is there."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url

    @asynccontextmanager
    async def opened(self, url: str | None = None, **options: str) -> AsyncIterator[RedisStorage]:
        storage = connect(url or self.url, options)()
        assert isinstance(storage, RedisStorage)
        await storage.open()
        try:
            yield storage
        finally:
            await storage.close()


@pytest.fixture
def bench(redis_url: str) -> Bench:
    return Bench(redis_url)


@pytest.fixture
def bench_at() -> type[Bench]:
    return Bench
