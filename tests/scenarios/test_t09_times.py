"""Peers' reports about due times, naive and aware; and P141's about times as they are shown."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from aide_de_camp import (
    ConstantBackoff,
    InvalidSchedule,
    JobContext,
    JobRequest,
    JobRouter,
    JobRunner,
    ManualClock,
    open_queue,
)

from .conftest import Run
from .support import (
    MICROSECOND,
    MINUTE,
    ORDER,
    SECOND,
    Order,
    due,
    instant,
)

ZONES = ["UTC", "Asia/Tokyo", "America/New_York", "Asia/Kolkata", "Pacific/Chatham"]


@pytest.fixture(params=["UTC", "Asia/Tokyo", "America/Halifax"])
def host_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The process believes that it is there."""
    zone: str = request.param
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    yield zone
    monkeypatch.undo()
    time.tzset()


# --- P58, P59: naive and aware -------------------------------------------------------------------


@pytest.mark.usefixtures("host_zone")
def test_p58_p59_naive_times_are_refused_wherever_one_may_be_given(
    queue_url: str, run: Run
) -> None:
    """ENQ-5: in every entry point alike, naming the argument, with nothing stored."""
    naive = datetime(2030, 1, 1, 12)  # noqa: DTZ001

    async def scenario() -> None:
        router, refused = JobRouter(), list[str]()

        @router.job("order")
        async def order(payload: Order, job: JobContext) -> None:
            with pytest.raises(InvalidSchedule) as raised:
                await job.schedule_at(ORDER, Order(2), naive)
            refused.append(raised.value.argument)

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            for given in (naive, naive.replace(fold=1), naive.date(), "2030-01-01", 5, None):
                at: Any = given
                with pytest.raises(InvalidSchedule) as raised:
                    await queue.schedule_at(ORDER, Order(1), at)
                assert raised.value.argument == "at"
                if at is None:
                    continue
                fine = JobRequest(ORDER, Order(0))
                for bulk in (queue.schedule_many, queue.schedule_bulk):
                    with pytest.raises(InvalidSchedule) as raised:
                        await bulk([fine, JobRequest(ORDER, Order(1), at=at)])
                    assert raised.value.argument == "at"
            for argument in (
                "scheduled_from",
                "scheduled_to",
                "enqueued_from",
                "enqueued_to",
                "finished_from",
                "finished_to",
            ):
                with pytest.raises(InvalidSchedule) as raised:
                    await queue.list_jobs(**{argument: naive})  # type: ignore[arg-type]
                assert raised.value.argument == argument
            assert (await queue.count_jobs()).total == 0
            await queue.schedule(order, Order(1))
            await JobRunner(queue, router).drain()
            assert refused == ["at"]
            assert (await queue.count_jobs()).total == 1

    run(scenario())


@pytest.mark.usefixtures("host_zone")
def test_p58_aware_times_mean_the_same_instant_in_any_zone(queue_url: str, run: Run) -> None:
    """ENQ-5: to the microsecond, never before, whatever the host's zone."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            at = instant(clock) + 5 * MINUTE + MICROSECOND
            zones: list[tzinfo] = [ZoneInfo(name) for name in ZONES]
            zones.append(timezone(timedelta(hours=-23, minutes=-59, seconds=-59)))
            for number, zone in enumerate(zones):
                job_id = await queue.schedule_at(ORDER, Order(number), at.astimezone(zone))
                job = await queue.get_job(job_id)
                assert job.scheduled_at == at
                assert job.scheduled_at.utcoffset() == timedelta(0)
            local = at.astimezone()
            await queue.schedule_at(ORDER, Order(99), local)
            clock.set(at - MICROSECOND)
            assert await due(queue) == []
            clock.set(at)
            assert await due(queue) == [*range(len(zones)), 99]

    run(scenario())


def test_p58_the_two_passes_of_a_repeated_hour_are_an_hour_apart(queue_url: str, run: Run) -> None:
    """ENQ-5: fold tells them apart; a time in a gap means what Python's own rules say."""

    async def scenario() -> None:
        berlin = ZoneInfo("Europe/Berlin")
        clock = ManualClock(datetime(2026, 10, 24, tzinfo=UTC))
        async with open_queue(queue_url, clock=clock) as queue:
            for fold in (1, 0):
                at = datetime(2026, 10, 25, 2, 30, tzinfo=berlin, fold=fold)
                await queue.schedule_at(ORDER, Order(fold), at)
            clock.set(datetime(2026, 10, 25, 0, 30, tzinfo=UTC))
            assert await due(queue) == [0]
            clock.set(datetime(2026, 10, 25, 1, 30, tzinfo=UTC) - MICROSECOND)
            assert await due(queue) == []
            clock.advance(MICROSECOND)
            assert await due(queue) == [1]
            gap = datetime(2027, 3, 28, 2, 30, tzinfo=berlin)
            job = await queue.get_job(await queue.schedule_at(ORDER, Order(2), gap))
            assert job.scheduled_at == gap.astimezone(UTC)

    run(scenario())


@pytest.mark.parametrize(
    "at",
    [
        datetime(1, 1, 1, tzinfo=UTC),
        datetime(1, 1, 1, 0, 0, 0, 1, tzinfo=timezone(-timedelta(hours=5))),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2038, 1, 19, 3, 14, 8, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        datetime(9999, 12, 31, 20, 59, tzinfo=timezone(-timedelta(hours=3))),
    ],
    ids=str,
)
def test_p59_the_first_and_the_last_instants_are_exact(
    queue_url: str, run: Run, at: datetime
) -> None:
    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            job_id = await queue.schedule_at(ORDER, Order(1), at)
            job = await queue.get_job(job_id)
            assert job.scheduled_at == at
            page = await queue.list_jobs(scheduled_from=at)
            assert [each.id for each in page.jobs] == [job_id]
            page = await queue.list_jobs(scheduled_to=at)
            assert page.jobs == ()
            assert await due(queue) == ([1] if at <= instant(clock) else [])

    run(scenario())


@pytest.mark.parametrize(
    "at",
    [
        datetime(1, 1, 1, tzinfo=timezone(timedelta(microseconds=1))),
        datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
        datetime.max.replace(tzinfo=timezone(-timedelta(microseconds=1))),
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
    ],
    ids=str,
)
def test_p59_instants_outside_of_the_years_are_refused(
    queue_url: str, run: Run, at: datetime
) -> None:
    async def scenario() -> None:
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            with pytest.raises(InvalidSchedule, match="at"):
                await queue.schedule_at(ORDER, Order(1), at)
            for delay in (timedelta.max, timedelta.min, timedelta(days=365 * 9_000)):
                with pytest.raises(InvalidSchedule, match="delay"):
                    await queue.schedule_in(ORDER, Order(1), delay)
            bad: list[Any] = [5, 5.0, "5", None]
            for wrong in bad:
                with pytest.raises(InvalidSchedule, match="delay"):
                    await queue.schedule_in(ORDER, Order(1), wrong)
            with pytest.raises(InvalidSchedule):
                await queue.schedule_many(
                    [JobRequest(ORDER, Order(1), at=instant(ManualClock()), delay=SECOND)]
                )
            assert (await queue.count_jobs()).total == 0

    run(scenario())


# --- P141: times as they are shown ---------------------------------------------------------------


@pytest.mark.usefixtures("host_zone")
def test_p141_times_are_utc_and_the_first_one_never_changes(queue_url: str, run: Run) -> None:
    """OBS-1: separate fields for enqueued, due, started, finished and failed, through retries."""

    async def scenario() -> None:
        clock, router, contexts = ManualClock(), JobRouter(), list[tuple[datetime, datetime]]()

        @router.job("order", max_retries=3, backoff=ConstantBackoff(MINUTE))
        async def order(payload: Order, job: JobContext) -> None:
            contexts.append((job.enqueued_at, job.scheduled_at))
            if job.retries < 3:
                raise RuntimeError

        async with open_queue(queue_url, clock=clock) as queue:
            born = instant(clock)
            job_id = await queue.schedule(order, Order(1))
            for turn in range(4):
                due_at = (await queue.get_job(job_id)).scheduled_at
                clock.set(due_at + SECOND)
                await JobRunner(queue, router).drain()
                job = await queue.get_job(job_id)
                assert job.enqueued_at == born
                assert job.started_at == instant(clock)
                if turn < 3:
                    assert job.scheduled_at == instant(clock) + MINUTE
                    assert job.error_at == instant(clock)
                    assert job.finished_at is None
                else:
                    assert job.finished_at == instant(clock)
                    assert job.scheduled_at == due_at
                    assert job.error_at == due_at - MINUTE
                for moment in (
                    job.enqueued_at,
                    job.scheduled_at,
                    job.started_at,
                    job.finished_at or job.enqueued_at,
                    job.error_at,
                ):
                    assert moment.tzinfo is UTC
                    assert moment.isoformat().endswith("+00:00")
                assert contexts[turn] == (born, due_at)

    run(scenario())


def test_p141_the_storage_s_own_clock_is_utc_too(run: Run, tmp_path: Path, host_zone: str) -> None:
    """A host in another zone: what SQLite's own clock gives is now, not now over there."""

    async def scenario() -> None:
        async with open_queue(f"sqlite:///{tmp_path / 'jobs.db'}") as queue:
            before = datetime.now(UTC)
            job = await queue.get_job(await queue.schedule(ORDER, Order(1)))
            after = datetime.now(UTC)
            assert before - MINUTE < job.enqueued_at < after + MINUTE

    assert os.environ["TZ"] == host_zone
    run(scenario())
    with sqlite3.connect(tmp_path / "jobs.db") as db:
        (stored,) = db.execute("SELECT enqueued_at FROM adc_job").fetchone()
    db.close()
    assert abs(stored / 1e6 - time.time()) < 60
