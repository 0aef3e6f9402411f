"""Telling people of a run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aide_de_camp_conformance.simulation.running import Run
from aide_de_camp_conformance.simulation.trace import Line, short

_MOST: Final = 80


def tell(run: Run, *, whole: bool = False) -> str:
    """Say how a run went, and how to have it again.

    Args:
        run: the run.
        whole: give its whole trace, not only what concerns the jobs in question.
    """
    command = f"python -m aide_de_camp_conformance.simulation --seed {run.seed} --trace"
    how = "broken" if run.broken else "all held"
    size = f"{run.jobs} jobs, {run.seconds / 3600:.1f} h of its time, {run.steps} steps"
    head = [
        f"seed {run.seed}: {how} ({size})",
        f"  {run.plan}" if whole or run.broken else "",
    ]
    if run.broken is not None:
        kind = "" if isinstance(run.broken, AssertionError) else f"{type(run.broken).__name__}: "
        head.append(f"  {kind}{run.broken}")
        if run.concerned:
            head.append(f"  jobs: {', '.join(map(short, sorted(run.concerned)))}")
        head.append(f"  again: {command}")
    lines: Iterable[Line] = ()
    if whole:
        lines = run.trace
    elif run.broken is not None:
        lines = list(run.trace.about(run.concerned) if run.concerned else run.trace)[-_MOST:]
    return "\n".join([*filter(None, head), *map(str, lines)])
