"""The memory backend's storage: the verbs of the SPI over one world."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from aide_de_camp.spi import (
    Cancellation,
    CancelResult,
    Capability,
    ClaimRequest,
    ClaimResult,
    CountFilter,
    CountRow,
    DeadStatus,
    EnqueueResult,
    HoldStatus,
    JobFilter,
    JobRecord,
    Lease,
    LeaseResult,
    NewJob,
    ReapedJob,
    RecordPage,
    Requeue,
    Settlement,
    StorageBase,
    Wake,
)
from aide_de_camp_backends.memory.world import Waiter, World


class MemoryStorage(StorageBase):
    """A door to a world. Several may be open on one, in several threads."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def open(self) -> None:
        """See :meth:`Storage.open`: there is nothing to connect to."""

    async def close(self) -> None:
        """See :meth:`Storage.close`: the world stays while somebody holds its URL's opener."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Wake-ups and moving; nothing that asks for more than one process."""
        return frozenset({Capability.WAKE_UP, Capability.MOVE})

    @property
    def server(self) -> str:
        """See :attr:`Storage.server`."""
        return "memory of this process"

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue`."""
        with self.world.lock:
            moment = self.world.now(now)
            results = [self.world.of(queue).enqueue(job, moment) for job in jobs]
            self.world.changed()
        return results

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """See :meth:`Storage.claim`."""
        with self.world.lock:
            result = self.world.of(queue).claim(request, self.world.now(now))
            if result.reaped:
                # Of what it took back some may be of types that only others handle.
                self.world.changed()
        return result

    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.extend`."""
        with self.world.lock:
            moment = self.world.now(now)
            return [self.world.of(queue).extend(held, lease, moment) for held in leases]

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.settle`."""
        with self.world.lock:
            moment = self.world.now(now)
            results = [self.world.of(queue).settle(each, moment) for each in settlements]
            if any(each.kind.schedules_again for each in settlements):
                self.world.changed()
        return results

    async def cancel(
        self, queue: str, cancellations: Sequence[Cancellation], *, now: int | None
    ) -> Sequence[CancelResult]:
        """See :meth:`Storage.cancel`."""
        with self.world.lock:
            moment = self.world.now(now)
            return [self.world.of(queue).cancel(each, moment) for each in cancellations]

    async def get(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.get`."""
        with self.world.lock:
            found = [self.world.of(queue).by_id.get(job_id) for job_id in ids]
            return [job.record(queue, with_payload=True) if job else None for job in found]

    async def list(
        self,
        queue: str,
        where: JobFilter,
        *,
        limit: int,
        after: UUID | None = None,
        newest_first: bool = False,
    ) -> RecordPage:
        """See :meth:`Storage.list`."""
        with self.world.lock:
            jobs = self.world.of(queue).page(where, limit + 1, after, newest_first=newest_first)
            page = tuple(job.record(queue, with_payload=False) for job in jobs[:limit])
        return RecordPage(page, page[-1].id if len(jobs) > limit else None)

    async def count(self, queue: str, where: CountFilter) -> Sequence[CountRow]:
        """See :meth:`Storage.count`."""
        with self.world.lock:
            return self.world.of(queue).count(where)

    async def queues(self) -> Sequence[str]:
        """See :meth:`Storage.queues`."""
        with self.world.lock:
            return sorted(name for name, jobs in self.world.queues.items() if jobs.by_id)

    async def requeue(
        self, queue: str, requests: Sequence[Requeue], *, now: int | None
    ) -> Sequence[DeadStatus]:
        """See :meth:`Storage.requeue`."""
        with self.world.lock:
            self.world.now(now)
            results = [self.world.of(queue).requeue(each) for each in requests]
            self.world.changed()
        return results

    async def delete(self, queue: str, ids: Sequence[UUID]) -> Sequence[DeadStatus]:
        """See :meth:`Storage.delete`."""
        with self.world.lock:
            return [self.world.of(queue).delete(job_id) for job_id in ids]

    async def reap(self, queue: str, limit: int, *, now: int | None) -> Sequence[ReapedJob]:
        """See :meth:`Storage.reap`."""
        with self.world.lock:
            reaped = self.world.of(queue).reap(self.world.now(now), limit)
            if reaped:
                self.world.changed()
            return reaped

    async def prune(self, queue: str, keep: int, limit: int, *, now: int | None) -> int:
        """See :meth:`Storage.prune`."""
        with self.world.lock:
            return self.world.of(queue).prune(self.world.now(now) - keep, limit)

    async def hold(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.hold`."""
        with self.world.lock:
            found = [self.world.of(queue).hold(job_id) for job_id in ids]
            return [job.record(queue, with_payload=True) if job else None for job in found]

    async def import_jobs(
        self, queue: str, records: Sequence[JobRecord]
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.import_jobs`."""
        with self.world.lock:
            return [self.world.of(queue).import_job(record) for record in records]

    async def unhold(
        self, queue: str, ids: Sequence[UUID], *, now: int | None
    ) -> Sequence[HoldStatus]:
        """See :meth:`Storage.unhold`."""
        with self.world.lock:
            self.world.now(now)
            results = [self.world.of(queue).unhold(job_id) for job_id in ids]
            self.world.changed()
        return results

    async def discard(self, queue: str, ids: Sequence[UUID]) -> Sequence[HoldStatus]:
        """See :meth:`Storage.discard`."""
        with self.world.lock:
            return [self.world.of(queue).discard(job_id) for job_id in ids]

    def ticket(self, queue: str) -> int:
        """See :meth:`Storage.ticket`."""
        return self.world.version

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """See :meth:`Storage.wait`."""
        waiter = Waiter()
        if not self.world.add_waiter(waiter, ticket):
            return Wake.WORK
        try:
            async with asyncio.timeout(timeout):
                await waiter.event.wait()
        except TimeoutError:
            return Wake.TIMEOUT
        finally:
            self.world.drop_waiter(waiter)
        return Wake.WORK
