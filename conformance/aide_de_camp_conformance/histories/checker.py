"""The judge: from a history, and what is stored in the end, to what can't have been right.

It concludes only what holds whatever the unknown outcomes were and whatever the clocks of the
processes said. What it takes for granted is that everybody who touched the queue was recorded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from attrs import frozen

from aide_de_camp.spi import JobRecord
from aide_de_camp_conformance.histories.call import Call
from aide_de_camp_conformance.histories.cancelling import cancelled
from aide_de_camp_conformance.histories.ending import (
    contradicted,
    differs,
    doubled,
    lost,
    unexpected,
)
from aide_de_camp_conformance.histories.finding import Finding
from aide_de_camp_conformance.histories.leasing import baseless, overlapping, stale, tokens
from aide_de_camp_conformance.histories.order import Passing, inversions
from aide_de_camp_conformance.histories.story import Stories


@frozen
class Verdict:
    """What was found.

    Attributes:
        findings: each is against the contract, whatever else happened.
        jobs: how many jobs the history names.
        judged: how many times a claim was held against a job that it might have passed over; 0
            means that nothing was asked of PRI-7.
    """

    findings: tuple[Finding, ...]
    jobs: int
    judged: int


def check(
    calls: Sequence[Call],
    final: Mapping[UUID, JobRecord] | None = None,
    *,
    drained: bool = False,
) -> Verdict:
    """Judge a history.

    Args:
        calls: of everybody who touched the queue, from its beginning; see :func:`calls_of`.
        final: every job that is stored when all is over; None where that isn't known.
        drained: True where, in the end, somebody claimed until nothing came for longer than any
            lease and delay: then nothing may be live.
    """
    stories = Stories.of(calls, final)
    passing = Passing()
    findings = (
        *lost(stories, drained=drained),
        *unexpected(stories),
        *differs(stories),
        *doubled(stories),
        *overlapping(stories),
        *stale(stories),
        *baseless(stories),
        *tokens(stories),
        *cancelled(stories),
        *inversions(stories),
        *passing.find(stories),
        *contradicted(stories),
    )
    return Verdict(findings, len(stories.by_id), passing.judged)
