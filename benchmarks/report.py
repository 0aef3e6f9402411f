"""Write what a run of the suite found into the documentation.

    python benchmarks/report.py [.bench/summary.json] [docs/performance]

Writes ``results.json``, ``results.md`` and a plot (SVG) per workload. Run it after a full run on
a quiet machine: the figures are of that machine.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    # Run as a script: its parts are beside the folder that it is in.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.suite.contestants import CONTESTANTS
from benchmarks.suite.plots import plot
from benchmarks.suite.summary import Line
from benchmarks.suite.tables import markdown
from benchmarks.suite.workloads import WORKLOADS

ROOT = Path(__file__).resolve().parents[1]
_ON_WHAT = (
    "Medians of {rounds} interleaved rounds at scale {scale}, commit {commit}. {cores} cores of "
    "{processor}, {memory_gb} GB, {system}; Python {python}, {servers_used}. Others used up to "
    "{foreign:.2f} cores meanwhile."
)
_RATIO = (
    "`ratio` says how many times better this project is: above 1 it is better, below 1 worse. "
    "Trust ratios and CPU times, not rates of another machine."
)


def report(summary: Path, folder: Path) -> list[Path]:
    """Write everything.

    Args:
        summary: as the suite writes it.
        folder: where to; what is there by the same names is replaced.

    Returns:
        The files written.
    """
    found = json.loads(summary.read_text())
    lines = [Line(**{**each, "reasons": tuple(each["reasons"])}) for each in found["lines"]]
    folder.mkdir(parents=True, exist_ok=True)
    written = [folder / "results.json", folder / "results.md"]
    written[0].write_text(json.dumps(found, indent=2) + "\n")
    written[1].write_text(page(found["environment"], lines))
    for workload in WORKLOADS:
        of_it = [line for line in lines if line.workload == workload.name and line.measures]
        if of_it:
            path = folder / f"{workload.name}.svg"
            plot(workload, of_it, path)
            written.append(path)
    return written


def page(environment: dict[str, Any], lines: list[Line]) -> str:
    """Give the page with the tables."""
    servers = ", ".join(environment["servers"].values())
    foreign = max((line.foreign for line in lines), default=0.0)
    there = {(line.backend, line.contestant) for line in lines}
    who = [each for each in CONTESTANTS if (each.backend, each.name) in there]
    settings = [f"| {each.key} | {each.settings} | {each.documented} |" for each in who]
    return "\n".join(
        [
            "# Side by side",
            "",
            _ON_WHAT.format(servers_used=servers, foreign=foreign, **environment),
            "",
            _RATIO,
            "",
            "| | settings | documented in |",
            "| --- | --- | --- |",
            *settings,
            "",
            markdown(lines),
        ]
    )


if __name__ == "__main__":
    given = [Path(each) for each in sys.argv[1:3]]
    source = given[0] if given else ROOT / ".bench" / "summary.json"
    if len(given) < 2 and json.loads(source.read_text())["environment"]["scale"] != "full":
        sys.exit(f"{source} isn't of a full run: say where to write, if not into the documentation")
    target = given[1] if len(given) > 1 else ROOT / "docs" / "performance"
    for path in report(source, target):
        print(path)
