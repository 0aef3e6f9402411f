"""What a run left, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from random import Random
from uuid import UUID

from attrs import define

from aide_de_camp.spi import JobFilter, JobRecord, Storage
from aide_de_camp_conformance.histories.call import Call
from aide_de_camp_conformance.histories.checker import Verdict, check
from aide_de_camp_conformance.histories.minimising import smallest
from aide_de_camp_conformance.histories.roles import QUEUE
from aide_de_camp_conformance.histories.telling import told

_SHOWN = 3
"""How many findings are told with a history of their own."""
PEOPLE = ("produce", "produce", "work", "work", "work", "keep")
"""Who takes part."""
QUIET = 0.4
"""The part of a run, at its beginning, in which nothing is done to anybody."""
PATIENCE = 8.0
"""Seconds in the end after which nothing more is expected to come: leases take one."""


@define(slots=False)
class Run:
    """A history with what it ended in.

    Attributes:
        seed: what was drawn by.
        calls: of everybody.
        final: every job that is stored.
        drained: see :func:`check`.
        faults: what was done to the processes, by name.
    """

    seed: int
    calls: Sequence[Call]
    final: Mapping[UUID, JobRecord]
    drained: bool
    faults: Mapping[str, int]

    @cached_property
    def verdict(self) -> Verdict:
        """What the checker finds."""
        return check(self.calls, self.final, drained=self.drained)

    def summary(self) -> str:
        """Say in a line what was done."""
        unknown = sum(call.unknown for call in self.calls)
        done = ", ".join(f"{count} {name}" for name, count in sorted(self.faults.items()))
        return (
            f"seed {self.seed}: {len(self.calls)} calls ({unknown} of unknown outcome) about "
            f"{self.verdict.jobs} jobs; {done or 'no faults'}; "
            f"{self.verdict.judged} times a claim might have passed a job over"
        )

    def report(self) -> str:
        """Say what was found, with the smallest history that shows each of the first findings."""
        findings = self.verdict.findings
        lines = [self.summary(), f"{len(findings)} findings"]
        lines += [str(finding) for finding in findings]
        for finding in findings[:_SHOWN]:
            small = smallest(self.calls, self.final, finding, drained=self.drained)
            lines += ["", f"{finding}", told(small)]
            if finding.job is not None and finding.job in self.final:
                lines.append(f"in the end: {self.final[finding.job]}")
        return "\n".join(lines)


async def everything(storage: Storage) -> dict[UUID, JobRecord]:
    """Read every job of the queue, whole."""
    records: dict[UUID, JobRecord] = {}
    after: UUID | None = None
    while True:
        page = await storage.list(QUEUE, JobFilter(), limit=500, after=after)
        found = await storage.get(QUEUE, [record.id for record in page.records])
        records |= {record.id: record for record in found if record is not None}
        after = page.after
        if after is None:
            return records


def dice(seed: int, name: str) -> Random:
    """Give a source of draws; each name has its own."""
    return Random(f"{seed}/{name}")  # noqa: S311 (draws of a workload are no secret)
