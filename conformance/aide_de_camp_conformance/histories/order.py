"""Findings about the order: within a claim, and among a claim and what it left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from uuid import UUID

from attrs import define, field, frozen

from aide_de_camp_conformance.histories.call import Call
from aide_de_camp_conformance.histories.event import Item, Operation
from aide_de_camp_conformance.histories.finding import Finding, Kind
from aide_de_camp_conformance.histories.story import Said, Stories, Story

Place = tuple[int, int, bytes]


def _place(job_id: UUID, priority: int, scheduled_at: int) -> Place:
    return (-priority, scheduled_at, job_id.bytes)


def _place_of(item: Item) -> Place:
    return _place(item.id, item.priority or 0, item.scheduled_at or 0)


def inversions(stories: Stories) -> Iterator[Finding]:
    """Say which claims weren't in order."""
    for call in stories.calls:
        places = [_place_of(item) for item in call.handed_out]
        for place, item in zip(sorted(places), call.handed_out, strict=True):
            if place != _place_of(item):
                words = "another job of the same claim comes before it"
                yield Finding(Kind.INVERSION, item.id, words, (call,))
                break


@frozen
class _Wait:
    """A job that was surely scheduled, and never claimed, from one call's end to another's start.

    Attributes:
        since: the call that acknowledged it.
        until: the first claim of it; None where nobody ever claimed it.
        others: calls that named it meanwhile, of whatever outcome.
    """

    story: Story
    since: Call
    until: Call | None
    place: Place
    job_type: str
    others: Sequence[Call]

    def through(self, claim: Call) -> bool:
        """True where it waited untouched from before a claim was called until after its end."""
        return (
            self.since.before(claim)
            and (self.until is None or claim.before(self.until))
            and all(claim.before(other) for other in self.others)
        )


@define
class Passing:
    """Looks for claims that passed over a job.

    Attributes:
        judged: how many times a claim was held against a job that it might have passed over.
    """

    judged: int = field(init=False, default=0)

    def find(self, stories: Stories) -> Iterator[Finding]:
        """Say which claims passed over a due job that was acknowledged before they were called.

        A claim isn't judged where its request was sent twice, or while another claim or reaper
        is under way whose outcome isn't known: that one may hold any job. Nor is a job that
        another claim, of several types by name, may have held while it chose among them.
        """
        waits = [wait for story in stories.by_id.values() if (wait := _wait_of(story))]
        troubled = [
            call
            for call in stories.calls
            if call.operation in (Operation.CLAIM, Operation.REAP) and not call.ok
        ]
        broad = [c for c in stories.calls if c.ok and len(set(c.asked.types or ())) > 1]
        for claim in stories.calls:
            if claim.operation is not Operation.CLAIM or not claim.ok or claim.now is None:
                continue
            if stories.requests[claim.asked.request] > 1:
                continue
            if any(not _apart(claim, other) for other in troubled):
                continue
            yield from self._judge(claim, waits, broad)

    def _judge(self, claim: Call, waits: list[_Wait], broad: list[Call]) -> Iterator[Finding]:
        got = claim.handed_out
        full = len(got) >= (claim.asked.number or 0)
        last = max((_place_of(item) for item in got), default=None)
        types, now = claim.asked.types, claim.now or 0
        for wait in waits:
            if types is not None and wait.job_type not in types:
                continue
            if wait.place[1] > now or not wait.through(claim):
                continue
            self.judged += 1
            first = not full or (last is not None and wait.place < last)
            if first and not _may_be_held(wait, claim, broad):
                calls = (wait.since, claim, *((wait.until,) if wait.until else ()))
                words = "it was due and acknowledged, and a claim passed it over"
                yield Finding(Kind.PASSED_OVER, wait.story.id, words, calls)


def _may_be_held(wait: _Wait, claim: Call, broad: list[Call]) -> bool:
    """True where a claim of several types, under way as well, may have held the job (PRI-7)."""
    return any(
        other is not claim
        and wait.job_type in (other.asked.types or ())
        and not _apart(claim, other)
        for other in broad
    )


def _apart(claim: Call, other: Call) -> bool:
    """True where two calls surely didn't overlap."""
    return other.before(claim) or claim.before(other)


def _wait_of(story: Story) -> _Wait | None:
    """Give when a job surely waited for its first claim; None where that isn't known."""
    since = [s for s in story.scheduled if s.call.ok and s.answer == "stored"]
    if story.reborn or not since or since[0].call.operation is Operation.IMPORT:
        return None
    first = [handed for handed in story.handed if handed.item.claims == 1]
    never = story.final is not None and story.final.claims == 0
    if not first and not never:
        return None
    scheduled_at = _time_of(since[0], story)
    others = [said.call for said in (*story.named, *story.scheduled) if said is not since[0]]
    return _Wait(
        story,
        since[0].call,
        first[0].call if first else None,
        _place(story.id, since[0].asked.priority or 0, scheduled_at),
        since[0].asked.job_type or "",
        others,
    )


def _time_of(said: Said, story: Story) -> int:
    if said.asked.scheduled_at is not None:
        return said.asked.scheduled_at
    # A delay counts from the storage's present; the first claim, or the record, says what came.
    for handed in story.handed:
        if handed.item.claims == 1 and handed.item.scheduled_at is not None:
            return handed.item.scheduled_at
    assert story.final is not None, "a job that nobody claimed is there in the end"
    return story.final.scheduled_at
