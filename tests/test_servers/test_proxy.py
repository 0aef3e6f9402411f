from __future__ import annotations

import asyncio
import socket

import asyncpg
import pytest
import redis.asyncio as driver

from ..servers.process import wait_until
from ..servers.resp import Line


def test_it_passes_everything_on(redis_server, redis_url, proxy_to):
    """Also what doesn't come in one piece."""
    large = b"\x00\xff\r\n" * 1_000_000

    async def echo(url: str) -> object:
        async with driver.Redis.from_url(url) as client:
            await client.set("large", large)
            return await client.get("large")

    proxy = proxy_to(redis_server.port)
    assert f":{proxy.port}/" in proxy.through(redis_url)
    assert asyncio.run(echo(proxy.through(redis_url))) == large


def test_an_address_keeps_all_but_its_server(proxy_to):
    proxy = proxy_to(1)
    url = proxy.through("postgresql://a:b%40c@127.0.0.1:5432/d?e=f")
    assert url == f"postgresql://a:b%40c@127.0.0.1:{proxy.port}/d?e=f"


def test_a_lost_reply_is_to_a_request_that_took_effect(redis_server, proxy_to):
    proxy = proxy_to(redis_server.port)
    redis_server.call("DEL", "counter")
    with Line(proxy.port) as line, Line(proxy.port) as other:
        assert line.call("PING") == "PONG"
        lost = proxy.lose_reply(to=b"INCR")
        assert line.call("PING") == "PONG"
        assert not lost.happened
        with pytest.raises(OSError):  # noqa: PT011 - a reset or an end, as the system has it
            line.call("INCR", "counter")
        lost.wait()
        assert other.call("INCR", "counter") == 2


def test_a_lost_request_took_no_effect(redis_server, proxy_to):
    proxy = proxy_to(redis_server.port)
    redis_server.call("DEL", "counter")
    lost = proxy.lose_request(b"INCR", times=2)
    for _ in range(2):
        with Line(proxy.port) as line, pytest.raises(OSError):  # noqa: PT011 - as above
            line.call("INCR", "counter")
    lost.wait()
    assert lost.count == 2
    with Line(proxy.port) as line:
        assert line.call("INCR", "counter") == 1


def test_a_reply_is_cut_after_some_bytes(redis_server, proxy_to):
    proxy = proxy_to(redis_server.port)
    redis_server.call("SET", "text", "0123456789")
    lost = proxy.lose_reply(after=7)
    with socket.create_connection((proxy.host, proxy.port)) as client:
        client.sendall(b"GET text\r\n")
        got = b""
        try:
            while chunk := client.recv(100):
                got += chunk
        except ConnectionResetError:
            pass
    assert got == b"$10\r\n01"
    lost.wait()


def test_a_pattern_may_come_in_two_parts(redis_server, proxy_to):
    proxy = proxy_to(redis_server.port)
    lost = proxy.lose_reply(to=b"PING twice")
    with socket.create_connection((proxy.host, proxy.port)) as client:
        client.sendall(b"PING once\r\nPING tw")
        assert client.recv(100) == b"$4\r\nonce\r\n"
        client.sendall(b"ice\r\n")
        with pytest.raises(ConnectionResetError):
            client.recv(100)
    lost.wait()


def test_cutting_and_refusing(redis_server, proxy_to):
    proxy = proxy_to(redis_server.port)
    with Line(proxy.port) as line, Line(proxy.port) as other:
        assert [line.call("PING"), other.call("PING")] == ["PONG", "PONG"]
        proxy.refuse()
        with pytest.raises(ConnectionRefusedError):
            Line(proxy.port)
        assert line.call("PING") == "PONG"
        assert proxy.connections == 2
        assert proxy.cut() == 2
        with pytest.raises(OSError):  # noqa: PT011 - as above
            line.call("PING")
    proxy.resume()
    with Line(proxy.port) as line:
        assert line.call("PING") == "PONG"


def test_stalling_holds_both_directions_back(redis_server, proxy_to):
    proxy = proxy_to(redis_server.port)
    redis_server.call("DEL", "counter")
    with socket.create_connection((proxy.host, proxy.port)) as client:
        proxy.stall(requests=False)
        client.sendall(b"INCR counter\r\n")
        wait_until(lambda: redis_server.call("GET", "counter"), "The request didn't go through")
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(100)
        client.settimeout(30)
        proxy.resume()
        assert client.recv(100) == b":1\r\n"
        proxy.stall()
        client.sendall(b"INCR counter\r\n")
        client.settimeout(0.05)
        with pytest.raises(TimeoutError):
            client.recv(100)
        assert redis_server.call("GET", "counter") == "1"


def test_a_dead_server_is_a_reset(proxy_to):
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        proxy = proxy_to(nobody.getsockname()[1])
        client = socket.create_connection((proxy.host, proxy.port))
        with client, pytest.raises(ConnectionResetError):
            client.recv(1)


def test_a_commit_whose_reply_is_lost(postgresql_server, postgresql_url, proxy_to):
    """From the driver's own loop, as a backend's test would do it."""
    proxy = proxy_to(postgresql_server.port)

    async def main() -> object:
        connection = await asyncpg.connect(proxy.through(postgresql_url))
        await connection.execute("CREATE TABLE t (a int)")
        lost = proxy.lose_reply(to=b"COMMIT")
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
            async with connection.transaction():
                await connection.execute("INSERT INTO t VALUES ($1)", 1)
        assert lost.happened
        connection.terminate()
        again = await asyncpg.connect(proxy.through(postgresql_url))
        try:
            return await again.fetchval("SELECT count(*) FROM t")
        finally:
            await again.close()

    assert asyncio.run(main()) == 1
