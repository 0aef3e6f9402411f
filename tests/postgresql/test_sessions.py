"""What a session of ours is bounded by, and that none of them keeps locks on its way."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from aide_de_camp.spi import JobFilter, Lease, SettleKind, StorageUnavailable
from aide_de_camp_backends.postgresql.call import Call
from aide_de_camp_backends.postgresql.database import Database

from ..calls import SECOND
from .test_outages import holding, waiting_for_a_lock

PATIENCE = 60.0
SETTINGS = """
SELECT current_setting('statement_timeout'),
  current_setting('idle_in_transaction_session_timeout'),
  current_setting('default_transaction_isolation')
"""


@pytest.fixture
def proxy(postgresql_server, proxy_to):
    return proxy_to(postgresql_server.port)


async def preset(bench, setting: str, value: str) -> None:
    name = bench.url.rpartition("/")[2]
    await bench.sql(f"ALTER DATABASE \"{name}\" SET {setting} = '{value}'")


@pytest.mark.parametrize(
    ("before", "found"),
    [
        ("0", ("31s", "5s", "read committed")),
        ("1h", ("31s", "5s", "read committed")),
        ("2s", ("2s", "2s", "read committed")),
    ],
)
def test_the_server_bounds_our_sessions_too_and_its_own_shorter_times_stay(bench, before, found):
    async def run() -> None:
        for setting in ("statement_timeout", "idle_in_transaction_session_timeout"):
            await preset(bench, setting, before)
        await preset(bench, "default_transaction_isolation", "serializable")
        async with bench.opened(prepared_statements="off") as storage, bench.opened() as other:
            for each in (storage, other):
                kept = await each._opened._pool.acquire()
                (row,) = await kept.fetch(SETTINGS)
                each._opened._pool.release(kept)
                assert tuple(row) == found

    asyncio.run(run())


@pytest.mark.parametrize("isolation", ["read committed", "serializable"])
def test_a_claim_that_takes_leases_back_holds_no_lock_between_its_statements(
    bench, monkeypatch, isolation
):
    """A process that is stopped there must not have others wait for it."""
    reached, go_on = asyncio.Event(), asyncio.Event()
    _once = Call._once

    async def once(self, sql, arguments):
        if "slow" in arguments and True in arguments:
            # The second claim of the verb: the leases have been taken back.
            reached.set()
            await go_on.wait()
        return await _once(self, sql, arguments)

    monkeypatch.setattr(Call, "_once", once)

    async def run() -> None:
        await preset(bench, "default_transaction_isolation", isolation)
        due = bench.now + 10 * SECOND
        async with bench.opened() as stopped, bench.opened() as other:
            await bench.put(other, bench.job(scheduled_at=due), bench.job(scheduled_at=due + 9))
            first, second = (await bench.claim(other, now=due + 9, lease=SECOND)).jobs
            await other.extend("q", [Lease(second.id, second.token)], 90 * SECOND, now=due + 9)
            claiming = asyncio.create_task(
                bench.claim(stopped, now=due + 2 * SECOND, worker="slow")
            )
            async with asyncio.timeout(PATIENCE):
                await reached.wait()
                # It raises the floor, as the taking back did.
                await bench.settle(other, second, SettleKind.RELEASED, now=due + 3 * SECOND)
            go_on.set()
            result = await claiming
            assert [each.id for each in result.reaped] == [first.id]
            assert {each.id for each in result.jobs} == {first.id, second.id}

    asyncio.run(run())


def test_a_transaction_that_isn_t_answered_is_waited_for_for_a_bounded_time(
    bench, proxy, monkeypatch
):
    """Its end isn't waited for either: there would be no answer to that."""
    _once = Call._once

    async def once(self, sql, arguments):
        if self._connection.is_in_transaction():
            proxy.stall()
        return await _once(self, sql, arguments)

    async def run() -> None:
        async with bench.opened(proxy.through(bench.url), command_timeout="3") as storage:
            await storage.list("q", JobFilter(), limit=5)
            monkeypatch.setattr(Call, "_once", once)
            async with asyncio.timeout(PATIENCE):
                with pytest.raises(StorageUnavailable, match="no answer in time"):
                    await storage.list("q", JobFilter(), limit=5)
                await storage.close()
            proxy.resume()

    asyncio.run(run())


def test_what_was_given_up_is_ended_by_the_server(bench):
    async def run() -> None:
        waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        async with (
            bench.opened(command_timeout="1") as storage,
            holding(bench, "LOCK TABLE adc_job"),
        ):
            with pytest.raises(StorageUnavailable):
                await bench.put(storage, bench.job())
            async with asyncio.timeout(PATIENCE):
                while await bench.sql(waiting) != [(0,)]:
                    await asyncio.sleep(0.05)

    asyncio.run(run())


def test_what_still_runs_elsewhere_doesn_t_keep_calls_waiting_for_ever(bench, proxy):
    async def run() -> None:
        url = proxy.through(bench.url)
        async with (
            bench.opened() as other,
            bench.opened(url, command_timeout="2", listen="off") as storage,
        ):
            await bench.put(other, bench.job())
            (job,) = (await bench.claim(other)).jobs
            async with holding(bench, "SELECT 1 FROM adc_job FOR UPDATE"):
                stuck = asyncio.create_task(bench.settle(storage, job))
                await waiting_for_a_lock(bench)
                proxy.cut()
                with pytest.raises(StorageUnavailable):
                    await stuck
                assert storage._opened._lost
                async with asyncio.timeout(PATIENCE):
                    while storage._opened._lost:
                        try:
                            await bench.put(storage, bench.job())
                        except StorageUnavailable:
                            continue

    asyncio.run(run())


def test_nothing_is_in_doubt_before_the_first_statement(bench, monkeypatch):
    async def hang(self, connection) -> None:
        await asyncio.get_running_loop().create_future()

    async def run() -> None:
        async with bench.opened(command_timeout="0.2") as storage:
            with monkeypatch.context() as patch:
                patch.setattr(Database, "_outwait", hang)
                with pytest.raises(StorageUnavailable, match="no answer in time") as caught:
                    await bench.put(storage, bench.job())
            assert caught.value.outcome_unknown is False

    asyncio.run(run())


def test_behind_a_pooler_nothing_is_waited_for(bench, proxy, monkeypatch):
    """The number of a session is made up there: what it runs can't be found out."""
    monkeypatch.setattr(asyncpg.Connection, "get_server_pid", lambda self: 0)

    async def run() -> None:
        async with bench.opened(proxy.through(bench.url)) as storage:
            job = bench.job()
            await bench.put(storage, bench.job())
            proxy.lose_reply(job.id.bytes)
            with pytest.raises(StorageUnavailable):
                await bench.put(storage, job)
            assert storage._opened._lost == set()
            proxy.resume()
            await bench.put(storage, job)

    asyncio.run(run())
