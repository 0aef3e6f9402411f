"""The jobs of one queue, and every change that the contract allows, each a few plain lines."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from aide_de_camp.spi import (
    REAP_JOBS,
    SETTLEMENTS_KEPT,
    Cancellation,
    CancelResult,
    CancelStatus,
    ClaimedJob,
    ClaimRequest,
    ClaimResult,
    CountFilter,
    CountRow,
    DeadReason,
    DeadStatus,
    EnqueueResult,
    HoldStatus,
    JobFilter,
    JobRecord,
    JobState,
    Lease,
    LeaseResult,
    NewJob,
    ReapedJob,
    Requeue,
    SettleKind,
    Settlement,
    later,
)
from aide_de_camp_backends.memory.filters import matches, named
from aide_de_camp_backends.memory.job import StoredJob
from aide_de_camp_backends.memory.waiting import Waiting


class Jobs:
    """One queue. Not safe across threads by itself: its world's lock is held around each call."""

    def __init__(self) -> None:
        self.by_id: dict[UUID, StoredJob] = {}
        self.running: dict[UUID, StoredJob] = {}
        self.waiting = Waiting()

    # --- scheduling ---------------------------------------------------------------------------

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store one job, unless its id is known."""
        if job.id in self.by_id:
            return EnqueueResult.EXISTS
        stored = StoredJob.new(job, now)
        self.by_id[job.id] = stored
        self.waiting.add(stored.job_type, stored.place)
        return EnqueueResult.STORED

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel one scheduled job."""
        job = self.by_id.get(wanted.id)
        if job is None:
            return CancelResult(CancelStatus.NOT_LIVE)
        if job.state is JobState.RUNNING:
            return CancelResult(CancelStatus.RUNNING)
        if job.state is JobState.CANCELLED and job.request_id == wanted.request_id:
            return CancelResult(CancelStatus.CANCELLED)
        if job.state is not JobState.SCHEDULED:
            return CancelResult(CancelStatus.NOT_LIVE, job.state)
        if wanted.token is not None and wanted.token != job.token:
            return CancelResult(CancelStatus.CHANGED)
        self.waiting.remove(job.job_type, job.place)
        self._finish(job, JobState.CANCELLED, now)
        job.request_id = wanted.request_id
        return CancelResult(CancelStatus.CANCELLED)

    # --- claiming -----------------------------------------------------------------------------

    def claim(self, request: ClaimRequest, now: int) -> ClaimResult:
        """Take expired leases back, then hand out due jobs."""
        if request.types is not None and not request.types:
            return ClaimResult((), now)
        repeated = self.held_under(request.request_id)
        if repeated:
            return ClaimResult(repeated, now)
        reaped = self.reap(now, REAP_JOBS)
        jobs = self.pick(request, now)
        for job in jobs:
            self.lease(job, request, now)
        next_due = self.waiting.next_due(request.types) if len(jobs) < request.limit else None
        return ClaimResult(tuple(job.claimed() for job in jobs), now, next_due, tuple(reaped))

    def held_under(self, request_id: UUID) -> tuple[ClaimedJob, ...]:
        """Give what an earlier claim of the same request took and still holds."""
        held = [job for job in self.running.values() if job.request_id == request_id]
        return tuple(job.claimed() for job in sorted(held, key=lambda job: job.place))

    def pick(self, request: ClaimRequest, now: int) -> list[StoredJob]:
        """Choose the jobs to hand out, in order."""
        places = self.waiting.due(request.types, now, request.limit)
        return [self.by_id[UUID(bytes=place[2])] for place in places]

    def lease(self, job: StoredJob, request: ClaimRequest, now: int) -> None:
        """Put one scheduled job under a lease."""
        self.waiting.remove(job.job_type, job.place)
        self.running[job.id] = job
        limit = request.retry_limits.of(job.job_type)
        job.state = JobState.RUNNING
        job.token = max(job.token + 1, now)
        job.claims += 1
        job.started_at = now
        job.lease_until = now + request.lease
        job.lease_max_retries = limit if job.max_retries is None else job.max_retries
        job.worker = request.worker
        job.request_id = request.request_id

    def extend(self, lease: Lease, length: int, now: int) -> LeaseResult:
        """Make one lease hold longer."""
        job = self.running.get(lease.id)
        if job is None or job.token != lease.token:
            return LeaseResult.LOST
        job.lease_until = max(job.lease_until or 0, now + length)
        return LeaseResult.APPLIED

    def reap(self, now: int, limit: int) -> list[ReapedJob]:
        """Take expired leases back, the longest expired first."""
        expired = [job for job in self.running.values() if (job.lease_until or 0) <= now]
        expired.sort(key=lambda job: (job.lease_until, job.id.bytes))
        return [self.take_back(job, now) for job in expired[:limit]]

    def take_back(self, job: StoredJob, now: int) -> ReapedJob:
        """End one lease that expired: a retry is used, or the job is dead."""
        job.token += 1
        if job.retries < job.lease_max_retries:
            job.retries += 1
            self._reschedule(job, job.scheduled_at)
        else:
            self._finish(job, JobState.DEAD, now, DeadReason.LEASE)
        return ReapedJob(job.id, job.job_type, job.state)

    # --- settling -----------------------------------------------------------------------------

    def settle(self, settlement: Settlement, now: int) -> LeaseResult:
        """End one attempt."""
        job = self.by_id.get(settlement.id)
        if job is None:
            return LeaseResult.LOST
        this = (settlement.token, settlement.kind)
        if this in job.settled:
            return LeaseResult.APPLIED
        if job.state is not JobState.RUNNING or job.token != settlement.token:
            return LeaseResult.LOST
        job.settled = (this, *job.settled[: SETTLEMENTS_KEPT - 1])
        if settlement.error is not None:
            job.error = settlement.error
            job.error_at = now
        self.apply(job, settlement, now)
        return LeaseResult.APPLIED

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change one running job as its settlement says."""
        match settlement.kind:
            case SettleKind.COMPLETED:
                self._finish(job, JobState.COMPLETED, now)
            case SettleKind.RETRY:
                job.retries += 1
                self._reschedule(job, later(now, settlement.delay))
            case SettleKind.SNOOZED:
                job.snoozes += 1
                self._reschedule(job, later(now, settlement.delay))
            case SettleKind.RELEASED:
                self._reschedule(job, job.scheduled_at)
            case SettleKind.DEAD:
                self._finish(job, JobState.DEAD, now, settlement.reason)
            case SettleKind.CANCELLED:
                self._finish(job, JobState.CANCELLED, now, settlement.reason)

    # --- looking and tidying ------------------------------------------------------------------

    def count(self, where: CountFilter) -> list[CountRow]:
        """Count by state and type."""
        counts = Counter(
            (job.state, job.job_type) for job in self.by_id.values() if named(job, where)
        )
        return [CountRow(state, name, count) for (state, name), count in sorted(counts.items())]

    def page(
        self, where: JobFilter, limit: int, after: UUID | None, *, newest_first: bool
    ) -> list[StoredJob]:
        """Give the first jobs that match, in the order of their ids."""
        ids = sorted(self.by_id, key=lambda job_id: job_id.bytes, reverse=newest_first)
        if after is not None:
            ids = [
                i for i in ids if (i.bytes < after.bytes if newest_first else i.bytes > after.bytes)
            ]
        found = (self.by_id[job_id] for job_id in ids)
        return [job for job in found if matches(job, where)][:limit]

    def requeue(self, wanted: Requeue) -> DeadStatus:
        """Schedule one dead job again, at its old place."""
        job = self.by_id.get(wanted.id)
        if job is not None and job.requeued_by == wanted.request_id:
            return DeadStatus.DONE
        status = self._dead_status(wanted.id)
        if job is not None and status is DeadStatus.DONE:
            job.requeued_by = wanted.request_id
            job.retries = job.snoozes = 0
            job.reason = job.finished_at = None
            self._reschedule(job, job.scheduled_at)
        return status

    def delete(self, job_id: UUID) -> DeadStatus:
        """Remove one dead job."""
        status = self._dead_status(job_id)
        if status is DeadStatus.DONE:
            del self.by_id[job_id]
        return status

    def prune(self, before: int, limit: int) -> int:
        """Remove completed and cancelled jobs that finished by ``before``, oldest first."""
        old = sorted(
            (job.finished_at, job.id.bytes, job.id)
            for job in self.by_id.values()
            if job.state in (JobState.COMPLETED, JobState.CANCELLED)
            and job.finished_at is not None
            and job.finished_at <= before
        )[:limit]
        for _, _, job_id in old:
            del self.by_id[job_id]
        return len(old)

    # --- moving -------------------------------------------------------------------------------

    def hold(self, job_id: UUID) -> StoredJob | None:
        """Take one scheduled or dead job out of use."""
        job = self.by_id.get(job_id)
        if job is None or job.state not in (JobState.SCHEDULED, JobState.DEAD, JobState.HELD):
            return None
        if job.state is JobState.SCHEDULED:
            self.waiting.remove(job.job_type, job.place)
        job.state = JobState.HELD
        return job

    def import_job(self, record: JobRecord) -> EnqueueResult:
        """Store one job that another storage holds, held here too."""
        if record.id in self.by_id:
            return EnqueueResult.EXISTS
        self.by_id[record.id] = StoredJob.imported(record)
        return EnqueueResult.STORED

    def unhold(self, job_id: UUID) -> HoldStatus:
        """Put one held job back to what it was."""
        status = self._hold_status(job_id)
        if status is HoldStatus.DONE:
            job = self.by_id[job_id]
            if job.finished_at is None:
                self._reschedule(job, job.scheduled_at)
            else:
                job.state = JobState.DEAD
        return status

    def discard(self, job_id: UUID) -> HoldStatus:
        """Remove one held job."""
        status = self._hold_status(job_id)
        if status is HoldStatus.DONE:
            del self.by_id[job_id]
        return status

    def _hold_status(self, job_id: UUID) -> HoldStatus:
        job = self.by_id.get(job_id)
        if job is None:
            return HoldStatus.NOT_FOUND
        return HoldStatus.DONE if job.state is JobState.HELD else HoldStatus.NOT_HELD

    def _dead_status(self, job_id: UUID) -> DeadStatus:
        job = self.by_id.get(job_id)
        if job is None:
            return DeadStatus.NOT_FOUND
        return DeadStatus.DONE if job.state is JobState.DEAD else DeadStatus.NOT_DEAD

    def _reschedule(self, job: StoredJob, scheduled_at: int) -> None:
        self.running.pop(job.id, None)
        job.state = JobState.SCHEDULED
        job.scheduled_at = scheduled_at
        job.lease_until = None
        job.request_id = None
        self.waiting.add(job.job_type, job.place)

    def _finish(self, job: StoredJob, state: JobState, now: int, reason: str | None = None) -> None:
        self.running.pop(job.id, None)
        job.state = state
        job.finished_at = now
        job.lease_until = None
        job.request_id = None
        job.reason = reason
