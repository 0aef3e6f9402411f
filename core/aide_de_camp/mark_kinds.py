"""The kinds of marks that moves set, and how a mark is told from a job.

A mark is a held record that is no job: whoever counts, lists or looks at jobs never sees one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from aide_de_camp.spi import JobRecord


class MarkKind(StrEnum):
    """What a mark says; its record's type. No user's type may end in a space."""

    PROBE = "adc mark "
    """Shows for a moment whether two URLs lead to one queue."""
    IDLE = "adc move idle "
    """For a move out of this queue nothing is held: not yet, or not any more."""
    OUT = "adc move out "
    """A move out of this queue is under way, or was interrupted."""
    IN = "adc move in "
    """A move into this queue is under way, or was interrupted."""


_KINDS: Final = frozenset(MarkKind)


def is_job_type(name: str) -> bool:
    """Say whether a type is one of jobs, and not of marks."""
    return name not in _KINDS


def is_job(record: JobRecord) -> bool:
    """Say whether a record is a job, and no mark."""
    return record.job_type not in _KINDS
