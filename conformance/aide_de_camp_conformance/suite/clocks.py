"""LEA-1: whose clock counts where a call is given no present."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import contextmanager
from unittest import mock
from uuid import UUID, uuid4

from aide_de_camp.spi import (
    Cancellation,
    Capability,
    ClaimedJob,
    ClaimRequest,
    JobRecord,
    Lease,
    RetryLimits,
    SettleKind,
    Settlement,
    Storage,
)
from aide_de_camp_conformance.asking import Need, NotAsked
from aide_de_camp_conformance.desk import HOUR, MINUTE, SECOND, new
from aide_de_camp_conformance.expect import same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.lane import names_hosts
from aide_de_camp_conformance.requirement import requirement

_OFF = 10 * MINUTE
"""How far this process's clock is off, in microseconds."""


@contextmanager
def _clock_off_by(microseconds: int) -> Generator[None]:
    """Have this process's clock be wrong; a server's isn't."""
    seconds, nanoseconds = time.time, time.time_ns

    def wrong_seconds() -> float:
        return seconds() + microseconds / SECOND

    def wrong_nanoseconds() -> int:
        return nanoseconds() + microseconds * 1_000

    with mock.patch.multiple("time", time=wrong_seconds, time_ns=wrong_nanoseconds):
        yield


@requirement("LEA-1.clock", level=1)
async def one_clock(kit: Kit) -> None:
    """Every verb that is given no present reads the same clock, however wrong its caller's is."""
    # Behind first: a storage's present never goes back.
    for off in (-_OFF, _OFF):
        with _clock_off_by(off):
            look = _Look(await kit.storage(), "ahead" if off > 0 else "behind")
            await look.all()
            first = next(iter(look.instants.values()))
            for verb, instant in look.instants.items():
                assert abs(instant - first) < MINUTE, (
                    f"with a caller's clock that is {off // SECOND} s off, {verb} is "
                    f"{(instant - first) // SECOND} s from when a job was stored"
                )


@requirement("LEA-1.hosts", level=2, capability=Capability.SHARED, needs=Need.NETWORK)
async def hosts_agree(kit: Kit) -> None:
    """Over a network no caller's clock counts: every verb acts at the storage's own present."""
    if not names_hosts(kit.url):
        raise NotAsked(
            "the storage's URL names no host with its port: it isn't known to be on another host "
            "than its callers may be"
        )
    honest = await kit.storage()
    for off in (-_OFF, _OFF):
        present = (await honest.claim("default", _request(1, types=()), now=None)).now
        with _clock_off_by(off):
            look = _Look(await kit.storage(), "hosts ahead" if off > 0 else "hosts behind")
            await look.all()
            for verb, instant in look.instants.items():
                assert abs(instant - present) < MINUTE, (
                    f"with a caller's clock that is {off // SECOND} s off, {verb} is "
                    f"{(instant - present) // SECOND} s from the present that others are told"
                )


def _request(limit: int, types: tuple[str, ...] | None = None) -> ClaimRequest:
    return ClaimRequest(
        types=types,
        limit=limit,
        lease=2 * MINUTE,
        retry_limits=RetryLimits(),
        worker="kit",
        request_id=uuid4(),
    )


class _Look:
    """Makes each verb once without a present, and notes which present it acted at."""

    def __init__(self, storage: Storage, queue: str) -> None:
        self.instants: dict[str, int] = {}
        self._storage = storage
        self._queue = queue

    async def all(self) -> None:
        """Make all of them."""
        storage, queue = self._storage, self._queue
        jobs = [new(), new(delay=0), new(), new()]
        later = new(delay=HOUR)
        await storage.enqueue(queue, [*jobs, later], now=None)
        stored = await self._get(jobs[0].id)
        self.instants["storing a job"] = stored.enqueued_at
        self.instants["its time"] = stored.scheduled_at
        self.instants["a delay"] = (await self._get(later.id)).scheduled_at - HOUR

        held = await self._claim(len(jobs))
        await storage.extend(queue, [Lease(held[0].id, held[0].token)], 3 * HOUR, now=None)
        extended = (await self._get(held[0].id)).lease_until
        self.instants["a heartbeat"] = (extended or 0) - 3 * HOUR
        same(len(await storage.reap(queue, 10, now=None)), 0, "how many leases the reaper took")

        await self._settle(held[0], SettleKind.COMPLETED)
        self.instants["completing"] = (await self._get(held[0].id)).finished_at or 0
        await self._settle(held[1], SettleKind.RETRY, delay=HOUR)
        self.instants["a retry"] = (await self._get(held[1].id)).scheduled_at - HOUR
        await self._settle(held[2], SettleKind.DEAD)
        self.instants["dying"] = (await self._get(held[2].id)).finished_at or 0
        await storage.cancel(queue, [Cancellation(later.id, uuid4())], now=None)
        self.instants["cancelling"] = (await self._get(later.id)).finished_at or 0
        early = await storage.prune(queue, _OFF // 2, 10, now=None)
        same(early, 0, "how many were removed that are to be kept for five minutes")
        same(await storage.prune(queue, 0, 10, now=None), 2, "how many were removed at once")

    async def _get(self, job_id: UUID) -> JobRecord:
        (record,) = await self._storage.get(self._queue, [job_id])
        assert record is not None, f"job {job_id} was acknowledged, and isn't there"
        return record

    async def _claim(self, limit: int) -> tuple[ClaimedJob, ...]:
        result = await self._storage.claim(self._queue, _request(limit), now=None)
        held = tuple(result.jobs)
        same(len(held), limit, "how many jobs without a delay are due")
        self.instants["a claim"] = result.now
        self.instants["a lease"] = held[0].lease_until - 2 * MINUTE
        return held

    async def _settle(self, job: ClaimedJob, kind: SettleKind, delay: int = 0) -> None:
        reason = "x" if kind is SettleKind.DEAD else None
        settlement = Settlement(job.id, job.token, kind, delay=delay, reason=reason)
        await self._storage.settle(self._queue, [settlement], now=None)
