"""``python -m benchmarks.suite``, which is what ``nox -s bench`` runs."""

from __future__ import annotations

import json
from pathlib import Path

import click
from attrs import asdict
from benchmarks.suite.contestants import CONTESTANTS, chosen
from benchmarks.suite.environment import ROOT, commit, digest, machine
from benchmarks.suite.places import Places
from benchmarks.suite.results import OK, Result, Results
from benchmarks.suite.running import Run, Task, plan, pythons
from benchmarks.suite.summary import summarise
from benchmarks.suite.tables import on_screen
from benchmarks.suite.workloads import WORKLOADS, Scale
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

FOLDER = ROOT / ".bench"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(list(dict.fromkeys(each.backend for each in CONTESTANTS))),
    help="Only on this one; may be repeated.",
)
@click.option(
    "--workload",
    "workloads",
    multiple=True,
    type=click.Choice([each.name for each in WORKLOADS]),
    help="Only this one; may be repeated.",
)
@click.option(
    "--contestant",
    "names",
    multiple=True,
    type=click.Choice(sorted({each.name for each in CONTESTANTS})),
    help="Only this one; may be repeated. aide-de-camp is measured too, for the ratios.",
)
@click.option(
    "--scale",
    type=click.Choice([each.value for each in Scale]),
    default=Scale.SMALL.value,
    show_default=True,
    help="small is to try it out, in hundreds of jobs; brief, a fifth of all, for a look.",
)
@click.option("--rounds", type=click.IntRange(1, 100), default=3, show_default=True)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),
    default=FOLDER,
    help="Where environments, files and results are kept: .bench here, unless said.",
)
def main(
    *,
    backends: tuple[str, ...],
    workloads: tuple[str, ...],
    names: tuple[str, ...],
    scale: str,
    rounds: int,
    folder: Path,
) -> None:
    """Measure this project and its peers, side by side.

    Each result is kept at once in results.jsonl, with the commit and the environment. A run that
    was broken off goes on where it was; what failed is tried again.
    """
    console = Console()
    contestants = chosen(backends, (*names, "aide-de-camp") if names else ())
    wanted = [each for each in WORKLOADS if not workloads or each.name in workloads]
    results = Results(folder / "results.jsonl")
    with Places(folder / "files") as places:
        servers = {
            each: places.version(each)
            for each in dict.fromkeys(each.backend for each in contestants)
        }
        # The same servers whichever backends are chosen: a run of one must go on in a run of all.
        described = machine({})
        environment = {each: digest({**described, "server": servers[each]}) for each in servers}
        now = commit()
        tasks = list(
            plan(
                contestants, wanted, rounds, scale=Scale(scale), commit=now, environment=environment
            )
        )
        run = Run(places, folder / "files", results, pythons(folder / "venvs"))
        _make(console, run, tasks)
    keys = {task.cell.key for task in tasks}
    found = [each for each in results.all() if each.cell.key in keys]
    lines = summarise(found)
    for table in on_screen(lines):
        console.print(table)
    described = {**described, "servers": servers, "commit": now, "scale": scale, "rounds": rounds}
    summary = {"environment": described, "lines": [asdict(each) for each in lines]}
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    console.print(f"Kept in {folder.name}/results.jsonl and {folder.name}/summary.json.")


def _make(console: Console, run: Run, tasks: list[Task]) -> None:
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=len(tasks))
        progress.advance(bar, sum(run.results.done(task.cell) for task in tasks))

        def told(task: Task, result: Result | None) -> None:
            name = f"{task.contestant.key}, {task.workload.name}, round {task.cell.round}"
            if result is None:
                progress.update(bar, description=name)
                return
            progress.advance(bar)
            if result.status != OK:
                console.print(f"{name}: {result.status}: {result.reason}", markup=False)
            elif not console.is_terminal:
                figure = result.measures[task.workload.main]
                console.print(f"{name}: {task.workload.main} {figure:,.1f}", markup=False)

        run.make(tasks, told)


if __name__ == "__main__":
    main()
