"""The demo's story: schedule, cancel, run; and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

from attrs import field, frozen

from aide_de_camp.demo.jobs import File, Fingerprint, Flaky, Tally, Trouble, demo_router
from aide_de_camp.demo.watching import Watcher
from aide_de_camp.ids import new_job_id
from aide_de_camp.job_type import JobRequest
from aide_de_camp.queue import Queue
from aide_de_camp.runner import JobRunner
from aide_de_camp.spi import EventKind, JobState, NewJob
from aide_de_camp.views import JobView

CANCELLED: Final = 3
FAILURES: Final = 2
BAD_PRIORITY: Final = 100
"""Runs before all others, so that all of them are behind the bad one."""
FLAKY_PRIORITY: Final = 60
_CONCURRENCY: Final = 8
_REFRESH_S: Final = 0.1
_NOT_A_PAYLOAD: Final = b'{"path": \xff\xfe, planted by adc demo'


class Bar(Protocol):
    """Shows how far the run is."""

    def show(self, ended: int, retried: int, dead: int) -> None:
        """Show it: called about ten times a second."""
        ...


@frozen
class Outcome:
    """What came of it.

    Attributes:
        scheduled: how many jobs were scheduled.
        scheduling_s: how long that took, in seconds.
        priorities: of each job in the order in which they first ran.
        states: how many jobs ended in each state.
        cancelled: the payloads handed back by ``unschedule_job``.
        bad: the job whose payload can't be decoded.
        flaky: the job that failed a few times.
        attempts: how many attempts the runner made.
        running_s: how long they took, in seconds.
        retried: how many attempts ended in a retry.
        tally: what the handlers found.
    """

    scheduled: int
    scheduling_s: float
    priorities: tuple[int, ...]
    states: dict[JobState, int]
    cancelled: tuple[File, ...]
    bad: JobView
    flaky: JobView
    attempts: int
    running_s: float
    retried: int
    tally: Tally = field(eq=False)


def priority_of(file: File) -> int:
    """Give larger files a higher priority: the number of binary digits of their size."""
    return file.size.bit_length()


async def play(queue: Queue, watcher: Watcher, files: Sequence[File], bar: Bar) -> Outcome:
    """Schedule the jobs, cancel a few, run the rest to their end.

    Args:
        queue: an open queue of the demo's own, which tells ``watcher`` of its events.
        watcher: notes what happens.
        files: one job each.
        bar: told how far it is.
    """
    tally = Tally()
    fingerprint, flaky_type = Fingerprint(tally).as_job_type(), Flaky().as_job_type()
    requests = [
        JobRequest(fingerprint, file, priority=priority_of(file), job_id=new_job_id())
        for file in files
    ]
    trouble = JobRequest(flaky_type, Trouble(FAILURES), priority=FLAKY_PRIORITY)

    began = time.perf_counter()
    *ids, flaky_id = await queue.schedule_bulk([*requests, trouble])
    bad_id = await _plant(queue, fingerprint.name)
    scheduling_s = time.perf_counter() - began
    cancelled = [
        await queue.unschedule_job(job_id, fingerprint) for job_id in _spread(ids, CANCELLED)
    ]

    priorities = {bad_id: BAD_PRIORITY, flaky_id: FLAKY_PRIORITY}
    priorities |= {job_id: priority_of(file) for job_id, file in zip(ids, files, strict=True)}
    began = time.perf_counter()
    runner = JobRunner(queue, demo_router(tally), concurrency=_CONCURRENCY)
    running = asyncio.create_task(runner.drain())
    try:
        while not (await asyncio.wait((running,), timeout=_REFRESH_S))[0]:
            _show(bar, watcher)
    finally:
        if not running.done():
            runner.kill()
            await running
    running_s = time.perf_counter() - began
    _show(bar, watcher)
    return Outcome(
        scheduled=len(ids) + 2,
        scheduling_s=scheduling_s,
        priorities=tuple(priorities[each] for each in watcher.order if each in priorities),
        states=(await queue.count_jobs()).by_state,
        cancelled=tuple(cancelled),
        bad=await queue.get_job(bad_id),
        flaky=await queue.get_job(flaky_id),
        attempts=running.result(),
        running_s=running_s,
        retried=watcher.kinds[EventKind.RETRIED],
        tally=tally,
    )


async def _plant(queue: Queue, job_type: str) -> UUID:
    """Store bytes that no codec reads, as a broken producer might."""
    job = NewJob(new_job_id(), job_type, _NOT_A_PAYLOAD, codec="json", priority=BAD_PRIORITY)
    await queue.storage.enqueue(queue.name, [job], now=queue.clock.now())
    return job.id


def _spread(ids: Sequence[UUID], count: int) -> list[UUID]:
    """Choose a few, from all over."""
    return [ids[(2 * number + 1) * len(ids) // (2 * count)] for number in range(count)]


def _show(bar: Bar, watcher: Watcher) -> None:
    bar.show(watcher.ended, watcher.kinds[EventKind.RETRIED], watcher.kinds[EventKind.DEAD])
