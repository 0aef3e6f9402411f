"""``adc worker``: what goes wrong at its start, what its jobs may raise, and what it logs."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from attrs import frozen

from aide_de_camp import JobState, JobType, JobView, ManualClock, Queue, new_job_id, open_queue
from aide_de_camp.spi import NewJob

from .conftest import CANARY, WAIT_S, Within, command

GOOD = "from aide_de_camp import JobRouter\nrouter = JobRouter()\n"


@frozen
class Ran:
    code: int
    out: str
    log: str


Work = Callable[..., Ran]


@pytest.fixture
def work(tmp_path: Path, url: str) -> Work:
    """Runs a worker, in burst mode, on the routers of a source text, until it ends."""

    def run(source: str, *options: object, name: str = "app:router", at: str = url) -> Ran:
        (tmp_path / "app.py").write_text(source)
        done = subprocess.run(
            command("worker", name, "--queue", at, "--burst", *options),
            check=False,
            cwd=tmp_path,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=WAIT_S,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


# --- at the start ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "name", "said"),
    [
        (GOOD, "nix:router", "adc: error: no module nix in "),
        (GOOD, "app.nix:router", "adc: error: no module app.nix in "),
        (GOOD, "app:nix", "adc: error: module app has no nix"),
        (GOOD, "app:router.nix", "adc: error: module app has no router.nix"),
        (GOOD, "app:JobRouter", "adc: error: app:JobRouter is of type type, not a JobRouter"),
        (GOOD, "app:router", "adc: error: router: has no jobs"),
        ("x = 1\nx.y\n", "app:router", "app.py, line 2: AttributeError: 'int' object has no"),
        ("import nix\n", "app:router", "app.py, line 1: ModuleNotFoundError: No module named 'nix"),
        ("def (\n", "app:router", "SyntaxError: invalid syntax (app.py, line 1)"),
        ("raise SystemExit(0)\n", "app:router", "app.py, line 1: SystemExit: 0"),
    ],
)
def test_a_router_that_cannot_be_used(work: Work, source: str, name: str, said: str) -> None:
    """P119: what can't work ends with a code other than 0, and one line that says why."""
    ran = work(source, name=name)
    assert ran.code == 1
    last = ran.log.splitlines()[-1]
    assert last.startswith("adc: error: ")
    assert said in last
    assert "Traceback" not in ran.log


@pytest.mark.parametrize("name", ["app", "app:", ":router", "app.py:router:x", "a b:c"])
def test_what_names_no_router(work: Work, name: str) -> None:
    ran = work(GOOD, name=name)
    assert ran.code == 2
    assert "module:router" in ran.log


def test_debug_shows_the_traceback_of_an_import(tmp_path: Path, url: str) -> None:
    (tmp_path / "app.py").write_text("1 / 0\n")
    done = subprocess.run(
        command("--debug", "worker", "app:router", "--queue", url),
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=WAIT_S,
    )
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "ZeroDivisionError" in done.stderr


HANDLER = GOOD + "@router.job('quick')\nasync def quick(name: str) -> None: ...\n"


def test_a_bad_option_is_named(work: Work) -> None:
    assert "lease" in work(HANDLER, "--lease", "10ms").log
    assert work(HANDLER, "--lease", "10ms").code == 1
    assert work(HANDLER, "--lease", "soon").code == 2
    assert work(HANDLER, "--concurrency", "0").code == 2
    assert work(HANDLER, at="memory://").code == 1


def locked(path: Path) -> sqlite3.Connection:
    """Keep everybody out of a file, as a storage that is down does."""
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("PRAGMA locking_mode = EXCLUSIVE")
    holder.execute("BEGIN EXCLUSIVE")
    return holder


def test_a_storage_that_is_down_ends_it_with_one_line(work: Work, tmp_path: Path) -> None:
    """P125: one clear line at once, and a code other than 0."""
    holder = locked(tmp_path / "down.db")
    ran = work(HANDLER, at=f"sqlite:///{tmp_path}/down.db?busy_timeout=0")
    holder.close()
    assert ran.code == 1
    assert ran.log.count("\n") == 1
    assert ran.log.startswith(f"adc: error: sqlite:///{tmp_path}/down.db?busy_timeout=0: ")


def test_waiting_for_a_storage_that_is_down(tmp_path: Path, within: Within) -> None:
    """P125: with --wait it says so once, keeps trying, and works when the storage is back."""
    (tmp_path / "app.py").write_text(HANDLER)
    url = f"sqlite:///{tmp_path}/jobs.db?busy_timeout=0"
    holder = locked(tmp_path / "jobs.db")
    process = subprocess.Popen(
        command("worker", "app:router", "--queue", url, "--burst", "--wait"),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    first = process.stderr.readline()
    holder.execute("ROLLBACK")
    holder.close()
    _, log = process.communicate(timeout=WAIT_S)

    assert "ERROR" in first
    assert "the storage is down, will try again" in first
    assert process.returncode == 0
    assert "is down" not in log
    assert "nothing more is due" in log


# --- what jobs raise ---------------------------------------------------------------------------

RAISES = """
import asyncio
from aide_de_camp import JobRouter

router = JobRouter()
MADE = {
    "Exception": lambda: Exception("x"),
    "BaseException": lambda: BaseException("x"),
    "CancelledError": lambda: asyncio.CancelledError(),
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": lambda: KeyboardInterrupt(),
    "ExceptionGroup": lambda: ExceptionGroup("x", [ValueError(), KeyError()]),
    "BaseExceptionGroup": lambda: BaseExceptionGroup("x", [SystemExit()]),
    "GeneratorExit": lambda: GeneratorExit(),
    "MemoryError": lambda: MemoryError(),
    "RecursionError": lambda: RecursionError(),
    "StopIteration": lambda: StopIteration(),
    "StopAsyncIteration": lambda: StopAsyncIteration(),
}

@router.job("raises", max_retries=0)
async def raises(kind: str) -> None:
    raise MADE[kind]()

@router.job("raises_in_thread", max_retries=0)
def raises_in_thread(kind: str) -> None:
    raise MADE[kind]()

@router.job("good")
async def good(kind: str) -> None:
    await asyncio.sleep(0)
"""
KINDS = (
    "Exception", "BaseException", "CancelledError", "SystemExit", "KeyboardInterrupt",
    "ExceptionGroup", "BaseExceptionGroup", "GeneratorExit", "MemoryError", "RecursionError",
    "StopIteration", "StopAsyncIteration",
)  # fmt: skip


@pytest.mark.parametrize("job_type", ["raises", "raises_in_thread"])
def test_whatever_a_job_raises_only_it_fails(work: Work, within: Within, job_type: str) -> None:
    """P122: each kind of exception ends its job alone; the worker goes on."""

    async def schedule(queue: Queue) -> list[UUID]:
        ids: list[UUID] = []
        for kind in KINDS:
            ids.append(await queue.schedule(JobType(job_type, str), kind))
            ids.append(await queue.schedule(JobType("good", str), kind))
        return ids

    ids = within(schedule)
    ran = work(RAISES, "--concurrency", 3)

    async def look(queue: Queue) -> list[JobView]:
        return [await queue.get_job(job_id) for job_id in ids]

    jobs = within(look)
    assert ran.code == 0, ran.log
    assert "nothing more is due of these types: 24 attempts" in ran.log
    assert {job.state for job in jobs[1::2]} == {JobState.COMPLETED}
    ends = [(job.state, job.reason, job.error and job.error.type) for job in jobs[::2]]
    # Python itself turns one that leaves a coroutine into a RuntimeError.
    told = {"StopIteration": "RuntimeError"} if job_type == "raises" else {}
    assert ends == [(JobState.DEAD, "failed", told.get(kind, kind)) for kind in KINDS]


# --- what it logs ------------------------------------------------------------------------------

LOGS = """
import asyncio
from datetime import timedelta
from attrs import frozen
from aide_de_camp import Cancel, ConstantBackoff, JobContext, JobRouter, Snooze

router = JobRouter()
options = {"max_retries": 1, "backoff": ConstantBackoff(timedelta(0))}

@frozen
class Secret:
    password: str
    count: int

@router.job("ok")
async def ok(secret: Secret) -> None: ...

@router.job("in_thread")
def in_thread(secret: Secret) -> None: ...

@router.job("fails", **options)
async def fails(secret: Secret) -> None:
    raise RuntimeError("it failed")

@router.job("late", time_limit=timedelta(milliseconds=50), **options)
async def late(secret: Secret) -> None:
    await asyncio.sleep(60)

@router.job("snoozes")
async def snoozes(secret: Secret, job: JobContext) -> Snooze | None:
    return Snooze(timedelta(0)) if job.claims == 1 else None

@router.job("cancels")
async def cancels(secret: Secret) -> Cancel:
    return Cancel("not needed")

@router.job("returns")
async def returns(secret: Secret) -> object:
    return secret
"""


@frozen
class Secret:
    password: str
    count: int


@pytest.fixture
def trouble(url: str, within: Within) -> list[UUID]:
    """One job for each way in which an attempt can end, each with a secret of 200 kB."""
    secret = Secret(CANARY * 20_000, 1)

    async def schedule(queue: Queue) -> list[UUID]:
        names = ("ok", "in_thread", "fails", "late", "snoozes", "cancels", "returns")
        ids = [await queue.schedule(JobType(name, Secret), secret) for name in names]
        for data in (
            f'{{"password": "{CANARY}", "count": "{CANARY}"}}',
            f'{{"password": "{CANARY}", "count": 1, "{CANARY}": 2}}',
            f'{{"password": "{CANARY}", ',
        ):
            job = NewJob(new_job_id(), "ok", data.encode(), "json")
            await queue.storage.enqueue(queue.name, [job], now=None)
            ids.append(job.id)
        taken_back = await queue.schedule(JobType("ok", Secret), secret)
        assert await queue.unschedule_job(taken_back, JobType("ok", Secret)) == secret
        return ids

    async def lose_a_lease() -> UUID:
        an_hour_ago = ManualClock(datetime.now(UTC) - timedelta(hours=1))
        async with open_queue(url, clock=an_hour_ago) as queue:
            job_id = await queue.schedule(JobType("ok", Secret), secret)
            assert await queue.poll_next(JobType("ok", Secret), lease=timedelta(minutes=1))
            return job_id

    lost = asyncio.run(lose_a_lease())
    return [*within(schedule), lost]


@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
@pytest.mark.parametrize("form", ["text", "json"])
def test_no_log_line_holds_a_payload(
    work: Work, trouble: list[UUID], level: str, form: str
) -> None:
    """P131 and P133, DEC-6: at every level; and no line is longer than 2 kB."""
    ran = work(LOGS, "--log-level", level, "--log-format", form)
    assert ran.code == 0, ran.log
    assert CANARY not in ran.log + ran.out
    assert max(len(line.encode()) for line in ran.log.splitlines()) <= 2_000
    if level == "debug":
        assert all(str(job_id) in ran.log for job_id in trouble)


def test_json_lines_carry_the_facts(work: Work, trouble: list[UUID]) -> None:
    ran = work(LOGS, "--log-format", "json")
    lines = [json.loads(line) for line in ran.log.splitlines()]
    assert all(line["time"].endswith("+00:00") for line in lines)
    failed = str(trouble[2])
    about = [line for line in lines if line.get("adc_job_id") == failed]
    assert [(line["level"], line["adc_outcome"], line["adc_error"]) for line in about] == [
        ("warning", "retry", "RuntimeError"),
        ("error", "dead", "RuntimeError"),
    ]
    assert {line["adc_job_type"] for line in about} == {"fails"}
    assert {line["adc_queue"] for line in about} == {"default"}


def test_the_users_own_lines_are_logged_at_the_level_asked_for(work: Work) -> None:
    source = HANDLER + (
        "import logging\n"
        "logging.getLogger('app.part').debug('mine')\n"
        "logging.getLogger('some.library').debug('its parameters')\n"
        "logging.getLogger('some.library').info('its news')\n"
    )
    log = work(source, "--log-level", "debug").log
    assert "DEBUG   app.part: mine" in log
    assert "its parameters" not in log
    assert "its news" in log
    assert "app.part" not in work(source, "--log-level", "info").log


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_exceptions_say_is_logged_if_that_is_asked_for(
    work: Work, within: Within, form: str
) -> None:
    """DEC-6: with --log-errors their words and tracebacks, else their classes alone."""
    within(lambda queue: queue.schedule(JobType("fails", Secret), Secret(CANARY, 1)))
    source = LOGS.replace('"it failed"', 'f"it failed: {secret.password}"')

    asked = work(source, "--log-format", form, "--log-errors").log
    within(lambda queue: queue.schedule(JobType("fails", Secret), Secret(CANARY, 1)))
    unasked = work(source, "--log-format", form).log

    assert CANARY not in unasked
    assert "Traceback" not in unasked
    assert unasked.count("RuntimeError") >= 2
    said = f"failed (RuntimeError: it failed: {CANARY})"
    if form == "json":
        lines = [json.loads(line) for line in asked.splitlines()]
        (retried,) = [line for line in lines if said in line["message"]]
        assert retried["adc_error_message"] == f"it failed: {CANARY}"
        assert retried["traceback"].startswith("Traceback (most recent call last)")
        assert "in fails" in retried["traceback"]
    else:
        assert said in asked
        assert asked.count("Traceback (most recent call last)") == 2
        assert asked.count(", in fails") == 2
