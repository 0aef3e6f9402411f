"""Peers' reports about poison messages and releases that break jobs.

Left out: P25, which needs results; P138, which is about dashboards. P19 speaks of metadata that
users attach; there is none, so the stored error takes its place.
"""

from __future__ import annotations

import importlib
import pickle
import sqlite3
from pathlib import Path
from uuid import UUID

import attrs
import pytest

from aide_de_camp import (
    DecodeError,
    EventKind,
    InvalidArgument,
    JobNotFound,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    open_queue,
)

from .conftest import Run
from .support import (
    AT_ONCE,
    ORDER,
    Order,
    all_jobs,
    keeping,
    listening,
    state_of,
    store_raw,
)

POISON = {
    "empty": b"",
    "cut": b'{"number":1',
    "trailing": b'{"number":1}}',
    "missing": b'{"note":"x"}',
    "unknown field": b'{"number":1,"surplus":2}',
    "wrong type": b'{"number":"1"}',
    "a float": b'{"number":1.0}',
    "a bool": b'{"number":true}',
    "null": b"null",
    "a list": b"[1]",
    "not utf-8": b'{"number":1,"note":"\xff\xfe"}',
    "surrogate": b'{"number":1,"note":"\\ud800"}',
    "nan": b'{"number":NaN}',
    "key twice": b'{"number":1,"number":2}',
    "deep": b"[" * 100_000,
    "deep in a field": b'{"number":1,"note":' + b'{"a":' * 50_000,
    "nul": b"\x00" * 64,
    "pickle": pickle.dumps({"number": 1}),
    "huge number": b'{"number":1' + b"0" * 5_000 + b"}",
}


@attrs.frozen
class NewOrder:
    """What a broken release makes of an order."""

    number: int
    note: str
    tenant: str


# --- P17: a release that breaks jobs -------------------------------------------------------------


@pytest.mark.parametrize("slots", [1, 4])
def test_p17_a_broken_release_leaves_no_job_running(queue_url: str, run: Run, slots: int) -> None:
    """Import error, renamed task, new required field: three states that tell them apart.

    OBS-4 decides for the renamed one: it stays scheduled, and is counted.
    """

    async def scenario() -> None:
        router = JobRouter()

        @router.job("imports", max_retries=1, backoff=AT_ONCE)
        async def imports(payload: Order) -> None:
            importlib.import_module("a_module_that_is_not_there")

        @router.job("order")
        async def order(payload: NewOrder) -> None:
            raise AssertionError(payload)

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            for each in range(5):
                await queue.schedule(JobType("imports", Order), Order(each))
                await queue.schedule(JobType("renamed", Order), Order(each))
                await queue.schedule(ORDER, Order(each))
            assert await JobRunner(queue, router, concurrency=slots).drain() == 15
            counts = await queue.count_jobs()
            assert counts.by_type == {
                "imports": {JobState.DEAD: 5},
                "renamed": {JobState.SCHEDULED: 5},
                "order": {JobState.DEAD: 5},
            }
            for job in await all_jobs(queue):
                assert job.lease_until is None
                if job.job_type == "imports":
                    assert (job.reason, job.retries, job.claims) == ("failed", 1, 2)
                    assert job.error is not None
                    assert job.error.type == "ModuleNotFoundError"
                elif job.job_type == "order":
                    assert (job.reason, job.retries, job.claims) == ("decode", 0, 1)
                    assert job.error is not None
                    assert "tenant" in job.error.message
                else:
                    assert (job.claims, job.error) == (0, None)

    run(scenario())


def test_p17_after_the_release_was_mended_the_same_bytes_run(queue_url: str, run: Run) -> None:
    """DEC-5, and RET-4 for all at once."""

    async def scenario() -> None:
        seen: list[Order] = []
        broken = JobRouter()

        @broken.job("order")
        async def order(payload: NewOrder) -> None:
            raise AssertionError(payload)

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            ids = await queue.schedule_many(
                [JobRequest(ORDER, Order(i, "é\x00"), priority=i % 3) for i in range(20)]
            )
            before = [await queue.get_job(each) for each in ids]
            await JobRunner(queue, broken).drain()
            assert await queue.dead.count(reasons=["decode"]) == 20
            for was, job_id in zip(before, ids, strict=True):
                job = await queue.get_job(job_id)
                assert (job.payload, job.codec, job.priority) == (
                    was.payload,
                    was.codec,
                    was.priority,
                )
                assert (job.scheduled_at, job.enqueued_at) == (was.scheduled_at, was.enqueued_at)
            assert await queue.dead.requeue_all() == 20
            assert await JobRunner(queue, keeping(seen), concurrency=1).drain() == 20
            assert seen == [Order(i, "é\x00") for p in (2, 1, 0) for i in range(p, 20, 3)]

    run(scenario())


def test_p17_a_rolling_release_may_retry_what_it_cannot_read(queue_url: str, run: Run) -> None:
    """DEC-2: with ``on_decode_error="retry"`` it is retried as a failure is, then dead."""

    async def scenario() -> None:
        seen: list[Order] = []
        router = keeping(seen, on_decode_error="retry", max_retries=2, backoff=AT_ONCE)
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            job_id = await store_raw(queue, b'{"number":1,"later":2}')
            assert await JobRunner(queue, router).drain() == 3
            job = await queue.get_job(job_id)
            assert (job.state, job.reason, job.retries) == (JobState.DEAD, "decode", 2)
            assert seen == []

    run(scenario())


# --- P18, P19, P20: what can't be read breaks nothing else ---------------------------------------


@pytest.mark.parametrize("slots", [1, 8])
def test_p18_hooks_and_the_runner_survive_a_poison_job(
    queue_url: str, run: Run, slots: int
) -> None:
    """DEC-1 to DEC-4: each is dead, told of with its type and reason, and the rest runs."""

    async def scenario() -> None:
        registry, ear = listening()
        seen: list[Order] = []
        async with open_queue(queue_url, clock=ManualClock(), registry=registry) as queue:
            poison = {name: await store_raw(queue, data) for name, data in POISON.items()}
            good = [await queue.schedule(ORDER, Order(each)) for each in range(5)]
            runner = JobRunner(queue, keeping(seen), concurrency=slots)
            assert await runner.drain() == len(POISON) + 5
            assert seen == [Order(each) for each in range(5)]
            for name, job_id in poison.items():
                job = await queue.get_job(job_id)
                assert (job.state, job.reason, job.retries) == (JobState.DEAD, "decode", 0), name
                assert job.payload == POISON[name]
                assert job.error is not None
                assert job.error.type == "DecodeError"
                assert job.error.traceback is None
                told = [event for event in ear.events if event.job_id == job_id]
                assert [(event.kind, event.reason) for event in told] == [
                    (EventKind.DEAD, "decode")
                ], name
                assert told[0].job_type == "order"
            for job_id in good:
                assert await state_of(queue, job_id) is JobState.COMPLETED

    run(scenario())


def test_p18_poll_next_skips_and_unschedule_refuses_what_cannot_be_read(
    queue_url: str, run: Run
) -> None:
    async def scenario() -> None:
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            poison = [await store_raw(queue, data) for data in POISON.values()]
            good = await queue.schedule(ORDER, Order(1), priority=-1)
            for job_id in poison:
                with pytest.raises(DecodeError) as raised:
                    await queue.unschedule_job(job_id, ORDER)
                assert raised.value.job_id == job_id
                assert await state_of(queue, job_id) is JobState.SCHEDULED
            handle = await queue.poll_next(ORDER)
            assert handle is not None
            assert handle.id == good
            assert await queue.dead.count(reasons=["decode"]) == len(poison)
            await handle.complete()
            assert await queue.poll_next(ORDER) is None

    run(scenario())


def test_p19_p139_a_damaged_record_hides_no_other(run: Run, tmp_path: Path) -> None:
    """OBS-2, OBS-3: a row with an unreadable error, an unknown state, odd bytes or names.

    SQLite alone: in memory nothing can be damaged from outside.
    """
    file = tmp_path / "jobs.db"
    seen: list[Order] = []

    async def prepare() -> list[UUID]:
        async with open_queue(f"sqlite:///{file}", clock=ManualClock()) as queue:
            ids = await queue.schedule_many([JobRequest(ORDER, Order(i)) for i in range(100)])
            for _ in range(3):
                handle = await queue.poll_next(ORDER)
                assert handle is not None
                await handle.dead_queue(RuntimeError("once"))
            return ids

    ids = run(prepare())
    damages = [
        ("error = '{not json'", 0),
        ("error = '[]', error_detail = '7'", 1),
        ("error = NULL, reason = NULL", 2),
        ("payload = x'00ff'", 3),
        ("job_type = 'nobody''s'", 4),
        ("codec = 'from-next-year'", 5),
        ("state = 77", 6),
        ("worker = 'a' || char(10) || 'b'", 7),
    ]
    with sqlite3.connect(file) as db:
        for change, index in damages:
            done = db.execute(f"UPDATE adc_job SET {change} WHERE id = ?", (ids[index].bytes,))
            assert done.rowcount == 1
    db.close()

    async def look() -> None:
        async with open_queue(f"sqlite:///{file}", clock=ManualClock()) as queue:
            jobs = await all_jobs(queue)
            assert [job.id for job in jobs] == ids
            # Counts are of the states that this version knows.
            assert (await queue.count_jobs()).total == 99
            for job_id in ids:
                assert (await queue.get_job(job_id)).id == job_id
            assert {job.id for job in (await queue.dead.list()).jobs} >= set(ids[:3])
            damaged = await queue.get_job(ids[0])
            assert damaged.error is not None
            assert damaged.error.type == "unreadable"
            newer = await queue.get_job(ids[6])
            assert newer.reason == "unknown state 77"
            with pytest.raises(JobNotFound):
                await queue.cancel_job(ids[6])

            await JobRunner(queue, keeping(seen)).drain()
            assert seen == [Order(7)] + [Order(each) for each in range(8, 100)]
            counts = await queue.count_jobs()
            assert counts.by_type["nobody's"] == {JobState.SCHEDULED: 1}
            assert counts.by_state[JobState.COMPLETED] == 93
            assert await queue.dead.count(reasons=["decode"]) == 2
            # Nobody but the newer version touches what only it understands.
            assert await queue.get_job(ids[6]) == newer
            for index in range(3):
                await queue.dead.requeue(ids[index])
            assert await JobRunner(queue, keeping(seen)).drain() == 3

    run(look())


def test_p20_no_job_vanishes_whatever_it_holds(queue_url: str, run: Run) -> None:
    """OBS-5: in == completed + dead + scheduled, with unknown types and text that is no text."""

    async def scenario() -> None:
        registry, ear = listening()
        seen: list[Order] = []
        async with open_queue(queue_url, clock=ManualClock(), registry=registry) as queue:
            for _ in range(10):
                await store_raw(queue, b"{}", job_type="nobody.knows.me")
                await store_raw(queue, b'{"number":1,"note":"\xc3"}')
                await store_raw(queue, b"{}", codec="nobody-knows-me-either")
                await queue.schedule(ORDER, Order(2))
            await JobRunner(queue, keeping(seen)).drain()
            counts = await queue.count_jobs()
            assert counts.total == 40
            assert counts.by_type["nobody.knows.me"] == {JobState.SCHEDULED: 10}
            assert counts.by_type["order"] == {JobState.DEAD: 20, JobState.COMPLETED: 10}
            ends = [event.kind for event in ear.events if event.job_type == "order"]
            assert ends.count(EventKind.DEAD) == 20
            assert ends.count(EventKind.COMPLETED) == 10

    run(scenario())


# --- P24: odd text that isn't payload ------------------------------------------------------------


@pytest.mark.parametrize(
    "note", ["\x00", "a\x00b", "\ud800", "\udc80" * 3, "\uffff", "\U0001f600", "\u202e", "\r\n"]
)
def test_p24_odd_text_in_errors_reasons_and_names(queue_url: str, run: Run, note: str) -> None:
    """RET-3: what comes from a handler is escaped alike and never lost; names are refused (ERR-2).

    The report's metadata: here the error's message, the reason, the worker's name.
    """

    async def scenario() -> None:
        router = JobRouter()

        @router.job("order", max_retries=0)
        async def order(payload: Order) -> None:
            raise LookupError(f"before {note} after")

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            failed = await queue.schedule(order, Order(1))
            assert await JobRunner(queue, router).drain() == 1
            job = await queue.get_job(failed)
            assert job.state is JobState.DEAD
            escaped = note.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
            assert job.error is not None
            assert job.error.message == f"before {escaped} after"
            assert job.error.traceback is not None
            assert escaped in job.error.traceback

            await queue.schedule(order, Order(2))
            handle = await queue.poll_next(order)
            assert handle is not None
            await handle.dead_queue(reason=f"why {note}")
            assert (await queue.get_job(handle.id)).reason == f"why {escaped}"

            if not note.isprintable():
                with pytest.raises(InvalidArgument):
                    JobType(note, Order)
                with pytest.raises(InvalidArgument):
                    JobRunner(queue, router, worker=note)

    run(scenario())
