"""Faults in what is kept, counted and shown."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from attrs import evolve

from aide_de_camp import new_job_id
from aide_de_camp.spi import (
    ClaimRequest,
    ClaimResult,
    CountFilter,
    CountRow,
    DeadStatus,
    JobFilter,
    JobRecord,
    JobState,
    RecordPage,
    Requeue,
)
from aide_de_camp_backends.memory.job import StoredJob
from aide_de_camp_backends.memory.jobs import Jobs
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_conformance.mutants.mutant import broken_jobs, broken_storage


@broken_jobs("KEP-1.kept", "OBS-5.accounted")
class PrunesTheDead(Jobs):
    """Dead jobs are removed as the completed ones are."""

    def prune(self, before: int, limit: int) -> int:
        """Remove old jobs."""
        removed = super().prune(before, limit)
        dead = [j.id for j in self.by_id.values() if j.state is JobState.DEAD]
        for job_id in dead:
            if (self.by_id[job_id].finished_at or 0) <= before:
                del self.by_id[job_id]
        return removed


@broken_jobs("KEP-1.steps")
class PrunesByStorage(Jobs):
    """Jobs are kept from when they were stored, not from when they finished."""

    def prune(self, before: int, limit: int) -> int:
        """Remove old jobs."""
        ends = {job.id: job.finished_at for job in self.by_id.values()}
        for job in self.by_id.values():
            if job.finished_at is not None:
                job.finished_at = job.enqueued_at
        removed = super().prune(before, limit)
        for job in self.by_id.values():
            job.finished_at = ends[job.id]
        return removed


@broken_jobs("KEP-1.steps")
class PrunesAll(Jobs):
    """Pruning ignores its limit."""

    def prune(self, before: int, limit: int) -> int:
        """Remove old jobs."""
        return super().prune(before, 10**9)


@broken_jobs(
    "CAN-3.pruned", "KEP-1.kept", "KEP-1.runner", "KEP-1.steps", "LEA-1.clock", "OBS-5.accounted"
)
class NeverPrunes(Jobs):
    """Nothing is ever removed."""

    def prune(self, before: int, limit: int) -> int:
        """Remove nothing."""
        return 0


@broken_jobs(
    "CAN-2.running",
    "CAN-3.not_live",
    "CAN-3.pruned",
    "DEC-4.json",
    "DEC-4.msgpack",
    "DEC-5.mended",
    "DEC-7.codec",
    "ENQ-8.idempotent",
    "KEP-1.kept",
    "KEP-1.runner",
    "KEP-1.steps",
    "LEA-1.clock",
    "LEA-1.many",
    "LEA-2.late",
    "LEA-3.mixed",
    "LEA-3.race",
    "LEA-4.task",
    "LEA-5.blocked",
    "LEA-5.long",
    "LIV-1.first",
    "LIV-1.returns",
    "LIV-2.calls",
    "LIV-2.runner",
    "LIV-4.handle",
    "LIV-4.runner",
    "LIV-4.settle",
    "MOV-1.others",
    "MOV-3.moved",
    "OBS-1.states",
    "OBS-2.filters",
    "OBS-3.counts",
    "OBS-5.accounted",
    "RET-4.refused",
    "RET-5.completed",
    "RET-9.thread",
    "RET-9.timeout",
)
class DropsTheCompleted(Jobs):
    """A completed job is removed at once."""

    def _finish(self, job: StoredJob, state: JobState, now: int, reason: str | None = None) -> None:
        super()._finish(job, state, now, reason)
        if state is JobState.COMPLETED:
            del self.by_id[job.id]


@broken_jobs("RET-4.requeue")
class RequeueKeepsRetries(Jobs):
    """A requeued job keeps its retries."""

    def requeue(self, wanted: Requeue) -> DeadStatus:
        """Schedule it again."""
        job = self.by_id.get(wanted.id)
        before = job.retries if job else 0
        status = super().requeue(wanted)
        if job is not None:
            job.retries = before
        return status


@broken_jobs("RET-4.refused", "RET-5.completed")
class RequeuesAnything(Jobs):
    """A completed job can be requeued."""

    def requeue(self, wanted: Requeue) -> DeadStatus:
        """Schedule it again."""
        job = self.by_id.get(wanted.id)
        if job is not None and job.state is JobState.COMPLETED:
            job.state = JobState.DEAD
        return super().requeue(wanted)


@broken_jobs("LIV-4.caller", "LIV-4.requeue")
class ForgetsRequeues(Jobs):
    """A requeue that is repeated is told that the job isn't dead."""

    def requeue(self, wanted: Requeue) -> DeadStatus:
        """Schedule it again."""
        return super().requeue(evolve(wanted, request_id=new_job_id()))


@broken_jobs("LIV-4.requeue", "RET-4.race")
class RequeuesForOthers(Jobs):
    """A job that was requeued once answers every later requeue as its own."""

    def requeue(self, wanted: Requeue) -> DeadStatus:
        """Schedule it again."""
        job = self.by_id.get(wanted.id)
        if job is not None and job.requeued_by is not None:
            return DeadStatus.DONE
        return super().requeue(wanted)


@broken_jobs("LIV-4.requeue")
class RequeuesTwice(Jobs):
    """A requeue that is repeated takes a job back that died again since."""

    def requeue(self, wanted: Requeue) -> DeadStatus:
        """Schedule it again."""
        job = self.by_id.get(wanted.id)
        if job is not None and job.state is JobState.DEAD:
            job.requeued_by = None
        return super().requeue(wanted)


@broken_storage("PRI-6.kept")
class RequeuesToTheEnd(MemoryStorage):
    """A requeued job goes to the end of the line."""

    async def requeue(
        self, queue: str, requests: Sequence[Requeue], *, now: int | None
    ) -> Sequence[DeadStatus]:
        """Schedule them again."""
        for wanted in requests:
            job = self.world.of(queue).by_id.get(wanted.id)
            if job is not None and job.state is JobState.DEAD:
                job.scheduled_at = self.world.now(now)
        return await super().requeue(queue, requests, now=now)


@broken_jobs("RET-4.refused")
class DeletesAnything(Jobs):
    """A running job can be deleted."""

    def delete(self, job_id: UUID) -> DeadStatus:
        """Remove it."""
        if job_id in self.running:
            del self.running[job_id], self.by_id[job_id]
            return DeadStatus.DONE
        return super().delete(job_id)


@broken_jobs(
    "LIV-4.caller", "LIV-4.delete", "OBS-5.accounted", "RET-4.all", "RET-4.delete", "RET-4.race"
)
class DeletesNothing(Jobs):
    """A deleted job stays."""

    def delete(self, job_id: UUID) -> DeadStatus:
        """Say that it was removed."""
        return self._dead_status(job_id)


@broken_storage("OBS-2.filters", "RET-4.all", "RET-4.look")
class FiltersNoReasons(MemoryStorage):
    """Listing and counting ignore the reasons asked for."""

    async def list(
        self,
        queue: str,
        where: JobFilter,
        *,
        limit: int,
        after: UUID | None = None,
        newest_first: bool = False,
    ) -> RecordPage:
        """Read jobs."""
        where = evolve(where, reasons=None)
        return await super().list(queue, where, limit=limit, after=after, newest_first=newest_first)

    async def count(self, queue: str, where: CountFilter) -> Sequence[CountRow]:
        """Count jobs."""
        return await super().count(queue, evolve(where, reasons=None))


@broken_jobs("OBS-2.filters")
class IncludesTheEnd(Jobs):
    """The end of a span of time belongs to it."""

    def page(
        self, where: JobFilter, limit: int, after: UUID | None, *, newest_first: bool
    ) -> list[StoredJob]:
        """Give the jobs that match."""
        to = where.scheduled_to
        where = evolve(where, scheduled_to=None if to is None else to + 1)
        return super().page(where, limit, after, newest_first=newest_first)


@broken_jobs("OBS-2.cursor")
class SkipsByNumber(Jobs):
    """A page begins after as many jobs as were shown, not behind the last one."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = 0

    def page(
        self, where: JobFilter, limit: int, after: UUID | None, *, newest_first: bool
    ) -> list[StoredJob]:
        """Give the jobs that match."""
        self.shown = 0 if after is None else self.shown
        jobs = super().page(where, 10**9, None, newest_first=newest_first)
        page = jobs[self.shown : self.shown + limit]
        self.shown += len(page[:-1]) if len(page) == limit else len(page)
        return page


@broken_jobs("OBS-2.pages", "RET-4.look")
class PagesForwardOnly(Jobs):
    """The newest first are a page's, not the listing's."""

    def page(
        self, where: JobFilter, limit: int, after: UUID | None, *, newest_first: bool
    ) -> list[StoredJob]:
        """Give the jobs that match."""
        page = super().page(where, limit, after, newest_first=False)
        return page[::-1] if newest_first else page


@broken_jobs(
    "CAN-1.cancelled",
    "DEC-3.behind",
    "KEP-1.steps",
    "LEA-5.long",
    "LIV-2.runner",
    "MOV-1.held",
    "MOV-3.killed",
    "OBS-2.filters",
    "OBS-3.counts",
    "RET-4.delete",
    "RET-4.look",
)
class CountsTheLiving(Jobs):
    """Finished jobs aren't counted."""

    def count(self, where: CountFilter) -> list[CountRow]:
        """Count jobs."""
        return [row for row in super().count(where) if row.state.live]


@broken_jobs("OBS-3.counts", "PRI-8.prefetch", "PRI-8.slots")
class CountsRunningAsScheduled(Jobs):
    """Running jobs are counted as scheduled."""

    def count(self, where: CountFilter) -> list[CountRow]:
        """Count jobs."""
        rows: dict[tuple[JobState, str], int] = {}
        for row in super().count(where):
            state = JobState.SCHEDULED if row.state is JobState.RUNNING else row.state
            rows[state, row.job_type] = rows.get((state, row.job_type), 0) + row.count
        return [CountRow(state, name, count) for (state, name), count in rows.items()]


@broken_storage("LEA-1.clock", "LEA-1.exclusive", "LEA-1.extended", "LEA-1.many", "OBS-1.states")
class HidesTheLease(MemoryStorage):
    """Reading a job doesn't show its lease."""

    async def get(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """Read jobs."""
        records = await super().get(queue, ids)
        return [record and evolve(record, lease_until=None) for record in records]


@broken_storage(
    "MOV-1.held", "MOV-2.imported", "MOV-3.killed", "MOV-3.moved", "OBS-1.states", "RET-3.kept"
)
class ForgetsStart(MemoryStorage):
    """Reading a finished job doesn't show when it was started."""

    async def get(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """Read jobs."""
        return [
            record and (record if record.state.live else evolve(record, started_at=None))
            for record in await super().get(queue, ids)
        ]


@broken_jobs("OBS-4.parked")
class DropsUnknownTypes(Jobs):
    """A claim throws away due jobs of types that it doesn't ask for."""

    def claim(self, request: ClaimRequest, now: int) -> ClaimResult:
        """Claim."""
        if request.types:
            for place in self.waiting.due(None, now, 10**9):
                job = self.by_id[UUID(bytes=place[2])]
                if job.job_type not in request.types and job.job_type == "nobodys":
                    self.waiting.remove(job.job_type, place)
                    del self.by_id[job.id]
        return super().claim(request, now)
