"""The summary as tables, on the screen and in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from benchmarks.suite.summary import Line
from benchmarks.suite.workloads import WORKLOADS
from rich.table import Table

HEADS: Final = {
    "rate_per_s": "jobs/s",
    "offered_per_s": "offered jobs/s",
    "kept_per_s": "kept jobs/s",
    "client_us": "client CPU us/job",
    "worker_us": "worker CPU us/job",
    "server_us": "server CPU us/job",
    "p50_ms": "p50 ms",
    "p95_ms": "p95 ms",
    "p99_ms": "p99 ms",
    "worker_mb": "worker MB",
    "job_bytes": "bytes per waiting job",
}


def shown(value: float) -> str:
    """Write a figure with three digits or more."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _groups(lines: Sequence[Line]) -> Iterable[tuple[str, list[str], list[list[str]]]]:
    """Give each table's title, heads and rows."""
    for workload in WORKLOADS:
        for backend in dict.fromkeys(line.backend for line in lines):
            of_it = [
                line for line in lines if line.workload == workload.name and line.backend == backend
            ]
            if not of_it:
                continue
            names = list(dict.fromkeys(name for line in of_it for name in line.measures))
            heads = ["", *(HEADS.get(name, name) for name in names), "ratio"]
            jobs = max(line.jobs for line in of_it)
            rows = [_row(line, names, workload.main, jobs) for line in of_it]
            rounds = min((line.rounds for line in of_it if line.rounds), default=0)
            times = "1 round" if rounds == 1 else f"{rounds} rounds"
            title = f"{backend}: {workload.title} ({jobs:,} jobs, {times})"
            yield title, heads, rows


def _row(line: Line, names: Sequence[str], main: str, jobs: int) -> list[str]:
    label = f"{line.contestant} ({line.version})" if line.version else line.contestant
    if line.jobs != jobs:
        label = f"{label}, {line.jobs:,} jobs"
    if not line.measures:
        reason = "; ".join(line.reasons)
        return [label, *(["-"] * len(names)), reason]
    ratio = line.ratios.get(main)
    said = "" if ratio is None else f"{ratio:.2f}"
    if line.reasons:
        said = f"{said} ({'; '.join(line.reasons)})"
    figures = [shown(line.measures[name]) if name in line.measures else "-" for name in names]
    return [label, *figures, said]


def on_screen(lines: Sequence[Line]) -> Iterable[Table]:
    """Give the tables for a terminal."""
    for title, heads, rows in _groups(lines):
        table = Table(title=title, title_justify="left")
        for head in heads:
            table.add_column(head, justify="left" if head in ("", "ratio") else "right")
        for row in rows:
            table.add_row(*(cell.replace("[", r"\[") for cell in row))
        yield table


def markdown(lines: Sequence[Line]) -> str:
    """Give the tables as Markdown."""
    parts = []
    for title, heads, rows in _groups(lines):
        part = [f"## {title[0].upper()}{title[1:]}", "", _line(heads), _line(["---"] * len(heads))]
        parts.append("\n".join([*part, *map(_line, rows)]))
    return "\n\n".join(parts) + "\n"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
