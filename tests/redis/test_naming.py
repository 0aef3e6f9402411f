"""The set that names the queues: no job is in a queue that it doesn't name."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp.spi import EnqueueResult, StorageUnavailable


def test_a_queue_is_named_again_after_a_flush(bench, redis_server):
    """Also where a worker's claim, which names nothing, came first."""
    database = int(bench.url.rpartition("/")[2])

    async def run() -> None:
        async with bench.opened() as storage, bench.opened() as worker:
            await bench.put(storage, bench.job())
            redis_server.call("FLUSHDB", database=database)
            await bench.claim(worker)
            await bench.put(storage, bench.job())
            assert await worker.queues() == ["q"]
            redis_server.call("FLUSHDB", database=database)
            await bench.claim(worker)
            await worker.hold("q", [])
            (record,) = await moved(bench, storage)
            assert await storage.import_jobs("q", [record]) == [EnqueueResult.STORED]
            assert await worker.queues() == ["other", "q"]

    asyncio.run(run())


async def moved(bench, storage):
    job = bench.job()
    await storage.enqueue("other", [job], now=bench.now)
    return await storage.hold("other", [job.id])


def test_what_is_said_where_a_queue_could_not_be_named(bench, redis_server, proxy_to):
    """ENQ-8: before the job is stored the outcome is known, afterwards it isn't; a repeat mends."""
    database = int(bench.url.rpartition("/")[2])
    proxy = proxy_to(redis_server.port)
    bench.url = proxy.through(bench.url)

    async def run() -> None:
        async with bench.opened() as storage:
            job = bench.job()
            for is_named in (False, True):
                lost = proxy.lose_request(b"SADD")
                with pytest.raises(StorageUnavailable) as caught:
                    await bench.put(storage, job)
                lost.wait()
                assert caught.value.outcome_unknown is is_named
                assert caught.value.job_ids == (job.id,)
                assert (await storage.get("q", [job.id]))[0] is None or is_named
                assert await storage.enqueue("q", [job], now=bench.now) == [
                    EnqueueResult.EXISTS if is_named else EnqueueResult.STORED
                ]
                assert await storage.queues() == ["q"]
                redis_server.call("FLUSHDB", database=database)  # which the storage can't know

    asyncio.run(run())
