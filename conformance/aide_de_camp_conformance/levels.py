"""Which requirements a level asks, and when it is reached."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aide_de_camp_conformance.running import Outcome
from aide_de_camp_conformance.suite import REQUIREMENTS

HIGHEST: Final = 3
_BROKEN: Final = (Outcome.FAILED, Outcome.ERROR, Outcome.DEVIATION)


def asked_of(level: int) -> tuple[str, ...]:
    """Name the requirements up to a level, in the order of the suite."""
    return tuple(each.id for each in REQUIREMENTS.values() if each.level <= level)


def reached(outcomes: Iterable[tuple[int, Outcome]], *, asked: int, complete: bool) -> int:
    """Give the level that a run reached: all up to it holds, and nothing was left out.

    What couldn't be asked keeps nobody from a level; whoever tells of the level names it too.

    Args:
        outcomes: of each requirement its level and how it fared.
        asked: the highest level that was asked for, 1 to 3.
        complete: whether every requirement up to that level was run.

    Returns:
        0 to 3; always 0 for a run that isn't complete.
    """
    if not complete:
        return 0
    broken = [level for level, outcome in outcomes if outcome in _BROKEN]
    return min([*broken, asked + 1]) - 1
