"""A few hundred jobs of every kind that there is, as the calls of real users leave them."""

from __future__ import annotations

import random
from uuid import UUID, uuid4

from aide_de_camp.spi import (
    TIME_MAX,
    TIME_MIN,
    ErrorRecord,
    JobFilter,
    Requeue,
    SettleKind,
    Settlement,
    Storage,
)

from ..calls import SECOND, START, Calls

LATE = 2**53 + 1
"""An instant that a double doesn't hold: what is claimed from then on has a greater token."""
TIMES = [TIME_MIN, -1, START - 1, START, LATE - 1, LATE + 10 * SECOND, TIME_MAX - 1, TIME_MAX]
PAYLOADS = [b"", b"\0", b"\xff\xfe\0" * 99, b"{}", "ä€\U0001f600".encode()]
MEBIBYTE = bytes(range(256)) * 4096
ERRORS = [
    None,
    ErrorRecord("ValueError", 'a "quoted" ä\n', "trace\\\n" * 99, "detail", "$.a[0]", 3),
    ErrorRecord("E", ""),
]
ENDS = [*SettleKind, SettleKind.RETRY, SettleKind.RETRY, SettleKind.DEAD, SettleKind.DEAD]


async def fill(calls: Calls, storage: Storage, *, seed: int, count: int = 260) -> None:
    """Store jobs, and let some run, fail, die, be requeued and lose their leases.

    None is running in the end; a few are completed or cancelled.
    """
    chance = random.Random(seed)
    jobs = [
        calls.job(
            id=UUID(int=(0x0190 << 112) | chance.getrandbits(90)),
            job_type=chance.choice(["a", "b", "größe", "x" * 128]),
            payload=MEBIBYTE if number % 100 == 7 else chance.choice(PAYLOADS),
            codec=chance.choice(["json", "msgpack", "né"]),
            priority=chance.choice([-128, -1, 0, 0, 127]),
            scheduled_at=chance.choice(TIMES),
            max_retries=chance.choice([None, 0, 3, 2**31 - 1]),
        )
        for number in range(count)
    ]
    await calls.put(storage, *jobs)
    for now in (START, LATE, LATE, LATE + SECOND):
        await _run_some(calls, storage, chance, now)
    for moment in (LATE, LATE + SECOND):
        await calls.claim(storage, limit=9, now=moment, lease=SECOND)
    await storage.reap(calls.queue, 1_000, now=LATE + 9 * SECOND)
    dead = [job.id for job in jobs if chance.random() < 0.1]
    requests = [Requeue(job_id, uuid4()) for job_id in dead]
    await storage.requeue(calls.queue, requests, now=LATE + 9 * SECOND)


async def _run_some(calls: Calls, storage: Storage, chance: random.Random, now: int) -> None:
    claimed = await calls.claim(storage, limit=30, now=now, worker="wörker")
    ends: list[Settlement] = []
    for job in claimed.jobs:
        kind = chance.choice(ENDS)
        given = kind in (SettleKind.DEAD, SettleKind.CANCELLED)
        ends.append(
            Settlement(
                job.id,
                job.token,
                kind,
                delay=chance.choice([0, SECOND, 10**18]),
                reason=chance.choice(["failed", "my own wörd", ""]) if given else None,
                error=chance.choice(ERRORS),
            )
        )
    await storage.settle(calls.queue, ends, now=now)


async def all_ids(storage: Storage, queue: str) -> list[UUID]:
    ids: list[UUID] = []
    after = None
    while True:
        page = await storage.list(queue, JobFilter(), limit=1_000, after=after)
        ids += [record.id for record in page.records]
        after = page.after
        if after is None:
            return ids
