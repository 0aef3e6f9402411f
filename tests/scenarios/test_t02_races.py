"""Peers' reports about cancels that come late, or race with claims."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from aide_de_camp import (
    DecodeError,
    JobAlreadyStarted,
    JobNotFound,
    JobRequest,
    JobState,
    JobType,
    JobTypeMismatch,
    ManualClock,
    Queue,
    new_job_id,
    open_queue,
)

from .conftest import Run
from .support import (
    MINUTE,
    ORDER,
    Order,
    refused,
    shared,
    store_raw,
    take,
)

# --- P15: nothing is left behind -----------------------------------------------------------------


def test_p15_late_cancels_leave_nothing_behind(queue_url: str, run: Run, tmp_path: Path) -> None:
    async def scenario() -> None:
        clock = ManualClock()
        async with open_queue(queue_url, clock=clock, keep_finished=MINUTE) as queue:
            for turn in range(3):
                ids = await queue.schedule_many([JobRequest(ORDER, Order(i)) for i in range(100)])
                for job_id in ids[:50]:
                    assert await queue.cancel_job(job_id) is True
                while (handle := await queue.poll_next(ORDER)) is not None:
                    await handle.complete()
                for job_id in ids:
                    with pytest.raises(JobNotFound):
                        await queue.cancel_job(job_id)
                    with pytest.raises(JobNotFound):
                        await queue.cancel_job(new_job_id())
                assert (await queue.count_jobs()).total == 100, turn
                clock.advance(MINUTE - timedelta(microseconds=1))
                assert await queue.prune() == 0
                clock.advance(timedelta(microseconds=1))
                assert await queue.prune() == 100
                for job_id in ids:
                    with pytest.raises(JobNotFound):
                        await queue.get_job(job_id)
            assert (await queue.count_jobs()).total == 0
            assert list(await queue.storage.queues()) == []

    run(scenario())
    if queue_url.startswith("sqlite"):
        with sqlite3.connect(tmp_path / "jobs.db") as db:
            tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema") if name]
            assert "adc_job" in tables
            assert db.execute("SELECT count(*) FROM adc_job").fetchone() == (0,)
        db.close()


# --- P16: a look before the leap -----------------------------------------------------------------


@pytest.mark.parametrize("first", ["claim", "cancel"])
def test_p16_a_job_that_starts_between_look_and_cancel(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    """CAN-8, with a barrier inside ``unschedule_job``, in both orders; the payload is readable."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            get = queue.storage.get
            looked, go_on = asyncio.Event(), asyncio.Event()

            async def get_and_wait(name: str, ids: list[UUID]) -> object:
                found = await get(name, ids)
                looked.set()
                await go_on.wait()
                return found

            for turn in range(60):
                job_id = await queue.schedule(ORDER, Order(turn))
                looked.clear()
                go_on.clear()
                with monkeypatch.context() as patch:
                    patch.setattr(queue.storage, "get", get_and_wait)
                    unscheduling = asyncio.create_task(queue.unschedule_job(job_id, ORDER))
                    await looked.wait()
                if first == "claim":
                    handle = await take(queue)
                    if turn % 2:
                        await handle.release()  # it ran and came back: look again
                    go_on.set()
                    if turn % 2:
                        assert await unscheduling == Order(turn)
                    else:
                        with pytest.raises(JobAlreadyStarted):
                            await unscheduling
                        await handle.complete()
                else:
                    go_on.set()
                    assert await unscheduling == Order(turn)
                    assert await queue.poll_next(ORDER) is None
                job = await queue.get_job(job_id)
                won = first == "cancel" or turn % 2
                assert job.state is (JobState.CANCELLED if won else JobState.COMPLETED)
                assert job.payload is not None
                assert job.payload_size == len(job.payload) > 0

    run(scenario())


def test_p16_of_racing_claims_and_cancels_one_wins(queue_url: str, run: Run) -> None:
    """CAN-8, from threads of their own, each with its queue: claimers, cancellers, unschedulers."""
    url = shared(queue_url)

    async def race_once(queue: Queue) -> set[str]:
        ids = await queue.schedule_many([JobRequest(ORDER, Order(i)) for i in range(400)])
        race = Race(url, ids)
        await asyncio.gather(
            *(
                asyncio.to_thread(race.run, play)
                for play in (race.claim_all, race.cancel_all, race.unschedule_all)
            )
        )
        won = race.won
        for number, job_id in enumerate(ids):
            assert len(won[job_id]) == 1, (number, won[job_id])
            expected = JobState.COMPLETED if won[job_id] == ["claim"] else JobState.CANCELLED
            job = await queue.get_job(job_id)
            assert job.state is expected
            assert job.claims == (1 if expected is JobState.COMPLETED else 0)
            assert race.payloads.get(job_id, Order(number)) == Order(number)
        return {way for ways in won.values() for way in ways}

    async def scenario() -> None:
        # A thread that the machine prefers can win a whole round; then there was no race yet.
        async with open_queue(url) as queue:
            for _ in range(20):
                if len(await race_once(queue)) > 1:
                    return
        pytest.fail("one side won every job of every round, so there was no race")

    run(scenario())


class Race:
    """Three players, each in a thread, with an event loop and a queue of its own."""

    def __init__(self, url: str, ids: list[UUID]) -> None:
        self.url = url
        self.ids = ids
        self.won: dict[UUID, list[str]] = {job_id: [] for job_id in ids}
        self.payloads: dict[UUID, Order] = {}
        self._lock = threading.Lock()
        self._start = threading.Barrier(3, timeout=20)

    def run(self, play: Callable[[Queue], Coroutine[Any, Any, None]]) -> None:
        async def playing() -> None:
            async with open_queue(self.url) as queue:
                self._start.wait()
                await play(queue)

        asyncio.run(playing())

    def _note(self, job_id: UUID, way: str, payload: Order | None) -> None:
        with self._lock:
            self.won[job_id].append(way)
            if payload is not None:
                self.payloads[job_id] = payload

    async def claim_all(self, queue: Queue) -> None:
        while (handle := await queue.poll_next(ORDER)) is not None:
            self._note(handle.id, "claim", handle.payload)
            await handle.complete()

    async def cancel_all(self, queue: Queue) -> None:
        for job_id in reversed(self.ids):
            with suppress(JobNotFound):
                if await queue.cancel_job(job_id):
                    self._note(job_id, "cancel", None)

    async def unschedule_all(self, queue: Queue) -> None:
        for job_id in self.ids[1::2] + self.ids[::2]:
            with suppress(JobNotFound, JobAlreadyStarted):
                payload = await queue.unschedule_job(job_id, ORDER)
                self._note(job_id, "unschedule", payload)


def test_p16_the_order_of_checks_and_a_place_that_is_kept(queue_url: str, run: Run) -> None:
    """CAN-5, CAN-6: a refused unschedule leaves bytes, place and counters as they were."""

    async def scenario() -> None:
        other = JobType("other", str)
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            bad = await store_raw(queue, b'{"number": "x"', priority=3)
            clock.advance(1)
            good = await queue.schedule(ORDER, Order(1), priority=3)
            before = [await queue.get_job(each) for each in (bad, good)]
            with pytest.raises(DecodeError, match=str(bad)):
                await queue.unschedule_job(bad, ORDER)
            for job_id in (bad, good):
                with pytest.raises(JobTypeMismatch) as raised:
                    await queue.unschedule_job(job_id, other)
                assert raised.value.state is JobState.SCHEDULED
            assert [await queue.get_job(each) for each in (bad, good)] == before

            # Type comes before state: a running job of another type is a mismatch.
            assert (await take(queue)).id == good  # the bad one went to the dead queue (DEC-1)
            with pytest.raises(JobTypeMismatch) as raised:
                await queue.unschedule_job(good, other)
            assert raised.value.state is JobState.RUNNING
            assert await refused(queue, bad) is JobState.DEAD
            with pytest.raises(JobNotFound) as gone:
                await queue.unschedule_job(bad, other)
            assert type(gone.value) is JobNotFound

    run(scenario())
