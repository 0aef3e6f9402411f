"""Driving the queue oneself: poll_next and JobHandle."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from aide_de_camp import (
    ConstantBackoff,
    InvalidArgument,
    InvalidSchedule,
    JobState,
    JobType,
    LeaseLost,
    ManualClock,
    StorageUnavailable,
    open_queue,
)

SECOND = timedelta(seconds=1)
TEXT = JobType("text", str, max_retries=1, backoff=ConstantBackoff(SECOND))


def scenario(steps):
    async def main():
        clock = ManualClock()
        async with open_queue("memory://", clock=clock) as queue:
            job_id = await queue.schedule(TEXT, "hello", priority=3)
            handle = await queue.poll_next(TEXT)
            assert handle is not None
            assert (handle.id, handle.job_type, handle.payload) == (job_id, "text", "hello")
            assert (handle.priority, handle.retries, handle.claims) == (3, 0, 1)
            assert handle.token == clock.now()
            await steps(queue, clock, handle)

    asyncio.run(main())


def test_nothing_due_is_none():
    async def steps(queue, clock, handle):
        assert await queue.poll_next([TEXT]) is None
        assert await queue.poll_next([]) is None

    scenario(steps)


@pytest.mark.parametrize(
    ("end", "state", "reason"),
    [
        (lambda handle: handle.complete(), JobState.COMPLETED, None),
        (lambda handle: handle.fail(ValueError("x")), JobState.SCHEDULED, None),
        (lambda handle: handle.fail(delay=timedelta(0)), JobState.SCHEDULED, None),
        (lambda handle: handle.dead_queue(ValueError("x")), JobState.DEAD, "failed"),
        (lambda handle: handle.dead_queue(reason="by hand"), JobState.DEAD, "by hand"),
        (lambda handle: handle.cancel("no need"), JobState.CANCELLED, "no need"),
        (lambda handle: handle.release(), JobState.SCHEDULED, None),
        (lambda handle: handle.snooze(SECOND), JobState.SCHEDULED, None),
    ],
)
def test_each_way_to_end_an_attempt_uses_the_handle_up(end, state, reason):
    async def steps(queue, clock, handle):
        await end(handle)
        view = await queue.get_job(handle.id)
        assert (view.state, view.reason) == (state, reason)
        await end(handle)  # the same again has the answer of the first
        assert await queue.get_job(handle.id) == view
        other = handle.release if state is JobState.COMPLETED else handle.complete
        for refused in (other, handle.extend):
            with pytest.raises(LeaseLost, match="ended before"):
                await refused()
        assert await queue.get_job(handle.id) == view

    scenario(steps)


def test_failures_use_retries_and_the_last_one_is_death():
    async def steps(queue, clock, handle):
        await handle.fail(ValueError("first"))
        assert await queue.poll_next(TEXT) is None
        clock.advance(1)
        again = await queue.poll_next(TEXT)
        assert again.retries == 1
        assert again.token > handle.token
        await again.fail(ValueError("second"))
        view = await queue.get_job(handle.id)
        assert (view.state, view.reason, view.retries) == (JobState.DEAD, "failed", 1)
        assert view.error.message == "second"

    scenario(steps)


def test_a_lease_is_extended_or_was_lost():
    async def steps(queue, clock, handle):
        clock.advance(59)
        await handle.extend()
        clock.advance(59)
        await handle.extend(timedelta(seconds=2))
        assert (await queue.get_job(handle.id)).state is JobState.RUNNING
        clock.advance(61)
        successor = await queue.poll_next(TEXT)
        assert successor.id == handle.id
        for refused in (handle.extend, handle.complete):
            with pytest.raises(LeaseLost, match="lost"):
                await refused()
        await successor.complete()

    scenario(steps)


def test_bad_arguments_change_nothing():
    async def steps(queue, clock, handle):
        with pytest.raises(InvalidSchedule):
            await handle.snooze(-SECOND)
        with pytest.raises(InvalidSchedule):
            await handle.fail(delay=3)
        with pytest.raises(InvalidArgument):
            await handle.extend(timedelta(milliseconds=1))
        with pytest.raises(InvalidArgument):
            await queue.poll_next(TEXT, lease=timedelta(0))
        with pytest.raises(InvalidArgument):
            await queue.poll_next("text")
        await handle.complete()

    scenario(steps)


def test_an_outage_leaves_the_handle_usable():
    async def steps(queue, clock, handle):
        settle = queue.storage.settle

        async def fails(*args, **kwargs):
            raise StorageUnavailable("gone", outcome_unknown=False)

        queue.storage.settle = fails
        with pytest.raises(StorageUnavailable):
            await handle.complete()
        queue.storage.settle = settle
        await handle.complete()
        assert (await queue.get_job(handle.id)).state is JobState.COMPLETED

    scenario(steps)
