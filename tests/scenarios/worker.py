"""A worker in a process of its own, for scenarios that kill it: ``worker.py URL LOG [NAME]``."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import time
from datetime import timedelta

from aide_de_camp import JobContext, JobRouter, JobRunner, open_queue

router = JobRouter()


def note(what: str) -> None:
    """Write a line as one system call: whole, and there whatever happens next."""
    out = os.open(sys.argv[2], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(out, f"{what}\n".encode())
    os.close(out)


@router.job("hangs_once")
async def hangs_once(name: str, job: JobContext) -> None:
    note(f"begin {name} {job.claims}")
    if job.claims == 1:
        await asyncio.sleep(600)
    note(f"end {name} {job.claims}")


@router.job("dies_once", time_limit=timedelta(hours=4))
async def dies_once(name: str, job: JobContext) -> None:
    note(f"begin {name} {job.claims}")
    if job.claims == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    note(f"end {name} {job.claims}")


@router.job("ignores_stop")
async def ignores_stop(name: str, job: JobContext) -> None:
    note(f"begin {name} {job.claims}")
    while job.claims == 1:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            note(f"told {name} {job.token.reason}")
    note(f"end {name} {job.claims}")


@router.job("crashes")
async def crashes(name: str, job: JobContext) -> None:
    note(f"begin {name} {job.claims}")
    ctypes.string_at(0)


@router.job("healthy")
async def healthy(name: str, job: JobContext) -> None:
    note(f"begin {name} {job.claims}")
    await asyncio.sleep(2.5)
    note(f"end {name} {job.claims}")


@router.job("until_file")
async def until_file(name: str, job: JobContext) -> None:
    note(f"begin {name} {job.claims}")
    while not os.path.exists(f"{sys.argv[2]}.{name}.go"):  # noqa: PTH110, ASYNC240 (at once)
        if job.token.cancelled:
            note(f"told {name} {job.token.reason}")
            while not os.path.exists(f"{sys.argv[2]}.{name}.go"):  # noqa: PTH110, ASYNC240 (as above)
                await asyncio.sleep(0.01)
            break
        await asyncio.sleep(0.01)
    note(f"end {name} {job.claims}")


@router.job("blocks")
def blocks(name: str, job: JobContext) -> None:
    note(f"begin {name} {job.claims}")
    time.sleep(600)


async def main() -> None:
    async with open_queue(sys.argv[1]) as queue:
        runner = JobRunner(
            queue,
            router,
            concurrency=int(os.environ.get("CONCURRENCY", "2")),
            lease=timedelta(seconds=1),
            poll_interval=timedelta(seconds=0.2),
            shutdown_timeout=timedelta(seconds=float(os.environ.get("GRACE", "30"))),
            worker=sys.argv[3] if len(sys.argv) > 3 else None,
        )
        running = asyncio.create_task(runner.run(install_signal_handlers=True))
        # By then a signal finds its handler: before, it would end the process, not stop it.
        await asyncio.sleep(0)
        note(f"ready {os.getpid()}")
        await running
    note(f"stopped {os.getpid()}")


if __name__ == "__main__":
    asyncio.run(main())
