"""The JSON form of a report: what ``report.schema.json`` describes, as classes."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from attrs import frozen
from msgspec import Meta

FORMAT: Final = 1
"""The version of the form. Within one, fields are only ever added."""

Level = Annotated[int, Meta(ge=1, le=3)]
Reached = Annotated[int, Meta(ge=0, le=3)]
Seconds = Annotated[float, Meta(ge=0)]
Word = Annotated[str, Meta(min_length=1)]
OutcomeWord = Literal["passed", "failed", "error", "deviation", "not_declared", "not_asked"]


@frozen(kw_only=True)
class RequirementForm:
    """How one requirement fared.

    Attributes:
        id: never changes its meaning.
        level: at which it is asked.
        since: the kit's version that brought it.
        sentence: what must be.
        outcome: passed; failed; error (the harness gave no storage, so nothing was found out);
            deviation (it fails, as was declared beforehand); not_declared (it isn't asked of a
            storage with these capabilities); not_asked (it couldn't be: what it needs, such as a
            server to kill, wasn't there).
        seconds: how long it took; null in a published report.
        message: what was found where it isn't passed; for a deviation, its reason first; where it
            couldn't be asked, why not.
    """

    id: Word
    level: Level
    since: Word
    sentence: Word
    outcome: OutcomeWord
    seconds: Seconds | None
    message: str | None


@frozen(kw_only=True)
class ClauseForm:
    """How one clause of the contract fared.

    Attributes:
        clause: its number, such as PRI-2.
        level: the lowest level at which something of it is asked.
        outcome: the worst of its requirements'; for DUR-2 what the storage says of itself.
        requirements: those that were run; empty for DUR-2, which nothing can check.
    """

    clause: Word
    level: Level
    outcome: OutcomeWord
    requirements: list[RequirementForm]


@frozen(kw_only=True)
class KitForm:
    """Which kit it was.

    Attributes:
        version: the kit's own version.
        digest: sums up what this kit asks: ids, levels, capabilities, needs and sentences.
        project: the version of aide-de-camp that it came with; null in a published report.
        spi: the version of the plugin interface.
    """

    version: Word
    digest: Annotated[str, Meta(pattern="^sha256:[0-9a-f]{64}$")]
    project: str | None
    spi: Word


@frozen(kw_only=True)
class BackendForm:
    """What was tested.

    Attributes:
        module: the module of the storage's class.
        distribution: which distribution that is of; null where unknown.
        version: that distribution's version; null where unknown, and in a published report.
        server: the storage's own words: product, version, the settings that matter.
        capabilities: what it declared when it was opened.
    """

    module: str
    distribution: str | None
    version: str | None
    server: str
    capabilities: list[str]


@frozen(kw_only=True)
class RunForm:
    """On what, when and for how long; the whole of it is null in a published report.

    Attributes:
        python: the interpreter and its version.
        platform: the system and the processor's kind.
        started: ISO 8601, UTC.
        seconds: how long the run took, from first to last.
    """

    python: Word
    platform: Word
    started: Word
    seconds: Seconds


@frozen(kw_only=True)
class ReportForm:
    """A report of the conformance kit of Aide-De-Camp.

    Attributes:
        format: the version of this form.
        kit: which kit it was.
        backend: what was tested.
        run: on what it was run.
        seed: of what was drawn at random; null where, as in kit 0.1, all draws are fixed.
        asked: the highest level that was asked for.
        deselected: requirements up to that level that were left out.
        complete: whether none was.
        level: the level reached; 0 for none, and always for a run that isn't complete. What is
            not_asked doesn't stand in its way, and is to be named with it.
        clauses: in the order of the contract.
    """

    format: Literal[1]
    kit: KitForm
    backend: BackendForm
    run: RunForm | None
    seed: int | None
    asked: Level
    deselected: list[str]
    complete: bool
    level: Reached
    clauses: list[ClauseForm]

    @property
    def requirements(self) -> list[RequirementForm]:
        """All requirements that were run."""
        return [each for clause in self.clauses for each in clause.requirements]

    @property
    def unasked(self) -> list[str]:
        """The ids of those that couldn't be asked."""
        return [each.id for each in self.requirements if each.outcome == "not_asked"]

    @property
    def broken(self) -> list[RequirementForm]:
        """Those that failed, or of which nothing was found out; declared deviations not."""
        return [each for each in self.requirements if each.outcome in ("failed", "error")]
