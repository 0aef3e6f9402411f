"""Running the kit against a harness."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from aide_de_camp_conformance.deviations import check_deviations, judged
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.introduction import introduce
from aide_de_camp_conformance.levels import HIGHEST, asked_of
from aide_de_camp_conformance.parallel import Processes
from aide_de_camp_conformance.report import Report, Where, as_declared
from aide_de_camp_conformance.requirement import Requirement
from aide_de_camp_conformance.running import Result, run_requirement
from aide_de_camp_conformance.suite import REQUIREMENTS


def wanted_of(level: int = HIGHEST, only: Iterable[str] = ()) -> tuple[Requirement, ...]:
    """Give the requirements of a run, in the order of the suite.

    Args:
        level: leave out what is above this level, 1 to 3.
        only: ids, or beginnings of ids: leave out all others. Empty leaves out none.

    Raises:
        ValueError: one of ``only`` begins no requirement's id at this level.
    """
    ids = asked_of(level)
    beginnings = tuple(only)
    for each in beginnings:
        if not any(id_.startswith(each) for id_ in ids):
            raise ValueError(f"no requirement up to level {level} is called {each}, or begins so")
    return tuple(
        REQUIREMENTS[each] for each in ids if not beginnings or each.startswith(beginnings)
    )


def run(
    harness: Harness,
    *,
    level: int = HIGHEST,
    only: Iterable[str] = (),
    tell: Callable[[Result], None] | None = None,
    processes: Processes | None = None,
) -> Report:
    """Run the requirements against a harness; it is left open.

    Args:
        harness: gives the places.
        level: leave out what is above this level, 1 to 3.
        only: ids, or beginnings of ids: leave out all others.
        tell: called with each result as it comes.
        processes: run them in these, each with a harness of its own; None runs them here, one
            after the other.

    Returns:
        What was found. It is complete, and so may reach a level, if nothing was left out.

    Raises:
        ValueError: one of ``only`` names nothing, or the harness lists a deviation that is none.
        Exception: whatever the harness raises where no storage can be opened.
    """
    check_deviations(harness.deviations)
    wanted = wanted_of(level, only)
    started, start = datetime.now(UTC), time.monotonic()
    introduction = introduce(harness)
    found: dict[str, Result] = {}
    here = (run_requirement(each, harness) for each in wanted)
    for result in here if processes is None else processes.results(wanted):
        found[result.requirement.id] = judged(result, harness.deviations)
        if tell is not None:
            tell(found[result.requirement.id])
    results = as_declared(introduction, (found[each.id] for each in wanted))
    return Report(introduction, results, level, whereabouts(started, time.monotonic() - start))


def whereabouts(started: datetime, seconds: float) -> Where:
    """Say on what a run was made."""
    return Where(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=f"{platform.system()} {platform.machine()}",
        started=started.astimezone(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
    )
