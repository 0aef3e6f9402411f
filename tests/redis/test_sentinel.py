"""The master that sentinels name, and the one that takes its place."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp.spi import Capability, LeaseResult, StorageUnavailable, Wake

from ..servers import RedisSentinels


def test_the_new_master_is_found(bench_at):
    with RedisSentinels(persistence="always") as sentinels:
        bench = bench_at(sentinels.url())

        async def until_it_works(call):
            async with asyncio.timeout(60):
                while True:
                    try:
                        return await call()
                    except StorageUnavailable:
                        await asyncio.sleep(0.05)

        async def run() -> None:
            async with bench.opened() as storage:
                assert storage.capabilities == {
                    Capability.WAKE_UP,
                    Capability.SHARED,
                    Capability.MOVE,
                }
                storage.ticket("q")
                await bench.put(storage, bench.job(), bench.job(), now=None)
                (held,) = (await bench.claim(storage, limit=1, now=None)).jobs
                assert sentinels.master().call("WAIT", 2, 10_000) == 2
                await asyncio.to_thread(sentinels.fail_over)
                settled = await until_it_works(lambda: bench.settle(storage, held, now=None))
                assert settled is LeaseResult.APPLIED
                (other,) = (await bench.claim(storage, now=None)).jobs
                assert other.token > held.token
                ticket = storage.ticket("q")
                while await storage.wait("q", ticket, 0.2) is Wake.WORK:
                    ticket = storage.ticket("q")
                await bench.put(storage, bench.job(), now=None)
                assert await storage.wait("q", ticket, 60) is Wake.WORK

        asyncio.run(run())


def test_a_service_that_no_sentinel_knows(bench_at, servers):
    url = servers.redis_sentinels().url().replace("/adc/", "/other/")

    async def run() -> None:
        async with bench_at(url).opened():
            raise AssertionError("there is no such service")

    with pytest.raises(StorageUnavailable, match="'other'"):
        asyncio.run(run())
