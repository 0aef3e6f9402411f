"""What the checker may find, and how it is told."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from attrs import field, frozen

from aide_de_camp_conformance.histories.call import Call


class Kind(StrEnum):
    """What is wrong; its value is what it is called in a report."""

    LOST = "lost"
    """It was acknowledged and never came out (ENQ-1, LEA-4, DUR-1)."""
    DOUBLED = "doubled"
    """It ended twice, or came out again after its end was acknowledged (RET-5)."""
    UNEXPECTED = "unexpected"
    """It came out, or is there, and nobody scheduled it."""
    DIFFERS = "differs"
    """It came out with another payload, type, priority or time than it was scheduled with."""
    OVERLAP = "overlapping leases"
    """It was handed out while a lease on it held (LEA-1)."""
    STALE = "stale lease"
    """A lease that was lost still changed it (LEA-3)."""
    BASELESS = "baseless refusal"
    """A holder was told that its lease was lost, and nobody had taken it (LEA-2)."""
    TOKEN = "token"
    """Its tokens or its claims don't grow (LEA-3)."""
    CANCELLED_RAN = "cancelled but ran"
    """It was handed out after its cancellation was acknowledged (CAN-1)."""
    CANCELLED_TWICE = "cancelled twice"
    """Two were told that they cancelled it (CAN-8)."""
    BOTH_WON = "cancel and claim both won"
    """A cancellation and a claim were both told that they had it (CAN-8)."""
    INVERSION = "priority inversion"
    """A claim's jobs aren't in order (PRI-2)."""
    PASSED_OVER = "passed over"
    """A claim passed over a due job that came first (PRI-7)."""
    CONTRADICTED = "contradicted"
    """What was acknowledged isn't what is stored in the end (RET-5, OBS-1)."""
    UNACCOUNTED = "unaccounted for"
    """It came out and is neither live, finished, nor gone by a named act (OBS-5)."""


@frozen
class Finding:
    """One thing that no storage that keeps the contract can have done.

    Attributes:
        job: of which job; None where it is about several.
        words: what happened, in a sentence.
        calls: the calls that show it.
    """

    kind: Kind
    job: UUID | None
    words: str
    calls: tuple[Call, ...] = field(default=(), eq=False, repr=False)

    def __str__(self) -> str:
        """Say it in one line."""
        names = ", ".join(call.name for call in self.calls)
        return f"{self.kind}: job {self.job}: {self.words} [{names}]"
