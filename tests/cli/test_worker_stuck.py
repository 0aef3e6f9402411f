"""``adc worker`` ends when it is told to, whatever its handlers still do."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aide_de_camp import JobState, JobType

from .conftest import WAIT_S, Within, command, wait_until

APP = """
import asyncio, atexit, time
from pathlib import Path
from aide_de_camp import JobContext, JobRouter

router = JobRouter()
atexit.register(lambda: Path("atexit").touch())

def block(name: str) -> None:
    Path(name + ".started").touch()
    time.sleep(600)

@router.job("to_thread")
async def to_thread(name: str) -> None:
    await asyncio.to_thread(block, name)

@router.job("shielded")
async def shielded(name: str) -> None:
    while True:
        try:
            await asyncio.shield(asyncio.to_thread(block, name))
        except asyncio.CancelledError:
            pass

@router.job("sync")
def sync(name: str) -> None:
    block(name)

@router.job("swallows")
async def swallows(name: str) -> None:
    Path(name + ".started").touch()
    while True:
        try:
            await asyncio.sleep(600)
        except asyncio.CancelledError:
            pass

@router.job("leaves_task")
async def leaves_task(name: str) -> None:
    task = asyncio.create_task(swallows(name))
    await task
"""
# Which of them are known to go on: of the others only a thread or a task is left.
KNOWN = {"to_thread": False, "shielded": True, "sync": True, "swallows": True, "leaves_task": False}

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path, url: str) -> Iterator[Start]:
    """Starts a worker in the test's folder; none outlives the test."""
    (tmp_path / "app.py").write_text(APP)
    started: list[subprocess.Popen[bytes]] = []

    def worker(*options: object) -> subprocess.Popen[bytes]:
        with (tmp_path / "log").open("w") as log:
            process = subprocess.Popen(
                command("worker", "app:router", "--queue", url, *options),
                cwd=tmp_path,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                stderr=log,
            )
        started.append(process)
        return process

    yield worker
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("burst", [False, True])
@pytest.mark.parametrize("job_type", KNOWN)
def test_a_second_signal_ends_it(
    start: Start, within: Within, tmp_path: Path, job_type: str, burst: bool
) -> None:
    """LIV-1: exit code 130, the jobs given back, and what still runs is named."""
    job_id = within(lambda queue: queue.schedule(JobType(job_type, str), "a"))
    process = start("--shutdown-timeout", "10m", *(["--burst"] if burst else []))
    wait_until((tmp_path / "a.started").exists, "the job")
    process.send_signal(signal.SIGTERM)
    wait_until(lambda: "runner stopping" in (tmp_path / "log").read_text(), "the stop")
    process.send_signal(signal.SIGTERM)
    process.wait(WAIT_S)
    log = (tmp_path / "log").read_text()

    assert process.returncode == 130, log
    back = within(lambda queue: queue.get_job(job_id))
    assert (back.state, back.retries) == (JobState.SCHEDULED, 0)
    assert "runner stopped" in log
    ending = [line for line in log.splitlines() if "ending at once" in line]
    if KNOWN[job_type]:
        assert f"job {job_id} ({job_type})" in ending[0]
    if job_type in ("to_thread", "shielded"):
        # Threads are named after the loop whose executor they are of.
        assert re.search(r"\b(asyncio|uvloop)_\d", ending[0])


@pytest.mark.parametrize("job_type", ["to_thread", "swallows", "sync"])
def test_after_the_shutdown_timeout_it_ends_too(
    start: Start, within: Within, tmp_path: Path, job_type: str
) -> None:
    """LIV-1: a graceful stop, and exit code 0, though the handler goes on."""
    job_id = within(lambda queue: queue.schedule(JobType(job_type, str), "a"))
    process = start("--shutdown-timeout", "0")
    wait_until((tmp_path / "a.started").exists, "the job")
    process.send_signal(signal.SIGTERM)
    process.wait(WAIT_S)
    log = (tmp_path / "log").read_text()

    assert process.returncode == 0, log
    back = within(lambda queue: queue.get_job(job_id))
    assert (back.state, back.retries) == (JobState.SCHEDULED, 0)
    if job_type == "sync":
        assert (tmp_path / "atexit").exists(), "where the process can end by itself it does"
