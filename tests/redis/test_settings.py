"""What is said of a server's settings, and what they allow to be declared."""

from __future__ import annotations

import asyncio
import logging

import pytest

from aide_de_camp.spi import (
    Capability,
    ConfigurationError,
    HoldStatus,
    SettleKind,
    StorageUnavailable,
)
from aide_de_camp_backends.redis.inspection import Server

from ..servers import RedisServer

ALWAYS = {Capability.WAKE_UP, Capability.SHARED, Capability.MOVE}
DURABLE = {Capability.SURVIVES_KILL, Capability.SURVIVES_POWER_LOSS}
KEPT = [b"appendonly", b"yes", b"appendfsync", b"always", b"no-appendfsync-on-rewrite", b"no"]
INFO = b"server_name:valkey\r\nredis_version:7.2.4\r\nvalkey_version:9.1.2\r\nrole:master\r\n"


def looked_at(bench_at, url: str) -> tuple[frozenset[Capability], str]:
    async def run() -> tuple[frozenset[Capability], str]:
        async with bench_at(url).opened() as storage:
            return storage.capabilities, storage.server

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("persistence", "declared", "said"),
    [
        ("none", set(), "nothing persisted"),
        ("rdb", set(), "snapshots"),
        ("everysec", set(), "appendfsync=everysec"),
        ("always", DURABLE, "appendfsync=always"),
    ],
)
def test_durability_is_declared_from_the_settings(bench_at, servers, persistence, declared, said):
    url = servers.redis(persistence=persistence).fresh_url()
    capabilities, server = looked_at(bench_at, url)
    assert capabilities == ALWAYS | declared
    assert said in server
    assert "maxmemory-policy=noeviction" in server


def test_it_warns_once_of_eviction_and_of_no_persistence(bench_at, caplog):
    with RedisServer(settings={"maxmemory-policy": "allkeys-lru"}) as server:
        bench = bench_at(server.url())

        async def run() -> None:
            from aide_de_camp_backends.redis.plugin import connect

            opener = connect(bench.url, {})
            for _ in range(2):
                storage = opener()
                await storage.open()
                await storage.close()

        with caplog.at_level(logging.WARNING, "aide_de_camp"):
            asyncio.run(run())
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert "allkeys-lru" in told[0]
    assert "persists nothing" in told[1]


def test_nothing_is_warned_of_on_a_good_server(bench_at, servers, caplog):
    with caplog.at_level(logging.WARNING, "aide_de_camp"):
        looked_at(bench_at, servers.redis(persistence="always").fresh_url())
    assert caplog.records == []


def test_where_config_is_forbidden_nothing_is_declared(bench_at):
    with RedisServer(persistence="always") as server:
        server.call("ACL", "SETUSER", "app", "on", ">pw", "~*", "&*", "+@all", "-config")
        url = server.url().replace("redis://", "redis://app:pw@")
        capabilities, said = looked_at(bench_at, url)
    assert capabilities == ALWAYS
    assert "append-only file" in said


def test_a_replica_that_may_be_promoted_makes_no_promise():
    with_replica = INFO + b"connected_slaves:1\r\naof_enabled:1\r\n"
    alone = INFO + b"connected_slaves:0\r\naof_enabled:1\r\n"
    assert Server.read(alone, KEPT, guarded=False).durability == DURABLE
    assert Server.read(with_replica, KEPT, guarded=False).durability == set()
    assert Server.read(alone, KEPT, guarded=True).durability == set()
    unsafe = [*KEPT[:-1], b"yes"]
    assert Server.read(alone, unsafe, guarded=False).durability == {Capability.SURVIVES_KILL}


@pytest.mark.parametrize("version", ["2.8.24", "5.0.14", "6.2.16"])
def test_a_server_that_is_too_old_is_refused(version):
    server = Server.read(f"redis_version:{version}\r\n".encode(), None, guarded=False)
    with pytest.raises(ConfigurationError, match=version):
        server.check()


@pytest.mark.parametrize("version", ["7.0.15", "7.2.4", "8.2.1", "10.0.0"])
def test_a_server_that_is_new_enough_is_taken(version):
    Server.read(f"redis_version:{version}\r\n".encode(), None, guarded=False).check()


def test_a_full_server_refuses_new_jobs_and_ends_old_ones(bench_at):
    with RedisServer() as server:
        bench = bench_at(server.url())

        async def run() -> None:
            async with bench.opened() as storage:
                await bench.put(storage, *[bench.job() for _ in range(3)])
                (job,) = (await bench.claim(storage, limit=1)).jobs
                server.call("CONFIG", "SET", "maxmemory", "1")
                with pytest.raises(StorageUnavailable, match="OOM") as caught:
                    await bench.put(storage, bench.job())
                assert not caught.value.outcome_unknown
                await bench.settle(storage, job)
                for job in (await bench.claim(storage, limit=9)).jobs:
                    await bench.settle(storage, job, SettleKind.DEAD, reason="why")
                    (held,) = await storage.hold("q", [job.id])
                    assert await storage.unhold("q", [job.id], now=None) == [HoldStatus.DONE]
                    await storage.delete("q", [job.id])
                    with pytest.raises(StorageUnavailable, match="OOM"):
                        await storage.import_jobs("q", [held])
                    assert await storage.get("q", [job.id]) == [None]
                assert await storage.prune("q", 0, 9, now=bench.now) == 1
                server.call("CONFIG", "SET", "maxmemory", "0")
                await bench.put(storage, bench.job())

        asyncio.run(run())
