from __future__ import annotations

import asyncio
import random
from itertools import islice

import pytest

from aide_de_camp.spi import (
    PRIORITY_MAX,
    PRIORITY_MIN,
    CountFilter,
    JobFilter,
    JobState,
    RecordPage,
    SettleKind,
)

TYPES = [f"type-{number}" for number in range(9)]


def place(job):
    return (-job.priority, job.scheduled_at, job.id.bytes)


@pytest.mark.parametrize("seed", range(6))
def test_claims_agree_with_a_sorted_list(bench, seed):
    """Clauses PRI-2 to PRI-5: random jobs, random claims, a moving clock."""
    chance = random.Random(seed)
    priorities = [PRIORITY_MIN, -1, 0, 1, PRIORITY_MAX] if seed % 2 else list(range(-40, 40))
    waiting = [
        bench.job(
            job_type=chance.choice(TYPES),
            priority=chance.choice(priorities),
            scheduled_at=bench.now + chance.randrange(-30, 60),
        )
        for _ in range(600)
    ]
    chance.shuffle(waiting)

    async def run() -> None:
        async with bench.opened(synchronous="normal") as storage:
            await bench.put(storage, *waiting)
            now = bench.now
            for _ in range(80):
                types = chance.choice([None, *([chance.sample(TYPES, k)] for k in (1, 2, 3, 5, 9))])
                if types is not None:
                    types = [*types[0], "unheard of"] if chance.random() < 0.3 else types[0]
                limit = chance.choice([1, 2, 7, 50])
                asked = [job for job in waiting if types is None or job.job_type in types]
                due = sorted((job for job in asked if job.scheduled_at <= now), key=place)[:limit]
                result = await bench.claim(storage, types, limit, now=now)
                assert [job.id for job in result.jobs] == [job.id for job in due]
                for job in due:
                    waiting.remove(job)
                    asked.remove(job)
                soonest = min((job.scheduled_at for job in asked), default=None)
                assert result.next_due == (soonest if len(due) < limit else None)
                now += chance.randrange(3)

    asyncio.run(run())


def test_more_types_than_one_statement_merges(bench):
    """Clause PRI-4, with 600 types asked for."""
    names = [f"t{number}" for number in range(600)]
    jobs = [bench.job(job_type=name, scheduled_at=bench.now - i) for i, name in enumerate(names)]

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *jobs, bench.job(job_type="other", priority=9))
            result = await bench.claim(storage, [*names, *names], 1_000)
            assert [job.id for job in result.jobs] == [job.id for job in reversed(jobs)]

    asyncio.run(run())


def test_no_types_claim_nothing_and_odd_names_are_names(bench):
    """Clause PRI-4."""
    names = ["'", '"', "ключ", "🔑", "a,b", "null", "%", "\\u0041"]
    jobs = [bench.job(job_type=name) for name in names]

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *jobs)
            assert (await bench.claim(storage, [])).jobs == ()
            for job in jobs:
                (claimed,) = (await bench.claim(storage, [job.job_type])).jobs
                assert (claimed.id, claimed.job_type) == (job.id, job.job_type)

    asyncio.run(run())


def test_place_is_kept_by_release_and_lost_leases(bench):
    """Clause PRI-6."""
    jobs = [bench.job(scheduled_at=bench.now - 10 + i) for i in range(4)]

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *jobs)
            first, second = (await bench.claim(storage, limit=2, lease=1_000_000)).jobs
            await bench.settle(storage, first, SettleKind.RELEASED)
            result = await bench.claim(storage, limit=9, now=bench.now + 1_000_000)
            assert [job.id for job in result.jobs] == [job.id for job in jobs]
            assert [job.id for job in result.reaped] == [second.id]
            assert [job.retries for job in result.jobs] == [0, 1, 0, 0]

    asyncio.run(run())


@pytest.mark.parametrize("newest_first", [False, True])
@pytest.mark.parametrize(
    "states", [None, *(frozenset({state}) for state in JobState), frozenset(JobState)]
)
def test_pages_are_in_the_order_of_ids(bench, newest_first, states):
    """Clause OBS-2."""
    jobs = [bench.job(priority=i % 3, job_type=TYPES[i % 2]) for i in range(40)]

    async def run() -> None:
        async with bench.opened(synchronous="normal") as storage:
            await bench.put(storage, *jobs)
            claimed = (await bench.claim(storage, limit=25)).jobs
            kinds = (SettleKind.COMPLETED, SettleKind.CANCELLED, SettleKind.DEAD)
            for job, kind in zip(islice(claimed, 18), kinds * 6, strict=True):
                await bench.settle(storage, job, kind, reason=None)
            await storage.hold("q", [jobs[-1].id, jobs[-3].id])
            records = await storage.get("q", [job.id for job in jobs])
            expected = [r.id for r in records if states is None or r.state in states]
            assert expected
            found = []
            after = None
            for _ in range(100):
                page = await storage.list(
                    "q", JobFilter(states=states), limit=3, after=after, newest_first=newest_first
                )
                found += [record.id for record in page.records]
                after = page.after
                if after is None:
                    break
            assert found == (expected[::-1] if newest_first else expected)
            rows = await storage.count("q", CountFilter(states=states))
            assert sum(row.count for row in rows) == len(expected)

    asyncio.run(run())


def test_filters(bench):
    """Clause OBS-2."""
    now = bench.now
    jobs = [bench.job(job_type=TYPES[i % 2], scheduled_at=now + i) for i in range(6)]

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *jobs)
            (job,) = (await bench.claim(storage, limit=1)).jobs
            await bench.settle(storage, job, SettleKind.DEAD, reason="decode", now=now + 100)

            async def found(**where):
                condition = JobFilter(**where)
                page = (await storage.list("q", condition, limit=100)).records
                if not {"states", "job_types", "reasons"}.isdisjoint(where):
                    rows = await storage.count("q", CountFilter(**where))
                    assert sum(row.count for row in rows) == len(page)
                return [jobs.index(next(j for j in jobs if j.id == r.id)) for r in page]

            assert await found(job_types=frozenset({TYPES[1]})) == [1, 3, 5]
            assert await found(job_types=frozenset()) == []
            assert await found(states=frozenset()) == []
            assert await found(reasons=frozenset({"decode", "lease"})) == [0]
            assert await found(scheduled_from=now + 1, scheduled_to=now + 3) == [1, 2]
            assert await found(enqueued_from=now, enqueued_to=now + 1) == [0, 1, 2, 3, 4, 5]
            assert await found(enqueued_from=now + 1) == []
            assert await found(finished_from=now + 100) == [0]
            assert await found(finished_to=now + 100) == []
            assert await storage.list("other", JobFilter(), limit=9) == RecordPage((), None)

    asyncio.run(run())
