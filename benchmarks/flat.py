"""What a claim costs whatever else the storage holds: ratios to one with just the jobs returned.

    python benchmarks/flat.py [--backend sqlite ...] [--rows 10000 --rows 1000000] [--folder F]

Each case is a place of its own, with the same 300 due jobs and, but for the first, ``rows`` others.
The cases are visited in turn, so that all see the same machine; what is claimed is given back.
Medians of the whole call of the storage's verb, as a runner makes it. Writes ``flat.json``,
``flat.md`` and ``flat.svg``.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import click
from attrs import asdict, frozen

if __package__ in (None, ""):
    # Run as a script: its parts are beside the folder that it is in.
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.suite.environment import ROOT, commit, machine
from benchmarks.suite.places import Place, Places

from aide_de_camp import Registry
from aide_de_camp.spi import (
    ClaimedJob,
    ClaimRequest,
    NewJob,
    RetryLimits,
    SettleKind,
    Settlement,
    Storage,
)

QUEUE: Final = "q"
SECOND: Final = 1_000_000
NOW: Final = 1_700_000_000 * SECOND
LATER: Final = NOW + 10**6 * SECOND
DUE: Final = 300
BATCH: Final = 1_000
PAYLOAD: Final = b"x" * 100
TYPES: Final = tuple(f"t{number}" for number in range(5))
OTHERS: Final = tuple(f"o{number}" for number in range(50))

Fields = dict[str, Any]
Asked = tuple[str, tuple[str, ...] | None, int]
ASKED: Final[tuple[Asked, ...]] = tuple(
    (f"{name}, {limit}", types, limit)
    for name, types in (("any type", None), ("5 types", TYPES), ("1 type", TYPES[:1]))
    for limit in (1, 20)
)


@frozen
class Case:
    """What waits besides.

    Attributes:
        name: as tables have it.
        fields: gives the fields of one of the others, by its number.
        priority: of the due jobs that are to be claimed.
        ends: whether the others are run and kept as completed.
        gone: whether they are removed then.
        any_type: whether a claim of any type would take the same jobs.
        short: a word for the plot.
    """

    name: str
    short: str
    fields: Callable[[int], Fields]
    priority: int = 0
    ends: bool = False
    gone: bool = False
    any_type: bool = True


def _mixed(number: int) -> str:
    return TYPES[number % len(TYPES)]


CASES: Final = (
    Case("just the jobs", "alone", lambda _: {}),
    Case(
        "not yet due, all at 127",
        "not due, at 127",
        lambda n: {"job_type": _mixed(n), "priority": 127, "scheduled_at": LATER + n},
    ),
    Case(
        "due, of 50 other types at 127",
        "other types",
        lambda n: {"job_type": OTHERS[n % 50], "priority": 127, "scheduled_at": NOW - 1 - n},
        any_type=False,
    ),
    Case(
        "due, over 256 priorities",
        "256 priorities",
        lambda n: {"job_type": _mixed(n), "priority": n % 256 - 128, "scheduled_at": NOW - n},
        priority=127,
    ),
    Case(
        "finished ones kept",
        "finished",
        lambda n: {"job_type": _mixed(n), "priority": 0, "scheduled_at": NOW - 1},
        ends=True,
    ),
    Case(
        "passed through, removed, and vacuumed since",
        "passed through",
        lambda n: {"job_type": _mixed(n), "priority": 0, "scheduled_at": NOW - 1},
        ends=True,
        gone=True,
    ),
    Case(
        "not yet due over 255 priorities, the due ones lowest",
        "255 levels",
        lambda n: {"job_type": _mixed(n), "priority": n % 255 - 127, "scheduled_at": LATER + n},
        priority=-128,
    ),
)


@frozen
class Found:
    """One line of the result."""

    backend: str
    rows: int
    case: str
    asked: str
    milliseconds: float
    ratio: float


def _job(number: int, fields: Fields) -> NewJob:
    base: Fields = {"job_type": TYPES[0], "payload": PAYLOAD, "codec": "json"}
    return NewJob(id=UUID(int=number), **(base | fields))


async def _put(storage: Storage, jobs: Iterator[NewJob]) -> None:
    batch: list[NewJob] = []
    for job in jobs:
        batch.append(job)
        if len(batch) == BATCH:
            await storage.enqueue(QUEUE, batch, now=NOW)
            batch = []
    if batch:
        await storage.enqueue(QUEUE, batch, now=NOW)


async def _claimed(storage: Storage, limit: int, types: tuple[str, ...] | None) -> list[ClaimedJob]:
    request = ClaimRequest(types, limit, 60 * SECOND, RetryLimits(), "w", uuid4())
    return list((await storage.claim(QUEUE, request, now=NOW)).jobs)


async def _settled(storage: Storage, jobs: list[ClaimedJob], kind: SettleKind) -> None:
    ends = [Settlement(job.id, job.token, kind) for job in jobs]
    await storage.settle(QUEUE, ends, now=NOW)


async def fill(storage: Storage, case: Case, rows: int) -> None:
    """Put what waits besides, and then the due jobs."""
    if case is not CASES[0]:
        first = 1 << 100
        await _put(storage, (_job(first + n, case.fields(n)) for n in range(rows)))
    if case.ends:
        while jobs := await _claimed(storage, 500, None):
            await _settled(storage, jobs, SettleKind.COMPLETED)
    if case.gone:
        while await storage.prune(QUEUE, 0, BATCH, now=NOW + SECOND):
            pass
    due = ({"job_type": _mixed(n), "priority": case.priority} for n in range(DUE))
    await _put(
        storage,
        (_job(1 + n, each | {"scheduled_at": NOW - 10**9 - n}) for n, each in enumerate(due)),
    )


async def _timed(storage: Storage, limit: int, types: tuple[str, ...] | None) -> float:
    began = time.perf_counter()
    jobs = await _claimed(storage, limit, types)
    took = time.perf_counter() - began
    assert len(jobs) == limit, (len(jobs), limit)
    assert all(job.id.int <= DUE for job in jobs), "others were claimed"
    await _settled(storage, jobs, SettleKind.RELEASED)
    return took * 1_000


async def measure(storages: dict[Case, Storage], rounds: int) -> dict[tuple[Case, Asked], float]:
    """Visit all in turn, and give the median of each in milliseconds."""
    times: dict[tuple[Case, Asked], list[float]] = {}
    for _ in range(rounds):
        for case, storage in storages.items():
            for asked in ASKED:
                if case.any_type or asked[1] is not None:
                    took = await _timed(storage, asked[2], asked[1])
                    times.setdefault((case, asked), []).append(took)
    return {key: statistics.median(found) for key, found in times.items()}


async def of_backend(
    places: Places, backend: str, rows: int, rounds: int, say: Callable[[str], None]
) -> list[Found]:
    """Measure one backend with so many others."""
    registry = Registry()
    storages: dict[Case, Storage] = {}
    place: Place | None = None
    with ExitStack() as stack:
        for number, case in enumerate(CASES):
            if place is None or backend != "redis":
                place = stack.enter_context(places.fresh(backend))
            url = place.url
            if backend == "redis":
                # A database of the one server each: a fresh place would empty the others.
                url = f"{url.rpartition('/')[0]}/{number}"
            storage = registry.storage(url)()
            await storage.open()
            storages[case] = storage
            began = time.monotonic()
            await fill(storage, case, rows)
            say(f"{backend}: {case.name}: filled in {time.monotonic() - began:.0f} s")
        medians = await measure(storages, rounds)
        for storage in storages.values():
            await storage.close()
    return [
        Found(backend, rows, case.name, asked[0], round(took, 3), took / medians[CASES[0], asked])
        for (case, asked), took in medians.items()
    ]


def table(found: list[Found]) -> str:
    """Give the result as Markdown."""
    parts: list[str] = []
    for backend, rows in dict.fromkeys((each.backend, each.rows) for each in found):
        of_it = [each for each in found if (each.backend, each.rows) == (backend, rows)]
        heads = ["waiting besides", *(asked[0] for asked in ASKED)]
        lines = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
        for case in CASES:
            cells = {each.asked: each for each in of_it if each.case == case.name}
            shown = [
                f"{cells[asked[0]].milliseconds:.2f} ({cells[asked[0]].ratio:.2f})"
                if asked[0] in cells
                else "-"
                for asked in ASKED
            ]
            lines.append(f"| {' | '.join([case.name, *shown])} |")
        parts.append("\n".join([f"## {backend}, {rows:,} others", "", *lines]))
    return "\n\n".join(parts) + "\n"


def plot(found: list[Found], path: Path) -> None:
    """Draw the ratios: a panel per backend, a group of bars per case, the line at 2."""
    # Only the plot needs it, which not everybody installs.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    mpl.rcParams["svg.hashsalt"] = "aide-de-camp"
    backends = list(dict.fromkeys(each.backend for each in found))
    figure = Figure(figsize=(9, 2.6 * len(backends) + 0.6))
    panels = figure.subplots(len(backends), 1, squeeze=False, sharex=True)
    asked = "5 types, 20"
    for (panel,), backend in zip(panels, backends, strict=True):
        sizes = list(dict.fromkeys(each.rows for each in found if each.backend == backend))
        width = 0.8 / len(sizes)
        for place, rows in enumerate(sizes):
            ratios = {
                each.case: each.ratio
                for each in found
                if (each.backend, each.rows, each.asked) == (backend, rows, asked)
            }
            spots = [number + place * width for number in range(len(CASES))]
            heights = [ratios[case.name] for case in CASES]
            panel.bar(spots, heights, width, label=f"{rows:,} others")
        panel.axhline(2, color="#888888", linewidth=0.8, linestyle="--")
        panel.set_yscale("log")
        panel.set_ylabel("times just the jobs")
        panel.set_title(backend, loc="left", fontsize=10)
        panel.legend(fontsize=8)
    middle = [number + 0.4 - width / 2 for number in range(len(CASES))]
    panels[-1][0].set_xticks(middle, [case.short for case in CASES], fontsize=8)
    figure.suptitle("A claim of 20 jobs of 5 types", fontsize=12)
    figure.tight_layout()
    figure.savefig(path, format="svg", metadata={"Date": None})


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(["sqlite", "postgresql", "redis"]),
    default=("sqlite", "postgresql", "redis"),
    show_default=True,
    help="Only on this one; may be repeated.",
)
@click.option(
    "--rows",
    "sizes",
    multiple=True,
    type=click.IntRange(1),
    default=(10_000, 1_000_000),
    show_default=True,
    help="How many others wait; may be repeated.",
)
@click.option("--rounds", type=click.IntRange(1), default=40, show_default=True)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, resolve_path=True, path_type=Path),
    default=ROOT / ".bench" / "flat",
    help="Where files and results go: .bench/flat here, unless said.",
)
def main(*, backends: tuple[str, ...], sizes: tuple[int, ...], rounds: int, folder: Path) -> None:
    """Measure what a claim costs beside 10,000 and a million others."""
    found: list[Found] = []
    with Places(folder / "files") as places:
        described = {
            **machine({each: places.version(each) for each in backends}),
            "commit": commit(),
            "rounds": rounds,
        }
        for backend in backends:
            for rows in sizes:
                found += asyncio.run(of_backend(places, backend, rows, rounds, click.echo))
    told = {"environment": described, "found": [asdict(each) for each in found]}
    (folder / "flat.json").write_text(json.dumps(told, indent=2) + "\n")
    (folder / "flat.md").write_text(table(found))
    plot(found, folder / "flat.svg")
    click.echo(table(found))


if __name__ == "__main__":
    main()
