"""Faults in how jobs are stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from attrs import evolve

from aide_de_camp.spi import (
    EnqueueResult,
    NewJob,
)
from aide_de_camp_backends.memory.jobs import Jobs
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_backends.memory.world import World
from aide_de_camp_conformance.mutants.mutant import broken_jobs, broken_storage, broken_world

SECOND = 1_000_000


@broken_jobs("ENQ-1.durable", "ENQ-5.delay", "OBS-1.states", "OBS-2.filters")
class StampsEarly(Jobs):
    """A job's time of storing is a microsecond early."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        result = super().enqueue(job, now)
        if result is EnqueueResult.STORED:
            self.by_id[job.id].enqueued_at -= 1
        return result


@broken_jobs("ENQ-5.delay", "OBS-1.states")
class ForgetsWhenEnqueued(Jobs):
    """A job's time of storing is its time of falling due."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        result = super().enqueue(job, now)
        stored = self.by_id[job.id]
        stored.enqueued_at = stored.scheduled_at
        return result


@broken_jobs(
    "DEC-4.cut",
    "DEC-4.json",
    "DEC-4.msgpack",
    "DEC-5.mended",
    "DEC-7.codec",
    "ENQ-2.bytes",
    "ENQ-4.order",
)
class CutsAtNul(Jobs):
    """Payloads end at their first NUL, as C strings do."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        return super().enqueue(evolve(job, payload=job.payload.partition(b"\x00")[0]), now)


@broken_jobs(
    "DEC-4.cut",
    "DEC-4.json",
    "DEC-4.msgpack",
    "DEC-5.mended",
    "DEC-7.codec",
    "ENQ-2.bytes",
    "ENQ-4.order",
)
class ReplacesBadText(Jobs):
    """Payloads are kept as text: what isn't UTF-8 is replaced."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        text = job.payload.decode("utf-8", "replace")
        return super().enqueue(evolve(job, payload=text.encode()), now)


@broken_jobs("ENQ-2.codec")
class CutsCodecNames(Jobs):
    """A codec's name is kept to 64 characters."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        return super().enqueue(evolve(job, codec=job.codec[:64]), now)


@broken_jobs("ENQ-2.names", "PRI-4.types")
class FoldsCase(Jobs):
    """Names of job types that differ in case alone are the same."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        return super().enqueue(evolve(job, job_type=job.job_type.lower()), now)


@broken_storage("ENQ-4.whole")
class StoresOneByOne(MemoryStorage):
    """A batch is stored job by job, and others look in between."""

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store them."""
        results: list[EnqueueResult] = []
        for job in jobs:
            results += await super().enqueue(queue, [job], now=now)
            await asyncio.sleep(0)
        return results


@broken_jobs("ENQ-5.bounds")
class NothingBeforeTheEpoch(Jobs):
    """Times before 1970 are taken as 1970."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        if job.scheduled_at is not None:
            job = evolve(job, scheduled_at=max(0, job.scheduled_at))
        return super().enqueue(job, now)


@broken_jobs("ENQ-5.bounds")
class FloatTimes(Jobs):
    """Times are kept as float seconds, so that microseconds far away are lost."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        if job.scheduled_at is not None:
            job = evolve(job, scheduled_at=int(job.scheduled_at / 1e6 * 1e6))
        return super().enqueue(job, now)


@broken_jobs(
    "ENQ-5.bounds", "ENQ-5.zones", "PRI-2.mixed", "PRI-2.time", "PRI-3.due", "PRI-4.merged"
)
class WholeMilliseconds(Jobs):
    """Times are kept to the millisecond."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        if job.scheduled_at is not None:
            job = evolve(job, scheduled_at=job.scheduled_at // 1_000 * 1_000)
        return super().enqueue(job, now)


@broken_jobs(
    "ENQ-5.bounds", "ENQ-5.past", "PRI-2.mixed", "PRI-2.time", "PRI-4.merged", "PRI-6.moved"
)
class PastIsNow(Jobs):
    """A past time is replaced by the present."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        if job.scheduled_at is not None:
            job = evolve(job, scheduled_at=max(now, job.scheduled_at))
        return super().enqueue(job, now)


@broken_jobs("ENQ-5.delay", "ENQ-5.overflow")
class WholeSeconds(Jobs):
    """Delays are rounded to seconds."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        return super().enqueue(evolve(job, delay=job.delay // SECOND * SECOND), now)


@broken_jobs("RET-7.clamped")
class OverflowsDelays(Jobs):
    """A delay that leads beyond year 9999 isn't clamped when a job is stored."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        if job.scheduled_at is None:
            job = evolve(job, scheduled_at=now + job.delay)
        return super().enqueue(job, now)


@broken_jobs("ENQ-8.idempotent")
class Overwrites(Jobs):
    """Storing an id that is known replaces what is there."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        known = self.by_id.get(job.id)
        if known is None:
            return super().enqueue(job, now)
        known.payload = job.payload
        return EnqueueResult.EXISTS


@broken_jobs("ENQ-8.idempotent")
class KnowsOnlyTheLiving(Jobs):
    """An id whose job has finished may be scheduled again."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        known = self.by_id.get(job.id)
        if known is not None and not known.state.live:
            del self.by_id[job.id]
        return super().enqueue(job, now)


@broken_storage("ENQ-8.batch")
class SkipsKnownBatches(MemoryStorage):
    """A batch in which one id is known isn't stored at all."""

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store them."""
        if len(jobs) > 1 and any(self.world.of(queue).by_id.get(job.id) for job in jobs):
            return [EnqueueResult.EXISTS] * len(jobs)
        return await super().enqueue(queue, jobs, now=now)


@broken_world(
    "ENQ-8.queues",
    "MOV-2.imported",
    "MOV-3.at_once",
    "MOV-3.conflict",
    "MOV-3.killed",
    "MOV-3.moved",
    "MOV-3.third",
    "OBS-3.counts",
    "PRI-5.batch",
)
class OneQueue(World):
    """All queues are one."""

    def of(self, queue: str) -> Jobs:
        """Give it."""
        return super().of("default")


@broken_jobs("PRI-1.range")
class ClampsPriorities(Jobs):
    """Priorities beyond -100..100 are clamped."""

    def enqueue(self, job: NewJob, now: int) -> EnqueueResult:
        """Store it."""
        return super().enqueue(evolve(job, priority=max(-100, min(100, job.priority))), now)
