"""The command in this process, in one of its own, and on a terminal; and a queue to look at."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import pytest
from attrs import frozen
from click.testing import CliRunner, Result

from aide_de_camp import JobType, JobView, Queue, new_job_id, open_queue
from aide_de_camp.cli import main
from aide_de_camp.spi import ClaimRequest, NewJob, RetryLimits, SettleKind, Settlement

T = TypeVar("T")

WAIT_S = 30.0
CANARY = "c4n4ry-7f3a"


@frozen
class Letter:
    to: str
    text: str = ""


LETTER = JobType("letter", Letter)

Adc = Callable[..., Result]


class Within(Protocol):
    """Opens the test's queue, for one function."""

    def __call__(self, work: Callable[[Queue], Awaitable[T]], /) -> T: ...


@pytest.fixture(autouse=True)
def no_queue_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ADC_QUEUE", raising=False)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def adc(url: str) -> Adc:
    """Runs the command in this process, ``ADC_QUEUE`` being the test's queue."""

    def run(*arguments: object, **environment: str) -> Result:
        words = [str(each) for each in arguments]
        return CliRunner().invoke(main, words, env={"ADC_QUEUE": url, **environment})

    return run


@pytest.fixture
def within(url: str) -> Within:
    async def opened(work: Callable[[Queue], Awaitable[T]]) -> T:
        async with asyncio.timeout(WAIT_S), open_queue(url) as queue:
            return await work(queue)

    def run(work: Callable[[Queue], Awaitable[T]], /) -> T:
        return asyncio.run(opened(work))

    return run


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "aide_de_camp", *map(str, arguments)]


def loaded(result: Result) -> Any:
    """The JSON document that a command printed."""
    return json.loads(result.stdout)


def wait_until(condition: Callable[[], object], what: str) -> None:
    """Wait for another process to have done something."""
    end = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < end, f"{what} never came"
        time.sleep(0.01)


def in_terminal(
    arguments: Sequence[object], *, typed: str = "", environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Run the command on a terminal of 80 columns; gives its exit code and what was shown."""
    mine, theirs = pty.openpty()
    where = {**os.environ, "COLUMNS": "80", "TERM": "xterm-256color", **(environment or {})}
    process = subprocess.Popen(
        command(*arguments), stdin=theirs, stdout=theirs, stderr=theirs, env=where
    )
    os.close(theirs)
    os.write(mine, typed.encode())
    shown = b""
    try:
        while chunk := os.read(mine, 65_536):
            shown += chunk
    except OSError:
        pass  # how Linux says that nobody has the terminal open any more
    finally:
        os.close(mine)
    return process.wait(WAIT_S), without_colours(shown.decode())


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r\n", "\n")


async def schedule_dead(queue: Queue, count: int, *, reason: str = "failed") -> list[JobView]:
    """Have jobs in the dead queue, as a runner would leave them."""
    jobs = [NewJob(new_job_id(), "letter", b'{"to":"x"}', "json") for _ in range(count)]
    for start in range(0, count, 1_000):
        step = jobs[start : start + 1_000]
        await queue.storage.enqueue(queue.name, step, now=None)
        request = ClaimRequest(None, len(step), 60_000_000, RetryLimits(), "test", new_job_id())
        claimed = (await queue.storage.claim(queue.name, request, now=None)).jobs
        ends = [Settlement(j.id, j.token, SettleKind.DEAD, reason=reason) for j in claimed]
        await queue.storage.settle(queue.name, ends, now=None)
    return [await queue.get_job(job.id) for job in jobs[:10]]
