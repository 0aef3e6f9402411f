"""Keeping moves apart: what one holds, another must not take for its own (clause MOV-3).

An interrupted move leaves jobs held in one queue or in both, and which of the two has the last
word only that pair can tell. So no queue has part in two moves at once, and marks say who has:
``OUT`` at the source and ``IN`` at the target, from before the first job is held until after the
last one is put back. Who begins sets its own and then looks for others': of two that begin at once
at least one sees the other, and steps back.

A kill leaves a move half begun or half ended. ``IDLE``, at its source, stands whenever one of the
two others may stand alone: nothing is held for that move, and who runs it again goes on from there.
It is given up by taking it away, which succeeds for one caller only: so of two that go on with the
same half one steps back.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from attrs import frozen

from aide_de_camp import marks
from aide_de_camp.ids import new_job_id
from aide_de_camp.mark_kinds import MarkKind
from aide_de_camp.marks import Mark
from aide_de_camp.queue import Queue
from aide_de_camp.spi import QueueMisused

_WAY_OUT: Final = (
    "nothing was moved now. Make that move again, the same way between the same two, to finish it; "
    "only where its other place is gone for good, say so by forget_earlier=True (adc move "
    "--forget-earlier)"
)


@frozen
class Pair:
    """Two queues between which jobs are moved, and the moves between them that aren't ended.

    Attributes:
        source: where jobs are moved from.
        target: where to.
        moves: this move, or those that it goes on with.
    """

    source: Queue
    target: Queue
    moves: frozenset[UUID]

    async def end(self) -> None:
        """Say that nothing is held any more, for any of the moves."""
        for move in self.moves:
            await marks.put(self.source, MarkKind.IDLE, move)
            await _remove(self.source, self.target, move)


async def pair_up(source: Queue, target: Queue, *, forget_earlier: bool) -> Pair:
    """See to it that what is held in two queues is theirs alone, and mark them.

    Args:
        source: where jobs are to be moved from.
        target: where to.
        forget_earlier: drop what marks there are: the other places of interrupted moves are gone
            for good.

    Raises:
        QueueMisused: one of the two has part in another move that isn't finished, with a third
            queue or the other way; no job was touched.
    """
    if forget_earlier:
        for queue in (source, target):
            for mark in await marks.find(queue):
                await marks.take(queue, mark.kind, mark.move)
    here, there = await marks.find(source), await marks.find(target)
    for move in _of(there, MarkKind.IDLE) & _of(here, MarkKind.IN):
        # The other way, and only half begun or half ended. A whole one may be alive: jobs that two
        # moves hold against each other could be lost, so that it must be finished first.
        if await marks.take(target, MarkKind.IDLE, move):
            await marks.take(target, MarkKind.OUT, move)
            await marks.take(source, MarkKind.IN, move)
    here, there = await marks.find(source), await marks.find(target)
    whole = _of(here, MarkKind.OUT) & _of(there, MarkKind.IN)
    # Half begun or half ended: it is gone on with, whichever it was.
    halves = _of(here, MarkKind.IDLE) & _of(there, MarkKind.IN)
    ours = whole | halves
    _refuse_others("source", source, here, ours)
    _refuse_others("target", target, there, ours)
    for move in halves or _new(whole):
        await _begin(source, target, move, ours | {move})
        whole |= {move}
    return Pair(source, target, whole)


def _new(whole: frozenset[UUID]) -> frozenset[UUID]:
    """Give a move to begin, unless there is one to go on with."""
    return frozenset() if whole else frozenset({new_job_id()})


async def _begin(source: Queue, target: Queue, move: UUID, ours: frozenset[UUID]) -> None:
    await marks.put(source, MarkKind.IDLE, move)
    await marks.put(target, MarkKind.IN, move)
    await marks.put(source, MarkKind.OUT, move)
    try:
        _refuse_others("source", source, await marks.find(source), ours)
        _refuse_others("target", target, await marks.find(target), ours)
    except QueueMisused:
        await _give_up(source, target, move)
        raise
    taken = await marks.take(source, MarkKind.IDLE, move)
    stands = Mark(MarkKind.IN, move) in await marks.find(target)
    if not stands:
        await marks.take(source, MarkKind.OUT, move)
    if not (taken and stands):
        # Somebody else goes on with this very move, and needs its marks; or has given it up.
        raise QueueMisused(
            f"another call has just begun the same move out of queue {source.name!r}: let it end, "
            "or make this one again"
        )


async def _give_up(source: Queue, target: Queue, move: UUID) -> None:
    """Remove the marks of a move that is half begun, unless somebody else goes on with it."""
    if Mark(MarkKind.IDLE, move) in await marks.find(source):
        await _remove(source, target, move)


async def _remove(source: Queue, target: Queue, move: UUID) -> None:
    """Remove a move's marks, that one last which says that nothing is held for it."""
    await marks.take(source, MarkKind.OUT, move)
    await marks.take(target, MarkKind.IN, move)
    await marks.take(source, MarkKind.IDLE, move)


def _of(standing: Iterable[Mark], kind: MarkKind) -> frozenset[UUID]:
    return frozenset(mark.move for mark in standing if mark.kind is kind)


def _refuse_others(
    role: str, queue: Queue, standing: Iterable[Mark], ours: frozenset[UUID]
) -> None:
    for kind, way in ((MarkKind.OUT, "out of"), (MarkKind.IN, "into")):
        if _of(standing, kind) - ours:
            raise QueueMisused(
                f"another move, of jobs {way} the {role} (queue {queue.name!r} of "
                f"{queue.storage.server}), isn't finished: {_WAY_OUT}"
            )
