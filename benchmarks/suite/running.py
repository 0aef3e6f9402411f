"""All measurements of a run: rounds, and in each the workloads, and in each the contestants.

So what is compared with each other was measured one right after the other, three times, and a
machine that slows down for a while slows all of them.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import field, frozen
from benchmarks.suite import processes, venvs
from benchmarks.suite.contestants import Contestant
from benchmarks.suite.driver import Driver, Failed, Unsupported, command_of, own_python
from benchmarks.suite.places import Places
from benchmarks.suite.results import FAILED, OK, UNSUPPORTED, Cell, Result, Results
from benchmarks.suite.workloads import Measures, Scale, Size, Workload

ONE_PROCESS: Final = "its jobs live in one process, where no worker of another one sees them"


@frozen
class Task:
    """One measurement to make."""

    contestant: Contestant
    workload: Workload
    size: Size
    cell: Cell


@frozen
class Run:
    """Where measurements are made.

    Attributes:
        places: the servers.
        folder: for files and environments.
        results: what was found so far.
        python: gives a contestant's Python.
    """

    places: Places
    folder: Path
    results: Results
    python: Callable[[Contestant], str] = field()

    def make(self, tasks: Iterable[Task], told: Callable[[Task, Result | None], None]) -> None:
        """Make what isn't there yet.

        Args:
            tasks: in order.
            told: is called before each with None, and after it with the result.
        """
        for task in tasks:
            if self.results.done(task.cell):
                continue
            told(task, None)
            result = self.one(task)
            self.results.add(result)
            told(task, result)

    def one(self, task: Task) -> Result:
        """Make one measurement; whatever goes wrong is its result."""
        noted: dict[str, Any] = {"load": os.getloadavg()[0], "at": time.time()}
        busy, own, began = _used()
        try:
            measures = self._measure(task, noted)
        except Unsupported as reason:
            return Result(task.cell, UNSUPPORTED, reason=str(reason), noted=noted)
        except (Failed, venvs.NotInstalled) as reason:
            return Result(task.cell, FAILED, reason=str(reason), noted=noted)
        busy_after, own_after, ended = _used()
        foreign = (busy_after - busy) - (own_after - own)
        noted["foreign_cores"] = round(max(0.0, foreign / (ended - began)), 2)
        return Result(task.cell, OK, measures, noted=noted)

    def _measure(self, task: Task, noted: dict[str, Any]) -> Measures:
        contestant = task.contestant
        if contestant.backend == "memory" and task.workload.needs_workers:
            raise Unsupported(ONE_PROCESS)
        python = self.python(contestant)
        self.folder.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        try:
            with (
                self.places.fresh(contestant.backend) as place,
                Driver(
                    python,
                    command_of(contestant.adapter),
                    place.url,
                    folder,
                    environment={"ADC_BENCH_VARIANT": contestant.name},
                ) as driver,
            ):
                noted["version"] = driver.hello["version"]
                noted["python"] = driver.hello["python"]
                return task.workload.run(driver, place, task.size)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def plan(
    contestants: Sequence[Contestant],
    workloads: Sequence[Workload],
    rounds: int,
    *,
    scale: Scale,
    commit: str,
    environment: Mapping[str, str],
) -> Iterator[Task]:
    """Give what is to be measured, in order.

    Args:
        contestants: who.
        workloads: what.
        rounds: how often.
        scale: how much.
        commit: of this project.
        environment: the digest of what each backend was measured on.
    """
    for number in range(1, rounds + 1):
        # Each round begins with another, so that nobody is always the first, or behind the same.
        first = (number - 1) * len(contestants) // rounds
        order = [*contestants[first:], *contestants[:first]]
        for workload in workloads:
            if workload.once and number > 1:
                continue
            for contestant in order:
                size = workload.size(scale, slow=contestant.slow)
                cell = Cell(
                    contestant.key,
                    workload.name,
                    number,
                    size.jobs,
                    commit,
                    environment[contestant.backend],
                )
                yield Task(contestant, workload, size, cell)


def pythons(folder: Path) -> Callable[[Contestant], str]:
    """Give what finds a contestant's Python, and makes its environment if need be."""
    refused: dict[str, venvs.NotInstalled] = {}

    def find(contestant: Contestant) -> str:
        name = contestant.environment
        if name is None:
            return own_python()
        if name in refused:
            raise refused[name]
        try:
            return str(venvs.environment(name, folder))
        except venvs.NotInstalled as error:
            refused[name] = error
            raise

    return find


def _used() -> tuple[float, float, float]:
    return processes.busy_seconds(), processes.cpu_seconds([os.getpid()]), time.monotonic()
