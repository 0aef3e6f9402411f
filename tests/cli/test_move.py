"""``adc move``: from a file to another, and what it says."""

from __future__ import annotations

import asyncio
import os
import pty
import subprocess
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from aide_de_camp import JobRequest, JobState, JobView, Queue, new_job_id, open_queue
from aide_de_camp.cli.failures import Failure
from aide_de_camp.cli.move_way import Way
from aide_de_camp.spi import CapabilityNotSupported, QueueMisused, StorageUnavailable

from .conftest import (
    CANARY,
    LETTER,
    WAIT_S,
    Adc,
    Letter,
    Within,
    command,
    in_terminal,
    loaded,
    schedule_dead,
    without_colours,
)


@pytest.fixture
def other(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'other.db'}"


def at(url: str, work: Callable[[Queue], Awaitable[list[JobView]]]) -> list[JobView]:
    async def opened() -> list[JobView]:
        async with open_queue(url) as queue:
            return await work(queue)

    return asyncio.run(opened())


def at_name(url: str, name: str, count: int = 1) -> None:
    """Have jobs in another queue than the usual one."""

    async def put() -> None:
        async with open_queue(url, name=name) as queue:
            await queue.schedule_many([JobRequest(LETTER, Letter("x")) for _ in range(count)])

    asyncio.run(put())


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
        f"{job_id}  running, left at {url}",
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
    assert f"{job_id}  not moved: {other} has another job with its id" in result.stdout
    assert (at(url, everything), at(other, everything)) == (mine, theirs)


def test_a_queue_is_not_moved_into_itself(adc: Adc, url: str, jobs: list[JobView]) -> None:
    result = adc("move", url, url.replace("jobs.db", "./jobs.db"))
    assert result.exit_code == 1
    assert f"moving from {url} to " in result.stderr
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


def test_queues_of_other_names_are_named(adc: Adc, url: str, other: str) -> None:
    at_name(url, "mail", 2)
    result = adc("move", url, other, "--name", "mail", "--to-name", "post")
    assert result.stdout == f"2 jobs moved from queue 'mail' of {url} to queue 'post' of {other}.\n"


@pytest.mark.parametrize("on_a_terminal", [False, True], ids=["pipe", "terminal"])
def test_it_says_what_it_waits_for_and_goes_on_when_that_ends(
    url: str, other: str, on_a_terminal: bool
) -> None:
    async def run() -> None:
        async with asyncio.timeout(WAIT_S), open_queue(url) as queue:
            job_id = await queue.schedule(LETTER, Letter("x"))
            handle = await queue.poll_next(LETTER)
            assert handle is not None
            with moving(url, other, on_a_terminal=on_a_terminal) as (process, said):
                words = await asyncio.to_thread(said, "--leave-running")
                await handle.complete()
                assert await asyncio.to_thread(process.wait, WAIT_S) == 0
        assert f"waiting for 1 job that runs at {url} to end ({job_id})" in words

    asyncio.run(run())


@contextmanager
def moving(
    url: str, other: str, *, on_a_terminal: bool
) -> Generator[tuple[subprocess.Popen[bytes], Callable[[str], str]]]:
    """Run the command; gives it, and what reads its words up to some."""
    mine, theirs = pty.openpty() if on_a_terminal else os.pipe()
    environment = {**os.environ, "COLUMNS": "1000", "TERM": "xterm-256color"}
    process = subprocess.Popen(command("move", url, other), stderr=theirs, env=environment)
    os.close(theirs)

    def said(last: str) -> str:
        words = b""
        while last.encode() not in words:
            more = os.read(mine, 65_536)
            assert more, words.decode()
            words += more
        return without_colours(words.decode())

    try:
        yield process, said
    finally:
        process.kill()
        process.wait()
        os.close(mine)


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


@pytest.mark.parametrize(
    "error",
    [partial(StorageUnavailable, outcome_unknown=False), QueueMisused, CapabilityNotSupported],
    ids=["away", "misused", "unable"],
)
def test_a_move_that_breaks_off_names_both_places_and_no_password(
    error: Callable[[str], Exception],
) -> None:
    one = f"redis://user:{CANARY}@one/0"
    other = f"postgresql://other/jobs?password={CANARY}"
    way = Way(one, "default", other, "post")
    with pytest.raises(Failure) as caught, way.naming():
        raise error(f"no answer from {one}, nor with {CANARY}")
    assert caught.value.message == (
        "moving from redis://***@one/0 to queue 'post' of postgresql://other/jobs?password=***: "
        "no answer from redis://***@one/0, nor with ***"
    )
