"""Medians of the rounds, and ratios to this project."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import frozen
from benchmarks.suite.contestants import OURS
from benchmarks.suite.results import OK, Result
from benchmarks.suite.statistics import median, ratio


@frozen
class Line:
    """What the rounds of one contestant and workload found together.

    Attributes:
        backend: where the jobs were.
        contestant: its name.
        workload: its name.
        jobs: how many, in each round.
        rounds: how many rounds succeeded.
        measures: the median of each figure.
        least: the least of each figure.
        most: the most of each.
        ratios: how many times better this project's median is; empty for itself.
        reasons: why rounds have no figures.
        version: of the contestant.
        foreign: the most cores that others used meanwhile.
    """

    backend: str
    contestant: str
    workload: str
    jobs: int
    rounds: int
    measures: dict[str, float]
    least: dict[str, float]
    most: dict[str, float]
    ratios: dict[str, float | None]
    reasons: tuple[str, ...]
    version: str
    foreign: float


def summarise(results: Iterable[Result]) -> list[Line]:
    """Put the rounds together, in the order in which they were first seen.

    Results of other commits, environments and sizes than the latest of the same workload are
    never mixed in: give those of one run.
    """
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        groups.setdefault((result.cell.contestant, result.cell.workload), []).append(result)
    medians = {key: _medians(found) for key, found in groups.items()}
    lines = []
    for (contestant, workload), found in groups.items():
        backend, _, name = contestant.partition("/")
        ours = {} if name == OURS else medians.get((f"{backend}/{OURS}", workload), {})
        theirs = medians[contestant, workload]
        good = [each for each in found if each.status == OK]
        values = {each: [one.measures[each] for one in good] for each in theirs}
        lines.append(
            Line(
                backend,
                name,
                workload,
                found[0].cell.jobs,
                len(good),
                theirs,
                {each: min(all_of_it) for each, all_of_it in values.items()},
                {each: max(all_of_it) for each, all_of_it in values.items()},
                {each: ratio(ours[each], theirs[each], each) for each in theirs if each in ours},
                tuple(dict.fromkeys(each.reason for each in found if each.reason)),
                _noted(found, "version"),
                max((each.noted.get("foreign_cores", 0.0) for each in good), default=0.0),
            )
        )
    return lines


def _medians(found: Iterable[Result]) -> dict[str, float]:
    good = [each.measures for each in found if each.status == OK]
    names = [name for name in (good[0] if good else ()) if all(name in each for each in good)]
    return {name: median([each[name] for each in good]) for name in names}


def _noted(found: Iterable[Result], name: str) -> Any:
    return next((each.noted[name] for each in found if each.noted.get(name)), "")
