"""Running the kit against a harness."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from attrs import field, frozen

from aide_de_camp_conformance.deviations import check_deviations, judged
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.introduction import Introduction, introduce
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
        ValueError: one of ``only`` is empty, or begins no requirement's id at this level.
    """
    ids = asked_of(level)
    beginnings = tuple(only)
    for each in beginnings:
        if not each:
            raise ValueError("an empty id names no requirement")
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
        processes: run them in these, each with a harness of its own, as :func:`run_elsewhere`;
            None runs them here, one after the other.

    Returns:
        What was found. It is complete, and so may reach a level, if nothing was left out.

    Raises:
        ValueError: one of ``only`` names nothing, or the harness lists a deviation that is none.
        Exception: whatever the harness raises where no storage can be opened.
    """
    if processes is not None:
        return run_elsewhere(
            processes, deviations=harness.deviations, level=level, only=only, tell=tell
        )
    wanted = _checked(harness.deviations, level, only)
    start = _Start()
    introduction = introduce(harness)
    results = (run_requirement(each, harness) for each in wanted)
    found = _gathered(results, harness.deviations, tell)
    return start.report(introduction, wanted, found, level)


def run_elsewhere(
    processes: Processes,
    *,
    deviations: Mapping[str, str] = MappingProxyType({}),
    level: int = HIGHEST,
    only: Iterable[str] = (),
    tell: Callable[[Result], None] | None = None,
) -> Report:
    """Run the requirements in other processes alone: nothing of the backend is loaded in this one.

    Args:
        processes: where; they are ended.
        deviations: as a harness declares them.
        level: see :func:`run`, as for the others.
        only: as above.
        tell: as above.

    Returns:
        What was found.

    Raises:
        ValueError: as :func:`run`, and if no process has a harness.
        StorageError: the storage can't be opened.
    """
    wanted = _checked(deviations, level, only)
    start = _Start()
    try:
        introduction = processes.introduction()
        found = _gathered(processes.results(wanted), deviations, tell)
    finally:
        processes.close()
    return start.report(introduction, wanted, found, level)


def _checked(
    deviations: Mapping[str, str], level: int, only: Iterable[str]
) -> tuple[Requirement, ...]:
    check_deviations(deviations)
    return wanted_of(level, only)


def _gathered(
    results: Iterable[Result],
    deviations: Mapping[str, str],
    tell: Callable[[Result], None] | None,
) -> dict[str, Result]:
    found: dict[str, Result] = {}
    for result in results:
        found[result.requirement.id] = judged(result, deviations)
        if tell is not None:
            tell(found[result.requirement.id])
    return found


@frozen
class _Start:
    """When a run began."""

    moment: datetime = field(factory=lambda: datetime.now(UTC))
    time: float = field(factory=time.monotonic)

    def report(
        self,
        introduction: Introduction,
        wanted: Sequence[Requirement],
        found: Mapping[str, Result],
        level: int,
    ) -> Report:
        results = as_declared(introduction, (found[each.id] for each in wanted))
        where = whereabouts(self.moment, time.monotonic() - self.time)
        return Report(introduction, results, level, where)


def whereabouts(started: datetime, seconds: float) -> Where:
    """Say on what a run was made."""
    return Where(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform=f"{platform.system()} {platform.machine()}",
        started=started.astimezone(UTC).isoformat(timespec="seconds"),
        seconds=round(seconds, 3),
    )
