"""``adc worker`` in a process of its own, and the signals that stop it."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from aide_de_camp import JobState, JobType, JobView, Queue

from .conftest import WAIT_S, Within, command, wait_until

APP = """
import asyncio, time
from pathlib import Path
from aide_de_camp import JobContext, JobRouter

router = JobRouter()

@router.job("slow")
async def slow(name: str, job: JobContext) -> None:
    Path(name + ".started").touch()
    while not job.token.cancelled:
        await asyncio.sleep(0.01)
    Path(name + ".told").touch()
    while not Path(name + ".go").exists():
        await asyncio.sleep(0.01)

@router.job("slow_thread")
def slow_thread(name: str, job: JobContext) -> None:
    Path(name + ".started").touch()
    while not job.token.cancelled:
        time.sleep(0.01)
    Path(name + ".told").touch()
    while not Path(name + ".go").exists():
        time.sleep(0.01)

@router.job("quick")
async def quick(name: str) -> None:
    Path(name + ".ran").touch()
"""
QUICK = JobType("quick", str)

Worker = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(params=["asyncio", "uvloop"])
def worker(tmp_path: Path, url: str, request: pytest.FixtureRequest) -> Iterator[Worker]:
    """Starts workers in the test's folder, on either event loop; none outlives the test."""
    if request.param == "uvloop":
        pytest.importorskip("uvloop")
    (tmp_path / "app.py").write_text(APP)
    started: list[subprocess.Popen[str]] = []

    def start(*options: object) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            command("worker", "app:router", "--queue", url, "--loop", request.param, *options),
            cwd=tmp_path,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def look(within: Within, job_id: UUID) -> JobView:
    return within(lambda queue: queue.get_job(job_id))


@pytest.mark.parametrize("job_type", ["slow", "slow_thread"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_first_signal_lets_the_job_finish(
    worker: Worker, within: Within, tmp_path: Path, number: int, job_type: str
) -> None:
    """P121, LIV-1: after TERM or INT no new claim, the job finishes, exit code 0."""
    job_id = within(lambda queue: queue.schedule(JobType(job_type, str), "a"))
    process = worker()
    wait_until((tmp_path / "a.started").exists, "the job")
    process.send_signal(number)
    wait_until((tmp_path / "a.told").exists, "the token")

    late = within(lambda queue: queue.schedule(QUICK, "late"))
    (tmp_path / "a.go").touch()

    _, log = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, log
    assert "runner stopped" in log
    assert look(within, job_id).state is JobState.COMPLETED
    left = look(within, late)
    assert (left.state, left.claims) == (JobState.SCHEDULED, 0)
    assert not (tmp_path / "late.ran").exists()


@pytest.mark.parametrize("job_type", ["slow", "slow_thread"])
def test_second_signal_gives_the_job_back(
    worker: Worker, within: Within, tmp_path: Path, job_type: str
) -> None:
    """P121, LIV-1: two signals: a quick stop, the job released with no retry used."""
    job_id = within(lambda queue: queue.schedule(JobType(job_type, str), "a"))
    process = worker("--shutdown-timeout", "10m")
    wait_until((tmp_path / "a.started").exists, "the job")
    process.send_signal(signal.SIGTERM)
    wait_until((tmp_path / "a.told").exists, "the token")
    process.send_signal(signal.SIGINT)

    _, log = process.communicate(timeout=WAIT_S)
    assert process.returncode == 130, log
    back = look(within, job_id)
    assert (back.state, back.claims, back.retries) == (JobState.SCHEDULED, 1, 0)


def test_after_the_shutdown_timeout_the_job_is_given_back(
    worker: Worker, within: Within, tmp_path: Path
) -> None:
    """LIV-1: a graceful stop all the same: exit code 0."""
    job_id = within(lambda queue: queue.schedule(JobType("slow", str), "a"))
    process = worker("--shutdown-timeout", "0")
    wait_until((tmp_path / "a.started").exists, "the job")
    process.send_signal(signal.SIGTERM)

    _, log = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, log
    back = look(within, job_id)
    assert (back.state, back.retries) == (JobState.SCHEDULED, 0)


def test_an_idle_worker_stops_at_once(worker: Worker, within: Within) -> None:
    process = worker("--poll-interval", "1h")
    assert process.stderr is not None
    for line in process.stderr:
        if "runner started" in line:
            break
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=WAIT_S)
    assert process.returncode == 0


def test_burst_runs_what_is_due_and_ends(worker: Worker, within: Within, tmp_path: Path) -> None:
    async def two(queue: Queue) -> list[UUID]:
        return [
            await queue.schedule(QUICK, "now"),
            await queue.schedule_in(QUICK, "later", timedelta(hours=1)),
        ]

    now, later = within(two)
    process = worker("--burst")
    _, log = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, log
    assert "nothing more is due of these types: 1 attempt" in log
    assert look(within, now).state is JobState.COMPLETED
    assert look(within, later).state is JobState.SCHEDULED
    assert (tmp_path / "now.ran").exists()


def test_burst_is_stopped_by_signals_too(worker: Worker, within: Within, tmp_path: Path) -> None:
    job_id = within(lambda queue: queue.schedule(JobType("slow", str), "a"))
    process = worker("--burst")
    wait_until((tmp_path / "a.started").exists, "the job")
    process.send_signal(signal.SIGTERM)
    wait_until((tmp_path / "a.told").exists, "the token")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=WAIT_S)
    assert process.returncode == 130
    assert look(within, job_id).state is JobState.SCHEDULED
