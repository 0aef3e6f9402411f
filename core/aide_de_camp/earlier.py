"""What earlier moves that weren't finished have left in two queues (clause MOV-3)."""

from __future__ import annotations

from attrs import frozen

from aide_de_camp import marks
from aide_de_camp.mark_kinds import MarkKind, is_job_type
from aide_de_camp.queue import Queue
from aide_de_camp.spi import CountFilter, JobState

_HELD = CountFilter(states=frozenset({JobState.HELD}))


@frozen
class Earlier:
    """What ``forget_earlier`` is about.

    Attributes:
        moves: how many moves, out of or into one of the two queues, may hold jobs.
        at_source: how many jobs are held at the source.
        at_target: how many jobs are held at the target.
    """

    moves: int
    at_source: int
    at_target: int

    def __bool__(self) -> bool:
        return bool(self.moves or self.at_source or self.at_target)


async def left_by_earlier(source: Queue, target: Queue) -> Earlier:
    """Count what earlier moves have left; nothing is changed.

    Args:
        source: an open queue that jobs are to be moved from.
        target: an open queue that they are to be moved to.
    """
    standing = await marks.find(source) | await marks.find(target)
    moves = {mark.move for mark in standing if mark.kind is not MarkKind.IDLE}
    return Earlier(len(moves), await _held(source), await _held(target))


async def _held(queue: Queue) -> int:
    rows = await queue.session.call(lambda storage: storage.count(queue.name, _HELD))
    return sum(row.count for row in rows if is_job_type(row.job_type))
