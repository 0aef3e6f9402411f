"""Faults in leases, tokens and settlements."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve

from aide_de_camp.spi import (
    REAP_JOBS,
    ClaimRequest,
    ClaimResult,
    JobState,
    Lease,
    LeaseResult,
    ReapedJob,
    SettleKind,
    Settlement,
)
from aide_de_camp_backends.memory.job import StoredJob
from aide_de_camp_backends.memory.jobs import Jobs
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_conformance.mutants.mutant import broken_jobs, broken_storage

SECOND = 1_000_000


@broken_jobs("LEA-1.exclusive", "LEA-1.extended", "LEA-2.reap")
class ExpiresEarly(Jobs):
    """A lease ends a microsecond early."""

    def reap(self, now: int, limit: int) -> list[ReapedJob]:
        """Take expired leases back."""
        return super().reap(now + 1, limit)


@broken_jobs(
    "LEA-1.extended",
    "LEA-2.back",
    "LEA-2.dead",
    "LEA-2.reap",
    "LEA-2.types",
    "LEA-3.grows",
    "PRI-6.kept",
    "RET-8.lease",
)
class ExpiresLate(Jobs):
    """A lease ends a microsecond late."""

    def reap(self, now: int, limit: int) -> list[ReapedJob]:
        """Take expired leases back."""
        return super().reap(now - 1, limit)


@broken_jobs("LEA-1.extended")
class ShortensLeases(Jobs):
    """An extension by less shortens the lease."""

    def extend(self, lease: Lease, length: int, now: int) -> LeaseResult:
        """Extend it."""
        result = super().extend(lease, length, now)
        if result is LeaseResult.APPLIED:
            self.by_id[lease.id].lease_until = now + length
        return result


@broken_jobs("LEA-1.clock", "LEA-1.extended", "LEA-1.many", "LEA-2.late")
class ExtendsFromTheEnd(Jobs):
    """An extension counts from the lease's end."""

    def extend(self, lease: Lease, length: int, now: int) -> LeaseResult:
        """Extend it."""
        job = self.by_id.get(lease.id)
        return super().extend(lease, length, (job and job.lease_until) or now)


@broken_jobs("LEA-1.many", "LEA-3.lost", "LEA-3.settle", "LEA-6.taken")
class ExtendsForAnybody(Jobs):
    """An extension doesn't look at the token."""

    def extend(self, lease: Lease, length: int, now: int) -> LeaseResult:
        """Extend it."""
        job = self.by_id.get(lease.id)
        return super().extend(evolve(lease, token=job.token) if job else lease, length, now)


@broken_storage("LEA-1.many")
class ExtendsAllOrNone(MemoryStorage):
    """One lost lease of a call has the others refused."""

    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """Extend them."""
        running = self.world.of(queue).running
        held = [each.id in running and running[each.id].token == each.token for each in leases]
        if not all(held):
            return [LeaseResult.LOST] * len(leases)
        return await super().extend(queue, leases, lease, now=now)


@broken_jobs(
    "LEA-1.extended",
    "LEA-2.back",
    "LEA-2.dead",
    "LEA-2.types",
    "LEA-3.lost",
    "LEA-6.taken",
    "PRI-6.kept",
    "RET-1.counts",
    "RET-8.lease",
    "RET-8.once",
)
class ClaimNeverReaps(Jobs):
    """A claim takes no expired lease back."""

    def claim(self, request: ClaimRequest, now: int) -> ClaimResult:
        """Claim."""
        expired = {job.id: job for job in self.running.values() if (job.lease_until or 0) <= now}
        for job_id in expired:
            del self.running[job_id]
        try:
            return super().claim(request, now)
        finally:
            self.running.update(expired)


@broken_jobs("LEA-2.types")
class ClaimReapsItsTypes(Jobs):
    """A claim takes back only leases of the types that it asks for."""

    def claim(self, request: ClaimRequest, now: int) -> ClaimResult:
        """Claim."""
        types = request.types
        others = {
            job.id: job
            for job in self.running.values()
            if types is not None and job.job_type not in types
        }
        for job_id in others:
            del self.running[job_id]
        try:
            return super().claim(request, now)
        finally:
            self.running.update(others)


@broken_jobs("LEA-2.reap")
class ReapsAnyNumber(Jobs):
    """The reaper ignores its limit."""

    def reap(self, now: int, limit: int) -> list[ReapedJob]:
        """Take expired leases back."""
        return super().reap(now, 10**9)


@broken_jobs("LEA-2.dead", "LEA-2.reap", "RET-8.once")
class DeadWithoutReason(Jobs):
    """What dies by its lease has no reason."""

    def take_back(self, job: StoredJob, now: int) -> ReapedJob:
        """End one lease."""
        reaped = super().take_back(job, now)
        job.reason = None
        return reaped


@broken_jobs("LEA-2.back", "LEA-2.dead", "LEA-2.reap", "LEA-6.taken", "MOV-3.moved", "RET-1.counts")
class LeasesCostNothing(Jobs):
    """A lost lease uses no retry."""

    def take_back(self, job: StoredJob, now: int) -> ReapedJob:
        """End one lease."""
        before = job.retries
        reaped = super().take_back(job, now)
        job.retries = before
        return reaped


@broken_jobs("LEA-2.back", "PRI-6.kept")
class LosesPlaceWithLease(Jobs):
    """A job whose lease was lost goes to the end of the line."""

    def take_back(self, job: StoredJob, now: int) -> ReapedJob:
        """End one lease."""
        job.scheduled_at = now
        return super().take_back(job, now)


@broken_jobs("LEA-3.grows")
class ReapKeepsTheToken(Jobs):
    """Taking a lease back doesn't raise the token."""

    def take_back(self, job: StoredJob, now: int) -> ReapedJob:
        """End one lease."""
        job.token -= 1
        return super().take_back(job, now)


@broken_jobs("RET-8.lease", "RET-8.once")
class TakersLimit(Jobs):
    """Who takes a lease back brings their own limit of retries."""

    def claim(self, request: ClaimRequest, now: int) -> ClaimResult:
        """Claim."""
        for job in self.running.values():
            if job.max_retries is None:
                job.lease_max_retries = request.retry_limits.of(job.job_type)
        return super().claim(request, now)


@broken_jobs("LEA-2.late", "LEA-3.race")
class LostByTime(Jobs):
    """A lease is lost by time alone."""

    def extend(self, lease: Lease, length: int, now: int) -> LeaseResult:
        """Extend it."""
        self.reap(now, limit=REAP_JOBS)
        return super().extend(lease, length, now)

    def settle(self, settlement: Settlement, now: int) -> LeaseResult:
        """End one attempt."""
        self.reap(now, limit=REAP_JOBS)
        return super().settle(settlement, now)


@broken_jobs("LEA-3.lost", "LEA-3.mixed", "LEA-3.race", "LEA-3.settle", "LIV-4.settle")
class AnybodySettles(Jobs):
    """A settlement doesn't look at the token, only at the state."""

    def settle(self, settlement: Settlement, now: int) -> LeaseResult:
        """End one attempt."""
        job = self.by_id.get(settlement.id)
        if job is not None and job.state is JobState.RUNNING:
            settlement = evolve(settlement, token=job.token)
        return super().settle(settlement, now)


@broken_jobs("LEA-3.race", "LEA-3.settle")
class SettlesTheReleased(Jobs):
    """A settlement looks at the token, and not at the state."""

    def settle(self, settlement: Settlement, now: int) -> LeaseResult:
        """End one attempt."""
        job = self.by_id.get(settlement.id)
        if (
            job is not None
            and (settlement.token, settlement.kind) not in job.settled
            and job.token == settlement.token
            and job.state is JobState.SCHEDULED
        ):
            self.waiting.remove(job.job_type, job.place)
            job.state = JobState.RUNNING
            self.running[job.id] = job
        return super().settle(settlement, now)


@broken_jobs("LEA-3.lost", "LEA-3.mixed", "LEA-3.race", "LEA-3.settle")
class CompleteIsTheLastWord(Jobs):
    """A late completion of a lost lease counts: better twice than never."""

    def settle(self, settlement: Settlement, now: int) -> LeaseResult:
        """End one attempt."""
        job = self.by_id.get(settlement.id)
        late = job is not None and job.state.live and job.token != settlement.token
        if job is not None and late and settlement.kind is SettleKind.COMPLETED:
            if job.state is JobState.SCHEDULED:
                self.waiting.remove(job.job_type, job.place)
            self._finish(job, JobState.COMPLETED, now)
            return LeaseResult.APPLIED
        return super().settle(settlement, now)


@broken_storage("LEA-3.mixed")
class SettlesAllOrNone(MemoryStorage):
    """One lost settlement of a call has the others refused."""

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """End attempts."""
        if len(settlements) > 1:
            running = self.world.of(queue).running
            for each in settlements:
                if each.id in running and running[each.id].token != each.token:
                    return [LeaseResult.LOST] * len(settlements)
        return await super().settle(queue, settlements, now=now)


@broken_jobs("LEA-3.grows", "LEA-3.token")
class CountingTokens(Jobs):
    """Tokens count from 1, whatever the time is."""

    def lease(self, job: StoredJob, request: ClaimRequest, now: int) -> None:
        """Put one job under a lease."""
        super().lease(job, request, job.token)
        job.started_at, job.lease_until = now, now + request.lease


@broken_jobs(
    "DEC-2.retry",
    "LEA-3.grows",
    "LEA-3.settle",
    "LEA-3.token",
    "LIV-4.requeue",
    "PRI-3.clock",
    "RET-2.none_left",
    "RET-4.all",
    "RET-4.delete",
    "RET-4.look",
    "RET-4.requeue",
    "RET-6.backoff",
    "RET-8.sources",
)
class TokensAreTimes(Jobs):
    """A token is the time of the claim, also where that is no greater than the last one."""

    def lease(self, job: StoredJob, request: ClaimRequest, now: int) -> None:
        """Put one job under a lease."""
        super().lease(job, request, now)
        job.token = now


@broken_jobs("LEA-3.grows", "LIV-4.requeue")
class RequeueResetsTheToken(Jobs):
    """A requeued job begins with a token of 0."""

    def _reschedule(self, job: StoredJob, scheduled_at: int) -> None:
        if job.state is JobState.DEAD:
            job.token = 0
        super()._reschedule(job, scheduled_at)


# --- settlements ----------------------------------------------------------------------------------
