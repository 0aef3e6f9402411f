"""What a waiting job costs in Redis, and what a claim costs beside a crowd that it must pass.

    python benchmarks/redis_spine.py redis://127.0.0.1:6379/15 [--crowd 1000000]

The database is emptied. All is measured in one run, so that the ratios mean something on a busy
machine: each claim beside a crowd is followed by the same claim in a queue that holds just the
jobs that it returns.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from collections.abc import Callable
from functools import partial
from uuid import UUID, uuid4

from redis.asyncio import Redis

from aide_de_camp.spi import ClaimRequest, NewJob, RetryLimits, SettleKind, Settlement, Storage
from aide_de_camp_backends.redis.plugin import connect

SECOND = 1_000_000
NOW = 1_700_000_000 * SECOND
FUTURE = NOW + 10**6 * SECOND
PAYLOAD = b"x" * 100
ROUNDS = 30

Crowd = Callable[[int], dict[str, object]]

CROWDS: dict[str, Crowd] = {
    "not yet due, all at priority 127": lambda _: {"priority": 127, "scheduled_at": FUTURE},
    "not yet due over 255 priorities, the due at -128": lambda i: {
        "priority": i % 255 - 127,
        "scheduled_at": FUTURE,
    },
    "due, of another type, at 127": lambda _: {
        "priority": 127,
        "job_type": "other",
        "scheduled_at": NOW - 1,
    },
}


def jobs(count: int, what: Crowd, start: int = 0) -> list[NewJob]:
    base = {"job_type": "t", "payload": PAYLOAD, "codec": "json", "scheduled_at": NOW - 1}
    return [
        NewJob(**({"id": UUID(int=start + i), "priority": -128} | base | what(i)))  # type: ignore[arg-type]  # a table of arguments
        for i in range(count)
    ]


def shifted(what: Crowd, start: int, number: int) -> dict[str, object]:
    return what(start + number)


async def fill(storage: Storage, queue: str, count: int, what: Crowd) -> None:
    for start in range(0, count, 1_000):
        batch = jobs(min(1_000, count - start), partial(shifted, what, start), (1 << 100) + start)
        await storage.enqueue(queue, batch, now=NOW)


async def one_claim(storage: Storage, queue: str, limit: int, types: tuple[str, ...]) -> float:
    """Put ``limit`` due jobs, and time the claim that takes them."""
    start = uuid4().int >> 30
    await storage.enqueue(queue, jobs(limit, lambda _: {}, start), now=NOW)
    request = ClaimRequest(types, limit, 60 * SECOND, RetryLimits(), "w", uuid4())
    began = time.perf_counter()
    result = await storage.claim(queue, request, now=NOW)
    took = time.perf_counter() - began
    assert len(result.jobs) == limit
    ends = [Settlement(job.id, job.token, SettleKind.COMPLETED) for job in result.jobs]
    await storage.settle(queue, ends, now=NOW)
    await storage.prune(queue, 0, limit, now=NOW)
    return took


async def claims(storage: Storage, size: int) -> None:
    for name, what in CROWDS.items():
        queue = f"crowd {name}"
        await fill(storage, queue, size, what)
        for limit in (1, 100):
            beside: list[float] = []
            alone: list[float] = []
            for _ in range(ROUNDS):
                beside.append(await one_claim(storage, queue, limit, ("t",)))
                alone.append(await one_claim(storage, "alone", limit, ("t",)))
            ours, theirs = statistics.median(beside), statistics.median(alone)
            print(
                f"claim {limit:>3} beside {size:,} {name}: {1000 * ours:.2f} ms, "
                f"alone {1000 * theirs:.2f} ms, ratio {ours / theirs:.2f}"
            )


async def merged(storage: Storage, size: int) -> None:
    names = [f"type {number}" for number in range(50)]
    await fill(
        storage,
        "mix",
        size,
        lambda i: {"job_type": names[i % 50], "priority": i % 256 - 128, "scheduled_at": NOW - 1},
    )
    for count in (1, 5, 50):
        took: list[float] = []
        for _ in range(ROUNDS):
            request = ClaimRequest(
                tuple(names[:count]), 100, 60 * SECOND, RetryLimits(), "w", uuid4()
            )
            began = time.perf_counter()
            result = await storage.claim("mix", request, now=NOW)
            took.append(time.perf_counter() - began)
            assert len(result.jobs) == 100
            back = [Settlement(job.id, job.token, SettleKind.RELEASED) for job in result.jobs]
            await storage.settle("mix", back, now=NOW)
        print(
            f"claim 100 of {count:>2} types of 50, {size:,} due over 256 priorities: "
            f"{1000 * statistics.median(took):.2f} ms"
        )


async def memory(storage: Storage, client: Redis, size: int) -> None:
    async def used() -> int:
        return int((await client.info("memory"))["used_memory_dataset"])

    before = await used()
    began = time.perf_counter()
    await fill(storage, "memory", size, lambda _: {"priority": 0})
    took = time.perf_counter() - began
    print(
        f"memory per waiting job ({len(PAYLOAD)} bytes of payload): "
        f"{(await used() - before) / size:.0f} bytes; stored by 1,000: {size / took:,.0f} jobs/s"
    )


async def pace(storage: Storage, size: int) -> None:
    """Claim and complete the jobs of ``memory`` by 100, one caller."""
    began = time.perf_counter()
    done = 0
    while done < size:
        request = ClaimRequest(None, 100, 60 * SECOND, RetryLimits(), "w", uuid4())
        found = (await storage.claim("memory", request, now=NOW)).jobs
        if not found:
            break
        ends = [Settlement(job.id, job.token, SettleKind.COMPLETED) for job in found]
        await storage.settle("memory", ends, now=NOW)
        done += len(found)
    print(f"claimed and completed by 100: {done / (time.perf_counter() - began):,.0f} jobs/s")


async def main(url: str, size: int) -> None:
    client = Redis.from_url(url)
    await client.flushdb()
    storage = connect(url, {"timeout": "60"})()
    await storage.open()
    print(storage.server)
    await memory(storage, client, min(size, 100_000))
    await pace(storage, min(size, 20_000))
    await client.flushdb()
    await claims(storage, size)
    await client.flushdb()
    await merged(storage, size)
    await client.flushdb()
    await storage.close()
    await client.aclose()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("--crowd", type=int, default=1_000_000)
    given = parser.parse_args()
    asyncio.run(main(given.url, given.crowd))
