"""What is measured, each on a fresh place with a fresh adapter."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import StrEnum
from typing import Final

from attrs import evolve, frozen
from benchmarks.suite.driver import Driver, Failed, Unsupported
from benchmarks.suite.places import Place
from benchmarks.suite.processes import cpu_seconds, memory_mb
from benchmarks.suite.statistics import quantile

Measures = dict[str, float]
"""Figures by name; what ends in ``_per_s`` is better when higher, all else when lower."""
CONCURRENT: Final = 50
MICRO: Final = 1e6
_BRIEF_SHARE: Final = 5
_MANY: Final = 20_000
_SLOW_SHARE: Final = 4


@frozen
class Size:
    """How much is done.

    Attributes:
        jobs: how many jobs.
        patience: seconds in which something must happen.
        seconds: how long to go on where it's a rate that is kept up; None is for ``jobs`` jobs.
    """

    jobs: int
    patience: float = 60
    seconds: float | None = None


class Scale(StrEnum):
    """How much a run does."""

    SMALL = "small"
    """Hundreds of jobs: to see that all of it works; the figures mean nothing."""
    BRIEF = "brief"
    """A fifth of all: for a look at the ratios."""
    FULL = "full"


@frozen
class Workload:
    """One way to use a queue.

    Attributes:
        name: as options and results have it.
        title: as tables have it.
        small: for trying the suite out.
        full: for measuring.
        run: does it, and says what was found.
        main: the figure of the tables and plots.
        needs_workers: whether another process must see the jobs.
        once: whether one round is enough: its figures don't depend on the moment.
    """

    name: str
    title: str
    small: Size
    full: Size
    run: Callable[[Driver, Place, Size], Measures]
    main: str
    needs_workers: bool = True
    once: bool = False

    def size(self, scale: Scale, *, slow: bool = False) -> Size:
        """Say how much is done.

        Args:
            scale: of the run.
            slow: whether it is for one that would take very long; see :class:`Contestant`.
        """
        if scale is Scale.SMALL:
            return self.small
        size = self.full
        if scale is Scale.BRIEF:
            seconds = size.seconds and size.seconds / _BRIEF_SHARE
            size = evolve(size, jobs=size.jobs // _BRIEF_SHARE, seconds=seconds)
        if slow and self.full.jobs >= _MANY:
            size = evolve(size, jobs=size.jobs // _SLOW_SHARE)
        return size


def _scheduled(what: str, **named: int) -> Callable[[Driver, Place, Size], Measures]:
    def run(driver: Driver, place: Place, size: Size) -> Measures:
        # Once, so that no connection is made within the measured time.
        driver.ask("schedule_one", n=1)
        client, server = cpu_seconds([driver.pid]), place.cpu()
        seconds = driver.ask(what, n=size.jobs, **named)["seconds"]
        return {
            "rate_per_s": size.jobs / seconds,
            "client_us": (cpu_seconds([driver.pid]) - client) / size.jobs * MICRO,
            "server_us": (place.cpu() - server) / size.jobs * MICRO,
        }

    return run


def _drained(workers: int) -> Callable[[Driver, Place, Size], Measures]:
    def run(driver: Driver, place: Place, size: Size) -> Measures:
        driver.ask("fill", n=size.jobs)
        driver.start_workers(workers)
        driver.wait_for_workers(size.patience)
        used, server = cpu_seconds(driver.worker_pids), place.cpu()
        began = time.monotonic()
        driver.tallies.go()
        if driver.wait_until_stored(size.jobs, size.patience):
            ended = time.monotonic()
        else:
            ended = driver.tallies.count().last / 1e9
        return {
            "rate_per_s": size.jobs / (ended - began),
            "worker_us": (cpu_seconds(driver.worker_pids) - used) / size.jobs * MICRO,
            "server_us": (place.cpu() - server) / size.jobs * MICRO,
        }

    return run


def _ready(driver: Driver, size: Size) -> None:
    """Start one worker, and wait until it has run a job."""
    driver.tallies.go()
    driver.ask("schedule_one", n=1)
    driver.start_workers(1)
    driver.wait_until_stored(1, size.patience)


def _waits(driver: Driver) -> Measures:
    waits = driver.tallies.waits_ms()
    if not waits:
        raise Failed("no job told how long it had waited")
    return {f"p{percent}_ms": quantile(waits, percent / 100) for percent in (50, 95, 99)}


def _picked_up(driver: Driver, place: Place, size: Size) -> Measures:  # noqa: ARG001 (all have the same arguments)
    _ready(driver, size)
    driver.ask("latency", n=size.jobs, every=0.1)
    driver.wait_until_stored(1 + size.jobs, size.patience)
    return _waits(driver)


def _steady(driver: Driver, place: Place, size: Size) -> Measures:
    """Find what is scheduled and run at once at full speed, then do half of that."""
    _ready(driver, size)
    began = time.monotonic()
    driver.ask("concurrent", n=size.jobs, tasks=CONCURRENT)
    driver.wait_for(1 + size.jobs, size.patience)
    capacity = size.jobs / (time.monotonic() - began)
    driver.wait_until_stored(1 + size.jobs, size.patience)
    used, server = cpu_seconds(driver.worker_pids), place.cpu()
    client = cpu_seconds([driver.pid])
    rate = capacity / 2
    jobs = size.jobs if size.seconds is None else max(1, int(rate * size.seconds))
    began = time.monotonic()
    driver.ask("steady", n=jobs, rate=rate)
    driver.wait_until_stored(1 + size.jobs + jobs, size.patience)
    return {
        "offered_per_s": rate,
        # Less than what was offered if it couldn't keep up.
        "kept_per_s": jobs / (time.monotonic() - began),
        **_waits(driver),
        "client_us": (cpu_seconds([driver.pid]) - client) / jobs * MICRO,
        "worker_us": (cpu_seconds(driver.worker_pids) - used) / jobs * MICRO,
        "server_us": (place.cpu() - server) / jobs * MICRO,
    }


def _memory(driver: Driver, place: Place, size: Size) -> Measures:
    before = place.size()
    driver.ask("fill", n=size.jobs)
    after = place.size()
    driver.start_workers(1)
    driver.wait_for_workers(size.patience)
    driver.tallies.go()
    driver.wait_until_stored(size.jobs, size.patience)
    found: Measures = {"worker_mb": memory_mb(driver.worker_pids)}
    if before is not None and after is not None:
        found["job_bytes"] = (after - before) / size.jobs
    return found


WORKLOADS: Final[tuple[Workload, ...]] = (
    Workload(
        "one",
        "schedule one by one",
        Size(200),
        Size(5_000),
        _scheduled("schedule_one"),
        "rate_per_s",
        needs_workers=False,
    ),
    Workload(
        "bulk",
        "schedule in bulk, by 1,000",
        Size(2_000),
        Size(50_000),
        _scheduled("bulk"),
        "rate_per_s",
        needs_workers=False,
    ),
    Workload(
        "concurrent",
        "schedule from 50 concurrent tasks",
        Size(300),
        Size(10_000),
        _scheduled("concurrent", tasks=CONCURRENT),
        "rate_per_s",
        needs_workers=False,
    ),
    Workload(
        "drain", "drain, one worker process", Size(500), Size(20_000), _drained(1), "rate_per_s"
    ),
    Workload(
        "drain2",
        "drain, two worker processes",
        Size(3_000),
        Size(40_000),
        _drained(2),
        "rate_per_s",
    ),
    Workload("pickup", "pick-up by an idle worker", Size(30), Size(200), _picked_up, "p50_ms"),
    Workload(
        "steady",
        "scheduling and running at half of capacity",
        Size(300),
        Size(5_000, seconds=15),
        _steady,
        "p99_ms",
    ),
    Workload("memory", "memory", Size(500), Size(100_000), _memory, "worker_mb", once=True),
)

__all__ = ["WORKLOADS", "Measures", "Scale", "Size", "Unsupported", "Workload"]
