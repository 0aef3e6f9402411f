"""Moving the jobs of a queue to another storage, whatever kinds the two are (clauses MOV).

Per batch: hold at the source, import held at the target, discard at the source, put back at the
target. At every instant a job is in one place where it can be claimed, or in none and held; so a
move may be killed anywhere. The next one between the same two finishes what was left: the source
decides. What it still has is moved from there, and what it no longer has is put back at the target.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from attrs import define, evolve, field, frozen

from aide_de_camp import marks
from aide_de_camp.answers import one_each
from aide_de_camp.held import batches, discard, each_record, get_records, unhold
from aide_de_camp.mark_kinds import is_job, is_job_type
from aide_de_camp.pairing import pair_up
from aide_de_camp.queue import Queue
from aide_de_camp.reaping import tell_of_reaped
from aide_de_camp.spi import (
    REAP_JOBS,
    Capability,
    CapabilityNotSupported,
    CountFilter,
    Event,
    EventKind,
    InvalidArgument,
    JobFilter,
    JobRecord,
    JobState,
)

_MOVED: Final = frozenset({JobState.SCHEDULED, JobState.DEAD, JobState.HELD})
_HELD: Final = JobFilter(states=frozenset({JobState.HELD}))
_LEFT: Final = _MOVED | {JobState.RUNNING}
_BREATH: Final = 0.05
"""Real seconds between two rounds of which the first moved nothing."""
_LOOK_AGAIN: Final = timedelta(seconds=1)


@frozen
class MoveReport:
    """What a move did.

    Attributes:
        moved: how many jobs this call brought over.
        finished: how many an earlier move had left held at the target, and this one put back.
        running: the jobs that were running in the end, and stay at the source.
        conflicts: the jobs whose id another job has at the target; they stay at the source, in
            use again.
    """

    moved: int
    finished: int
    running: tuple[UUID, ...]
    conflicts: tuple[UUID, ...]


@frozen
class MoveProgress:
    """How far a move got.

    Attributes:
        moved: how many jobs were brought over so far.
        total: how many were to be moved when it began; more may have come since.
        waiting: the jobs that run at the source, where all else was moved and the move waits for
            them to end; else empty.
    """

    moved: int
    total: int
    waiting: tuple[UUID, ...] = ()


async def move_jobs(
    source: Queue,
    target: Queue,
    *,
    wait: bool = True,
    forget_earlier: bool = False,
    progress: Callable[[MoveProgress], None] | None = None,
) -> MoveReport:
    """Move the scheduled and the dead jobs of one queue to another (clauses MOV-1 to MOV-3).

    Ids, order, bytes, counters, tokens and errors are kept. Have producers and runners use the
    target first, or stop them: it ends once nothing is left to move, and what is scheduled at the
    source after that stays there. One move out of, or into, a queue at a time: while one that was
    interrupted isn't finished, by making it again, others are refused, moving back too.

    Args:
        source: an open queue.
        target: an open queue of another storage, or another queue of the same.
        wait: whether to wait for what runs at the source to end, and to move what then is
            scheduled or dead; else it is left there, and listed.
        forget_earlier: finish what earlier moves left in the two queues as if their other places
            were gone for good. Where one isn't, jobs can end up in both places.
        progress: told after each batch, and each second while what runs is waited for.

    Returns:
        What was moved and what wasn't. Completed and cancelled jobs aren't moved.

    Raises:
        InvalidArgument: one of the two isn't a queue, or ``progress`` can't be called.
        QueueMisused: the two are one and the same queue, or one of them has part in another move
            that isn't finished, with a third queue or the other way; no job was touched.
        QueueClosed: one of the two isn't open.
        CapabilityNotSupported: one of the two can't move jobs; nothing was changed.
        StorageUnavailable: one of the two can't be reached: call it again to finish.
    """
    for argument, queue in (("source", source), ("target", target)):
        if not isinstance(queue, Queue):
            raise InvalidArgument(argument, "must be a Queue")
        if Capability.MOVE not in queue.storage.capabilities:
            raise CapabilityNotSupported(
                f"{queue.storage.server} can't hold or import jobs (capability MOV-1): nothing "
                "was moved; let its jobs run out instead"
            )
    if progress is not None and not callable(progress):
        raise InvalidArgument("progress", "must be a function")
    await marks.refuse_the_same(source, target)
    pair = await pair_up(source, target, forget_earlier=forget_earlier)
    move = _Move(source, target, progress)
    await move.finish_earlier()
    await move.count()
    report = await move.run(wait=wait)
    await pair.end()
    return report


@define
class _Move:
    source: Queue
    target: Queue
    progress: Callable[[MoveProgress], None] | None
    moved: int = 0
    finished: int = 0
    total: int = 0
    conflicts: dict[UUID, None] = field(factory=dict[UUID, None])

    async def run(self, *, wait: bool) -> MoveReport:
        """Move until nothing is left to move."""
        while True:
            await _reap(self.source)
            before = self.moved
            await self.all_there_is()
            running, others = await self.left()
            if others:
                # A job that ran while its page was read may be scheduled again by now.
                if self.moved == before:
                    await asyncio.sleep(_BREATH)
                continue
            if not (wait and running):
                return MoveReport(self.moved, self.finished, tuple(running), tuple(self.conflicts))
            if self.progress is not None:
                self.progress(MoveProgress(self.moved, self.total, tuple(running)))
            await self.source.clock.sleep(_LOOK_AGAIN.total_seconds())

    async def count(self) -> None:
        """Count what is to be moved."""
        where = CountFilter(states=_MOVED)
        rows = await self.source.session.call(
            lambda storage: storage.count(self.source.name, where)
        )
        self.total = sum(row.count for row in rows if is_job_type(row.job_type))

    async def finish_earlier(self) -> None:
        """Deal with what an earlier move left held at the target."""
        async for batch in batches(self.target, _HELD):
            ids = [record.id for record in await marks.jobs_of(self.target, batch)]
            at_source = await get_records(self.source, ids)
            gone = [job_id for job_id, at in zip(ids, at_source, strict=True) if at is None]
            stale = [
                job_id
                for job_id, at in zip(ids, at_source, strict=True)
                if at is not None and at.state is not JobState.HELD
            ]
            if stale:
                await discard(self.target, stale)
            if gone:
                self.finished += len(await unhold(self.target, gone))
                self._tell(self.target, EventKind.MOVED_HERE, gone)

    async def all_there_is(self) -> None:
        """Move all that is scheduled, dead, or held by an earlier move."""
        async for batch in batches(self.source, JobFilter(states=_MOVED)):
            jobs = await marks.jobs_of(self.source, batch)
            ids = [each.id for each in jobs if each.id not in self.conflicts]
            if ids:
                await self._some(ids)
            if self.progress is not None:
                self.progress(MoveProgress(self.moved, self.total))

    async def left(self) -> tuple[list[UUID], bool]:
        """Say which jobs run at the source, and whether others are still to be moved.

        All are looked for at once, in whichever state: one by one, a job could go from a state
        yet to be looked for to one that was.
        """
        running: list[UUID] = []
        others = False
        async for record in each_record(self.source, JobFilter(states=_LEFT)):
            if record.state is JobState.RUNNING:
                running.append(record.id)
            elif is_job(record) and record.id not in self.conflicts:
                others = True
        return running, others

    async def _some(self, ids: Sequence[UUID]) -> None:
        source, target = self.source, self.target
        found = await source.session.call(lambda storage: storage.hold(source.name, ids))
        held = [each for each in one_each(found, len(ids), "hold jobs") if each is not None]
        if not held:
            return
        await target.session.call(lambda storage: storage.import_jobs(target.name, held))
        there = await get_records(target, [record.id for record in held])
        safe: list[UUID] = []
        refused: list[UUID] = []
        for record, other in zip(held, there, strict=True):
            same = other is not None and _same(record, other)
            (safe if same else refused).append(record.id)
        if refused:
            await unhold(source, refused)
            self.conflicts |= dict.fromkeys(refused)
        if safe:
            # A job that is in use at the source again, whoever did that, is a job of the source.
            in_use = await discard(source, safe)
            safe = [job_id for job_id in safe if job_id not in in_use]
            if in_use:
                await discard(target, list(in_use))
            self._tell(source, EventKind.MOVED_AWAY, safe)
            await unhold(target, safe)
            self._tell(target, EventKind.MOVED_HERE, safe)
            self.moved += len(safe)

    def _tell(self, queue: Queue, kind: EventKind, ids: Sequence[UUID]) -> None:
        bus = queue.session.bus
        if bus.active:
            for job_id in ids:
                bus.emit(Event(kind, queue.name, job_id))


async def _reap(queue: Queue) -> None:
    """Take expired leases back: nobody else may, where no runner is left."""
    session = queue.session
    while True:
        reaped = await session.call(
            lambda storage: storage.reap(session.queue, REAP_JOBS, now=session.now)
        )
        tell_of_reaped(session, reaped)
        if len(reaped) < REAP_JOBS:
            return


def _same(ours: JobRecord, theirs: JobRecord) -> bool:
    """Say whether what is held at the target is the very job that is held at the source."""
    return theirs == evolve(ours, queue=theirs.queue)
