"""A worker to be killed: ``worker.py URL HISTORY NAME LOG``; it leaves a history, and its effects.

An effect is one line in the log, which all workers append to: a handler did its work.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys
from datetime import timedelta
from pathlib import Path

from aide_de_camp import JobContext, JobRouter, JobRunner, Registry, open_queue
from aide_de_camp_conformance.histories import Recorder, Recording
from aide_de_camp_conformance.place import door

router = JobRouter()
log = os.open(sys.argv[4], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def effect(job: JobContext) -> None:
    os.write(log, f"{job.id} {job.fencing_token}\n".encode())


async def attempt(milliseconds: int, job: JobContext) -> None:
    await asyncio.sleep(milliseconds / 1_000)
    effect(job)


@router.job("many_tries")
async def many_tries(milliseconds: int, job: JobContext) -> None:
    await attempt(milliseconds, job)
    if job.retries == 0 and random.random() < 0.05:
        raise RuntimeError("a failure among the kills")


@router.job("at_most_once")
async def at_most_once(milliseconds: int, job: JobContext) -> None:
    await attempt(milliseconds, job)


@router.job("in_a_thread")
def in_a_thread(milliseconds: int, job: JobContext) -> None:
    job.token.wait_blocking(milliseconds / 1_000)
    job.token.raise_if_cancelled()
    effect(job)


async def main() -> None:
    opener, way = Registry().storage(sys.argv[1]), door()
    recorder = Recorder(Path(sys.argv[2]), sys.argv[3])
    url = way.places.url_of(lambda: Recording(opener(), recorder))
    async with open_queue(url, registry=way.registry) as queue:
        runner = JobRunner(
            queue,
            router,
            concurrency=4,
            lease=timedelta(seconds=1),
            poll_interval=timedelta(seconds=0.3),
            shutdown_timeout=timedelta(seconds=5),
        )
        await runner.run(install_signal_handlers=True)


if __name__ == "__main__":
    asyncio.run(main())
