"""Connections that break in the middle of a call, and callers who go away (LIV-4, ERR-1)."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from attrs import evolve

from aide_de_camp.spi import (
    Cancellation,
    CancelResult,
    CancelStatus,
    DeadStatus,
    EnqueueResult,
    HoldStatus,
    JobState,
    LeaseResult,
    Requeue,
    SettleKind,
    Settlement,
    StorageUnavailable,
)
from aide_de_camp_backends.redis.line import Line

from ..servers import RedisServer


@pytest.fixture
def proxied(bench, redis_server, proxy_to):
    proxy = proxy_to(redis_server.port)
    bench.url = proxy.through(bench.url)
    return proxy


def lines(storage) -> list[Line]:
    """The lines that nobody uses just now."""
    free: list[Line] = storage._opened.place.at(storage._options.addresses[0])._free
    return free


async def until(condition) -> None:
    """Wait for what the loop itself is to see."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0)


async def broken(call) -> StorageUnavailable:
    try:
        await call
    except StorageUnavailable as error:
        return error
    raise AssertionError("the call didn't fail")


def test_a_call_whose_reply_is_lost_may_be_repeated(bench, proxied):
    """LIV-4: the effect and the answer of the first, for every verb."""

    async def run() -> None:
        async with bench.opened() as storage:

            async def twice(call):
                await call(bench.job())  # the script is loaded, so the next is one request
                lost = proxied.lose_reply(to=b"EVALSHA")
                error = await broken(call(None))
                assert error.outcome_unknown
                lost.wait()
                return await call(None)

            job = bench.job()
            answer = await twice(lambda other: storage.enqueue("q", [other or job], now=bench.now))
            assert answer == [EnqueueResult.EXISTS]
            first, request = bench.request(limit=1), bench.request(limit=1)
            answer = await twice(
                lambda other: storage.claim("q", first if other else request, now=bench.now)
            )
            (held,) = answer.jobs
            assert held.claims == 1
            retry = Settlement(held.id, held.token, SettleKind.RETRY, delay=5)
            nothing = Settlement(uuid4(), 1, SettleKind.RETRY)
            answer = await twice(
                lambda other: storage.settle("q", [nothing if other else retry], now=bench.now)
            )
            assert answer == [LeaseResult.APPLIED]
            ((found,),) = [await storage.get("q", [held.id])]
            assert (found.state, found.retries) == (JobState.SCHEDULED, 1)
            wanted = Cancellation(held.id, uuid4())
            answer = await twice(
                lambda other: storage.cancel(
                    "q", [Cancellation(uuid4(), uuid4()) if other else wanted], now=bench.now
                )
            )
            assert answer == [CancelResult(CancelStatus.CANCELLED)]
            (dead,) = await bench.put(storage, bench.job(max_retries=0, priority=9))
            (job,) = (await bench.claim(storage, limit=1)).jobs
            assert job.id == dead
            await bench.settle(storage, job, SettleKind.DEAD, reason="why")
            again = Requeue(dead, uuid4())
            answer = await twice(
                lambda other: storage.requeue(
                    "q", [Requeue(uuid4(), uuid4()) if other else again], now=bench.now
                )
            )
            assert answer == [DeadStatus.DONE]

    asyncio.run(run())


def test_a_call_of_a_move_whose_reply_is_lost_may_be_repeated(bench, proxied):
    """LIV-4, MOV-1: held again, there already, put back already, gone already."""

    async def run() -> None:
        async with bench.opened() as storage:
            (one, two) = await bench.put(storage, bench.job(), bench.job(payload=b"\xff"))
            before = await storage.get("q", [one, two])
            held = [evolve(record, state=JobState.HELD) for record in before]

            async def twice(call):
                await call([])  # the script is loaded, so the next is one request
                lost = proxied.lose_reply(to=b"EVALSHA")
                assert (await broken(call([one, two]))).outcome_unknown
                lost.wait()
                return await call([one, two])

            assert await twice(lambda ids: storage.hold("q", ids)) == held
            answer = await twice(lambda ids: storage.unhold("q", ids, now=bench.now))
            assert answer == [HoldStatus.NOT_HELD] * 2
            assert await storage.get("q", [one, two]) == before
            await storage.hold("q", [one, two])
            answer = await twice(lambda ids: storage.discard("q", ids))
            assert answer == [HoldStatus.NOT_FOUND] * 2
            answer = await twice(
                lambda ids: storage.import_jobs("q", [each for each in held if each.id in ids])
            )
            assert answer == [EnqueueResult.EXISTS] * 2
            assert await storage.get("q", [one, two]) == held

    asyncio.run(run())


def test_what_was_never_sent_is_known_not_to_have_happened(bench, redis_server, proxy_to):
    proxy = proxy_to(redis_server.port)
    bench.url = proxy.through(bench.url)

    async def run() -> None:
        async with bench.opened() as storage:
            job = bench.job()
            proxy.close()
            await asyncio.sleep(0)
            await broken(storage.enqueue("q", [job], now=bench.now))  # the open line is cut
            error = await broken(storage.enqueue("q", [job], now=bench.now))
            assert not error.outcome_unknown
            assert "127.0.0.1" in str(error)

    asyncio.run(run())


def test_a_dead_line_in_the_pool_is_not_used(bench, proxied):
    """A server's restart costs no call, once its going was seen."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            assert lines(storage)
            assert proxied.cut() > 0
            await until(lambda: not any(line.usable for line in lines(storage)))
            await bench.put(storage, bench.job())
            assert len((await bench.claim(storage)).jobs) == 2

    asyncio.run(run())


def test_cancelled_calls_leave_no_answer_for_the_next(bench):
    """ERR-1: at every await; the next calls get their own answers."""

    async def run() -> None:
        async with bench.opened(pool_size="1") as storage:
            for turns in range(30):
                job = bench.job()
                task = asyncio.ensure_future(storage.enqueue("q", [job], now=bench.now))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert await storage.get("q", [uuid4()]) == [None]
                await storage.enqueue("q", [job], now=bench.now)
                (found,) = await storage.get("q", [job.id])
                assert found.id == job.id

    asyncio.run(run())


def test_more_callers_than_connections_wait_their_turn(bench):
    async def run() -> None:
        async with bench.opened(pool_size="2") as storage:
            await asyncio.gather(*[bench.put(storage, bench.job()) for _ in range(50)])
            assert len((await bench.claim(storage, limit=99)).jobs) == 50

    asyncio.run(run())


def test_a_server_that_hangs_is_given_up(bench_at):
    with RedisServer() as server:
        bench = bench_at(server.url())

        async def run() -> None:
            async with bench.opened(timeout="5", pool_timeout="0.2", pool_size="1") as storage:
                await bench.put(storage, bench.job())
                server.call("CLIENT", "PAUSE", 600_000, "WRITE")
                first = asyncio.ensure_future(broken(storage.enqueue("q", [bench.job()], now=None)))
                await until(lambda: not lines(storage))  # it has the only one
                error = await broken(storage.enqueue("q", [bench.job()], now=None))
                assert not error.outcome_unknown
                assert "pool_size" in str(error)
                error = await first
                assert error.outcome_unknown
                assert "no answer in time" in str(error)
                server.call("CLIENT", "UNPAUSE")

        asyncio.run(run())
