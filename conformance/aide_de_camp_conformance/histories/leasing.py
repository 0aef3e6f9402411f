"""Findings about leases: overlapping ones, lost ones that still count, tokens that don't grow."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from itertools import pairwise

from attrs import define, field

from aide_de_camp_conformance.histories.call import Call
from aide_de_camp_conformance.histories.finding import Finding, Kind
from aide_de_camp_conformance.histories.story import Handed, Said, Stories, Story


@define
class Floor:
    """How late it was at least, by the storage's own clock, when a call began.

    Only answers tell that clock's time, and what was told before a call began had come by then.
    """

    _told: dict[str, tuple[list[int], list[int]]] = field(
        init=False, factory=dict[str, "tuple[list[int], list[int]]"]
    )

    def learn(self, calls: list[Call]) -> None:
        """Read all answers."""
        ends = sorted((c.ended, c.now, c.asked.clock) for c in calls if c.now and c.ended)
        for ended, now, clock in ends:
            times, highest = self._told.setdefault(clock, ([], []))
            times.append(ended)
            highest.append(max(now, highest[-1] if highest else now))

    def of(self, call: Call) -> int | None:
        """Give it in microseconds; None where nothing is known."""
        times, highest = self._told.get(call.asked.clock, ([], []))
        place = bisect_left(times, call.began)
        return highest[place - 1] if place else None


def overlapping(stories: Stories) -> Iterator[Finding]:
    """Say what was handed out while a lease held.

    Both sides of the comparison are the storage's own clock, as its answers tell it, so that the
    clocks of the callers don't matter.
    """
    floor = Floor()
    floor.learn([call for call in stories.calls if call.ok])
    for story in stories.by_id.values():
        if story.reborn:
            continue
        for one, other in pairwise(story.handed):
            if one.token == other.token or _let_go(story, one, other):
                continue
            until = _held_until(story, one, floor)
            if other.call.now is not None and other.call.now < until:
                early = (until - other.call.now) / 1_000_000
                words = f"it was handed out {early:g} s before a lease on it had ended"
                yield Finding(Kind.OVERLAP, story.id, words, (one.call, other.call))
    for call in stories.calls:
        ids = [item.id for item in call.handed_out]
        for job_id in sorted({each for each in ids if ids.count(each) > 1}):
            yield Finding(Kind.OVERLAP, job_id, "one claim handed it out twice", (call,))


def _let_go(story: Story, one: Handed, other: Handed) -> bool:
    """True where the first holder may have ended its attempt before the other got the job."""
    return any(not other.call.before(end.call) for end in story.ends(token=one.token))


def _held_until(story: Story, handed: Handed, floor: Floor) -> int:
    """Give when a lease ended at the earliest, by the storage's clock."""
    ends = [handed.item.lease_until or 0]
    for said in story.extended:
        if said.sure and said.asked.token == handed.token:
            since = floor.of(said.call)
            if since is not None:
                ends.append(since + (said.call.asked.number or 0))
    return max(ends)


def stale(stories: Stories) -> Iterator[Finding]:
    """Say what was changed under a lease that was lost: somebody had been given the job since."""
    for story in stories.by_id.values():
        if story.reborn:
            continue
        for said in (*story.settled, *story.extended):
            if not said.sure:
                continue
            later = [
                handed
                for handed in story.handed
                if handed.token > (said.asked.token or 0) and handed.call.before(said.call)
            ]
            if later and not _repeats(story, said, later[0]):
                what = said.asked.value or "extended"
                words = f"it was {what} under a lease that another one had followed"
                yield Finding(Kind.STALE, story.id, words, (later[0].call, said.call))
                break


def _repeats(story: Story, said: Said, later: Handed) -> bool:
    """True where a settlement may have taken effect in time, and was only sent again (LIV-4)."""
    return any(
        other.call is not said.call
        and other.asked.value == said.asked.value
        and not later.call.before(other.call)
        for other in story.ends(token=said.asked.token)
        if said.asked.value is not None
    )


def baseless(stories: Stories) -> Iterator[Finding]:
    """Say who was told that a lease was lost that nobody had ended, nor taken back."""
    for story in stories.by_id.values():
        if story.reborn:
            continue
        for said in (*story.settled, *story.extended):
            if said.call.ok and not said.sure and not _may_be_lost(stories, story, said):
                what = said.asked.value or "an extension"
                words = f"{what} was refused, and nobody had taken the lease back"
                got = [h.call for h in story.handed if h.token == said.asked.token]
                yield Finding(Kind.BASELESS, story.id, words, (*got[:1], said.call))
                break


def _may_be_lost(stories: Stories, story: Story, said: Said) -> bool:
    """True where a lease may have come to its end before a call under it was answered.

    A job that is gone was finished first, and so its lease had ended before.
    """
    handed = [each for each in story.handed if each.token == said.asked.token]
    if not handed:
        return True
    ends = [end.call for end in story.ends(token=said.asked.token) if end is not said]
    takers = [call for call, _ in story.taken_back] + stories.loose
    back = [call for call in takers if not call.before(handed[0].call)]
    later = [each.call for each in story.handed if each.token > handed[0].token]
    return any(not said.call.before(call) for call in (*ends, *back, *later))


def tokens(stories: Stories) -> Iterator[Finding]:
    """Say whose tokens or counts of claims don't grow."""
    for story in stories.by_id.values():
        if story.reborn:
            continue
        for one, other in pairwise(story.handed):
            fell = (one.item.claims or 0) >= (other.item.claims or 0)
            if one.token == other.token or fell or other.call.before(one.call):
                words = (
                    f"claim {one.item.claims} has token {one.token}, "
                    f"claim {other.item.claims} has token {other.token}, in no such order"
                )
                yield Finding(Kind.TOKEN, story.id, words, (one.call, other.call))
        if story.final is not None and story.handed:
            last = story.handed[-1]
            if story.final.token < last.token or story.final.claims < (last.item.claims or 0):
                words = "fewer claims, or a lower token, are kept than were told"
                yield Finding(Kind.TOKEN, story.id, words, (last.call,))
