from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import contextmanager

import pytest

from aide_de_camp.spi import CountFilter, JobFilter, JobState, LeaseResult, StorageUnavailable


@contextmanager
def write_lock(path):
    """Hold the file's write lock from another connection."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    finally:
        connection.close()


def test_no_busy_error_reaches_anybody(bench, outcome):
    """P114: processes with several callers each, scheduling, claiming and settling on one file."""
    children = [bench.child("work", bench.url) for _ in range(4)]
    done = sum(int(outcome(child)) for child in children)

    async def run() -> None:
        async with bench.opened() as storage:
            rows = await storage.count("q", CountFilter())
            assert sum(row.count for row in rows) == 4 * 4 * 15
            completed = sum(row.count for row in rows if row.state is JobState.COMPLETED)
            assert completed == done

    asyncio.run(run())


def test_many_callers_while_others_read_and_write(bench):
    """P115: write transactions begin as such, so that no read is upgraded, and none is lost."""

    async def run() -> None:
        async with bench.opened() as one, bench.opened() as two:

            async def caller(storage) -> None:
                await storage.list("q", JobFilter(), limit=5)
                await bench.put(storage, bench.job())

            await asyncio.gather(*(caller(s) for s in (one, two) for _ in range(50)))
            assert sum(row.count for row in await one.count("q", CountFilter())) == 100

    asyncio.run(run())


def test_completing_waits_for_the_lock(bench):
    """P116: the write that marks a job completed is done when the lock is free, once."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            (job,) = (await bench.claim(storage)).jobs
            with write_lock(bench.path) as other:
                settling = asyncio.ensure_future(bench.settle(storage, job))
                # Answered only after the other's commit, however long that takes.
                await asyncio.wait([settling], timeout=0.05)
                assert not settling.done()
                other.execute("ROLLBACK")
            assert await settling is LeaseResult.APPLIED
            (record,) = await storage.get("q", [job.id])
            assert (record.state, record.claims) == (JobState.COMPLETED, 1)

    asyncio.run(run())


def test_the_wait_is_bounded_and_says_what_to_do(bench):
    """P114, P116: then StorageUnavailable, with the jobs; afterwards all goes on."""

    async def run() -> None:
        async with bench.opened(busy_timeout="0.1") as storage:
            (known,) = await bench.put(storage, bench.job())
            jobs = [bench.job(), bench.job()]
            with write_lock(bench.path):
                with pytest.raises(StorageUnavailable, match="busy_timeout") as caught:
                    await storage.enqueue("q", jobs, now=None)
                assert caught.value.job_ids == tuple(job.id for job in jobs)
                assert not caught.value.outcome_unknown
                with pytest.raises(StorageUnavailable):
                    await bench.claim(storage)
                # Reads need no write lock.
                assert await storage.get("q", [known]) != [None]
                assert len((await storage.list("q", JobFilter(), limit=9)).records) == 1
            await storage.enqueue("q", jobs, now=None)
            assert len((await bench.claim(storage, now=None)).jobs) == 3

    asyncio.run(run())


def test_each_of_those_who_waited_together_gets_an_error_of_its_own(bench):
    async def run() -> None:
        async with bench.opened(busy_timeout="0.1") as storage:
            jobs = [bench.job() for _ in range(3)]
            with write_lock(bench.path):
                errors = await asyncio.gather(
                    *(storage.enqueue("q", [job], now=None) for job in jobs),
                    return_exceptions=True,
                )
            assert [getattr(e, "job_id", None) for e in errors] == [job.id for job in jobs]

    asyncio.run(run())


def test_opening_a_locked_new_file_is_bounded(bench):
    bench.path.touch()
    made = sqlite3.connect(bench.path)
    made.execute("PRAGMA journal_mode = WAL").close()
    made.close()

    async def run() -> None:
        with write_lock(bench.path), pytest.raises(StorageUnavailable):
            async with bench.opened(busy_timeout="0.1"):
                raise AssertionError
        mine = [each for each in threading.enumerate() if each.name.startswith("adc-sqlite")]
        assert mine == []
        async with bench.opened(busy_timeout="0.1") as storage:
            assert await storage.queues() == []

    asyncio.run(run())
