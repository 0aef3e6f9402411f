"""Peers' reports about what is stored of a payload, and how often."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from uuid import UUID

import pytest

from aide_de_camp import (
    ConstantBackoff,
    JobState,
    JobType,
    ManualClock,
    open_queue,
)

from .conftest import Run
from .secret_paths import LOGIN, SECRET, Login, login
from .support import MINUTE, SECOND, all_jobs

# --- P132: what is pruned is gone ----------------------------------------------------------------


def test_p132_nothing_of_a_pruned_job_can_be_read(queue_url: str, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with open_queue(queue_url, clock=clock, keep_finished=MINUTE) as queue:
            ids = [await queue.schedule(LOGIN, login()) for _ in range(3)]
            handle = await queue.poll_next(LOGIN)
            assert handle is not None
            await handle.complete()
            await queue.cancel_job(ids[1])
            handle = await queue.poll_next(LOGIN)
            assert handle is not None
            await handle.dead_queue()
            clock.advance(MINUTE)
            assert await queue.prune() == 2
            await queue.dead.delete(ids[2])
            assert await all_jobs(queue) == []

    run(scenario())
    if queue_url.startswith("sqlite"):
        with sqlite3.connect(tmp_path / "jobs.db") as db:
            assert SECRET not in "\n".join(db.iterdump())
        db.close()


# --- P134: every stored copy ---------------------------------------------------------------------


@pytest.mark.parametrize("codec", ["json", "msgpack"])
def test_p134_the_stored_bytes_are_those_that_were_scheduled(
    queue_url: str, run: Run, tmp_path: Path, codec: str
) -> None:
    """ENQ-2, DEC-2, RET-3: after a retry, a lost lease, a release, a death, a requeue; one copy."""

    async def scenario() -> UUID:
        job_type = JobType("login", Login, max_retries=2, backoff=ConstantBackoff(SECOND))
        clock = ManualClock()
        async with open_queue(queue_url, clock=clock, codec=codec) as queue:
            job_id = await queue.schedule(job_type, login())
            first = await queue.get_job(job_id)
            assert first.payload is not None

            async def unchanged(state: JobState) -> None:
                job = await queue.get_job(job_id)
                assert job.state is state
                assert (job.payload, job.codec) == (first.payload, codec)
                assert job.error is None or SECRET not in repr(job.error)

            for end in ("fail", "lose", "release", "snooze", "dead"):
                handle = await queue.poll_next(job_type)
                assert handle is not None
                assert handle.payload == login()
                await unchanged(JobState.RUNNING)
                if end == "fail":
                    await handle.fail(LookupError("no"))
                elif end == "release":
                    await handle.release()
                elif end == "snooze":
                    await handle.snooze(SECOND)
                elif end == "dead":
                    await handle.dead_queue(LookupError("no"))
                    continue
                clock.advance(MINUTE)
                await queue.storage.reap(queue.name, 10, now=clock.now())
                await unchanged(JobState.SCHEDULED)
            await unchanged(JobState.DEAD)
            await queue.dead.requeue(job_id)
            await unchanged(JobState.SCHEDULED)
            handle = await queue.poll_next(job_type)
            assert handle is not None
            await handle.complete()
            await unchanged(JobState.COMPLETED)
            return job_id

    run(scenario())
    if queue_url.startswith("sqlite"):
        with sqlite3.connect(tmp_path / "jobs.db") as db:
            columns = [row[1] for row in db.execute("PRAGMA table_info(adc_job)")]
            row = db.execute("SELECT * FROM adc_job").fetchone()
        db.close()
        holding = [
            name
            for name, value in zip(columns, row, strict=True)
            if SECRET in str(value) or (isinstance(value, bytes) and SECRET.encode() in value)
        ]
        assert holding == ["payload"]
