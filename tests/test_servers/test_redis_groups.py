"""The servers that are more than one: a cluster, and a master with its sentinels."""

from __future__ import annotations

import asyncio

import pytest
import redis.asyncio as driver
import redis.asyncio.sentinel as sentinel_driver

from ..servers import RedisCluster, RedisSentinels


def test_a_cluster_is_spread_over_three_masters(redis_cluster):
    async def spread() -> set[int]:
        host, port = "127.0.0.1", redis_cluster.ports[0]
        async with driver.RedisCluster(host=host, port=port) as client:
            for number in range(64):
                await client.set(f"key{number}", "a")
                assert await client.get(f"key{number}") == b"a"
        return {redis_cluster.master_of(f"key{number}").port for number in range(64)}

    assert asyncio.run(spread()) == {node.port for node in redis_cluster.masters()}
    assert len(redis_cluster.masters()) == 3
    redis_cluster.flush()
    assert [node.call("DBSIZE") for node in redis_cluster.masters()] == [0, 0, 0]


def test_a_cluster_outlives_a_master():
    with RedisCluster() as cluster:
        old = cluster.master_of("a")
        old.call("SET", "a", "b")
        assert old.call("WAIT", 1, 0) == 1
        new = cluster.fail_over(old)
        assert not old.running
        assert cluster.master_of("a") is new
        assert new.call("GET", "a") == "b"

        cluster.restart()
        assert cluster.replica_of(new) is old
        assert cluster.hand_over(new) is old
        assert (cluster.master_of("a"), old.call("GET", "a")) == (old, "b")


@pytest.mark.parametrize("password", [None, "c4n4ry"])
def test_sentinels_name_another_master(password):
    async def write(value: str) -> object:
        addresses = [(node.host, node.port) for node in group.sentinels]
        finder = sentinel_driver.Sentinel(addresses)
        async with finder.master_for(group.service, password=password) as client:
            before = await client.get("a")
            await client.set("a", value)
            await client.execute_command("WAIT", 1, 0)
        for asked in finder.sentinels:
            await asked.aclose()
        return before

    with RedisSentinels(password=password) as group:
        old = group.master()
        assert asyncio.run(write("b")) is None
        old.call("WAIT", 2, 0)  # whichever replica is chosen has it
        new = group.fail_over()
        assert new is not old
        assert asyncio.run(write("c")) == b"b"
        assert new.call("GET", "a") == "c"
