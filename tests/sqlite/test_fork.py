from __future__ import annotations

import asyncio
import os
import sqlite3

from aide_de_camp.spi import JobFilter, QueueMisused


def test_use_after_a_fork_is_refused_and_harms_nothing(bench):
    """P118: a child must open a queue of its own; the parent's goes on."""

    async def refused(storage) -> bool:
        calls = (
            lambda: bench.put(storage, bench.job()),
            lambda: storage.list("q", JobFilter(), limit=1),
            lambda: storage.wait("q", 0, 1.0),
        )
        for call in calls:
            try:
                await call()
            except QueueMisused:
                continue
            return False
        await storage.close()
        return True

    def in_child(storage) -> int:
        # The parent's loop can't run here; the calls are refused before they need one.
        try:
            refused(storage).send(None)
        except StopIteration as answer:
            return 0 if answer.value else 1
        return 2

    def forked(storage) -> int:
        pid = os.fork()
        if pid == 0:
            status = 3
            try:
                status = in_child(storage)
            finally:
                os._exit(status)
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)

    async def run() -> None:
        async with bench.opened() as storage:
            (job_id,) = await bench.put(storage, bench.job())
            assert forked(storage) == 0
            await bench.put(storage, bench.job())
            assert [job.id for job in (await bench.claim(storage, limit=1)).jobs] == [job_id]

    asyncio.run(run())
    connection = sqlite3.connect(bench.path)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("SELECT count(*) FROM adc_job").fetchone() == (2,)
    connection.close()


def test_a_child_opens_the_file_anew(bench, outcome):
    """P118."""

    async def run() -> None:
        async with bench.opened() as storage:
            (job_id,) = await bench.put(storage, bench.job(), now=None)
            child = bench.child("claim", bench.url)
            assert await asyncio.to_thread(outcome, child) == f"{job_id}\n"
            (record,) = await storage.get("q", [job_id])
            assert record.state == "completed"

    asyncio.run(run())
