"""Who takes part in a run: producers, workers and a keeper, each driving a storage by a seed.

A call whose outcome isn't known is sent again by the same request, as LIV-4 allows, a few times;
then it is left alone.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, TypeVar
from uuid import UUID

from aide_de_camp import new_job_id
from aide_de_camp.spi import (
    LEASE_MIN,
    Cancellation,
    ClaimedJob,
    ClaimRequest,
    JobFilter,
    JobState,
    Lease,
    LeaseResult,
    NewJob,
    Requeue,
    RetryLimits,
    SettleKind,
    Settlement,
    Storage,
    StorageUnavailable,
)

T = TypeVar("T")
QUEUE: Final = "history"
TYPES: Final = ("a", "b", "c")
_DELAY: Final = 200_000
"""Microseconds: no job is scheduled, and no retry asked for, further off than this."""
_LONG: Final = 0.06
"""The part of the attempts that last as long as a lease, give or take."""
_TRIES: Final = 4
_PAUSE: Final = 0.05
"""Seconds before a call is sent again."""
_LIMITS: Final = RetryLimits(default=50, by_type={"c": 1})
_ENDS: Final = (
    (SettleKind.COMPLETED, 70),
    (SettleKind.RETRY, 8),
    (SettleKind.SNOOZED, 5),
    (SettleKind.RELEASED, 8),
    (SettleKind.DEAD, 6),
    (SettleKind.CANCELLED, 3),
)


class Stop:
    """Says when a role is to come to its end."""

    def __init__(self) -> None:
        self.asked = False

    def ask(self) -> None:
        """Ask for it."""
        self.asked = True


Role = Callable[[Storage, Random, Stop], Awaitable[None]]


async def sent(call: Callable[[], Awaitable[T]]) -> T | None:
    """Send a call, again while its outcome isn't known; None where it never is."""
    for _ in range(_TRIES):
        try:
            return await call()
        except StorageUnavailable:
            await asyncio.sleep(_PAUSE)
    return None


async def produce(storage: Storage, random: Random, stop: Stop) -> None:
    """Schedule jobs of all types and priorities, some later, some in batches."""
    while not stop.asked:
        jobs = [_job(random) for _ in range(random.choice((1, 1, 2, 5)))]
        await _put(storage, jobs)
        await asyncio.sleep(random.random() * 0.03)


def _job(random: Random) -> NewJob:
    # Half of them fall due in the past, at times that tie: the order is to have work to do.
    since = random.choice((None, random.randrange(4)))
    return NewJob(
        id=new_job_id(),
        job_type=random.choice(TYPES),
        payload=random.randbytes(random.choice((0, 3, 300))),
        codec="raw",
        priority=random.choice((-128, -1, 0, 0, 1, 127)),
        scheduled_at=None if since is None else 1_000_000_000_000_000 + since,
        delay=random.choice((0, 0, _DELAY)),
        max_retries=random.choice((None, None, 50)),
    )


async def work(storage: Storage, random: Random, stop: Stop) -> None:
    """Claim and end jobs in every way there is, by two hands at once."""
    hands = [Random(random.random()) for _ in range(2)]  # noqa: S311 (draws of a workload)
    await asyncio.gather(*(_work(storage, hand, stop) for hand in hands))


async def _work(storage: Storage, random: Random, stop: Stop) -> None:
    """Claim and end jobs, now and then too late, or under a lease of long ago."""
    old: deque[ClaimedJob] = deque(maxlen=20)
    while not stop.asked:
        types = random.choice((None, None, ("a", "b"), ("c",)))
        jobs = await claim(storage, types, random.choice((1, 1, 2, 3))) or ()
        for job in jobs:
            # Some outlast their lease, and whoever has the job then may take as long.
            long = random.random() < _LONG
            await asyncio.sleep(random.uniform(0.3, 1.5) if long else random.random() * 0.02)
            if random.random() < 0.2:
                await _extend(storage, Lease(job.id, job.token))
            kinds, weights = zip(*_ENDS, strict=True)
            (kind,) = random.choices(kinds, weights)
            await end(storage, job, kind, delay=random.choice((0, 0, _DELAY)))
        old.extend(jobs)
        if old and random.random() < 0.1:
            await end(storage, random.choice(old), random.choice(tuple(SettleKind)))
        await asyncio.sleep(0 if jobs else 0.01)


async def claim(
    storage: Storage, types: tuple[str, ...] | None, limit: int
) -> tuple[ClaimedJob, ...] | None:
    """Claim under the shortest lease there may be; None where nobody knows what came of it."""
    worker = f"worker-{os.getpid()}"
    request = ClaimRequest(types, limit, LEASE_MIN, _LIMITS, worker, new_job_id())
    result = await sent(lambda: storage.claim(QUEUE, request, now=None))
    return None if result is None else tuple(result.jobs)


async def end(
    storage: Storage, job: ClaimedJob, kind: SettleKind, *, delay: int = 0
) -> LeaseResult | None:
    """End one attempt."""
    later = kind in (SettleKind.RETRY, SettleKind.SNOOZED)
    reason = "failed" if kind in (SettleKind.DEAD, SettleKind.CANCELLED) else None
    done = Settlement(job.id, job.token, kind, delay=delay if later else 0, reason=reason)
    results = await sent(lambda: storage.settle(QUEUE, [done], now=None))
    return results[0] if results else None


async def keep(storage: Storage, random: Random, stop: Stop) -> None:
    """Cancel what waits or runs, twice at once at times; requeue, delete, reap and prune."""
    while not stop.asked:
        live = await _ids(storage, random.choice((JobState.SCHEDULED, JobState.RUNNING)))
        if live:
            job_id = random.choice(live)
            await asyncio.gather(*(_cancel(storage, job_id) for _ in range(random.choice((1, 2)))))
        await asyncio.sleep(random.random() * 0.05)
        dead = await _ids(storage, JobState.DEAD)
        if dead and random.random() < 0.5:
            job_id = random.choice(dead)
            if random.random() < 0.7:
                await _requeue(storage, job_id)
            else:
                await _delete(storage, job_id)
        if random.random() < 0.1:
            await sent(lambda: storage.reap(QUEUE, 10, now=None))
        if random.random() < 0.1:
            await sent(lambda: storage.prune(QUEUE, LEASE_MIN, 3, now=None))


async def _ids(storage: Storage, state: JobState) -> list[UUID]:
    where = JobFilter(states=frozenset({state}))
    page = await sent(lambda: storage.list(QUEUE, where, limit=20))
    return [record.id for record in page.records] if page is not None else []


async def _put(storage: Storage, jobs: list[NewJob]) -> None:
    await sent(lambda: storage.enqueue(QUEUE, jobs, now=None))


async def _extend(storage: Storage, lease: Lease) -> None:
    await sent(lambda: storage.extend(QUEUE, [lease], LEASE_MIN, now=None))


async def _requeue(storage: Storage, job_id: UUID) -> None:
    wanted = Requeue(job_id, new_job_id())
    await sent(lambda: storage.requeue(QUEUE, [wanted], now=None))


async def _delete(storage: Storage, job_id: UUID) -> None:
    await sent(lambda: storage.delete(QUEUE, [job_id]))


async def _cancel(storage: Storage, job_id: UUID) -> None:
    wanted = Cancellation(job_id, new_job_id())
    await sent(lambda: storage.cancel(QUEUE, [wanted], now=None))


async def drain(storage: Storage, patience: float) -> bool:
    """Claim and complete until nothing is live, or nothing came for long enough.

    Args:
        storage: one that can be reached.
        patience: seconds after which nothing more can come: longer than any lease and delay.

    Returns:
        False where the storage couldn't be reached, so that nobody knows what is left.
    """
    last = time.monotonic()
    while time.monotonic() - last < patience:
        jobs = await claim(storage, None, 50)
        if jobs is None:
            return False
        for job in jobs:
            await end(storage, job, SettleKind.COMPLETED)
        if jobs:
            last = time.monotonic()
        elif not await _live(storage):
            return True
        else:
            await asyncio.sleep(0.05)
    return True


async def _live(storage: Storage) -> bool:
    where = JobFilter(states=frozenset({JobState.SCHEDULED, JobState.RUNNING}))
    return bool((await storage.list(QUEUE, where, limit=1)).records)


ROLES: Final[dict[str, Role]] = {"produce": produce, "work": work, "keep": keep}
