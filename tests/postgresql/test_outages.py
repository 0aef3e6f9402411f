"""What happens when the server, or the way to it, breaks (clauses LIV-2, LIV-4, DUR-1)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from uuid import uuid4

import pytest

from aide_de_camp.spi import (
    Cancellation,
    CancelStatus,
    Lease,
    LeaseResult,
    SettleKind,
    Settlement,
    StorageUnavailable,
)

from ..servers.postgresql import PostgresServer
from .conftest import DatabaseBench


@pytest.fixture
def proxy(postgresql_server, proxy_to):
    return proxy_to(postgresql_server.port)


async def lost(proxy, cut, call):
    """Make a call whose reply, or request, is lost."""
    with pytest.raises(StorageUnavailable) as caught:
        await call()
    assert caught.value.outcome_unknown is True
    proxy.resume()
    return caught.value


@pytest.mark.parametrize("what", ["reply", "request"])
def test_a_repeat_after_a_lost_call_has_the_effect_and_the_answer_of_one(bench, proxy, what):
    lose = proxy.lose_reply if what == "reply" else proxy.lose_request

    async def run() -> None:
        async with (
            bench.opened(proxy.through(bench.url), listen="off") as storage,
            bench.opened() as other,
        ):
            job, second = bench.job(), bench.job()
            await bench.put(storage, second)
            request = bench.request(limit=1)

            async def enqueue():
                return await storage.enqueue("q", [job], now=bench.now)

            error = await lost(proxy, lose(job.id.bytes), enqueue)
            assert error.job_ids == (job.id,)
            await enqueue()
            assert len((await other.list("q", everything(), limit=9)).records) == 2

            async def claim():
                return await storage.claim("q", request, now=bench.now)

            await lost(proxy, lose(request.request_id.bytes), claim)
            (claimed,) = (await claim()).jobs
            assert claimed.claims == 1
            assert (await claim()).jobs == (claimed,)

            async def extend():
                leases = [Lease(claimed.id, claimed.token)]
                return await storage.extend("q", leases, 120_000_000, now=bench.now)

            await lost(proxy, lose(claimed.id.bytes), extend)
            assert await extend() == [LeaseResult.APPLIED]
            settlement = Settlement(claimed.id, claimed.token, SettleKind.RETRY, delay=5)

            async def settle():
                return await storage.settle("q", [settlement], now=bench.now)

            await lost(proxy, lose(claimed.id.bytes), settle)
            assert await settle() == [LeaseResult.APPLIED]
            (record,) = await other.get("q", [claimed.id])
            assert record.retries == 1
            wanted = Cancellation(claimed.id, uuid4())

            async def cancel():
                (result,) = await storage.cancel("q", [wanted], now=bench.now)
                return result.status

            await lost(proxy, lose(claimed.id.bytes), cancel)
            assert await cancel() is CancelStatus.CANCELLED

    def everything():
        from aide_de_camp.spi import JobFilter

        return JobFilter()

    asyncio.run(run())


def test_a_claim_is_not_repeated_while_its_first_sending_still_runs(bench, proxy):
    """LIV-4: the repeat must see what the first one took."""

    async def run() -> None:
        async with bench.opened(proxy.through(bench.url), listen="off") as storage:
            await bench.put(storage, bench.job(), bench.job())
            request = bench.request(limit=1)

            async def claim():
                return await storage.claim("q", request, now=bench.now)

            await bench.claim(storage, types=["none"])
            async with holding(bench, "LOCK TABLE adc_job"):
                first = asyncio.create_task(claim())
                await waiting_for_a_lock(bench)
                proxy.cut()
                with pytest.raises(StorageUnavailable) as caught:
                    await first
                assert caught.value.outcome_unknown is True
                second = asyncio.create_task(claim())
                await asyncio.sleep(0.05)
            jobs = (await second).jobs
            assert len(jobs) == 1
            assert await bench.sql("SELECT count(*) FROM adc_job WHERE state = 1") == [(1,)]
            assert (await claim()).jobs == jobs

    asyncio.run(run())


async def waiting_for_a_lock(bench) -> None:
    waiting = (
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE wait_event_type = 'Lock' AND datname = current_database()"
    )
    async with asyncio.timeout(60):
        while await bench.sql(waiting) == [(0,)]:
            await asyncio.sleep(0.01)


def test_broken_connections_are_replaced(bench, proxy):
    async def run() -> None:
        async with bench.opened(proxy.through(bench.url), pool_size="3") as storage:
            await asyncio.gather(*(bench.claim(storage) for _ in range(3)))
            proxy.cut()
            for _ in range(4):
                # One that breaks just now may still be met.
                with suppress(StorageUnavailable):
                    await bench.claim(storage)
            await bench.put(storage, bench.job())
            assert len((await bench.claim(storage)).jobs) == 1

    asyncio.run(run())


def test_a_server_that_can_t_be_reached_is_told_of_as_such(bench, proxy):
    async def run() -> None:
        async with bench.opened(proxy.through(bench.url)) as storage:
            proxy.refuse()
            proxy.cut()
            with suppress(StorageUnavailable):
                await bench.claim(storage)
            with pytest.raises(StorageUnavailable, match="can't be reached") as caught:
                await bench.put(storage, bench.job())
            assert caught.value.outcome_unknown is False
            assert isinstance(caught.value.__cause__, OSError)
            proxy.resume()
            await bench.put(storage, bench.job())

    asyncio.run(run())


def test_a_server_that_doesn_t_answer_is_waited_for_for_a_bounded_time(bench, proxy):
    async def run() -> None:
        url = proxy.through(bench.url)
        async with bench.opened(url, command_timeout="3", connect_timeout="3") as storage:
            await bench.claim(storage)
            proxy.stall()
            with pytest.raises(StorageUnavailable, match="no answer in time") as caught:
                await bench.put(storage, bench.job())
            assert caught.value.outcome_unknown is True
            with pytest.raises(StorageUnavailable, match="can't be reached") as caught:
                await bench.put(storage, bench.job())
            assert caught.value.outcome_unknown is False
            proxy.resume()
            await bench.put(storage, bench.job())

    asyncio.run(run())


def test_a_pool_that_is_used_up_is_waited_for_for_a_bounded_time(bench):
    async def run() -> None:
        async with bench.opened(pool_size="1", pool_timeout="0.2", listen="off") as storage:
            await bench.put(storage, bench.job())
            async with holding(bench, "LOCK TABLE adc_job"):
                stuck = asyncio.create_task(bench.put(storage, bench.job()))
                await waiting_for_a_lock(bench)
                with pytest.raises(StorageUnavailable, match="pool_size") as caught:
                    await bench.claim(storage)
                assert caught.value.outcome_unknown is False
            await stuck

    asyncio.run(run())


class holding:  # noqa: N801 (read as a word)
    """Hold a transaction open in which a statement was run."""

    def __init__(self, bench, statement) -> None:
        self.bench, self.statement = bench, statement

    async def __aenter__(self):
        import asyncpg

        self.connection = await asyncpg.connect(self.bench.url)
        self.transaction = self.connection.transaction()
        await self.transaction.start()
        await self.connection.execute(self.statement)

    async def __aexit__(self, *_: object) -> None:
        await self.transaction.rollback()
        await self.connection.close()


def test_a_cancelled_caller_leaves_nothing_half_done(bench):
    async def run() -> None:
        async with bench.opened(pool_size="1") as storage:
            await bench.claim(storage)
            async with holding(bench, "LOCK TABLE adc_job"):
                job = bench.job()
                task = asyncio.create_task(bench.put(storage, job))
                await waiting_for_a_lock(bench)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            # The one connection is at work until the call has ended by itself.
            assert [each.id for each in (await bench.claim(storage)).jobs] == [job.id]

    asyncio.run(run())


def test_closing_awaits_what_is_under_way(bench):
    async def run() -> None:
        job = bench.job()
        async with bench.opened() as storage:
            tasks = [asyncio.create_task(bench.put(storage, each)) for each in (job, bench.job())]
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        assert await bench.sql("SELECT count(*) FROM adc_job") == [(2,)]

    asyncio.run(run())


def test_a_server_killed_with_jobs_in_flight_loses_none():
    """DUR-1: kill -9 of all of the server's processes, and a restart on the same data."""
    with PostgresServer() as server:
        bench = DatabaseBench(server.url())

        async def run() -> None:
            async with bench.opened() as storage:
                acknowledged = set()

                async def produce() -> None:
                    while True:
                        job = bench.job()
                        with suppress(StorageUnavailable):
                            await storage.enqueue("q", [job], now=None)
                            acknowledged.add(job.id)
                        await asyncio.sleep(0.001)

                producers = [asyncio.create_task(produce()) for _ in range(4)]
                while len(acknowledged) < 50:
                    await asyncio.sleep(0.01)
                held = (await bench.claim(storage, limit=10)).jobs
                assert len(held) == 10
                before = len(acknowledged)
                await asyncio.to_thread(server.kill)
                await asyncio.sleep(0.05)
                await asyncio.to_thread(server.start)
                while len(acknowledged) < before + 50:
                    await asyncio.sleep(0.01)
                for each in producers:
                    each.cancel()
                await asyncio.gather(*producers, return_exceptions=True)
                done = [Settlement(job.id, job.token, SettleKind.COMPLETED) for job in held]
                assert set(await storage.settle("q", done, now=None)) == {LeaseResult.APPLIED}
                rest = set()
                while jobs := (await bench.claim(storage, limit=500)).jobs:
                    rest |= {job.id for job in jobs}
                assert acknowledged <= rest | {job.id for job in held}

        asyncio.run(run())
