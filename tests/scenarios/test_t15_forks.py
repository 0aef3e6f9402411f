"""Peers' reports about SQLite and forks (P118): in a process of its own, which forks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from .trouble import intact

FORKING = """
import asyncio, multiprocessing, os, sys, warnings
from aide_de_camp import JobRouter, JobRunner, JobType, QueueMisused, open_queue

NUMBER = JobType("number", int)
url = sys.argv[1]
router = JobRouter()

@router.job("number")
async def number(payload: int) -> None: ...

def refused(queue):
    calls = [
        lambda: queue.schedule(NUMBER, 9),
        lambda: queue.poll_next(NUMBER),
        lambda: queue.count_jobs(),
        lambda: queue.prune(),
        lambda: JobRunner(queue, router).run(),
    ]
    for call in calls:
        try:
            asyncio.run(asyncio.wait_for(call(), 5))
        except QueueMisused as error:
            assert "fork" in str(error) and "child" in str(error), error
        else:
            raise AssertionError("not refused")

async def own(number_of_job):
    async with open_queue(url) as queue:
        await queue.schedule(NUMBER, number_of_job)
        handle = await queue.poll_next(NUMBER)
        await handle.complete()

def child(queue, number_of_job):
    refused(queue)
    if not url.startswith("memory"):
        asyncio.run(own(number_of_job))
    asyncio.run(queue.close())  # harmless: it is the parent's to close

async def main():
    warnings.simplefilter("ignore", DeprecationWarning)  # to fork with threads, as the report does
    async with open_queue(url) as queue:
        await queue.schedule(NUMBER, 1, priority=-1)
        pid = os.fork()
        if pid == 0:
            try:
                child(queue, 2)
            except BaseException as error:
                print(repr(error), file=sys.stderr, flush=True)
                os._exit(1)
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        process = multiprocessing.get_context("fork").Process(target=child, args=(queue, 3))
        process.start()
        process.join()
        assert process.exitcode == 0
        counts = {str(state): n for state, n in (await queue.count_jobs()).by_state.items() if n}
        await queue.schedule(NUMBER, 4)
        print(sorted(counts.items()))

asyncio.run(main())
"""


def test_p118_use_after_a_fork(queue_url: str, tmp_path: Path) -> None:
    """LIV-3: refused, with what to do; a queue of the child's own works, and the file is sound."""
    done = subprocess.run(
        [sys.executable, "-c", FORKING, queue_url],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    if queue_url == "memory://":
        assert done.stdout.strip() == "[('scheduled', 1)]"
    else:
        assert done.stdout.strip() == "[('completed', 2), ('scheduled', 1)]"
        assert intact(tmp_path / "jobs.db")
