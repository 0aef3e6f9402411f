"""Cancelling all that match (clauses CAN-1, CAN-2, CAN-9, LIV-4, OBS-5)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aide_de_camp import (
    Event,
    EventKind,
    InvalidArgument,
    JobRequest,
    JobState,
    JobType,
    ManualClock,
    Queue,
    Registry,
    StorageError,
    StorageUnavailable,
    open_queue,
)
from aide_de_camp.spi import Cancellation, CancelResult, hookimpl

LETTER = JobType("letter", str)
CARD = JobType("card", str)


class Listener:
    def __init__(self) -> None:
        self.events: list[Event] = []

    @hookimpl
    def adc_event(self, event: Event) -> None:
        if event.kind is EventKind.CANCELLED:
            self.events.append(event)


Scenario = Callable[[Queue, ManualClock], Awaitable[None]]
Run = Callable[[Scenario], list[Event]]


@pytest.fixture(params=["memory://", "sqlite:///{}/jobs.db"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a scenario on an open queue; gives the CANCELLED events."""
    url = str(request.param).format(tmp_path)

    def go(scenario: Scenario) -> list[Event]:
        listener, registry, clock = Listener(), Registry(), ManualClock()
        registry.register(listener)

        async def main() -> None:
            async with open_queue(url, clock=clock, registry=registry) as queue:
                await scenario(queue, clock)

        asyncio.run(main())
        return listener.events

    return go


async def states(queue: Queue) -> dict[JobState, int]:
    return {state: n for state, n in (await queue.count_jobs()).by_state.items() if n}


def sizes_of(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many jobs each call to the storage was about."""
    sizes: list[int] = []
    cancel = queue.storage.cancel

    async def counting(name: str, wanted: Sequence[Cancellation], *, now: int | None) -> Any:
        sizes.append(len(wanted))
        return await cancel(name, wanted, now=now)

    monkeypatch.setattr(queue.storage, "cancel", counting)
    return sizes


def test_running_and_finished_jobs_are_left_alone(run: Run) -> None:
    async def scenario(queue: Queue, clock: ManualClock) -> None:
        first = [await queue.schedule(LETTER, str(n)) for n in range(2)]
        done = await queue.poll_next(LETTER)
        assert done is not None
        await done.complete()
        running = await queue.poll_next(LETTER)
        assert running is not None
        assert [done.id, running.id] == first
        await queue.schedule(LETTER, "due")
        await queue.schedule_in(CARD, "not due", timedelta(days=2))

        assert await queue.cancel_all() == 2
        assert await queue.cancel_all() == 0

        assert await queue.poll_next([LETTER, CARD]) is None
        await running.complete()
        assert await states(queue) == {JobState.COMPLETED: 2, JobState.CANCELLED: 2}

    events = run(scenario)
    assert [(event.job_type, event.count) for event in events] == [("letter", 1), ("card", 1)]


def test_a_job_that_waits_for_its_retry_is_cancelled_too(run: Run) -> None:
    async def scenario(queue: Queue, clock: ManualClock) -> None:
        job_id = await queue.schedule(LETTER, "x")
        handle = await queue.poll_next(LETTER)
        assert handle is not None
        await handle.fail(delay=timedelta(hours=1))
        assert await queue.cancel_all() == 1
        assert (await queue.get_job(job_id)).state is JobState.CANCELLED

    run(scenario)


def test_only_what_matches(run: Run) -> None:
    async def scenario(queue: Queue, clock: ManualClock) -> None:
        began = (await queue.get_job(await queue.schedule(LETTER, "due"))).enqueued_at
        await queue.schedule_in(LETTER, "in an hour", timedelta(hours=1))
        await queue.schedule_in(CARD, "in an hour", timedelta(hours=1))
        clock.advance(60)
        await queue.schedule(CARD, "a minute later")

        later = began + timedelta(minutes=1)
        assert await queue.cancel_all(job_types=["nothing"]) == 0
        assert (
            await queue.cancel_all(job_types=["card"], scheduled_from=later, enqueued_to=later) == 1
        )
        assert await queue.cancel_all(scheduled_to=later) == 1
        assert await queue.cancel_all(enqueued_from=later) == 1
        left = (await queue.list_jobs(states=[JobState.SCHEDULED])).jobs
        assert [(job.job_type, job.enqueued_at) for job in left] == [("letter", began)]
        assert left[0].scheduled_at > later

    assert [event.job_type for event in run(scenario)] == ["card", "letter", "card"]


def test_another_queue_of_the_storage_is_left_alone(tmp_path: Path) -> None:
    async def main() -> None:
        url = f"sqlite:///{tmp_path}/jobs.db"
        async with open_queue(url, name="a") as mine, open_queue(url, name="b") as other:
            await mine.schedule(LETTER, "x")
            await other.schedule(LETTER, "x")
            assert await mine.cancel_all() == 1
            assert await states(other) == {JobState.SCHEDULED: 1}

    asyncio.run(main())


def test_many_go_in_bounded_steps(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(queue: Queue, clock: ManualClock) -> None:
        await queue.schedule_bulk([JobRequest(LETTER, "x") for _ in range(2_500)])
        sizes = sizes_of(queue, monkeypatch)
        assert await queue.cancel_all() == 2_500
        assert sum(sizes) == 2_500
        assert max(sizes) <= 1_000
        assert await states(queue) == {JobState.CANCELLED: 2_500}

    events = run(scenario)
    assert len({event.job_id for event in events}) == len(events) == 2_500


def test_a_lost_reply_changes_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """LIV-4: what the lost try cancelled is counted and told of, once."""

    async def scenario(queue: Queue, clock: ManualClock) -> None:
        await queue.schedule_many([JobRequest(LETTER, "x") for _ in range(3)])
        cancel = queue.storage.cancel

        async def lossy(
            name: str, wanted: Sequence[Cancellation], *, now: int | None
        ) -> Sequence[CancelResult]:
            monkeypatch.setattr(queue.storage, "cancel", cancel)
            await cancel(name, wanted, now=now)
            raise StorageUnavailable("gone", outcome_unknown=True)

        monkeypatch.setattr(queue.storage, "cancel", lossy)
        assert await queue.cancel_all() == 3

    assert len(run(scenario)) == 3


def test_after_an_error_a_repeat_goes_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(queue: Queue, clock: ManualClock) -> None:
        await queue.schedule_bulk([JobRequest(LETTER, "x") for _ in range(1_500)])
        cancel = queue.storage.cancel
        calls: list[int] = []

        async def breaks(
            name: str, wanted: Sequence[Cancellation], *, now: int | None
        ) -> Sequence[CancelResult]:
            calls.append(len(wanted))
            if len(calls) == 2:
                raise StorageError("refused")
            return await cancel(name, wanted, now=now)

        monkeypatch.setattr(queue.storage, "cancel", breaks)
        with pytest.raises(StorageError):
            await queue.cancel_all()
        assert (await states(queue))[JobState.CANCELLED] == calls[0]
        assert await queue.cancel_all() == 1_500 - calls[0]
        assert await states(queue) == {JobState.CANCELLED: 1_500}

    assert len(run(scenario)) == 1_500


def test_what_was_claimed_meanwhile_goes_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """CAN-8: the storage decides, not what was listed."""

    async def scenario(queue: Queue, clock: ManualClock) -> None:
        await queue.schedule_many([JobRequest(LETTER, "x") for _ in range(3)])
        cancel = queue.storage.cancel

        async def late(
            name: str, wanted: Sequence[Cancellation], *, now: int | None
        ) -> Sequence[CancelResult]:
            assert await queue.poll_next(LETTER) is not None
            return await cancel(name, wanted, now=now)

        monkeypatch.setattr(queue.storage, "cancel", late)
        assert await queue.cancel_all() == 2
        assert await states(queue) == {JobState.RUNNING: 1, JobState.CANCELLED: 2}

    assert len(run(scenario)) == 2


@pytest.mark.parametrize("arguments", [{"job_types": "letter"}, {"scheduled_to": "tomorrow"}])
def test_bad_arguments_cancel_nothing(run: Run, arguments: dict[str, Any]) -> None:
    async def scenario(queue: Queue, clock: ManualClock) -> None:
        await queue.schedule(LETTER, "x")
        with pytest.raises(InvalidArgument):
            await queue.cancel_all(**arguments)
        assert await states(queue) == {JobState.SCHEDULED: 1}

    assert run(scenario) == []
