"""What a run of the kit found, clause by clause."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from aide_de_camp.spi import Capability
from aide_de_camp_conformance.introduction import Introduction
from aide_de_camp_conformance.levels import HIGHEST, asked_of, reached
from aide_de_camp_conformance.running import Outcome, Result
from aide_de_camp_conformance.said import said

_GROUPS: Final = (
    "ENQ",
    "PRI",
    "CAN",
    "DEC",
    "LEA",
    "RET",
    "LIV",
    "KEP",
    "CRO",
    "ABT",
    "OBS",
    "ERR",
)
"""In the order of the contract; capabilities come last."""
WORST_FIRST: Final = (
    Outcome.ERROR,
    Outcome.FAILED,
    Outcome.DEVIATION,
    Outcome.NOT_ASKED,
    Outcome.PASSED,
    Outcome.NOT_DECLARED,
)


@frozen
class Where:
    """On what, when and for how long a run was made.

    Attributes:
        python: the interpreter and its version.
        platform: the system and the processor's kind, no machine's name.
        started: ISO 8601, UTC, whole seconds.
        seconds: how long it took.
    """

    python: str
    platform: str
    started: str
    seconds: float


@frozen
class ClauseReport:
    """How one clause fared.

    Attributes:
        clause: its number, such as ``PRI-2``.
        level: the lowest level at which something of it is asked.
        outcome: the worst of its requirements'.
        results: of each requirement.
    """

    clause: str
    level: int
    outcome: Outcome
    results: tuple[Result, ...]


def as_declared(introduction: Introduction, results: Iterable[Result]) -> tuple[Result, ...]:
    """Have a storage that declares now this and now that fail: what it claims wasn't tried."""
    return tuple(_told(each, introduction.capabilities) for each in results)


def _told(result: Result, declared: frozenset[Capability]) -> Result:
    asked = result.requirement.applies(declared)
    if result.outcome is Outcome.ERROR or asked == (result.outcome is not Outcome.NOT_DECLARED):
        return result
    error = AssertionError(
        "the storage declares other capabilities now than when it was introduced: whether this is "
        "asked of it can't be said"
    )
    return evolve(result, outcome=Outcome.FAILED, error=error, message=said(error))


@frozen
class Report:
    """How one storage fared.

    Attributes:
        introduction: what the storage says of itself.
        results: of each requirement that was run.
        asked: the highest level that was asked for; what is above it wasn't run.
        where: on what it was run; None where that isn't to be told.
    """

    introduction: Introduction
    results: tuple[Result, ...] = field(repr=False)
    asked: int
    where: Where | None = None

    @property
    def server(self) -> str:
        """What the storage says that it is."""
        return self.introduction.server

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it declares."""
        return self.introduction.capabilities

    @property
    def deselected(self) -> tuple[str, ...]:
        """The ids up to the level asked for that were left out."""
        run = {each.requirement.id for each in self.results}
        return tuple(each for each in asked_of(self.asked) if each not in run)

    @property
    def complete(self) -> bool:
        """True where nothing was left out; any other run reaches no level."""
        return not self.deselected

    @property
    def level(self) -> int:
        """The level that was reached, 0 to 3: all up to it holds, and nothing was left out."""
        outcomes = [(each.requirement.level, each.outcome) for each in self.results]
        return reached(outcomes, asked=self.asked, complete=self.complete)

    @property
    def passed(self) -> bool:
        """True where nothing that was run failed, deviations that were declared excepted."""
        return all(each.outcome not in (Outcome.FAILED, Outcome.ERROR) for each in self.results)

    @property
    def clauses(self) -> tuple[ClauseReport, ...]:
        """How each clause fared, in the order of the contract."""
        by_clause: dict[str, list[Result]] = {}
        for result in self.results:
            by_clause.setdefault(result.requirement.clause, []).append(result)
        clauses = [
            ClauseReport(
                clause,
                min(each.requirement.level for each in results),
                min((each.outcome for each in results), key=WORST_FIRST.index),
                tuple(results),
            )
            for clause, results in by_clause.items()
        ]
        clauses.sort(key=lambda each: _place(each.clause))
        power = Capability.SURVIVES_POWER_LOSS
        if self.complete and self.asked == HIGHEST:
            # Nobody can pull the plug here: what the storage says of itself is reported.
            said = Outcome.PASSED if power in self.capabilities else Outcome.NOT_DECLARED
            clauses.append(ClauseReport(power.value, HIGHEST, said, ()))
        return tuple(clauses)

    def as_json(self) -> Mapping[str, Any]:
        """Give it in the form that ``report.schema.json`` describes."""
        from aide_de_camp_conformance.forming import as_json, form_of  # noqa: PLC0415 (it needs us)

        return as_json(form_of(self))


def _place(clause: str) -> tuple[int, int]:
    group, _, number = clause.partition("-")
    return (_GROUPS.index(group) if group in _GROUPS else len(_GROUPS), int(number))
