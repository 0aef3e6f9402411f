"""A cluster: queues spread over its nodes, keys that move, and a node that dies."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp.spi import (
    Capability,
    CountFilter,
    EnqueueResult,
    LeaseResult,
    StorageUnavailable,
    Wake,
)
from aide_de_camp_backends.redis.keys import QueueKeys

from ..servers import RedisCluster

QUEUES = [f"q{number}" for number in range(12)]


@pytest.fixture
def cluster_bench(redis_cluster, bench_at):
    return bench_at(redis_cluster.url())


async def until_it_works(call):
    async with asyncio.timeout(60):
        while True:
            try:
                return await call()
            except StorageUnavailable:
                await asyncio.sleep(0.05)


def test_queues_spread_and_each_is_on_one_node(cluster_bench, redis_cluster):
    bench = cluster_bench

    async def run() -> None:
        async with bench.opened() as storage:
            assert storage.capabilities == {Capability.WAKE_UP, Capability.SHARED, Capability.MOVE}
            assert storage.server.startswith("cluster of 3 masters: ")
            for queue in QUEUES:
                jobs = [bench.job() for _ in range(3)]
                assert (
                    await storage.enqueue(queue, jobs, now=bench.now) == [EnqueueResult.STORED] * 3
                )
            assert await storage.queues() == sorted(QUEUES)
            for queue in QUEUES:
                (row,) = await storage.count(queue, CountFilter())
                assert row.count == 3

    asyncio.run(run())
    homes = {redis_cluster.master_of(QueueKeys.of("adc", queue).job).port for queue in QUEUES}
    assert len(homes) > 1
    for master in redis_cluster.masters():
        tags = {key.partition("}")[0] for key in master.call("KEYS", "{adc:*")}
        mine = {
            f"{{adc:{queue}"
            for queue in QUEUES
            if redis_cluster.master_of(QueueKeys.of("adc", queue).job) is master
        }
        assert tags == mine


def test_wake_ups_of_several_queues(cluster_bench):
    bench = cluster_bench

    async def run() -> None:
        async with bench.opened() as storage, bench.opened() as other:
            for queue in QUEUES[:4]:
                ticket = storage.ticket(queue)
                assert await storage.wait(queue, ticket, 60) is Wake.WORK  # first connected
            tickets = {queue: storage.ticket(queue) for queue in QUEUES[:4]}
            await other.enqueue(QUEUES[1], [bench.job()], now=None)
            assert await storage.wait(QUEUES[1], tickets[QUEUES[1]], 60) is Wake.WORK
            assert await storage.wait(QUEUES[2], tickets[QUEUES[2]], 0) is Wake.TIMEOUT

    asyncio.run(run())


def test_a_queue_is_found_when_it_has_moved(cluster_bench, redis_cluster):
    """A master and its replica change places in peace: calls and wake-ups follow."""
    bench = cluster_bench
    master = redis_cluster.master_of(QueueKeys.of("adc", "q").job)

    async def run() -> None:
        async with bench.opened() as storage:
            ticket = storage.ticket("q")
            assert await storage.wait("q", ticket, 60) is Wake.WORK
            (job_id,) = await bench.put(storage, bench.job(), now=None)
            await asyncio.to_thread(redis_cluster.hand_over, master)
            (job,) = (await until_it_works(lambda: bench.claim(storage, now=None))).jobs
            assert job.id == job_id
            assert await bench.settle(storage, job, now=None) is LeaseResult.APPLIED
            ticket = storage.ticket("q")
            await bench.put(storage, bench.job(), now=None)
            assert await storage.wait("q", ticket, 60) is Wake.WORK

    asyncio.run(run())


def test_a_master_dies_and_its_replica_goes_on(bench_at):
    """LEA-3: what was replicated goes on, scripts are loaded by themselves, tokens grow."""
    with RedisCluster() as cluster:
        bench = bench_at(cluster.url())
        master = cluster.master_of(QueueKeys.of("adc", "q").job)

        async def run() -> None:
            async with bench.opened() as storage:
                storage.ticket("q")
                ids = await bench.put(storage, bench.job(), bench.job(), now=None)
                (held,) = (await bench.claim(storage, limit=1, now=None)).jobs
                assert master.call("WAIT", 1, 10_000) == 1
                await asyncio.to_thread(cluster.fail_over, master)
                settled = await until_it_works(lambda: bench.settle(storage, held, now=None))
                assert settled is LeaseResult.APPLIED
                (other,) = (await bench.claim(storage, now=None)).jobs
                assert other.id == ids[1]
                assert other.token > held.token
                ticket = storage.ticket("q")
                while await storage.wait("q", ticket, 0.2) is Wake.WORK:
                    ticket = storage.ticket("q")  # reconnected
                await bench.put(storage, bench.job(), now=None)
                assert await storage.wait("q", ticket, 60) is Wake.WORK

        asyncio.run(run())
