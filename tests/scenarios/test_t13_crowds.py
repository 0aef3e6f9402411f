"""Peers' reports about PostgreSQL in a crowd: long clean-ups, odd servers, long transactions."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta
from random import Random
from typing import Any

import asyncpg
import pytest
from attrs import evolve

from aide_de_camp import JobRequest, JobRunner, JobState, Queue, open_queue
from aide_de_camp.spi import ClaimRequest, ClaimResult, SettleKind, Storage
from aide_de_camp_conformance.faults import Passing

from ..postgresql.conftest import DatabaseBench
from .beside import NUMBER, numbers, sql
from .conftest import Run
from .trouble import running, until

ADVISORY_LOCKS = """
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def test_p102_a_clean_up_is_waited_for_by_nobody(postgresql_url: str, run: Run) -> None:
    """KEP-1: ten clean-ups while one under way has half of the rows: the others do what is left.

    Claims and schedules go on meanwhile, and no lock of a whole database is taken.
    """
    bench = DatabaseBench(postgresql_url)

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            storages = [
                await stack.enter_async_context(bench.opened(pool_size="1", listen="off"))
                for _ in range(10)
            ]
            await bench.put(storages[0], *(bench.job() for _ in range(400)))
            for job in (await bench.claim(storages[0], limit=400)).jobs:
                await bench.settle(storages[0], job, SettleKind.COMPLETED)
            await bench.put(storages[0], *(bench.job() for _ in range(20)))
            slow: Any = await asyncpg.connect(postgresql_url)
            async with slow.transaction():
                half = "SELECT id FROM adc_job WHERE state = 2 ORDER BY id LIMIT 200 FOR UPDATE"
                assert len(await slow.fetch(half)) == 200
                later = bench.now + 10**9
                pruned = await asyncio.gather(
                    *(each.prune("q", 1_000, 50, now=later) for each in storages)
                )
                # Two of them may see the same rows: then the later one passes over those.
                assert all(0 <= each <= 50 for each in pruned)
                while (more := await storages[0].prune("q", 1_000, 50, now=later)) > 0:
                    pruned.append(more)
                assert sum(pruned) == 200
                assert await bench.sql(ADVISORY_LOCKS) == [(0,)]
                for each in storages:
                    (job, _) = (await bench.claim(each, limit=2, now=later)).jobs
                    await bench.put(each, bench.job(), now=later)
                    await bench.settle(each, job, SettleKind.COMPLETED, now=later)
            await slow.close()
            rest = await asyncio.gather(
                *(each.prune("q", 1_000, 500, now=later) for each in storages)
            )
            assert sum(rest) == 200

    run(scenario())


class Overlooking(Passing):
    """A storage whose claims now and then find nothing, though there is something."""

    def __init__(self, inner: Storage, overlooks: Any) -> None:
        super().__init__(inner)
        self._overlooks = overlooks

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        if self._overlooks():
            request = evolve(request, types=())
        return await super().claim(queue, request, now=now)


def overlooking(queue: Queue, overlooks: Any) -> Queue:
    opener = queue.session.opener
    queue.session.opener = lambda: Overlooking(opener(), overlooks)
    return queue


def test_p103_one_empty_claim_never_ends_a_drain(postgresql_url: str, run: Run) -> None:
    """20 drain what 1,000 jobs there are; of the claims of each every other one finds nothing."""

    async def scenario() -> None:
        ran: list[int] = []
        async with AsyncExitStack() as stack:
            queues: list[Queue] = []
            for _ in range(20):
                turns = [False]

                def every_other(turns: list[bool] = turns) -> bool:
                    turns[0] = not turns[0]
                    return turns[0]

                url = f"{postgresql_url}?pool_size=1"
                queue = overlooking(open_queue(url), every_other)
                queues.append(await stack.enter_async_context(queue))
            await queues[0].schedule_many([JobRequest(NUMBER, n) for n in range(1_000)])
            router = numbers(ran)
            done = await asyncio.gather(*(JobRunner(each, router).drain() for each in queues))
            assert sum(done) == 1_000
            assert sorted(ran) == list(range(1_000))

    run(scenario())


def test_p103_runners_get_over_claims_that_overlook_jobs(postgresql_url: str, run: Run) -> None:
    random, ran = Random(103), list[int]()

    async def scenario() -> None:
        async with AsyncExitStack() as stack:
            for n in range(5):
                queue = overlooking(open_queue(postgresql_url), lambda: random.random() < 0.5)
                await stack.enter_async_context(queue)
                if n == 0:
                    await queue.schedule_many([JobRequest(NUMBER, n) for n in range(300)])
                soon = timedelta(seconds=0.01)
                runner = running(queue, numbers(ran), concurrency=4, poll_interval=soon)
                await stack.enter_async_context(runner)
            await until(lambda: len(ran) == 300)
        assert sorted(ran) == list(range(300))

    run(scenario())


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
def test_p104_a_transaction_held_open_elsewhere(
    postgresql_url: str, run: Run, isolation: str
) -> None:
    """No vacuum can clear away what is done; nothing but time is lost, and pruning goes on."""

    async def scenario() -> None:
        ran: list[int] = []
        async with AsyncExitStack() as stack:
            queues = [await stack.enter_async_context(open_queue(postgresql_url)) for _ in range(4)]
            holder: Any = await asyncpg.connect(postgresql_url)
            async with holder.transaction(isolation=isolation):
                assert await holder.fetchval("SELECT count(*) FROM adc_job") == 0
                for queue in queues:
                    await stack.enter_async_context(running(queue, numbers(ran), concurrency=5))
                for start in range(0, 1_000, 100):
                    await queues[0].schedule_bulk(
                        [JobRequest(NUMBER, n) for n in range(start, start + 100)]
                    )
                    await until(lambda: len(ran) == start + 100)  # noqa: B023 (used at once)
                await sql(postgresql_url, "VACUUM adc_job")
                counts = await queues[0].count_jobs()
                await until(lambda: len(ran) == 1_000)
                assert counts.total == 1_000
                assert await holder.fetchval("SELECT count(*) FROM adc_job") == 0
            await holder.close()
            assert sorted(ran) == list(range(1_000))

            async def completed() -> int:
                counts = await queues[0].count_jobs(states=[JobState.COMPLETED])
                return counts.total

            while await completed() < 1_000:
                await asyncio.sleep(0.01)

    run(scenario())
