"""Faults in moving jobs to another storage: in the verbs, and in how the core uses them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from attrs import evolve

from aide_de_camp import marks
from aide_de_camp.mark_kinds import MarkKind
from aide_de_camp.pairing import Pair
from aide_de_camp.spi import Capability, EnqueueResult, HoldStatus, JobRecord, JobState
from aide_de_camp_backends.memory.job import StoredJob
from aide_de_camp_backends.memory.jobs import Jobs
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_conformance.mutants.mutant import broken_core, broken_jobs, broken_storage

Any_ = Callable[..., Any]


@broken_storage("MOV-1.refused")
class HoldsUndeclared(MemoryStorage):
    """Moving isn't declared, and done all the same."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Don't declare it."""
        return super().capabilities - {Capability.MOVE}


@broken_jobs("MOV-1.back", "MOV-1.held")
class ClaimsTheHeld(Jobs):
    """A held job stays among those that are handed out."""

    def hold(self, job_id: UUID) -> StoredJob | None:
        """Hold it."""
        job = super().hold(job_id)
        if job is not None and job.finished_at is None:
            self.waiting.add(job.job_type, job.place)
        return job


@broken_jobs("MOV-1.held", "MOV-3.killed")
class HoldsOnce(Jobs):
    """A job that is held already isn't given to who holds it again."""

    def hold(self, job_id: UUID) -> StoredJob | None:
        """Hold it."""
        job = self.by_id.get(job_id)
        return None if job is not None and job.state is JobState.HELD else super().hold(job_id)


@broken_jobs("MOV-1.others")
class HoldsTheFinished(Jobs):
    """A completed job is held, too."""

    def hold(self, job_id: UUID) -> StoredJob | None:
        """Hold it."""
        job = self.by_id.get(job_id)
        if job is not None and job.state is JobState.COMPLETED:
            job.state = JobState.HELD
        return super().hold(job_id)


@broken_storage("MOV-1.back", "MOV-2.imported")
class PutsBackToTheEnd(MemoryStorage):
    """A job that is put back goes to the end of the line."""

    async def unhold(
        self, queue: str, ids: Sequence[UUID], *, now: int | None
    ) -> Sequence[HoldStatus]:
        """Put them back."""
        for job_id in ids:
            job = self.world.of(queue).by_id.get(job_id)
            if job is not None and job.state is JobState.HELD:
                job.scheduled_at = max(job.scheduled_at, self.world.now(now))
        return await super().unhold(queue, ids, now=now)


@broken_jobs("MOV-1.back", "MOV-2.imported", "MOV-3.killed", "MOV-3.moved")
class RaisesTheDead(Jobs):
    """A dead job that is put back is scheduled."""

    def unhold(self, job_id: UUID) -> HoldStatus:
        """Put it back."""
        job = self.by_id.get(job_id)
        if job is not None and job.state is JobState.HELD:
            job.finished_at = None
        return super().unhold(job_id)


@broken_jobs("MOV-1.others")
class DiscardsAnything(Jobs):
    """A job that isn't held can be discarded."""

    def discard(self, job_id: UUID) -> HoldStatus:
        """Remove it."""
        job = self.by_id.get(job_id)
        if job is not None and job.state is JobState.COMPLETED:
            del self.by_id[job_id]
            return HoldStatus.DONE
        return super().discard(job_id)


@broken_jobs("MOV-2.imported", "MOV-3.conflict")
class ImportsOverOthers(Jobs):
    """An imported job takes the place of one with its id."""

    def import_job(self, record: JobRecord) -> EnqueueResult:
        """Import it."""
        job = self.by_id.pop(record.id, None)
        if job is not None and job.state is JobState.SCHEDULED:
            self.waiting.remove(job.job_type, job.place)
        return super().import_job(record)


@broken_jobs("MOV-2.imported", "MOV-3.killed", "MOV-3.moved")
class ForgetsTheToken(Jobs):
    """An imported job's token begins anew."""

    def import_job(self, record: JobRecord) -> EnqueueResult:
        """Import it."""
        return super().import_job(evolve(record, token=0))


@broken_jobs("MOV-2.imported", "MOV-3.killed", "MOV-3.moved")
class ForgetsTheError(Jobs):
    """An imported job's error is not kept."""

    def import_job(self, record: JobRecord) -> EnqueueResult:
        """Import it."""
        return super().import_job(evolve(record, error=None))


@broken_core("aide_de_camp.marks.refuse_the_same", "MOV-3.itself")
def looks_at_no_mark(original: Any_) -> Any_:
    """A queue is moved into itself."""

    async def refuse(source: Any, target: Any) -> None:
        """Refuse nothing."""

    return refuse


@broken_core("aide_de_camp.moving.pair_up", "MOV-3.at_once", "MOV-3.third")
def keeps_moves_not_apart(original: Any_) -> Any_:
    """Whatever other moves have left is taken for this one's."""

    async def pair_up(source: Any, target: Any, *, forget_earlier: bool) -> Pair:
        """Set no mark, and look for none."""
        return Pair(source, target, frozenset())

    return pair_up


@broken_core("aide_de_camp.pairing._begin", "MOV-3.at_once")
def looks_for_no_other(original: Any_) -> Any_:
    """A move that begins doesn't look whether another has begun meanwhile."""

    async def begin(source: Any, target: Any, move: UUID, ours: Any) -> None:
        """Set the marks alone."""
        await marks.put(target, MarkKind.IN, move)
        await marks.put(source, MarkKind.OUT, move)

    return begin


@broken_core("aide_de_camp.moving._same", "MOV-3.conflict")
def takes_any_for_the_same(original: Any_) -> Any_:
    """A job at the target is taken for the one at the source by its id alone."""
    return lambda ours, theirs: True


@broken_core("aide_de_camp.moving._Move.finish_earlier", "MOV-3.killed")
def leaves_what_was_left(original: Any_) -> Any_:
    """What an earlier move left held at the target stays so."""

    async def finish_earlier(self: Any) -> None:
        """Do nothing."""

    return finish_earlier


@broken_core("aide_de_camp.moving._reap", "MOV-3.moved")
def waits_for_the_lost(original: Any_) -> Any_:
    """A job whose lease expired is waited for, though nobody runs it."""

    async def reap(queue: Any) -> None:
        """Do nothing."""

    return reap


@broken_core("aide_de_camp.moving._Move._some", "MOV-3.conflict", "MOV-3.killed", "MOV-3.moved")
def discards_first(original: Any_) -> Any_:
    """Jobs are discarded at the source before the target has them."""

    async def some(self: Any, ids: Any) -> None:
        source, target = self.source.storage, self.target.storage
        held = [each for each in await source.hold(self.source.name, ids) if each is not None]
        await source.discard(self.source.name, ids)
        await target.import_jobs(self.target.name, held)
        await original(self, [])
        await target.unhold(self.target.name, ids, now=self.target.session.now)
        self.moved += len(held)

    return some
