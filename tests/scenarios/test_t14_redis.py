"""Peers' reports about Redis (T14): lost leases and scripts, full memory, old snapshots."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta

import pytest

from aide_de_camp import (
    JobHandle,
    JobRunner,
    JobState,
    ManualClock,
    Queue,
    StorageUnavailable,
    open_queue,
)
from aide_de_camp.spi import LeaseResult, SettleKind, Settlement, StorageError

from ..redis.soundness import check
from ..servers import RedisServer
from .conftest import Run
from .support import MINUTE, ORDER, SECOND, Order, keeping, state_of, take
from .trouble import be_hasty, running, until, until_async

LEASES = "{adc:default}:leases"
POLICIES = [
    "noeviction",
    "allkeys-lru",
    "allkeys-lfu",
    "allkeys-random",
    "volatile-lru",
    "volatile-lfu",
    "volatile-random",
    "volatile-ttl",
]


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own, which keeps all."""
    with RedisServer(persistence="always") as started:
        yield started


def as_user(server: RedisServer, *rights: str) -> str:
    server.call("ACL", "SETUSER", "app", "reset", "on", ">pw", "~*", "&*", *rights)
    return server.url().replace("redis://", "redis://app:pw@")


# --- P107: leases whose entries are gone ---------------------------------------------------------


@pytest.mark.parametrize("gone", [5, 2])
def test_p107_a_lease_whose_entry_is_gone_ends_all_the_same(
    server: RedisServer, run: Run, gone: int
) -> None:
    """LEA-2, LEA-4: it is made again from its job's record, which says when it ends."""

    async def scenario() -> None:
        clock = ManualClock()
        async with open_queue(server.url(), clock=clock) as queue:
            for number in range(5):
                await queue.schedule(ORDER, Order(number))
            for _ in range(5):
                await take(queue)  # and its worker is killed
            server.call("ZPOPMIN", LEASES, gone)
            assert server.call("ZCARD", LEASES) == 5 - gone
            # Nobody's lease is over yet: none is taken from somebody who still works.
            await queue.storage.reap(queue.name, 9, now=clock.now())
            assert {job.state for job in check(server, server.url(), queue.name)} == {
                JobState.RUNNING
            }
            server.call("ZPOPMIN", LEASES, gone)
            clock.advance(MINUTE * 10)
            reaped = [
                len(await queue.storage.reap(queue.name, 9, now=clock.now())) for _ in range(2)
            ]
            assert reaped == [5, 0]
            assert (await queue.count_jobs()).by_state[JobState.SCHEDULED] == 5
            assert {job.retries for job in check(server, server.url(), queue.name)} == {1}

    run(scenario())


def test_p107_who_still_works_keeps_such_a_job(server: RedisServer, run: Run) -> None:
    """LEA-1: a heartbeat makes the entry again, and settling needs none."""

    async def scenario() -> None:
        async with open_queue(server.url(), clock=ManualClock()) as queue:
            for number in range(2):
                await queue.schedule(ORDER, Order(number))
            one, two = await take(queue), await take(queue)
            server.call("DEL", LEASES)
            await one.extend(MINUTE * 10)
            await two.complete()
            running_one, completed = check(server, server.url(), queue.name)
            if running_one.id != one.id:
                running_one, completed = completed, running_one
            assert (running_one.state, completed.state) == (JobState.RUNNING, JobState.COMPLETED)

    run(scenario())


# --- P108: a server that may throw keys away, and one that is full -------------------------------


def test_p108_only_a_policy_that_may_take_jobs_is_warned_of(
    server: RedisServer, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """The contract has no clause. No key here has a time to live, so ``volatile-*`` takes none."""

    async def opened() -> None:
        async with open_queue(server.url()) as queue:
            await queue.schedule(ORDER, Order(1))

    warned: list[str] = []
    for policy in POLICIES:
        server.call("CONFIG", "SET", "maxmemory-policy", policy)
        caplog.clear()
        with caplog.at_level(logging.WARNING, "aide_de_camp"):
            run(opened())
        warned += [policy for record in caplog.records if policy in record.getMessage()]
        assert len(caplog.records) == ("allkeys" in policy)
    assert warned == [policy for policy in POLICIES if "allkeys" in policy]
    assert {server.call("TTL", key) for key in server.call("KEYS", "*")} == {-1}


def test_p108_a_full_server_takes_no_new_jobs_and_settles_old_ones(
    server: RedisServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ENQ-8, LIV-2: scheduling fails by name, with the outcome known; what runs can end."""
    be_hasty(monkeypatch)
    note = "x" * 500_000

    async def scenario() -> None:
        async with open_queue(server.url()) as queue:
            first = await queue.schedule(ORDER, Order(0, note))
            handle = await take(queue)
            used = int(server.info("memory")["used_memory"])
            server.call("CONFIG", "SET", "maxmemory", used + 10_000_000)

            async def fill() -> None:
                for number in range(1_000):
                    await queue.schedule(ORDER, Order(number, note))

            with pytest.raises(StorageUnavailable, match=r"memory is full \(maxmemory\)") as caught:
                await fill()
            assert not caught.value.outcome_unknown
            (refused,) = caught.value.job_ids
            await handle.complete()
            assert await state_of(queue, first) is JobState.COMPLETED
            await (await take(queue)).fail(ValueError("for want of room"))
            kept = check(server, server.url(), queue.name)
            assert refused not in {job.id for job in kept}
            assert len(kept) > 2

    run(scenario())


# --- P109: what many queues leave behind ---------------------------------------------------------


def test_p109_queues_that_are_empty_again_leave_a_small_constant(
    server: RedisServer, run: Run
) -> None:
    """KEP-1: there are no streams of events; a queue's name and its latest present are left."""
    queues = 100

    async def scenario() -> None:
        clock = ManualClock()
        for number in range(queues):
            async with open_queue(
                server.url(), name=f"q{number}", clock=clock, keep_finished=timedelta(0)
            ) as queue:
                for each in range(3):
                    await queue.schedule(ORDER, Order(each))
                await (await take(queue)).complete()
                await (await take(queue)).cancel("not needed")
                await (await take(queue)).dead_queue(ValueError("bad"))
                await queue.dead.delete_all()
                clock.advance(MINUTE * 2)
                assert await queue.prune() == 2

    run(scenario())
    left = Counter(key.rpartition(":")[2] for key in server.call("KEYS", "*"))
    assert left == {"meta": queues, "layout": 1, "queues": 1}
    for number in range(queues):
        meta = f"{{adc:q{number}}}:meta"
        assert server.call("HLEN", meta) == 2
        assert server.call("MEMORY", "USAGE", meta) < 256


# --- P110: scripts that can't be loaded ----------------------------------------------------------


def test_p110_scripts_come_back_by_themselves(
    server: RedisServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LIV-2: after a flush and after a restart, also for a user who may not use SCRIPT."""
    be_hasty(monkeypatch)
    url = as_user(server, "+@all", "-script")

    async def scenario() -> None:
        seen: list[Order] = []

        async def is_run(number: int) -> None:
            await queue.schedule(ORDER, Order(number))
            await until(lambda: Order(number) in seen, "the order")

        async with open_queue(url) as queue, running(queue, keeping(seen)):
            await is_run(0)
            server.call("SCRIPT", "FLUSH")
            await is_run(1)
            server.call("CONFIG", "REWRITE")  # which keeps the user
            await asyncio.to_thread(server.restart)
            await until_async(lambda: is_there(queue), "the server")
            await is_run(2)
        assert [order.number for order in seen] == [0, 1, 2]

    run(scenario())


def test_p110_a_worker_that_can_run_no_script_says_so(
    server: RedisServer,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """ERR-1: there is no health check that could stay green; the claim itself fails, by name."""
    be_hasty(monkeypatch)
    url = as_user(server, "+@all")

    async def scenario() -> None:
        seen: list[Order] = []
        async with open_queue(url) as queue:
            as_user(server, "+@all", "-eval", "-evalsha")
            with pytest.raises(StorageError, match=r"NOPERM.*it needs the commands EVALSHA, EVAL"):
                await queue.schedule(ORDER, Order(1))
            async with running(queue, keeping(seen)):
                await until(lambda: "can't claim" in caplog.text, "the complaint")
                as_user(server, "+@all")
                await queue.schedule(ORDER, Order(2))
                await until(lambda: seen, "the order")
        assert [order.number for order in seen] == [2]

    with caplog.at_level(logging.INFO, "aide_de_camp"):
        run(scenario())
    told = [each.getMessage() for each in caplog.records if "can't claim" in each.getMessage()]
    assert len(told) == 1
    assert "NOPERM" in told[0]


async def is_there(queue: Queue) -> bool:
    try:
        await queue.count_jobs()
    except StorageUnavailable:
        return False
    return True


# --- P113: a server that comes back with an older snapshot ---------------------------------------


async def settled(queue: Queue, *handles: JobHandle[Order]) -> Sequence[LeaseResult]:
    """What the storage says to those who come to complete their jobs."""
    ends = [Settlement(each.id, each.token, SettleKind.COMPLETED) for each in handles]
    return await queue.storage.settle(queue.name, ends, now=queue.clock.now())


def test_p113_an_old_snapshot_is_worked_off(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """LEA-2, LEA-3: what is in it runs, or runs again; who holds a lease of after it is refused."""
    be_hasty(monkeypatch)

    async def scenario(server: RedisServer) -> None:
        clock = ManualClock()
        async with open_queue(server.url(), clock=clock) as queue:
            ids = [await queue.schedule(ORDER, Order(number)) for number in range(8)]
            finishing, forgotten = await take(queue), await take(queue)
            server.call("SAVE")
            snapshot = server.folder / "kept.rdb"
            shutil.copy(server.folder / "dump.rdb", snapshot)

            clock.advance(SECOND)
            lost = [await queue.schedule(ORDER, Order(100 + number)) for number in range(2)]
            late, ended = await take(queue), await take(queue)
            await finishing.complete()
            await ended.complete()
            assert await queue.cancel_job(ids[7])
            await forgotten.extend(MINUTE * 5)
            await asyncio.to_thread(server.kill)
            shutil.copy(snapshot, server.folder / "dump.rdb")
            await asyncio.to_thread(server.start)

            clock.advance(SECOND)
            await until_async(lambda: is_there(queue), "the server")
            assert await settled(queue, late, ended) == [LeaseResult.LOST] * 2
            states = {job.id: job.state for job in check(server, server.url(), queue.name)}
            assert set(states) == set(ids)
            assert states[finishing.id] is states[forgotten.id] is JobState.RUNNING
            assert Counter(states.values()) == {JobState.RUNNING: 2, JobState.SCHEDULED: 6}

            seen: list[Order] = []
            router = keeping(seen)
            await JobRunner(queue, router).drain()
            assert sorted(order.number for order in seen) == [2, 3, 4, 5, 6, 7]
            clock.advance(MINUTE * 10)
            await JobRunner(queue, router).drain()
            assert sorted(order.number for order in seen) == list(range(8))
            assert await settled(queue, late, forgotten, ended) == [LeaseResult.LOST] * 3
            found = check(server, server.url(), queue.name)
            assert {job.state for job in found} == {JobState.COMPLETED}
            assert {job.id for job in found}.isdisjoint(lost)
            by_id = {job.id: job for job in found}
            assert by_id[late.id].token > late.token

    with RedisServer(persistence="rdb") as server:
        run(scenario(server))


# --- P63: a restart before a job is due ----------------------------------------------------------


def test_p63_a_job_that_falls_due_after_a_restart_runs(
    server: RedisServer, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LIV-2: a runner that slept towards a due time, an hour's polling apart, finds it."""
    be_hasty(monkeypatch)

    async def scenario() -> None:
        clock, seen = ManualClock(), list[Order]()
        async with open_queue(server.url(), clock=clock) as queue:
            await queue.schedule_in(ORDER, Order(1), 10 * SECOND)
            async with running(queue, keeping(seen), poll_interval=timedelta(hours=1)):
                await until(lambda: clock._sleepers, "the runner to sleep")
                clock.advance(3 * SECOND)
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
                assert seen == []
                clock.advance(7 * SECOND)
                await until(lambda: seen, "the order")

    run(scenario())
