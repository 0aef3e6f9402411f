"""Passwords and payloads are in no message and no log (DEC-6, ERR-1)."""

from __future__ import annotations

import asyncio
import logging
import traceback

import pytest

from aide_de_camp.spi import AideDeCampError, ConfigurationError, StorageError
from aide_de_camp_backends.redis.plugin import connect

from ..servers import RedisServer

PASSWORD = "open-sesame"
PAYLOAD = b"a customer's address"


def told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize(
    "url",
    [
        f"redis://:{PASSWORD}@host:port/0",
        f"redis://user:{PASSWORD}@host/x",
        f"redis://user:{PASSWORD}@/0",
        f"redis://user:{PASSWORD}@host/0?colour=blue",
        f"redis+cluster://user:{PASSWORD}@host/5",
        f"redis+sentinel://user:{PASSWORD}@host?sentinel_password={PASSWORD}",
        f"rediss://user:{PASSWORD}@host?tls_check_host=perhaps",
    ],
)
def test_a_bad_url_is_refused_without_being_shown(url):
    with pytest.raises(ConfigurationError) as caught:
        connect(url, {})
    assert PASSWORD not in told(caught.value)


def test_a_wrong_password_is_not_shown(bench_at, caplog):
    with RedisServer(password=f"not {PASSWORD}") as server:
        bench = bench_at(f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0")

        async def run() -> None:
            async with bench.opened():
                raise AssertionError("it was let in")

        with caplog.at_level(logging.DEBUG), pytest.raises(StorageError) as caught:
            asyncio.run(run())
    assert "password" in str(caught.value)
    assert PASSWORD not in told(caught.value)
    assert PASSWORD not in caplog.text


def test_a_refused_user_is_told_what_it_needs(bench_at):
    with RedisServer() as server:
        server.call("ACL", "SETUSER", "app", "on", f">{PASSWORD}", "~*", "&*", "+@all", "-evalsha")
        bench = bench_at(f"redis://app:{PASSWORD}@127.0.0.1:{server.port}/0")

        async def run() -> AideDeCampError:
            async with bench.opened() as storage:
                with pytest.raises(StorageError, match="NOPERM") as caught:
                    await bench.put(storage, bench.job(payload=PAYLOAD))
                return caught.value

        error = asyncio.run(run())
    assert PAYLOAD.decode() not in told(error)
    assert PASSWORD not in told(error)


def test_no_payload_is_logged_or_told(bench, redis_server, caplog):
    async def run() -> str:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job(payload=PAYLOAD))
            redis_server.call("CLIENT", "KILL", "TYPE", "normal")
            database = int(bench.url.rpartition("/")[2])
            redis_server.call("DEL", "{adc:q}:job", database=database)
            redis_server.call("SET", "{adc:q}:job", "not a hash", database=database)
            await asyncio.sleep(0.05)
            with pytest.raises(AideDeCampError) as caught:
                await bench.put(storage, bench.job(payload=PAYLOAD))
            return told(caught.value) + repr(storage)

    with caplog.at_level(logging.DEBUG):
        said = asyncio.run(run())
    assert PAYLOAD.decode() not in said
    assert PAYLOAD.decode() not in caplog.text
