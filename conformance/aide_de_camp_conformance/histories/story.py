"""What a history says of each job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from attrs import define, field, frozen

from aide_de_camp.spi import JobRecord, SettleKind
from aide_de_camp_conformance.histories.call import Call
from aide_de_camp_conformance.histories.event import Item, Operation

_NAMING = (
    Operation.CANCEL,
    Operation.REQUEUE,
    Operation.DELETE,
    Operation.HOLD,
    Operation.UNHOLD,
    Operation.DISCARD,
)
_SCHEDULING = (Operation.ENQUEUE, Operation.IMPORT)
_REMOVING = (Operation.DELETE, Operation.DISCARD)
_DONE = ("applied", "cancelled", "done", "held", "stored")


@frozen
class Said:
    """One call about one job.

    Attributes:
        asked: what was asked.
        answer: what was answered; None where the outcome is unknown, or no answer names it.
    """

    call: Call
    asked: Item
    answer: str | None

    @property
    def sure(self) -> bool:
        """True where it was acknowledged that it took effect."""
        return self.call.ok and self.answer in _DONE

    @property
    def possible(self) -> bool:
        """True where it took effect, or may have."""
        return self.sure or self.call.unknown


@frozen
class Handed:
    """A job handed out by a claim that was answered."""

    call: Call
    item: Item

    @property
    def token(self) -> int:
        """The token that it was given."""
        return self.item.token or 0


@define
class Story:
    """All that was done about one job.

    Attributes:
        scheduled: by whom it was, or may have been, scheduled; refused ones left out.
        refused: schedulings that are known to have failed.
        handed: by claims that were answered, by token; a repeated answer is there once.
        settled: settlements that named it.
        extended: extensions that named it.
        named: all other calls that named it.
        taken_back: calls that say that they took its lease back.
        final: its record in the end, if there is one.
        removable: it may have been removed and scheduled again under the same id.
    """

    id: UUID
    scheduled: list[Said] = field(factory=list[Said])
    refused: list[Said] = field(factory=list[Said])
    handed: list[Handed] = field(factory=list[Handed])
    settled: list[Said] = field(factory=list[Said])
    extended: list[Said] = field(factory=list[Said])
    named: list[Said] = field(factory=list[Said])
    taken_back: list[tuple[Call, str | None]] = field(factory=list[tuple[Call, "str | None"]])
    final: JobRecord | None = None
    reborn: bool = False

    def of(self, operation: Operation) -> list[Said]:
        """Give the calls of one kind that took effect on it, or may have."""
        return [said for said in self.named if said.call.operation is operation and said.possible]

    def ends(self, *kinds: SettleKind, token: int | None = None) -> list[Said]:
        """Give the settlements that took effect, or may have.

        Args:
            kinds: of which kinds; none means any.
            token: under which token; None means any.
        """
        return [
            said
            for said in self.settled
            if said.possible
            and (not kinds or said.asked.value in kinds)
            and (token is None or said.asked.token == token)
        ]


@define
class Stories:
    """A history, job by job.

    Attributes:
        by_id: of each job that was named.
        calls: all of them.
        loose: claims and reapers of which nobody knows what they did: of any job.
        prunes: prunings that took effect, or may have.
        requests: how many calls each claim's request was sent by.
        read: True where the final state is known.
    """

    by_id: dict[UUID, Story]
    calls: Sequence[Call]
    loose: list[Call]
    prunes: list[Call]
    requests: Counter[UUID | None]
    read: bool

    @classmethod
    def of(cls, calls: Sequence[Call], final: Mapping[UUID, JobRecord] | None) -> Stories:
        """Sort a history by jobs."""
        takers = (Operation.CLAIM, Operation.REAP)
        made = cls(
            by_id={},
            calls=calls,
            loose=[call for call in calls if call.operation in takers and call.unknown],
            prunes=[c for c in calls if c.operation is Operation.PRUNE and c.may_count],
            requests=Counter(c.asked.request for c in calls if c.operation is Operation.CLAIM),
            read=final is not None,
        )
        for call in calls:
            made._add(call)
        for job_id, record in (final or {}).items():
            made._story(job_id).final = record
        for story in made.by_id.values():
            made._finish(story)
        return made

    def _story(self, job_id: UUID) -> Story:
        return self.by_id.setdefault(job_id, Story(job_id))

    def _add(self, call: Call) -> None:
        for asked, answered in call.pairs():
            story = self._story(asked.id)
            said = Said(call, asked, answered.value if answered is not None else None)
            if call.operation in _SCHEDULING:
                (story.scheduled if call.may_count else story.refused).append(said)
            elif call.operation is Operation.SETTLE:
                story.settled.append(said)
            elif call.operation is Operation.EXTEND:
                story.extended.append(said)
            elif call.operation in _NAMING:
                story.named.append(said)
        for item in call.handed_out:
            self._story(item.id).handed.append(Handed(call, item))
        for item in call.taken_back:
            self._story(item.id).taken_back.append((call, item.value))

    def _finish(self, story: Story) -> None:
        once: dict[tuple[UUID | None, int], Handed] = {}
        for handed in story.handed:
            once.setdefault((handed.call.asked.request, handed.token), handed)
        story.handed = sorted(once.values(), key=lambda each: each.token)
        removed = any(story.of(operation) for operation in _REMOVING) or bool(self.prunes)
        births = [said for said in story.scheduled if said.answer != "exists"]
        story.reborn = removed and len(births) > 1


def acknowledged(sayings: Iterable[Said]) -> list[Said]:
    """Give those that were answered, whatever the answer."""
    return [said for said in sayings if said.call.ok]
