"""The verbs of the SPI on one storage, one queue and one clock, in few words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from aide_de_camp import ManualClock, new_job_id
from aide_de_camp.spi import (
    Cancellation,
    CancelResult,
    ClaimedJob,
    ClaimRequest,
    ClaimResult,
    CountFilter,
    DeadStatus,
    EnqueueResult,
    ErrorRecord,
    JobFilter,
    JobRecord,
    JobState,
    Lease,
    LeaseResult,
    NewJob,
    ReapedJob,
    Requeue,
    RetryLimits,
    SettleKind,
    Settlement,
    Storage,
)

SECOND: Final = 1_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE


def new(
    job_type: str = "a",
    payload: bytes = b"",
    *,
    codec: str = "raw",
    priority: int = 0,
    at: int | None = None,
    delay: int = 0,
    id: UUID | None = None,  # noqa: A002 (it is what the field is called)
    max_retries: int | None = None,
) -> NewJob:
    """Make a job that can be stored; see :class:`~aide_de_camp.spi.NewJob`."""
    return NewJob(
        id=id or new_job_id(),
        job_type=job_type,
        payload=payload,
        codec=codec,
        priority=priority,
        scheduled_at=at,
        delay=delay,
        max_retries=max_retries,
    )


class Desk:
    """One caller of a storage.

    Args:
        storage: an open storage.
        clock: gives the ``now`` of every call.
        queue: the queue's name.
    """

    def __init__(self, storage: Storage, clock: ManualClock, queue: str) -> None:
        self.storage = storage
        self.queue = queue
        self._clock = clock

    @property
    def now(self) -> int:
        """The present, in microseconds."""
        return self._clock.now()

    async def put(self, jobs: Iterable[NewJob]) -> Sequence[EnqueueResult]:
        """Store jobs in one call."""
        return await self.storage.enqueue(self.queue, list(jobs), now=self.now)

    async def add(
        self,
        job_type: str = "a",
        payload: bytes = b"",
        *,
        codec: str = "raw",
        priority: int = 0,
        at: int | None = None,
        delay: int = 0,
        id: UUID | None = None,  # noqa: A002 (as above)
        max_retries: int | None = None,
    ) -> UUID:
        """Store one job, made as :func:`new` does."""
        job = new(
            job_type,
            payload,
            codec=codec,
            priority=priority,
            at=at,
            delay=delay,
            id=id,
            max_retries=max_retries,
        )
        results = await self.put([job])
        assert list(results) == [EnqueueResult.STORED], f"a new job's enqueue answered {results}"
        return job.id

    async def call_claim(
        self,
        limit: int = 1,
        *,
        types: tuple[str, ...] | None = None,
        lease: int = MINUTE,
        limits: RetryLimits | None = None,
        worker: str = "kit",
        request_id: UUID | None = None,
    ) -> ClaimResult:
        """Claim, and give the whole answer."""
        request = ClaimRequest(
            types=types,
            limit=limit,
            lease=lease,
            retry_limits=limits or RetryLimits(),
            worker=worker,
            request_id=request_id or new_job_id(),
        )
        return await self.storage.claim(self.queue, request, now=self.now)

    async def claim(
        self,
        limit: int = 1,
        *,
        types: tuple[str, ...] | None = None,
        lease: int = MINUTE,
        limits: RetryLimits | None = None,
        request_id: UUID | None = None,
    ) -> tuple[ClaimedJob, ...]:
        """Claim, and give the jobs."""
        result = await self.call_claim(
            limit, types=types, lease=lease, limits=limits, request_id=request_id
        )
        return tuple(result.jobs)

    async def claim_one(
        self,
        *,
        types: tuple[str, ...] | None = None,
        lease: int = MINUTE,
        limits: RetryLimits | None = None,
    ) -> ClaimedJob:
        """Claim the one job that must be there."""
        jobs = await self.claim(1, types=types, lease=lease, limits=limits)
        assert len(jobs) == 1, f"a due job wasn't handed out: the claim gave {len(jobs)}"
        return jobs[0]

    async def claimed_ids(
        self, limit: int = 100, *, types: tuple[str, ...] | None = None
    ) -> list[UUID]:
        """Claim, and give the ids in the order that came."""
        return [job.id for job in await self.claim(limit, types=types)]

    async def settle(
        self,
        job: ClaimedJob,
        kind: SettleKind = SettleKind.COMPLETED,
        *,
        delay: int = 0,
        reason: str | None = None,
        error: ErrorRecord | None = None,
    ) -> LeaseResult:
        """End one attempt."""
        settlement = Settlement(job.id, job.token, kind, delay=delay, reason=reason, error=error)
        (result,) = await self.storage.settle(self.queue, [settlement], now=self.now)
        return result

    async def kill(
        self, job: ClaimedJob, reason: str = "failed", error: ErrorRecord | None = None
    ) -> None:
        """Move a claimed job to the dead queue."""
        result = await self.settle(job, SettleKind.DEAD, reason=reason, error=error)
        assert result is LeaseResult.APPLIED, "moving a running job to the dead queue was refused"

    async def extend(self, job: ClaimedJob, lease: int = MINUTE) -> LeaseResult:
        """Extend one lease."""
        held = [Lease(job.id, job.token)]
        (result,) = await self.storage.extend(self.queue, held, lease, now=self.now)
        return result

    async def cancel(
        self, job_id: UUID, *, token: int | None = None, request_id: UUID | None = None
    ) -> CancelResult:
        """Cancel one job."""
        wanted = Cancellation(job_id, request_id or new_job_id(), token)
        (result,) = await self.storage.cancel(self.queue, [wanted], now=self.now)
        return result

    async def find(self, job_id: UUID) -> JobRecord | None:
        """Read one job, if it is there."""
        (record,) = await self.storage.get(self.queue, [job_id])
        return record

    async def get(self, job_id: UUID) -> JobRecord:
        """Read one job that must be there."""
        record = await self.find(job_id)
        assert record is not None, f"job {job_id} was acknowledged, and isn't there"
        return record

    async def state(self, job_id: UUID) -> JobState:
        """Read the state of one job that must be there."""
        return (await self.get(job_id)).state

    async def reap(self, limit: int = 1_000) -> Sequence[ReapedJob]:
        """Take expired leases back."""
        return await self.storage.reap(self.queue, limit, now=self.now)

    async def prune(self, keep: int, limit: int = 1_000) -> int:
        """Remove old finished jobs."""
        return await self.storage.prune(self.queue, keep, limit, now=self.now)

    async def list(
        self,
        where: JobFilter | None = None,
        *,
        limit: int = 1_000,
        after: UUID | None = None,
        newest_first: bool = False,
    ) -> list[UUID]:
        """List the ids of jobs, of as many pages as the limit takes."""
        ids: list[UUID] = []
        while True:
            page = await self.storage.list(
                self.queue,
                where or JobFilter(),
                limit=limit - len(ids),
                after=after,
                newest_first=newest_first,
            )
            ids += [record.id for record in page.records]
            after = page.after
            if after is None or len(ids) >= limit:
                return ids

    async def requeue(self, job_id: UUID, request_id: UUID | None = None) -> DeadStatus:
        """Schedule a dead job again."""
        wanted = Requeue(job_id, request_id or new_job_id())
        (status,) = await self.storage.requeue(self.queue, [wanted], now=self.now)
        return status

    async def total(self) -> int:
        """Count all jobs."""
        return sum(row.count for row in await self.storage.count(self.queue, CountFilter()))
