"""Wake-ups by LISTEN and NOTIFY (clause WAK-1)."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from aide_de_camp.spi import Capability, Wake
from aide_de_camp_backends.postgresql.statement import Layout
from aide_de_camp_backends.postgresql.wakeups import channel_of

PATIENCE = 60.0


async def settled(storage) -> int:
    """Wait until the listening has begun, and give a ticket taken after that."""
    first = storage.ticket("q")
    async with asyncio.timeout(PATIENCE):
        assert await storage.wait("q", first, PATIENCE) is Wake.WORK
    ticket: int = storage.ticket("q")
    return ticket


async def woken(storage, ticket) -> None:
    async with asyncio.timeout(PATIENCE):
        assert await storage.wait("q", ticket, 2 * PATIENCE) is Wake.WORK


def test_another_storage_s_enqueue_wakes(bench):
    async def run() -> None:
        async with bench.opened() as one, bench.opened() as other:
            assert Capability.WAKE_UP in one.capabilities
            ticket = await settled(one)
            await bench.put(other, bench.job())
            await woken(one, ticket)
            # What was told is of one queue, and nothing is left to tell.
            assert await one.wait("elsewhere", one.ticket("elsewhere"), 0) is Wake.TIMEOUT

    asyncio.run(run())


def test_listening_begins_again_after_a_loss(bench, postgresql_server, proxy_to):
    proxy = proxy_to(postgresql_server.port)

    async def run() -> None:
        async with bench.opened(proxy.through(bench.url)) as one, bench.opened() as other:
            ticket = await settled(one)
            proxy.refuse()
            proxy.cut()
            await bench.put(other, bench.job())
            proxy.resume()
            # What was told meanwhile is lost: the new beginning counts for it.
            await woken(one, ticket)
            ticket = one.ticket("q")
            await bench.put(other, bench.job())
            await woken(one, ticket)

    asyncio.run(run())


def test_many_enqueues_are_told_in_few_notifications(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            heard: list[str] = []
            connection = await asyncpg.connect(bench.url)
            channel = channel_of(Layout("public", "adc_"))
            await connection.add_listener(channel, lambda *told: heard.append(told[3]))
            await asyncio.gather(*(bench.put(storage, bench.job()) for _ in range(200)))
            async with asyncio.timeout(PATIENCE):
                while not heard:
                    await asyncio.sleep(0.01)
            await connection.close()
            assert len(heard) < 20

    asyncio.run(run())


def test_nothing_is_told_within_the_enqueueing_statement(bench):
    """A commit that notifies takes a lock of the whole server (P26)."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            (source,) = await bench.sql(
                "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'adc_job'::regclass"
            )
            assert source == (0,)

    asyncio.run(run())


@pytest.mark.parametrize("options", [{"listen": "off"}, {"pooled": "yes"}])
def test_without_listening_nothing_is_promised(bench, options, monkeypatch):
    """Behind a pooler the session that listens isn't ours: runners poll."""
    if options.pop("pooled", None):
        monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda self: 0)

    async def run() -> None:
        async with bench.opened(**options) as storage:
            assert Capability.WAKE_UP not in storage.capabilities
            ticket = storage.ticket("q")
            assert await storage.wait("q", ticket, 0.01) is Wake.TIMEOUT
            await bench.put(storage, bench.job())
            assert await storage.wait("q", ticket, 30) is Wake.WORK

    asyncio.run(run())
