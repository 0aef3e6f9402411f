"""How fast jobs move between storages, and whether all of them come back as they were.

    python benchmarks/move.py URL URL [URL ...] [--jobs 100000]
    python benchmarks/move.py sqlite:///a.db redis://127.0.0.1:6379/15 sqlite:///b.db

The first queue is filled, unless it holds jobs already; then they are moved from each place to
the next. The records of every place are compared with those of the first. The queue has a name of
its own, so that nothing else in the storages is touched; the jobs stay at the last place.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import itertools
import random
import time
from collections.abc import AsyncIterator
from uuid import uuid4

from attrs import astuple, evolve

from aide_de_camp import Queue, move_jobs, new_job_id, open_queue
from aide_de_camp.spi import (
    TIME_MAX,
    TIME_MIN,
    ClaimRequest,
    ErrorRecord,
    JobFilter,
    JobRecord,
    NewJob,
    RetryLimits,
    SettleKind,
    Settlement,
)

NAME = "benchmark move"
ERROR = ErrorRecord("ValueError", "why", "a line of a traceback\n" * 20)
SECOND = 1_000_000


def new_job(chance: random.Random) -> NewJob:
    return NewJob(
        id=new_job_id(),
        job_type=chance.choice(["a", "b", "c"]),
        payload=chance.randbytes(chance.choice([0, 100, 100, 100, 1_000])),
        codec="json",
        priority=chance.randint(-128, 127),
        scheduled_at=chance.choice([0, TIME_MIN, TIME_MAX, chance.randint(0, TIME_MAX)]),
        max_retries=chance.choice([None, 3]),
    )


async def fill(queue: Queue, count: int) -> None:
    """Schedule jobs, a tenth of which then fail or die."""
    chance = random.Random(1)  # noqa: S311 (no secrets)
    for start in range(0, count, 1_000):
        batch = [new_job(chance) for _ in range(min(1_000, count - start))]
        await queue.storage.enqueue(queue.name, batch, now=None)
    for _ in range(count // 10_000):
        request = ClaimRequest(None, 1_000, 60 * SECOND, RetryLimits(), "w", uuid4())
        claimed = await queue.storage.claim(queue.name, request, now=None)
        ends = [
            Settlement(job.id, job.token, SettleKind.DEAD, reason="failed", error=ERROR)
            if chance.random() < 0.5
            else Settlement(job.id, job.token, SettleKind.RETRY, delay=10**15, error=ERROR)
            for job in claimed.jobs
        ]
        await queue.storage.settle(queue.name, ends, now=None)


async def records(queue: Queue) -> AsyncIterator[JobRecord]:
    after = None
    while True:
        page = await queue.storage.list(queue.name, JobFilter(), limit=1_000, after=after)
        for record in await queue.storage.get(queue.name, [each.id for each in page.records]):
            assert record is not None
            yield record
        after = page.after
        if after is None:
            return


async def digest(queue: Queue) -> tuple[int, str]:
    """Give the number of jobs, and a digest of all that is stored of them."""
    found = hashlib.sha256()
    number = 0
    async for record in records(queue):
        found.update(repr(astuple(evolve(record, queue=""))).encode())
        # What is left out of a record's text for safety is compared too.
        found.update(record.payload or b"")
        number += 1
    return number, found.hexdigest()


async def leg(here: str, there: str, wanted: tuple[int, str]) -> None:
    async with open_queue(here, name=NAME) as source, open_queue(there, name=NAME) as target:
        assert await digest(target) == (0, hashlib.sha256().hexdigest()), "the target isn't empty"
        names = f"{source.storage.server} -> {target.storage.server}"
        began = time.perf_counter()
        report = await move_jobs(source, target)
        took = time.perf_counter() - began
        found = await digest(target)
        assert found == wanted, f"not what it was: {found}, {wanted}"
        assert (await digest(source))[0] == 0, "something stayed"
        rate = report.moved / took
        print(f"{names}: {report.moved:,} jobs in {took:.1f} s, {rate:,.0f} jobs/s; all equal")


async def main(urls: list[str], count: int) -> None:
    async with open_queue(urls[0], name=NAME) as first:
        if not (await first.count_jobs()).total:
            await fill(first, count)
        wanted = await digest(first)
    for here, there in itertools.pairwise(urls):
        await leg(here, there, wanted)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("urls", nargs="+", metavar="URL")
    parser.add_argument("--jobs", type=int, default=100_000)
    given = parser.parse_args()
    if len(given.urls) < 2:
        parser.error("give two URLs or more")
    asyncio.run(main(given.urls, given.jobs))
