"""Who waits is woken, whatever becomes of the call that made work (clauses WAK-1, LIV-4)."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from aide_de_camp.spi import Requeue, SettleKind, Settlement, StorageUnavailable, Wake

from ..calls import SECOND
from .test_outages import holding, waiting_for_a_lock
from .test_waking import PATIENCE, settled, woken


@pytest.fixture
def proxy(postgresql_server, proxy_to):
    return proxy_to(postgresql_server.port)


async def quiet(storage) -> int:
    """Give a ticket taken when nothing is told any more."""
    ticket: int = storage.ticket("q")
    while await storage.wait("q", ticket, 0.3) is Wake.WORK:
        ticket = storage.ticket("q")
    return ticket


async def prepared(bench, storage, verb: str):
    """Have a job that a verb makes claimable; give it, and the verb's call."""
    job = bench.job()
    if verb != "enqueue":
        await bench.put(storage, job)
    if verb in ("requeue", "settle", "reap"):
        (held,) = (await bench.claim(storage, lease=SECOND)).jobs
    if verb == "requeue":
        await bench.settle(storage, held, SettleKind.DEAD)
    if verb == "unhold":
        await storage.hold("q", [job.id])

    async def call(other):
        match verb:
            case "enqueue":
                await other.enqueue("q", [job], now=bench.now)
            case "requeue":
                await other.requeue("q", [Requeue(job.id, uuid4())], now=bench.now)
            case "settle":
                released = Settlement(job.id, held.token, SettleKind.RELEASED)
                await other.settle("q", [released], now=bench.now)
            case "unhold":
                await other.unhold("q", [job.id], now=bench.now)
            case _:
                await other.reap("q", 5, now=bench.now + 2 * SECOND)

    return job, call


@pytest.mark.parametrize("verb", ["enqueue", "requeue", "settle", "unhold", "reap"])
def test_what_took_effect_is_told_even_if_its_reply_was_lost(bench, proxy, verb):
    async def run() -> None:
        async with (
            bench.opened() as listener,
            bench.opened(proxy.through(bench.url)) as storage,
        ):
            await settled(listener)
            await settled(storage)
            job, call = await prepared(bench, listener, verb)
            # Once before, so that what is cut is the statement and not its preparation.
            await storage.reap("elsewhere", 5, now=bench.now)
            ticket, own = await quiet(listener), await quiet(storage)
            proxy.lose_reply(b"\0\0\0\1q" if verb == "reap" else job.id.bytes)
            with pytest.raises(StorageUnavailable) as caught:
                await call(storage)
            assert caught.value.outcome_unknown is True
            assert await storage.wait("q", own, PATIENCE) is Wake.WORK
            await woken(listener, ticket)
            later = bench.now + 2 * SECOND
            assert [each.id for each in (await bench.claim(listener, now=later)).jobs] == [job.id]

    asyncio.run(run())


def test_a_repeat_that_finds_all_done_tells_too(bench):
    """Who made the first call may have died before it told anybody."""

    async def run() -> None:
        async with bench.opened() as listener, bench.opened() as storage:
            await settled(listener)
            job = bench.job()
            await bench.put(storage, job)
            ticket = await quiet(listener)
            await bench.put(storage, job)
            await woken(listener, ticket)

    asyncio.run(run())


def test_what_is_acknowledged_while_the_storage_closes_is_told(bench):
    async def run() -> None:
        async with bench.opened() as listener, bench.opened() as storage:
            await settled(listener)
            async with holding(bench, "LOCK TABLE adc_job"):
                stored = asyncio.create_task(bench.put(storage, bench.job()))
                await waiting_for_a_lock(bench)
                ticket = listener.ticket("q")
                closing = asyncio.create_task(storage.close())
                await asyncio.sleep(0.05)
                assert not closing.done()
            await stored
            await closing
            await woken(listener, ticket)

    asyncio.run(run())


def test_closing_wakes_those_who_wait_at_once(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            await settled(storage)
            ticket = await quiet(storage)
            async with holding(bench, "LOCK TABLE adc_job"):
                stuck = asyncio.create_task(bench.put(storage, bench.job()))
                await waiting_for_a_lock(bench)
                waits = asyncio.create_task(storage.wait("q", ticket, 2 * PATIENCE))
                await asyncio.sleep(0)
                closing = asyncio.create_task(storage.close())
                async with asyncio.timeout(PATIENCE):
                    assert await waits is Wake.WORK
                assert not closing.done()
            await asyncio.gather(stuck, closing)

    asyncio.run(run())


def test_a_notification_that_failed_is_sent_again(bench, proxy):
    async def run() -> None:
        async with (
            bench.opened() as listener,
            bench.opened(proxy.through(bench.url)) as storage,
        ):
            await settled(listener)
            ticket = await quiet(listener)
            cut = proxy.lose_request(b"pg_notify", times=3)
            await bench.put(storage, bench.job())
            await asyncio.to_thread(cut.wait)
            await woken(listener, ticket)

    asyncio.run(run())
