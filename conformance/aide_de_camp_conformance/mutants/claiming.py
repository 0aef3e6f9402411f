"""Faults in what a claim hands out, and in which order."""

from __future__ import annotations

import asyncio
from uuid import UUID

from attrs import evolve

from aide_de_camp.spi import REAP_JOBS, ClaimedJob, ClaimRequest, ClaimResult
from aide_de_camp_backends.memory.job import Place, StoredJob
from aide_de_camp_backends.memory.jobs import Jobs
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_backends.memory.world import World
from aide_de_camp_conformance.mutants.gap import Gap
from aide_de_camp_conformance.mutants.mutant import broken_jobs, broken_storage, broken_world

DAY = 24 * 3_600 * 1_000_000


class Sorted(Jobs):
    """Picks by a key of its own; to be subclassed."""

    def key(self, job: StoredJob) -> object:
        """Give what is sorted by."""
        return job.place

    def pick(self, request: ClaimRequest, now: int) -> list[StoredJob]:
        """Choose the jobs to hand out."""
        places = self.waiting.due(request.types, now, 10**9)
        jobs = [self.by_id[UUID(bytes=place[2])] for place in places]
        jobs.sort(key=self.key)  # type: ignore[arg-type] # whatever a subclass compares by
        return jobs[: request.limit]


@broken_jobs(
    "LIV-4.claim",
    "MOV-1.back",
    "MOV-2.imported",
    "PRI-2.mixed",
    "PRI-2.priority",
    "PRI-3.many",
    "PRI-4.merged",
    "PRI-4.types",
    "PRI-7.passed",
    "PRI-8.slots",
)
class IgnoresPriority(Sorted):
    """Priorities are ignored."""

    def key(self, job: StoredJob) -> object:
        """Give what is sorted by."""
        return (job.scheduled_at, job.id.bytes)


@broken_jobs(
    "MOV-1.back",
    "MOV-2.imported",
    "PRI-2.mixed",
    "PRI-2.priority",
    "PRI-3.hidden",
    "PRI-4.hidden",
    "PRI-4.merged",
    "PRI-7.passed",
)
class UnsignedPriority(Sorted):
    """Priorities are compared as unsigned bytes, so that -1 comes before 127."""

    def key(self, job: StoredJob) -> object:
        """Give what is sorted by."""
        return (-(job.priority % 256), job.scheduled_at, job.id.bytes)


@broken_jobs("PRI-2.mixed", "PRI-2.time", "PRI-4.merged")
class ComparesSeconds(Sorted):
    """Times of falling due are compared by whole seconds."""

    def key(self, job: StoredJob) -> object:
        """Give what is sorted by."""
        return (-job.priority, job.scheduled_at // 1_000_000, job.id.bytes)


@broken_jobs(
    "ENQ-5.bounds",
    "ENQ-5.past",
    "MOV-1.back",
    "MOV-2.imported",
    "PRI-2.mixed",
    "PRI-2.time",
    "PRI-4.merged",
    "PRI-6.kept",
    "PRI-6.moved",
)
class LastInFirstOut(Sorted):
    """Among equals of priority the latest comes first."""

    def key(self, job: StoredJob) -> object:
        """Give what is sorted by."""
        return (-job.priority, -job.scheduled_at, job.id.bytes)


@broken_jobs("PRI-2.id", "PRI-2.mixed", "PRI-4.merged")
class SignedIds(Sorted):
    """Ids are compared as signed numbers."""

    def key(self, job: StoredJob) -> object:
        """Give what is sorted by."""
        number = int.from_bytes(job.id.bytes, signed=True)
        return (-job.priority, job.scheduled_at, number)


@broken_jobs("PRI-2.mixed", "PRI-4.merged")
class AgesJobs(Sorted):
    """What has waited for a day is treated as one priority higher."""

    def key(self, job: StoredJob) -> object:
        """Give what is sorted by."""
        aged = job.scheduled_at < job.enqueued_at - DAY
        return (-job.priority - aged, job.scheduled_at, job.id.bytes)


@broken_jobs("PRI-3.due", "PRI-3.hidden")
class TopPriorityIsDue(Jobs):
    """A job of the highest priority is always due."""

    def pick(self, request: ClaimRequest, now: int) -> list[StoredJob]:
        """Choose the jobs to hand out."""
        top = [place for place in self.waiting.due(request.types, 2**62, 10**9) if -place[0] == 127]
        places = [*top, *(p for p in self.waiting.due(request.types, now, 10**9) if p not in top)]
        return [self.by_id[UUID(bytes=place[2])] for place in places[: request.limit]]


@broken_jobs("PRI-2.mixed", "PRI-3.hidden")
class LooksAtTheFirstHundred(Jobs):
    """A claim looks at the first hundred jobs in order, due or not."""

    def pick(self, request: ClaimRequest, now: int) -> list[StoredJob]:
        """Choose the jobs to hand out."""
        window = set(self.waiting.due(request.types, 2**62, 100))
        places = [p for p in self.waiting.due(request.types, now, 10**9) if p in window]
        return [self.by_id[UUID(bytes=place[2])] for place in places[: request.limit]]


@broken_jobs("PRI-4.hidden")
class LooksAtTheFirstOfAllTypes(Jobs):
    """A claim looks at the first 500 due jobs of all types, and takes those asked for."""

    def pick(self, request: ClaimRequest, now: int) -> list[StoredJob]:
        """Choose the jobs to hand out."""
        window = set(self.waiting.due(None, now, 500))
        places = [p for p in self.waiting.due(request.types, now, 10**9) if p in window]
        return [self.by_id[UUID(bytes=place[2])] for place in places[: request.limit]]


@broken_jobs("PRI-3.many")
class LosesOrderOfManyDue(Jobs):
    """Where more than 20,000 are due, the order of their ids isn't looked at."""

    def pick(self, request: ClaimRequest, now: int) -> list[StoredJob]:
        """Choose the jobs to hand out."""
        jobs = super().pick(request, now)
        if len(self.by_id) > 20_000 and len(self.waiting.due(request.types, now, 20_001)) > 20_000:
            jobs.reverse()
        return jobs


@broken_jobs("PRI-3.next", "WAK-1.earlier")
class SaysTheLastIsNext(Jobs):
    """A claim that finds too little names the last job's time, not the next one's."""

    def claim(self, request: ClaimRequest, now: int) -> ClaimResult:
        """Claim."""
        result = super().claim(request, now)
        due = [place[1] for place in self.waiting.due(None, 2**62, 10**9)]
        return evolve(result, next_due=max(due, default=None)) if result.next_due else result


@broken_world("LEA-3.grows", "LEA-3.token", "PRI-3.clock")
class ClockGoesBack(World):
    """The storage's present goes back with its clock."""

    def now(self, given: int | None) -> int:
        """Give the present."""
        return given if given is not None else super().now(given)


@broken_jobs("PRI-4.types")
class EmptyMeansAll(Jobs):
    """An empty list of types claims every type."""

    def claim(self, request: ClaimRequest, now: int) -> ClaimResult:
        """Claim."""
        return super().claim(evolve(request, types=request.types or None), now)


@broken_jobs("PRI-2.mixed", "PRI-4.merged")
class TypeByType(Jobs):
    """The types asked for are looked through one after the other."""

    def pick(self, request: ClaimRequest, now: int) -> list[StoredJob]:
        """Choose the jobs to hand out."""
        if request.types is None:
            return super().pick(request, now)
        found: list[Place] = []
        for name in request.types:
            found += self.waiting.due([name], now, request.limit)
        return [self.by_id[UUID(bytes=place[2])] for place in found[: request.limit]]


@broken_jobs("MOV-1.back", "PRI-2.mixed", "PRI-3.many", "PRI-4.types", "PRI-5.batch", "PRI-6.moved")
class UnorderedReply(Jobs):
    """The right jobs are claimed, and handed out in the order of their ids."""

    def claim(self, request: ClaimRequest, now: int) -> ClaimResult:
        """Claim."""
        result = super().claim(request, now)
        return evolve(result, jobs=tuple(sorted(result.jobs, key=lambda job: job.id.bytes)))


@broken_jobs("LIV-4.schedule", "MOV-1.back", "PRI-2.mixed", "PRI-4.types", "PRI-5.batch")
class OneTypePerClaim(Jobs):
    """A claim of several jobs stops where their type changes."""

    def pick(self, request: ClaimRequest, now: int) -> list[StoredJob]:
        """Choose the jobs to hand out."""
        jobs = super().pick(request, now)
        return [job for job in jobs if job.job_type == jobs[0].job_type]


@broken_storage("CAN-8.payload", "CAN-8.race", "PRI-7.once")
class LooksThenClaims(MemoryStorage):
    """A claim looks, lets others in, and then takes what it saw."""

    gap = Gap()

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """Claim."""
        with self.world.lock:
            jobs = self.world.of(queue)
            moment = self.world.now(now)
            again = bool(jobs.held_under(request.request_id)) or request.types == ()
            reaped = () if again else tuple(jobs.reap(moment, REAP_JOBS))
            seen = [] if again else jobs.pick(request, moment)
            short = len(seen) < request.limit
            next_due = jobs.waiting.next_due(request.types) if short else None
        if again:
            return await super().claim(queue, request, now=now)
        await self.gap.wait()
        with self.world.lock:
            for job in seen:
                if job.id in jobs.running:
                    jobs.waiting.add(job.job_type, job.place)
                if job.state.live:
                    jobs.lease(job, request, moment)
            claimed = tuple(job.claimed() for job in seen if job.state.live)
        return ClaimResult(claimed, moment, next_due, reaped)


@broken_storage("PRI-7.passed")
class StepsAside(MemoryStorage):
    """A claim that meets another one under way leaves more than that one's job alone."""

    claiming = 0

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """Claim."""
        cls = type(self)
        crowded = cls.claiming > 0
        cls.claiming += 1
        try:
            await asyncio.sleep(0)
            jobs = self.world.of(queue)
            with self.world.lock:
                due = jobs.waiting.due(request.types, self.world.now(now), 3) if crowded else []
                # It always takes one, so that no claimer stops before all jobs are handed out.
                aside = due[:2] if len(due) > 2 else []
                for place in aside:
                    jobs.waiting.remove(jobs.by_id[UUID(bytes=place[2])].job_type, place)
                try:
                    return jobs.claim(request, self.world.now(now))
                finally:
                    for place in aside:
                        jobs.waiting.add(jobs.by_id[UUID(bytes=place[2])].job_type, place)
        finally:
            cls.claiming -= 1


@broken_jobs("LIV-4.claim", "LIV-4.poll", "LIV-4.refused", "LIV-4.runner")
class ForgetsRequests(Jobs):
    """A claim that is repeated takes other jobs."""

    def held_under(self, request_id: UUID) -> tuple[ClaimedJob, ...]:
        """Give nothing."""
        return ()


@broken_jobs("LIV-4.claim")
class RepeatsForAnybody(Jobs):
    """A claim gives what the same request took before, also what it no longer holds."""

    def __init__(self) -> None:
        super().__init__()
        self.replies: dict[UUID, ClaimResult] = {}

    def claim(self, request: ClaimRequest, now: int) -> ClaimResult:
        """Claim."""
        if request.request_id not in self.replies:
            self.replies[request.request_id] = super().claim(request, now)
        return self.replies[request.request_id]
