"""Another process: ``python -m aide_de_camp_conformance.victim COMMAND``, to be killed.

It says on its standard output what was acknowledged, a line each, flushed at once.
"""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta

from aide_de_camp import JobContext, JobRouter, JobRunner, Queue, open_queue
from aide_de_camp_conformance.logs import quiet
from aide_de_camp_conformance.processes import URL_VARIABLE
from aide_de_camp_conformance.samples import VICTIM

LEASE = timedelta(seconds=1)


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def _schedule(queue: Queue) -> None:
    """Schedule jobs for ever."""
    while True:
        _say("scheduled", await queue.schedule(VICTIM, "x"))


async def _schedule_one(queue: Queue) -> None:
    """Schedule one job."""
    _say("scheduled", await queue.schedule(VICTIM, "x"))


async def _work(queue: Queue) -> None:
    """Claim and complete jobs for ever, saying so of each."""
    while True:
        handle = await queue.poll_next(VICTIM, lease=LEASE)
        if handle is None:
            _say("idle")
            await asyncio.sleep(0.01)
            continue
        _say("started", handle.id)
        await handle.complete()
        _say("completed", handle.id)


async def _run(queue: Queue) -> None:
    """Run jobs by a runner for ever."""
    router = JobRouter()

    @router.job(VICTIM.name)
    async def work(payload: str, job: JobContext) -> None:
        _say("started", job.id)
        await asyncio.sleep(0 if payload == "quick" else 0.005)

    await JobRunner(
        queue, router, concurrency=5, lease=LEASE, poll_interval=timedelta(milliseconds=50)
    ).run(install_signal_handlers=True)


COMMANDS = {
    "schedule": _schedule,
    "schedule-one": _schedule_one,
    "work": _work,
    "run": _run,
}


async def _main(url: str, command: str) -> None:
    async with open_queue(url) as queue:
        _say("ready")
        await COMMANDS[command](queue)


if __name__ == "__main__":
    quiet()
    asyncio.run(_main(os.environ[URL_VARIABLE], sys.argv[1]))
