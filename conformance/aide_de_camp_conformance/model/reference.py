"""The contract as a model: one caller, one step after the other, nothing but plain lists.

Where the contract leaves a choice, the model is told what the storage chose and says whether it
might: which of several expired leases a reaper takes first, which old jobs a pruning removes, how
far a token is raised when a lease is taken back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from uuid import UUID

from aide_de_camp.spi import (
    SETTLEMENTS_KEPT,
    Cancellation,
    CancelResult,
    CancelStatus,
    ClaimedJob,
    ClaimRequest,
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
    Requeue,
    SettleKind,
    Settlement,
    later,
)
from aide_de_camp_conformance.model.job import ModelJob

_GONE_WHEN_OLD = (JobState.COMPLETED, JobState.CANCELLED)


class Model:
    """One queue.

    Attributes:
        jobs: every job that is kept, by its id.
        now: the present, in microseconds; it never goes back.
    """

    def __init__(self, now: int) -> None:
        self.jobs: dict[UUID, ModelJob] = {}
        self.now = now

    def at(self, now: int) -> None:
        """Hear what a caller takes for the present."""
        self.now = max(self.now, now)

    def _in(self, state: JobState) -> list[ModelJob]:
        return [job for job in self.jobs.values() if job.state is state]

    # --- scheduling ---------------------------------------------------------------------------

    def enqueue(self, jobs: Iterable[NewJob]) -> list[EnqueueResult]:
        """See :meth:`Storage.enqueue`."""
        return [self._store(ModelJob.new(job, self.now)) for job in jobs]

    def _store(self, job: ModelJob) -> EnqueueResult:
        if job.id in self.jobs:
            return EnqueueResult.EXISTS
        self.jobs[job.id] = job
        return EnqueueResult.STORED

    def cancel(self, wanted: Cancellation) -> CancelResult:
        """Answer one item of :meth:`Storage.cancel`."""
        job = self.jobs.get(wanted.id)
        if job is None:
            return CancelResult(CancelStatus.NOT_LIVE)
        if job.state is JobState.RUNNING:
            return CancelResult(CancelStatus.RUNNING)
        if job.state is JobState.CANCELLED and job.cancelled_by == wanted.request_id:
            return CancelResult(CancelStatus.CANCELLED)
        if job.state is not JobState.SCHEDULED:
            return CancelResult(CancelStatus.NOT_LIVE, job.state)
        if wanted.token not in (None, job.token):
            return CancelResult(CancelStatus.CHANGED)
        self._finish(job, JobState.CANCELLED)
        job.cancelled_by = wanted.request_id
        return CancelResult(CancelStatus.CANCELLED)

    # --- claiming -----------------------------------------------------------------------------

    def claim(self, request: ClaimRequest, tokens: Mapping[UUID, int]) -> list[ClaimedJob]:
        """See :meth:`Storage.claim`, its taking back included.

        Args:
            request: what is asked for.
            tokens: those that the storage gave, for jobs just taken back.
        """
        if request.types == ():
            return []
        held = [job for job in self._in(JobState.RUNNING) if job.held_under == request.request_id]
        if not held:
            self._take_back(self.expired())
            held = self._due(request.types)[: request.limit]
            for job in held:
                self._lease(job, request, tokens)
        return [job.claimed() for job in sorted(held, key=lambda job: job.place)]

    def _waiting(self, types: Collection[str] | None) -> list[ModelJob]:
        return [j for j in self._in(JobState.SCHEDULED) if types is None or j.job_type in types]

    def _due(self, types: Collection[str] | None) -> list[ModelJob]:
        due = [job for job in self._waiting(types) if job.scheduled_at <= self.now]
        return sorted(due, key=lambda job: job.place)

    def next_due(self, types: Collection[str] | None) -> int | None:
        """Say when the next job of some types falls due, or fell."""
        return min((job.scheduled_at for job in self._waiting(types)), default=None)

    def _lease(self, job: ModelJob, request: ClaimRequest, tokens: Mapping[UUID, int]) -> None:
        if job.loose:
            job.raised(tokens.get(job.id, 0) - 1)
        job.token = max(job.token + 1, self.now)
        job.state = JobState.RUNNING
        job.claims += 1
        job.started_at = self.now
        job.lease_until = self.now + request.lease
        job.worker = request.worker
        job.held_under = request.request_id
        of_type = request.retry_limits.of(job.job_type)
        job.limit = of_type if job.max_retries is None else job.max_retries

    # --- leases -------------------------------------------------------------------------------

    def extend(self, lease: Lease, length: int) -> LeaseResult:
        """Answer one item of :meth:`Storage.extend`."""
        job = self.jobs.get(lease.id)
        if job is None or job.lease_until is None or job.token != lease.token:
            return LeaseResult.LOST
        job.lease_until = max(job.lease_until, self.now + length)
        return LeaseResult.APPLIED

    def expired(self) -> list[ModelJob]:
        """Give the jobs whose leases may be taken back, the longest expired first."""
        ended = [job for job in self._in(JobState.RUNNING) if _end(job) <= self.now]
        return sorted(ended, key=_end)

    def reap(self, limit: int, chosen: Sequence[UUID]) -> bool:
        """Follow a :meth:`Storage.reap`, and say whether it might choose as it did."""
        expired = self.expired()
        taken = [job for job in expired if job.id in chosen]
        left = [job for job in expired if job.id not in chosen]
        self._take_back(taken)
        in_order = not taken or not left or _end(taken[-1]) <= _end(left[0])
        return in_order and len(taken) == len(chosen) == min(limit, len(expired))

    def _take_back(self, jobs: Iterable[ModelJob]) -> None:
        for job in jobs:
            job.loose = True
            if job.retries < job.limit:
                job.retries += 1
                self._wait(job, job.scheduled_at)
            else:
                self._finish(job, JobState.DEAD, DeadReason.LEASE)

    # --- settling -----------------------------------------------------------------------------

    def settle(self, end: Settlement) -> LeaseResult:
        """Answer one item of :meth:`Storage.settle`."""
        job = self.jobs.get(end.id)
        if job is not None and (end.token, end.kind) in job.settled:
            return LeaseResult.APPLIED
        if job is None or job.state is not JobState.RUNNING or job.token != end.token:
            return LeaseResult.LOST
        job.settled = ((end.token, end.kind), *job.settled[: SETTLEMENTS_KEPT - 1])
        if end.error is not None:
            job.error, job.error_at = end.error, self.now
        match end.kind:
            case SettleKind.COMPLETED:
                self._finish(job, JobState.COMPLETED)
            case SettleKind.DEAD:
                self._finish(job, JobState.DEAD, end.reason)
            case SettleKind.CANCELLED:
                self._finish(job, JobState.CANCELLED, end.reason)
            case SettleKind.RELEASED:
                self._wait(job, job.scheduled_at)
            case SettleKind.RETRY:
                job.retries += 1
                self._wait(job, later(self.now, end.delay))
            case SettleKind.SNOOZED:
                job.snoozes += 1
                self._wait(job, later(self.now, end.delay))
        return LeaseResult.APPLIED

    def _wait(self, job: ModelJob, scheduled_at: int) -> None:
        job.state = JobState.SCHEDULED
        job.scheduled_at = scheduled_at
        job.lease_until = job.held_under = None

    def _finish(self, job: ModelJob, state: JobState, reason: str | None = None) -> None:
        job.state, job.reason, job.finished_at = state, reason, self.now
        job.lease_until = job.held_under = None

    # --- the dead, and tidying ----------------------------------------------------------------

    def requeue(self, wanted: Requeue) -> DeadStatus:
        """Answer one item of :meth:`Storage.requeue`."""
        job = self.jobs.get(wanted.id)
        if job is not None and job.requeued_by == wanted.request_id:
            return DeadStatus.DONE
        if job is None or job.state is not JobState.DEAD:
            return DeadStatus.NOT_FOUND if job is None else DeadStatus.NOT_DEAD
        job.requeued_by = wanted.request_id
        job.retries = job.snoozes = 0
        job.reason = job.finished_at = None
        self._wait(job, job.scheduled_at)
        return DeadStatus.DONE

    def delete(self, job_id: UUID) -> DeadStatus:
        """Answer one item of :meth:`Storage.delete`."""
        job = self.jobs.get(job_id)
        if job is None or job.state is not JobState.DEAD:
            return DeadStatus.NOT_FOUND if job is None else DeadStatus.NOT_DEAD
        del self.jobs[job_id]
        return DeadStatus.DONE

    def prune(self, keep: int, limit: int, gone: Collection[UUID]) -> int | None:
        """Follow a :meth:`Storage.prune`.

        Args:
            keep: microseconds.
            limit: how many at most.
            gone: the jobs that aren't there any more.

        Returns:
            How many it must have removed; None where it removed what it mustn't.
        """
        old = {
            job.id
            for job in self.jobs.values()
            if job.state in _GONE_WHEN_OLD and (job.finished_at or 0) <= self.now - keep
        }
        if not set(gone) <= old:
            return None
        for job_id in gone:
            del self.jobs[job_id]
        return min(limit, len(old))

    # --- moving -------------------------------------------------------------------------------

    def hold(self, job_id: UUID) -> ModelJob | None:
        """Answer one item of :meth:`Storage.hold`."""
        job = self.jobs.get(job_id)
        if job is None or job.state not in (JobState.SCHEDULED, JobState.DEAD, JobState.HELD):
            return None
        job.state = JobState.HELD
        return job

    def import_jobs(self, records: Iterable[JobRecord]) -> list[EnqueueResult]:
        """See :meth:`Storage.import_jobs`."""
        return [self._store(ModelJob.moved(record)) for record in records]

    def unhold(self, job_id: UUID) -> HoldStatus:
        """Answer one item of :meth:`Storage.unhold`."""
        job = self.jobs.get(job_id)
        if job is None or job.state is not JobState.HELD:
            return HoldStatus.NOT_FOUND if job is None else HoldStatus.NOT_HELD
        job.state = JobState.SCHEDULED if job.finished_at is None else JobState.DEAD
        return HoldStatus.DONE

    def discard(self, job_id: UUID) -> HoldStatus:
        """Answer one item of :meth:`Storage.discard`."""
        job = self.jobs.get(job_id)
        if job is None or job.state is not JobState.HELD:
            return HoldStatus.NOT_FOUND if job is None else HoldStatus.NOT_HELD
        del self.jobs[job_id]
        return HoldStatus.DONE

    # --- looking ------------------------------------------------------------------------------

    def matching(self, where: JobFilter) -> list[ModelJob]:
        """Give the jobs that a filter means, in the order of their ids."""

        def within(moment: int | None, start: int | None, end: int | None) -> bool:
            if start is None and end is None:
                return True
            return (
                moment is not None
                and (start is None or moment >= start)
                and (end is None or moment < end)
            )

        found = [
            job
            for job in self.jobs.values()
            if (where.states is None or job.state in where.states)
            and (where.job_types is None or job.job_type in where.job_types)
            and (where.reasons is None or job.reason in where.reasons)
            and within(job.scheduled_at, where.scheduled_from, where.scheduled_to)
            and within(job.enqueued_at, where.enqueued_from, where.enqueued_to)
            and within(job.finished_at, where.finished_from, where.finished_to)
        ]
        return sorted(found, key=lambda job: job.id.bytes)

    def count(self, where: JobFilter) -> set[CountRow]:
        """Count the jobs that a filter means."""
        counts = Counter((job.state, job.job_type) for job in self.matching(where))
        return {CountRow(state, name, count) for (state, name), count in counts.items()}


def _end(job: ModelJob) -> int:
    assert job.lease_until is not None
    return job.lease_until
