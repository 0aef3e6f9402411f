"""Findings about cancellations: what ran all the same, and who was told that they did it."""

from __future__ import annotations

from collections.abc import Iterator

from aide_de_camp.spi import SettleKind
from aide_de_camp_conformance.histories.call import Call
from aide_de_camp_conformance.histories.event import Operation
from aide_de_camp_conformance.histories.finding import Finding, Kind
from aide_de_camp_conformance.histories.story import Handed, Said, Stories, Story

_BACK = (SettleKind.RETRY, SettleKind.SNOOZED, SettleKind.RELEASED)


def cancelled(stories: Stories) -> Iterator[Finding]:
    """Say where a cancellation that was acknowledged isn't what happened, or not the only one."""
    for story in stories.by_id.values():
        won = [said for said in story.of(Operation.CANCEL) if said.sure]
        if not won or story.reborn:
            continue
        others = [said for said in won if said.asked.request != won[0].asked.request]
        if others:
            calls = (won[0].call, others[0].call)
            words = "two different requests were told that they cancelled it"
            yield Finding(Kind.CANCELLED_TWICE, story.id, words, calls)
        yield from _ran(stories, story, won[0])


def _ran(stories: Stories, story: Story, won: Said) -> Iterator[Finding]:
    after = [handed for handed in story.handed if won.call.before(handed.call)]
    if after:
        words = "it was handed out after its cancellation was acknowledged"
        yield Finding(Kind.CANCELLED_RAN, story.id, words, (won.call, after[0].call))
        return
    ends = [e for e in story.ends(SettleKind.COMPLETED, SettleKind.CANCELLED) if e.sure]
    if ends:
        words = f"it was acknowledged to be cancelled, and to have ended {ends[0].asked.value}"
        yield Finding(Kind.BOTH_WON, story.id, words, (won.call, ends[0].call))
    elif story.handed and not _may_be_back(stories, story, story.handed[-1], won.call):
        words = "it was handed out and cancelled, and nobody had given it back"
        calls = (story.handed[-1].call, won.call)
        yield Finding(Kind.BOTH_WON, story.id, words, calls)


def _may_be_back(stories: Stories, story: Story, handed: Handed, cancel: Call) -> bool:
    """True where a job that was handed out may have been scheduled again by the cancellation."""
    given_back = story.ends(*_BACK, token=handed.token)
    if story.of(Operation.REQUEUE):
        given_back += story.ends(SettleKind.DEAD, token=handed.token)
    if any(not cancel.before(said.call) for said in given_back):
        return True
    takers = [call for call, _ in story.taken_back] + stories.loose
    return any(not cancel.before(call) and not call.before(handed.call) for call in takers)
