"""Plots: one per workload, a panel per backend, a bar per contestant, best on top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.suite.contestants import FLOOR, OURS
from benchmarks.suite.statistics import better_when_higher
from benchmarks.suite.summary import Line
from benchmarks.suite.tables import HEADS, shown
from benchmarks.suite.workloads import Workload

_OURS: Final = "#1f6f8b"
_FLOOR: Final = "#bbbbbb"
_PEER: Final = "#e0a458"


def plot(workload: Workload, lines: Sequence[Line], path: Path) -> None:
    """Draw one workload's main figure.

    Args:
        workload: which.
        lines: one or more, with that figure.
        path: the SVG to write.
    """
    # Only the reports need it, which not everybody installs.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    # The same figures give the same file.
    mpl.rcParams["svg.hashsalt"] = "aide-de-camp"
    backends = list(dict.fromkeys(line.backend for line in lines))
    heights = [sum(line.backend == each for line in lines) for each in backends]
    figure = Figure(figsize=(8, 1.2 + 0.34 * sum(heights) + 0.5 * len(backends)))
    panels = figure.subplots(
        len(backends), 1, sharex=True, squeeze=False, height_ratios=[each + 0.6 for each in heights]
    )
    for (panel,), backend in zip(panels, backends, strict=True):
        _draw(panel, workload.main, [line for line in lines if line.backend == backend])
        panel.set_title(backend, loc="left", fontsize=10)
    panels[-1][0].set_xlabel(HEADS[workload.main])
    figure.suptitle(workload.title, fontsize=12)
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})


def _draw(panel: Any, measure: str, lines: Sequence[Line]) -> None:
    worst_first = sorted(
        lines, key=lambda line: line.measures[measure], reverse=not better_when_higher(measure)
    )
    for place, line in enumerate(worst_first):
        value = line.measures[measure]
        spread = [[value - line.least[measure]], [line.most[measure] - value]]
        panel.barh(place, value, xerr=spread, color=_colour(line), ecolor="#555555", height=0.7)
        panel.text(line.most[measure], place, f"  {shown(value)}", va="center", fontsize=8)
    panel.set_yticks(range(len(worst_first)), [line.contestant for line in worst_first], fontsize=8)
    panel.margins(x=0.15)
    for side in ("top", "right"):
        panel.spines[side].set_visible(False)


def _colour(line: Line) -> str:
    if line.contestant == OURS:
        return _OURS
    return _FLOOR if line.contestant.startswith(FLOOR) else _PEER
