"""What the server refuses, early or in the middle of a script, and what is said of it (ERR-1)."""

from __future__ import annotations

import asyncio
import logging

import pytest
from redis.exceptions import AskError, MovedError

from aide_de_camp.spi import (
    JobState,
    SettleKind,
    StorageError,
    StorageUnavailable,
    Wake,
)
from aide_de_camp_backends.redis.failures import translate

from ..servers import RedisServer
from .soundness import check

REFUSED = "NOPERM.*SPUBLISH|answered ERR.*its cause tells more"
"""Redis 7.0 has no code of its own for what a script's user may not do."""


@pytest.fixture
def server():
    with RedisServer(persistence="always") as started:
        yield started


def as_user(server: RedisServer, *rights: str) -> str:
    server.call("ACL", "SETUSER", "app", "reset", "on", ">pw", *rights)
    return server.url().replace("redis://", "redis://app:pw@")


def test_a_user_who_may_not_publish_changes_nothing(bench_at, server):
    """ENQ-4, ERR-1: a script isn't undone, so it publishes before it changes anything."""
    bench = bench_at(as_user(server, "~*", "&*", "+@all"))

    async def run() -> None:
        async with bench.opened() as storage:
            (kept,) = await bench.put(storage, bench.job())
            (job,) = (await bench.claim(storage)).jobs
            (before,) = await storage.get("q", [kept])
            as_user(server, "~*", "+@all")
            refused = bench.job()
            with pytest.raises(StorageError, match=REFUSED):
                await bench.put(storage, refused)
            assert await storage.get("q", [refused.id]) == [None]
            for kind in (SettleKind.RETRY, SettleKind.SNOOZED, SettleKind.RELEASED):
                with pytest.raises(StorageError, match=REFUSED):
                    await bench.settle(storage, job, kind)
            with pytest.raises(StorageError, match=REFUSED):
                await storage.reap("q", 9, now=bench.now + 10**12)
            assert await storage.get("q", [kept]) == [before]
            check(server, bench.url, "q")
            await bench.settle(storage, job)  # which publishes nothing
            (after,) = await storage.get("q", [kept])
            assert after.state is JobState.COMPLETED

    asyncio.run(run())


def test_a_script_that_was_begun_is_not_said_to_have_changed_nothing(bench, redis_server):
    """ERR-1: a key of another kind, which only somebody else can have written."""
    database = int(bench.url.rpartition("/")[2])

    async def run() -> None:
        async with bench.opened() as storage:
            redis_server.call("SET", "{adc:q}:ids", "not a set", database=database)
            with pytest.raises(StorageError, match="first half may stay") as caught:
                await bench.put(storage, bench.job())
            assert "nothing was changed" not in str(caught.value)

    asyncio.run(run())


def test_a_user_who_may_not_subscribe_is_warned_once(bench_at, server, caplog):
    """WAK-1: else a runner would only poll, and nobody would know why."""
    bench = bench_at(as_user(server, "~*", "+@all"))

    async def run() -> None:
        async with bench.opened() as storage:
            ticket = storage.ticket("q")
            async with asyncio.timeout(30):
                while not caplog.records:
                    await asyncio.sleep(0.01)
            as_user(server, "~*", "&*", "+@all")
            assert await storage.wait("q", ticket, 30) is Wake.WORK

    with caplog.at_level(logging.WARNING, "aide_de_camp"):
        asyncio.run(run())
    (told,) = caplog.records
    assert "no wake-ups" in told.getMessage()
    assert "SSUBSCRIBE" in told.getMessage()


@pytest.mark.parametrize("kind", [MovedError, AskError])
def test_a_queue_that_keeps_moving_is_worth_a_repeat(kind):
    error = translate(kind("7638 127.0.0.1:7000"), "h:1", unknown=False)
    assert isinstance(error, StorageUnavailable)
    assert not error.outcome_unknown
    assert "try again" in str(error)


def test_no_error_is_its_own_cause(bench):
    """ERR-1: whoever follows the causes comes to an end."""

    async def run() -> None:
        async with bench.opened(pool_size="1", pool_timeout="0.05") as storage:
            (node,) = await storage._opened.place.masters()
            line = await node.take()
            for call in (bench.claim(storage), storage._opened.at(node, "INFO")):
                with pytest.raises(StorageUnavailable, match="pool_size") as caught:
                    await call
                assert isinstance(caught.value.__cause__, TimeoutError)
            node.give_back(line)

    asyncio.run(run())
