"""Faults in how attempts end: retries, snoozes, and the dead queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from attrs import evolve

from aide_de_camp.spi import (
    ClaimRequest,
    DeadReason,
    ErrorRecord,
    JobState,
    LeaseResult,
    SettleKind,
    Settlement,
)
from aide_de_camp_backends.memory.job import StoredJob
from aide_de_camp_backends.memory.jobs import Jobs
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_conformance.mutants.mutant import broken_jobs, broken_storage

SECOND = 1_000_000


@broken_jobs("LIV-1.claim", "LIV-1.released", "LIV-1.timeout", "LIV-4.poll", "RET-1.counts")
class ReleasesAreRetries(Jobs):
    """A release uses a retry."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        job.retries += settlement.kind is SettleKind.RELEASED
        super().apply(job, settlement, now)


@broken_jobs("OBS-1.states", "RET-1.counts", "RET-4.requeue", "RET-6.backoff", "RET-6.snooze")
class SnoozesAreRetries(Jobs):
    """A snooze counts as a retry."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        if settlement.kind is SettleKind.SNOOZED:
            settlement = evolve(settlement, kind=SettleKind.RETRY)
        super().apply(job, settlement, now)


@broken_jobs("PRI-6.kept")
class ReleasedToTheEnd(Jobs):
    """A released job goes to the end of the line."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        if settlement.kind is SettleKind.RELEASED:
            job.scheduled_at = now
        super().apply(job, settlement, now)


@broken_jobs(
    "LEA-1.clock",
    "LEA-3.race",
    "LIV-1.fails",
    "LIV-4.handle",
    "MOV-1.back",
    "MOV-1.held",
    "MOV-1.others",
    "MOV-2.imported",
    "MOV-3.killed",
    "MOV-3.moved",
    "PRI-6.moved",
    "RET-2.again",
    "RET-6.backoff",
    "RET-6.bad",
    "RET-7.clamped",
    "RET-9.timeout",
)
class RetriesAtOnce(Jobs):
    """A retry is due at its old time: its delay is ignored."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        if settlement.kind is SettleKind.RETRY:
            settlement = evolve(settlement, delay=job.scheduled_at - now)
        super().apply(job, settlement, now)


@broken_jobs("OBS-1.states", "PRI-6.moved")
class RetriesLosePriority(Jobs):
    """A retry has the priority 0."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        if settlement.kind is SettleKind.RETRY:
            job.priority = 0
        super().apply(job, settlement, now)


@broken_jobs("RET-7.clamped")
class DelaysOverflow(Jobs):
    """A delay beyond year 9999 isn't clamped."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        super().apply(job, settlement, now)
        if settlement.delay > 2**58:
            self.waiting.remove(job.job_type, job.place)
            job.scheduled_at = now + settlement.delay
            self.waiting.add(job.job_type, job.place)


@broken_jobs(
    "KEP-1.runner",
    "LEA-1.many",
    "LEA-2.late",
    "LEA-3.race",
    "MOV-1.back",
    "MOV-1.held",
    "MOV-3.moved",
    "OBS-1.states",
    "OBS-2.filters",
    "RET-5.completed",
    "WAK-1.earlier",
)
class CompletedComesBack(Jobs):
    """A completed job is handed out again once its lease would have ended."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        until = job.lease_until
        super().apply(job, settlement, now)
        if settlement.kind is SettleKind.COMPLETED:
            job.lease_until = until
            self.running[job.id] = job


@broken_jobs("OBS-1.states", "OBS-2.filters", "RET-6.cancel")
class DropsCancelReasons(Jobs):
    """The reason of a handler that cancels its job is lost."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        if settlement.kind is SettleKind.CANCELLED:
            settlement = evolve(settlement, reason=None)
        super().apply(job, settlement, now)


@broken_jobs(
    "DEC-1.runner",
    "DEC-2.kept",
    "DEC-3.behind",
    "DEC-4.codec",
    "DEC-4.cut",
    "DEC-4.json",
    "DEC-4.loads",
    "DEC-4.msgpack",
    "DEC-4.raises",
    "DEC-5.mended",
    "DEC-6.silent",
    "MOV-2.imported",
    "OBS-1.states",
    "OBS-2.filters",
    "RET-3.kept",
    "RET-4.all",
    "RET-4.look",
    "RET-9.thread",
    "RET-9.timeout",
)
class OneReasonToDie(Jobs):
    """Whatever a job died for, the reason kept is `failed`."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        if settlement.kind is SettleKind.DEAD:
            settlement = evolve(settlement, reason=DeadReason.FAILED)
        super().apply(job, settlement, now)


@broken_jobs("DEC-4.json", "DEC-4.msgpack", "DEC-5.mended", "RET-3.kept")
class DeadLosePayload(Jobs):
    """A dead job's payload is kept as text."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        super().apply(job, settlement, now)
        if job.state is JobState.DEAD:
            job.payload = job.payload.decode("utf-8", "replace").encode()


@broken_jobs("RET-3.cut", "RET-3.kept")
class ShortErrors(Jobs):
    """Of an error 1,000 characters of message and traceback are kept."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        super().apply(job, settlement, now)
        if job.error is not None:
            traceback = job.error.traceback
            job.error = evolve(
                job.error,
                message=job.error.message[:1_000],
                traceback=traceback and traceback[:1_000],
            )


@broken_jobs("DEC-2.kept", "MOV-2.imported", "RET-3.kept")
class ErrorsLosePlace(Jobs):
    """Of a decode failure neither path nor offset is kept."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        super().apply(job, settlement, now)
        if job.error is not None:
            job.error = evolve(job.error, path=None, offset=None)


@broken_jobs("OBS-1.states", "RET-3.last")
class ForgetsLastErrors(Jobs):
    """An end without an error wipes the last one."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        super().apply(job, settlement, now)
        job.error = settlement.error


@broken_storage("RET-2.again", "RET-3.atomic")
class DiesInTwoSteps(MemoryStorage):
    """A job is dead first, and has its error later."""

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """End attempts."""
        bare = [evolve(each, error=None) for each in settlements]
        results = await super().settle(queue, bare, now=now)
        await asyncio.sleep(0)
        for each, result in zip(settlements, results, strict=True):
            job = self.world.of(queue).by_id.get(each.id)
            if job is not None and result is LeaseResult.APPLIED and each.error is not None:
                self._tell(job, each.error, self.world.now(now))
        return results

    def _tell(self, job: StoredJob, error: ErrorRecord, now: int) -> None:
        if job.error != error:
            job.error, job.error_at = error, now


@broken_jobs("LIV-4.handle", "LIV-4.overtaken", "LIV-4.settle")
class ForgetsSettlements(Jobs):
    """A settlement that is repeated is lost."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        super().apply(job, settlement, now)
        job.settled = ()


@broken_jobs("LIV-4.overtaken")
class RemembersOneSettlement(Jobs):
    """A settlement that is repeated is lost where another of the same job came in between."""

    def apply(self, job: StoredJob, settlement: Settlement, now: int) -> None:
        """Change the job."""
        super().apply(job, settlement, now)
        job.settled = job.settled[:1]


@broken_jobs("CAN-9.expired", "LIV-4.overtaken")
class TakesTheLostForSettled(Jobs):
    """A token older than the job's is taken for one that was settled."""

    def settle(self, settlement: Settlement, now: int) -> LeaseResult:
        """End one attempt."""
        job = self.by_id.get(settlement.id)
        finished = job is not None and not job.state.live
        if job is not None and finished and settlement.token < job.token:
            return LeaseResult.APPLIED
        return super().settle(settlement, now)


@broken_jobs("LIV-4.handle", "LIV-4.settle")
class SettlesTwice(Jobs):
    """A settlement that is repeated takes effect again."""

    def settle(self, settlement: Settlement, now: int) -> LeaseResult:
        """End one attempt."""
        job = self.by_id.get(settlement.id)
        again = job is not None and (settlement.token, settlement.kind) in job.settled
        if job is not None and again and job.state is JobState.SCHEDULED:
            job.retries += 1
        return super().settle(settlement, now)


@broken_jobs(
    "OBS-5.accounted",
    "RET-2.none_left",
    "RET-8.claim",
    "RET-8.once",
    "RET-8.sources",
    "RET-9.thread",
    "RET-9.timeout",
)
class IgnoresTypesLimit(Jobs):
    """The limit of retries that comes with the claim per type is ignored."""

    def lease(self, job: StoredJob, request: ClaimRequest, now: int) -> None:
        """Put one job under a lease."""
        super().lease(job, request, now)
        if job.max_retries is None:
            job.lease_max_retries = request.retry_limits.default


@broken_jobs(
    "CAN-9.expired", "LEA-2.dead", "LEA-2.reap", "RET-8.claim", "RET-8.once", "RET-8.sources"
)
class IgnoresOwnLimit(Jobs):
    """The limit of retries that a job was scheduled with is ignored."""

    def lease(self, job: StoredJob, request: ClaimRequest, now: int) -> None:
        """Put one job under a lease."""
        super().lease(job, request, now)
        job.lease_max_retries = request.retry_limits.of(job.job_type)


@broken_jobs(
    "CAN-9.expired",
    "LEA-2.reap",
    "OBS-5.accounted",
    "RET-8.claim",
    "RET-8.once",
    "RET-8.sources",
    "RET-9.thread",
    "RET-9.timeout",
)
class ZeroMeansNone(Jobs):
    """A limit of 0 retries is taken for none given."""

    def lease(self, job: StoredJob, request: ClaimRequest, now: int) -> None:
        """Put one job under a lease."""
        super().lease(job, request, now)
        limits = request.retry_limits
        job.lease_max_retries = job.max_retries or limits.of(job.job_type) or limits.default
