"""Faults in how jobs are cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from attrs import evolve

from aide_de_camp.spi import (
    REAP_JOBS,
    Cancellation,
    CancelResult,
    CancelStatus,
    ClaimRequest,
    JobState,
    NewJob,
)
from aide_de_camp_backends.memory.job import StoredJob
from aide_de_camp_backends.memory.jobs import Jobs
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_conformance.mutants.gap import Gap
from aide_de_camp_conformance.mutants.mutant import broken_jobs, broken_storage


@broken_jobs("CAN-1.cancelled", "LEA-1.clock", "OBS-5.accounted")
class CancelsWithoutAnEnd(Jobs):
    """A cancelled job doesn't know when it was."""

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        result = super().cancel(wanted, now)
        if result.status is CancelStatus.CANCELLED:
            self.by_id[wanted.id].finished_at = None
        return result


@broken_jobs(
    "CAN-1.never",
    "CAN-4.payload",
    "CAN-8.payload",
    "CAN-8.race",
    "CAN-9.retry",
    "DEC-4.codec",
    "DEC-7.codec",
    "ENQ-8.idempotent",
    "LIV-4.caller",
    "OBS-5.accounted",
    "RET-7.backoff",
)
class CancelledStillWaits(Jobs):
    """A cancelled job keeps its place, and is handed out when its turn comes."""

    def pick(self, request: ClaimRequest, now: int) -> list[StoredJob]:
        """Choose the jobs to hand out, past those that were removed and still have a place."""
        places = self.waiting.due(request.types, now, 10**9)
        jobs = [self.by_id.get(UUID(bytes=place[2])) for place in places]
        return [job for job in jobs if job is not None][: request.limit]

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        result = super().cancel(wanted, now)
        job = self.by_id.get(wanted.id)
        if result.status is CancelStatus.CANCELLED and job is not None:
            self.waiting.add(job.job_type, job.place)
        return result


@broken_jobs("CAN-2.running", "CAN-8.payload", "CAN-8.race", "CAN-9.expired")
class CancelsTheRunning(Jobs):
    """A running job can be cancelled."""

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        job = self.by_id.get(wanted.id)
        if job is not None and job.state is JobState.RUNNING:
            self._finish(job, JobState.CANCELLED, now)
            return CancelResult(CancelStatus.CANCELLED)
        return super().cancel(wanted, now)


@broken_jobs(
    "CAN-3.not_live", "CAN-8.cancels", "CAN-8.race", "CAN-9.expired", "LIV-4.cancel", "MOV-1.held"
)
class CancelsTheFinished(Jobs):
    """A finished job can be cancelled again."""

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        job = self.by_id.get(wanted.id)
        if job is not None and not job.state.live:
            self._finish(job, JobState.CANCELLED, now)
            return CancelResult(CancelStatus.CANCELLED)
        return super().cancel(wanted, now)


@broken_jobs(
    "CAN-3.not_live", "CAN-8.cancels", "CAN-8.race", "CAN-9.expired", "LIV-4.cancel", "MOV-1.held"
)
class NamesNoState(Jobs):
    """Cancelling a finished job doesn't tell its state."""

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        return CancelResult(super().cancel(wanted, now).status)


@broken_jobs("CAN-3.pruned", "CAN-3.trace", "ERR-1.words")
class RemembersTheUnknown(Jobs):
    """Cancelling an id that never existed bars it."""

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        result = super().cancel(wanted, now)
        if wanted.id not in self.by_id:
            barred = NewJob(wanted.id, "?", b"", "raw")
            self.by_id[wanted.id] = StoredJob.new(barred, now)
            self.by_id[wanted.id].state = JobState.CANCELLED
        return result


@broken_jobs("CAN-3.pruned")
class RemembersThePruned(Jobs):
    """Cancelling a job that was pruned still tells its state."""

    def prune(self, before: int, limit: int) -> int:
        """Remove them, and remember."""
        states = {job.id: job.state for job in self.by_id.values()}
        removed = super().prune(before, limit)
        self.gone = {job_id: state for job_id, state in states.items() if job_id not in self.by_id}
        return removed

    gone: dict[UUID, JobState] | None = None

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        result = super().cancel(wanted, now)
        if result == CancelResult(CancelStatus.NOT_LIVE) and self.gone:
            return CancelResult(CancelStatus.NOT_LIVE, self.gone.get(wanted.id))
        return result


@broken_jobs("CAN-9.expired", "CAN-9.retry", "RET-7.backoff")
class StartedIsRunning(Jobs):
    """A job that ran once can't be cancelled while it waits for its retry."""

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        job = self.by_id.get(wanted.id)
        if job is not None and job.state is JobState.SCHEDULED and job.retries:
            return CancelResult(CancelStatus.RUNNING)
        return super().cancel(wanted, now)


@broken_jobs("CAN-9.expired")
class CancelReaps(Jobs):
    """A cancel takes an expired lease back by itself."""

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        self.reap(now, limit=REAP_JOBS)
        return super().cancel(wanted, now)


@broken_jobs("CAN-8.guarded")
class IgnoresTheGuard(Jobs):
    """A cancel ignores the token that guards it."""

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        return super().cancel(evolve(wanted, token=None), now)


@broken_jobs("LIV-4.caller", "LIV-4.cancel")
class ForgetsWhoCancelled(Jobs):
    """A cancel that is repeated doesn't find its own doing."""

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        result = super().cancel(wanted, now)
        if job := self.by_id.get(wanted.id):
            job.request_id = None if job.state is JobState.CANCELLED else job.request_id
        return result


@broken_jobs("CAN-3.not_live", "CAN-8.cancels", "CAN-8.race", "LIV-4.cancel")
class AnybodyCancelled(Jobs):
    """Everybody who cancels a cancelled job is told that they did it."""

    def cancel(self, wanted: Cancellation, now: int) -> CancelResult:
        """Cancel it."""
        job = self.by_id.get(wanted.id)
        if job is not None and job.state is JobState.CANCELLED:
            return CancelResult(CancelStatus.CANCELLED)
        return super().cancel(wanted, now)


@broken_storage("CAN-8.cancels", "CAN-8.payload", "CAN-8.race")
class LooksThenCancels(MemoryStorage):
    """A cancel looks, lets others in, and then cancels whatever it finds."""

    gap = Gap()

    async def cancel(
        self, queue: str, cancellations: Sequence[Cancellation], *, now: int | None
    ) -> Sequence[CancelResult]:
        """Cancel them."""
        with self.world.lock:
            jobs = self.world.of(queue)
            seen = [jobs.by_id.get(each.id) for each in cancellations]
            states = [job.state if job else None for job in seen]
        if JobState.SCHEDULED not in states:
            return await super().cancel(queue, cancellations, now=now)
        await self.gap.wait()
        results: list[CancelResult] = []
        for each, job, state in zip(cancellations, seen, states, strict=True):
            if job is not None and state is JobState.SCHEDULED is not job.state:
                job.state = JobState.CANCELLED
                results.append(CancelResult(CancelStatus.CANCELLED))
            else:
                results += await super().cancel(queue, [each], now=now)
        return results
