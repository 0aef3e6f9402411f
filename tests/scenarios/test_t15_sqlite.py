"""Peers' reports about SQLite. All by real time: locks, threads and processes are the point."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from aide_de_camp import (
    ConfigurationError,
    EventKind,
    InvalidArgument,
    JobContext,
    JobRequest,
    JobRouter,
    JobState,
    JobType,
    open_queue,
)

from .conftest import Run
from .support import SECOND, listening
from .trouble import intact, lines, running, start_worker, until, until_async

NUMBER = JobType("number", int)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "jobs.db"


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


@contextmanager
def write_lock(file: Path) -> Iterator[None]:
    """Hold the write lock, as some other program may."""
    rival = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    try:
        rival.execute("BEGIN IMMEDIATE")
        yield
        rival.execute("ROLLBACK")
    finally:
        rival.close()


def test_p114_many_threads_and_processes_on_one_file(
    url: str, file: Path, tmp_path: Path, run: Run
) -> None:
    """LIV-2: four threads with loops of their own and two processes: no error reaches a user."""
    ran, errors, lock = list[int](), list[BaseException](), threading.Lock()

    async def produce_and_run(first: int) -> None:
        router = JobRouter()

        @router.job("number")
        async def number(payload: int) -> None:
            with lock:
                ran.append(payload)

        async with (
            open_queue(url) as queue,
            running(queue, router, concurrency=4, poll_interval=SECOND / 5),
        ):
            for n in range(first, first + 50):
                await queue.schedule(number, n)
                if n % 10 == 0:
                    await queue.schedule(JobType("healthy", str), f"h{n}")
                await queue.count_jobs()

            async def none_left() -> bool:
                counts = await queue.count_jobs(job_types=["number"])
                return counts.by_state.get(JobState.COMPLETED) == 200

            await until_async(none_left)

    def thread(first: int) -> None:
        try:
            asyncio.run(produce_and_run(first))
        except BaseException as error:  # noqa: BLE001 (reported in the test's own thread)
            errors.append(error)

    log = tmp_path / "log"
    processes = [start_worker(url, log) for _ in range(2)]
    try:
        threads = [threading.Thread(target=thread, args=(50 * n,)) for n in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        ready = {f"ready {process.pid}" for process in processes}
        asyncio.run(until(lambda: ready <= set(lines(log)), "the workers"))
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert [process.wait(20) for process in processes] == [0, 0]
    finally:
        for process in processes:
            process.kill()
    assert not errors
    assert sorted(ran) == list(range(200))
    assert intact(file)


def test_p115_a_transaction_of_the_users_own_is_joined(url: str, file: Path, run: Run) -> None:
    """TXN-1: the job is there if the user's transaction commits, and only then."""

    async def scenario() -> None:
        engine = create_engine(f"sqlite:///{file}")
        async with open_queue(url) as queue:
            own = sqlite3.connect(file)
            with pytest.raises(InvalidArgument, match="SQLAlchemy"):
                await queue.schedule(NUMBER, 1, transaction=own)
            own.close()
            with Session(engine) as session:
                await queue.schedule(NUMBER, 2, transaction=session)
                session.rollback()
                job_id = await queue.schedule(NUMBER, 3, transaction=session)
                assert (await queue.count_jobs()).total == 0
                session.commit()
            handle = await queue.poll_next(NUMBER)
            assert handle is not None
            assert (handle.id, handle.payload) == (job_id, 3)
            await handle.complete()
        engine.dispose()

    run(scenario())


def test_p116_completion_outlasts_a_lock(
    url: str, file: Path, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """RET-5: the lock is held just as the handler returns: completed in the end, run once."""
    holding = write_lock(file)

    async def scenario() -> None:
        router, ran = JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int) -> None:
            ran.append(payload)
            holding.__enter__()

        async with open_queue(f"{url}?busy_timeout=0.1") as queue:
            job_id = await queue.schedule(number, 1)
            async with running(queue, router):
                await until(lambda: "not acknowledged" in caplog.text)
                assert (await queue.get_job(job_id)).state is JobState.RUNNING
                holding.__exit__(None, None, None)

                async def completed() -> bool:
                    return (await queue.get_job(job_id)).state is JobState.COMPLETED

                await until_async(completed)
            assert ran == [1]
            assert (await queue.get_job(job_id)).claims == 1

    with caplog.at_level(logging.ERROR, "aide_de_camp"):
        run(scenario())


def test_p116_a_lock_that_outlasts_the_lease(url: str, file: Path, run: Run) -> None:
    """LEA-3, LEA-6: neither settle nor heartbeat gets through: a second run, the first refused."""
    holding = write_lock(file)

    async def scenario() -> None:
        registry, ear = listening()
        router, ran, tokens = JobRouter(), list[int](), list[int]()

        @router.job("number")
        async def number(payload: int, job: JobContext) -> None:
            ran.append(job.claims)
            tokens.append(job.fencing_token)
            if job.claims == 1:
                holding.__enter__()
                await asyncio.sleep(600)

        async with open_queue(f"{url}?busy_timeout=1", registry=registry) as queue:
            job_id = await queue.schedule(number, 1)
            async with running(queue, router, lease=5 * SECOND, poll_interval=SECOND / 5):
                await until(lambda: EventKind.LEASE_LOST in ear.kinds(job_id))
                holding.__exit__(None, None, None)
                await until(lambda: EventKind.COMPLETED in ear.kinds(job_id))
            after = await queue.get_job(job_id)
            assert ran == [1, 2]
            assert (after.state, after.claims, after.retries) == (JobState.COMPLETED, 2, 1)
            assert after.token == tokens[1] > tokens[0]

    run(scenario())


@pytest.mark.parametrize(
    "address",
    [
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite://:memory:",
        "sqlite:///file::memory:?cache=shared",
        "sqlite:///file:x",
        "sqlite:///file:x?mode=memory",
    ],
)
def test_p117_an_address_that_names_no_file_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    """ERR-2: with advice, and no stray file."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"memory://|sqlite:///|doesn't know"):
        open_queue(address)
    assert not list(tmp_path.iterdir())


def test_p117_a_relative_path_is_one_file_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    """Four threads and two storage objects see the same jobs, also after a change of folder."""
    monkeypatch.chdir(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    first = open_queue("sqlite:///jobs.db")

    async def schedule(n: int) -> None:
        async with open_queue(f"sqlite:///{tmp_path / 'jobs.db'}") as queue:
            await queue.schedule(NUMBER, n)

    async def scenario() -> None:
        async with first as queue:
            await asyncio.gather(*(asyncio.to_thread(asyncio.run, schedule(n)) for n in range(4)))
            assert (await queue.count_jobs()).total == 4

    monkeypatch.chdir(elsewhere)
    run(scenario())
    assert {each.name for each in tmp_path.iterdir()} == {"jobs.db", "elsewhere"}
    assert not list(elsewhere.iterdir())


def test_a_process_that_holds_the_lock_is_killed(
    url: str, file: Path, tmp_path: Path, run: Run
) -> None:
    """DUR-1: kill -9 in the midst of a transaction leaves no lock, and nothing half done."""
    holder = (
        "import sqlite3, sys, time; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('BEGIN IMMEDIATE'); c.execute('DELETE FROM adc_job');"
        "print('held', flush=True); time.sleep(600)"
    )

    def hold_in_a_process() -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", holder, str(file)], stdout=subprocess.PIPE)

    async def scenario() -> None:
        async with open_queue(url) as queue:
            await queue.schedule_many([JobRequest(NUMBER, n) for n in range(50)])
            process = hold_in_a_process()
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            call = asyncio.create_task(queue.schedule(NUMBER, 50))
            await asyncio.sleep(0.1)
            assert not call.done()
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            process.stdout.close()
            await call
            assert (await queue.count_jobs()).total == 51

    run(scenario())
    assert intact(file)
