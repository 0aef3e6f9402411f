"""The marks by which moves know queues and each other: records that are held and are no jobs."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final
from uuid import UUID

from attrs import frozen

from aide_de_camp.held import discard, each_record, get_records
from aide_de_camp.ids import new_job_id
from aide_de_camp.mark_kinds import MarkKind, is_job
from aide_de_camp.queue import Queue
from aide_de_camp.spi import HoldStatus, JobFilter, JobRecord, JobState, QueueMisused

_BITS: Final = {MarkKind.IDLE: 0, MarkKind.OUT: 1, MarkKind.IN: 2}
"""What tells the records' ids of one move apart: so each of its marks is there once or not."""
_MARKS: Final = JobFilter(
    states=frozenset({JobState.HELD}), job_types=frozenset(each.value for each in _BITS)
)


@frozen
class Mark:
    """One mark of a move that stands in a queue.

    Attributes:
        kind: what it says.
        move: of which move; a move's marks in its two queues name the same.
    """

    kind: MarkKind
    move: UUID

    @property
    def id(self) -> UUID:
        """The record's id."""
        return UUID(int=self.move.int ^ _BITS[self.kind])


async def refuse_the_same(source: Queue, target: Queue) -> None:
    """Find out whether two URLs lead to one queue, by a mark: else a move would lose its jobs.

    Raises:
        QueueMisused: they do.
    """
    probe = new_job_id()
    await _put(target, MarkKind.PROBE, probe)
    try:
        (seen,) = await get_records(source, [probe])
    finally:
        await discard(target, [probe])
    if seen is not None:
        raise QueueMisused(
            f"the source and the target are the same queue {source.name!r} of the same storage: "
            "nothing was moved; check the two URLs"
        )


async def put(queue: Queue, kind: MarkKind, move: UUID) -> None:
    """Set a mark of a move; it may be there already."""
    await _put(queue, kind, Mark(kind, move).id)


async def take(queue: Queue, kind: MarkKind, move: UUID) -> bool:
    """Remove a mark of a move.

    Returns:
        True to exactly one caller, of however many; False where it isn't there.
    """
    wanted = [Mark(kind, move).id]
    answers = await queue.session.call(lambda storage: storage.discard(queue.name, wanted))
    return list(answers) == [HoldStatus.DONE]


async def find(queue: Queue) -> frozenset[Mark]:
    """Give the marks of moves that stand in a queue."""
    found: set[Mark] = set()
    async for record in each_record(queue, _MARKS):
        kind = MarkKind(record.job_type)
        found.add(Mark(kind, UUID(int=record.id.int ^ _BITS[kind])))
    return frozenset(found)


async def jobs_of(queue: Queue, batch: Collection[JobRecord]) -> list[JobRecord]:
    """Leave marks out, and remove those of a move that was killed while it looked."""
    probes = [record.id for record in batch if record.job_type == MarkKind.PROBE]
    if probes:
        await discard(queue, probes)
    return list(filter(is_job, batch))


async def _put(queue: Queue, kind: MarkKind, mark: UUID) -> None:
    record = JobRecord(
        id=mark,
        queue=queue.name,
        job_type=kind.value,
        codec="json",
        payload=b"",
        payload_size=0,
        priority=0,
        state=JobState.HELD,
        scheduled_at=0,
        enqueued_at=0,
        started_at=None,
        finished_at=None,
        claims=0,
        retries=0,
        snoozes=0,
        max_retries=None,
        token=0,
        lease_until=None,
        worker=None,
        reason=None,
        error=None,
        error_at=None,
    )
    await queue.session.call(lambda storage: storage.import_jobs(queue.name, [record]))
