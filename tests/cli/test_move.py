"""``adc move``: from a file to another, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from aide_de_camp import JobRequest, JobState, JobView, Queue, new_job_id, open_queue

from .conftest import CANARY, LETTER, Adc, Letter, Within, in_terminal, loaded, schedule_dead


@pytest.fixture
def other(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'other.db'}"


def at(url: str, work: Callable[[Queue], Awaitable[list[JobView]]]) -> list[JobView]:
    async def opened() -> list[JobView]:
        async with open_queue(url) as queue:
            return await work(queue)

    return asyncio.run(opened())


async def everything(queue: Queue) -> list[JobView]:
    page = await queue.list_jobs(limit=1_000)
    return [await queue.get_job(job.id) for job in page.jobs]


@pytest.fixture
def jobs(within: Within) -> list[JobView]:
    async def some(queue: Queue) -> list[JobView]:
        await queue.schedule_many(
            [JobRequest(LETTER, Letter(f"n{i}"), priority=i % 3) for i in range(20)]
        )
        await schedule_dead(queue, 0)
        return await everything(queue)

    return within(some)


def test_all_of_a_queue_is_moved(adc: Adc, url: str, other: str, jobs: list[JobView]) -> None:
    """MOV-3, as its user sees it."""
    result = adc("move", url, other)
    assert result.exit_code == 0, result.output
    assert result.stdout == f"20 jobs moved from {url} to {other}.\n"
    assert at(other, everything) == jobs
    assert at(url, everything) == []
    assert loaded(adc("move", other, url, "--json")) == {
        "moved": 20,
        "finished": 0,
        "running": [],
        "conflicts": [],
    }
    assert at(url, everything) == jobs


def test_what_runs_can_be_left(adc: Adc, url: str, other: str, within: Within) -> None:
    async def run_one(queue: Queue) -> str:
        job_id = await queue.schedule(LETTER, Letter("x"))
        await queue.poll_next(LETTER)
        return str(job_id)

    job_id = within(run_one)
    shown = adc("move", url, other, "--leave-running").stdout
    assert shown.splitlines() == [
        f"0 jobs moved from {url} to {other}.",
        f"{job_id}  running, left where it is",
    ]
    (left,) = at(url, everything)
    assert left.state is JobState.RUNNING


def test_a_conflict_is_named_and_the_exit_code_says_so(
    adc: Adc, url: str, other: str, within: Within
) -> None:
    job_id = new_job_id()

    async def schedule(queue: Queue) -> list[JobView]:
        await queue.schedule(LETTER, Letter(str(queue.storage)), job_id=job_id)
        return await everything(queue)

    mine, theirs = within(schedule), at(other, schedule)
    result = adc("move", url, other)
    assert result.exit_code == 1
    assert f"{job_id}  not moved: the target has another job with its id" in result.stdout
    assert (at(url, everything), at(other, everything)) == (mine, theirs)


def test_a_queue_is_not_moved_into_itself(adc: Adc, url: str, jobs: list[JobView]) -> None:
    result = adc("move", url, url.replace("jobs.db", "./jobs.db"))
    assert result.exit_code == 1
    assert "the same queue" in result.stderr
    assert at(url, everything) == jobs


@pytest.mark.parametrize("way", ["from", "to"])
def test_a_storage_of_one_process_is_refused(
    adc: Adc, url: str, jobs: list[JobView], way: str
) -> None:
    pair = ("memory://", url) if way == "from" else (url, "memory://")
    result = adc("move", *pair)
    assert result.exit_code == 1
    assert "live within the process" in result.stderr
    assert at(url, everything) == jobs


def test_progress_is_shown_on_a_terminal(url: str, other: str, jobs: list[JobView]) -> None:
    code, shown = in_terminal(["move", url, other])
    assert code == 0, shown
    assert "20/20" in shown
    assert at(other, everything) == jobs


@pytest.mark.parametrize("way", ["from", "to"])
def test_the_storage_that_cannot_be_reached_is_named_without_its_password(
    adc: Adc, url: str, jobs: list[JobView], way: str
) -> None:
    away = f"redis://user:{CANARY}@127.0.0.1:1/0"
    result = adc("--debug", "move", *((away, url) if way == "from" else (url, away)))
    assert result.exit_code == 1
    (line,) = [each for each in result.stderr.splitlines() if each.startswith("adc: error:")]
    assert "redis://***@127.0.0.1:1/0" in line
    assert "sqlite" not in line
    assert CANARY not in result.output
    assert at(url, everything) == jobs
