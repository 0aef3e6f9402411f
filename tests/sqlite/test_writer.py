from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import threading
import time
from typing import cast

import pytest

from aide_de_camp.spi import (
    CountFilter,
    EnqueueResult,
    QueueClosed,
    StorageError,
    StorageUnavailable,
)
from aide_de_camp_backends.sqlite.call import Call
from aide_de_camp_backends.sqlite.committer import Committer
from aide_de_camp_backends.sqlite.options import Options
from aide_de_camp_backends.sqlite.plugin import connect


async def count(storage) -> int:
    return sum(row.count for row in await storage.count("q", CountFilter()))


def transactions_of(storage, monkeypatch) -> list[int]:
    """Note how many calls each transaction has."""
    committer = storage._writer()._committer
    sizes: list[int] = []
    transact = committer._transact

    def noting(calls):
        sizes.append(len(calls))
        return transact(calls)

    monkeypatch.setattr(committer, "_transact", noting)
    return sizes


def test_what_waits_at_the_same_time_is_committed_together(bench, monkeypatch):
    async def run() -> None:
        async with bench.opened() as storage:
            sizes = transactions_of(storage, monkeypatch)
            await asyncio.gather(*(bench.put(storage, bench.job()) for _ in range(200)))
            assert sum(sizes) == 200
            assert len(sizes) < 50
            assert await count(storage) == 200

    asyncio.run(run())


def test_strangers_do_not_share_a_fate(bench, monkeypatch):
    """A call that fails is rolled back alone (clause ENQ-4)."""

    async def run() -> None:
        async with bench.opened() as storage:
            sizes = transactions_of(storage, monkeypatch)
            good, bad = bench.job(), bench.job(job_type="\udc80")
            calls = [[bench.job()], [good, bad], [bench.job(), bench.job()]]
            first, broken, last = await asyncio.gather(
                *(storage.enqueue("q", jobs, now=None) for jobs in calls), return_exceptions=True
            )
            assert first == [EnqueueResult.STORED]
            assert last == [EnqueueResult.STORED] * 2
            assert isinstance(broken, StorageError)
            assert isinstance(broken.__cause__, UnicodeEncodeError)
            assert await storage.get("q", [good.id]) == [None]
            assert await count(storage) == 3
            assert max(sizes) > 1

    asyncio.run(run())


def test_a_number_too_big_for_the_file_is_a_storage_error(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            job = bench.job(max_retries=2**70)
            with pytest.raises(StorageError) as caught:
                await bench.put(storage, job)
            assert caught.value.job_id == job.id
            assert await count(storage) == 0

    asyncio.run(run())


def test_cancelling_one_caller_leaves_the_others(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            # Keeps the thread busy, so that the three wait together.
            gate = threading.Event()
            holding = asyncio.ensure_future(storage._writer().submit(lambda _tx: gate.wait(30)))
            await asyncio.sleep(0)
            tasks = [asyncio.ensure_future(bench.put(storage, bench.job())) for _ in range(3)]
            await asyncio.sleep(0)
            tasks[1].cancel()
            gate.set()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            await holding
            assert isinstance(results[1], asyncio.CancelledError)
            assert [await storage.get("q", results[i]) != [None] for i in (0, 2)] == [True, True]

    asyncio.run(run())


def test_closing_answers_what_waits_and_refuses_what_comes_later(bench):
    """Clause LIV-3."""

    async def run() -> None:
        async with bench.opened() as storage:
            waiting = asyncio.ensure_future(bench.put(storage, bench.job()))
            await asyncio.sleep(0)
            await asyncio.gather(storage.close(), storage.close())
            assert len(await waiting) == 1
            await storage.close()
            for call in (
                bench.put(storage, bench.job()),
                storage.count("q", CountFilter()),
                storage.wait("q", 0, 1.0),
            ):
                with pytest.raises(QueueClosed):
                    await call

    asyncio.run(run())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("adc-sqlite")]


def test_it_can_be_opened_again_after_closing(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            (job_id,) = await bench.put(storage, bench.job())
            await storage.close()
            await storage.open()
            assert await storage.get("q", [job_id]) != [None]

    asyncio.run(run())


def test_opening_that_is_cancelled_leaves_no_thread_behind(bench):
    async def run() -> None:
        opening = asyncio.ensure_future(connect(bench.url, {})().open())
        await asyncio.sleep(0)
        opening.cancel()
        await asyncio.gather(opening, return_exceptions=True)
        assert opening.cancelled()

    asyncio.run(run())
    for thread in threading.enumerate():
        if thread.name.startswith("adc-sqlite"):
            thread.join(10)
            assert not thread.is_alive()


def test_a_program_that_forgets_to_close_ends_all_the_same(bench, outcome):
    script = (
        "import asyncio, sys\n"
        "from aide_de_camp.spi import CountFilter\n"
        "from aide_de_camp_backends.sqlite.plugin import connect\n"
        "async def main():\n"
        "    storage = connect(sys.argv[1], {})()\n"
        "    await storage.open()\n"
        "    print(await storage.count('q', CountFilter()))\n"
        "    asyncio.ensure_future(storage.wait('q', storage.ticket('q'), 3600))\n"
        "    await asyncio.sleep(0)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, bench.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert outcome(process) == "[]\n"


def test_reads_leave_no_thread_behind(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            before = set(threading.enumerate())
            await asyncio.gather(*(count(storage) for _ in range(5)))
            reading = asyncio.ensure_future(count(storage))
            await asyncio.sleep(0)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)
            for thread in set(threading.enumerate()) - before:
                await asyncio.to_thread(thread.join, 10)
            assert not [
                t for t in threading.enumerate() if t not in before and "asyncio" not in t.name
            ]

    asyncio.run(run())


def test_a_long_read_does_not_stall_the_writer(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *(bench.job() for _ in range(5)))
            reader = sqlite3.connect(bench.path, isolation_level=None)
            reader.execute("BEGIN")
            assert reader.execute("SELECT count(*) FROM adc_job").fetchone() == (5,)
            await bench.put(storage, bench.job())
            assert await count(storage) == 6
            reader.close()

    asyncio.run(run())


def test_a_full_disk_is_reported_with_the_jobs_and_work_goes_on(bench):
    """Clauses ERR-1 and LIV-2."""

    async def run() -> None:
        async with bench.opened() as storage:
            await storage._writer().submit(
                lambda tx: tx.connection.execute("PRAGMA max_page_count = 40").fetchall()
            )
            big = bench.job(payload=b"x" * 500_000)
            with pytest.raises(StorageUnavailable, match="disk is full") as caught:
                await bench.put(storage, big)
            assert caught.value.job_ids == (big.id,)
            assert caught.value.job_id == big.id
            assert not caught.value.outcome_unknown
            assert isinstance(caught.value.__cause__, sqlite3.Error)
            (small,) = await bench.put(storage, bench.job())
            assert await storage.get("q", [big.id]) == [None]
            assert await storage.get("q", [small]) != [None]

    asyncio.run(run())


def test_a_file_that_went_away_is_noticed_and_found_again(bench, tmp_path):
    """Clause LIV-2: nothing is acknowledged that is written to a file without a name."""

    async def run() -> None:
        async with bench.opened() as storage:
            (first,) = await bench.put(storage, bench.job())
            aside = bench.path.rename(tmp_path / "aside.db")
            job = bench.job()
            with pytest.raises(StorageUnavailable, match="is gone") as caught:
                await bench.put(storage, job)
            assert caught.value.job_ids == (job.id,)
            assert not bench.path.exists()
            aside.rename(bench.path)
            await bench.put(storage, job)
            assert None not in await storage.get("q", [first, job.id])

    asyncio.run(run())


class FailingCommit:
    """A connection whose commit fails in a chosen way."""

    def __init__(self, connection: sqlite3.Connection, code: int, *, before: bool) -> None:
        self._connection = connection
        self._code = code
        self._before = before

    def __getattr__(self, name: str):
        return getattr(self._connection, name)

    def execute(self, statement: str, *values):
        if statement != "COMMIT":
            return self._connection.execute(statement, *values)
        if not self._before:
            self._connection.execute(statement)
        error = sqlite3.OperationalError("injected")
        error.sqlite_errorcode = self._code
        raise error


@pytest.mark.parametrize(
    ("code", "unknown"),
    [(sqlite3.SQLITE_IOERR_FSYNC, True), (sqlite3.SQLITE_FULL, False)],
)
def test_only_a_commit_that_may_have_taken_effect_has_an_unknown_outcome(bench, code, unknown):
    """Clause ENQ-8."""

    async def run() -> None:
        job = bench.job()
        async with bench.opened():
            pass
        committer = Committer(Options(bench.path))
        committer.open()
        assert committer._connection is not None
        failing = FailingCommit(committer._connection, code, before=not unknown)
        committer._connection = cast("sqlite3.Connection", failing)
        from aide_de_camp_backends.sqlite.changing import enqueue

        def call() -> Call:
            future = asyncio.get_running_loop().create_future()
            deadline = time.monotonic() + 5
            return Call(lambda tx: enqueue(tx, "q", [job], None), future, deadline, True, [job.id])

        failed = call()
        committer.run([failed])
        assert isinstance(failed.error, StorageUnavailable)
        assert failed.error.outcome_unknown is unknown
        assert failed.error.job_ids == (job.id,)
        if not unknown:
            committer.close()
            committer.open()
        again = call()
        committer.run([again])
        assert again.error is None
        assert again.result == [EnqueueResult.EXISTS if unknown else EnqueueResult.STORED]
        committer.close()

    asyncio.run(run())
