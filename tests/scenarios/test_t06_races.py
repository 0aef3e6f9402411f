"""Peers' reports about two who want the same job at the same moment: one of them has it."""

from __future__ import annotations

import asyncio
from random import Random

from aide_de_camp import (
    EventKind,
    JobHandle,
    JobState,
    JobType,
    LeaseLost,
    ManualClock,
    open_queue,
)

from .conftest import Run
from .support import SECOND, listening
from .trouble import shared

NUMBER = JobType("number", int)
LEASE = 5 * SECOND


def test_p46_a_live_worker_with_late_heartbeats_ends_a_job_once(queue_url: str, run: Run) -> None:
    """LEA-2, LEA-3: settle against take-back: one of them wins, and says so.

    Whoever wins gives the other a start, which grows until the other wins: so both ends of the
    race are met, and the starts stay near the point at which it turns, on any storage.
    """
    random = Random(46)

    async def scenario() -> None:
        registry, ear = listening()
        clock = ManualClock()
        url = shared(queue_url)
        async with (
            open_queue(url, clock=clock, registry=registry) as queue,
            open_queue(url, clock=clock, registry=registry) as other,
        ):
            outcomes = set[bool]()
            start = 0  # turns of the loop that the taker has; below zero, the one that settles
            for number in range(1_000):
                if number >= 150 and len(outcomes) == 2:
                    break
                job_id = await queue.schedule(NUMBER, number)
                slow = await queue.poll_next(NUMBER, lease=LEASE)
                assert slow is not None
                clock.advance(LEASE)

                async def finish(handle: JobHandle[int], turns: int) -> bool:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    try:
                        await handle.complete()
                    except LeaseLost:
                        return False
                    return True

                async def take(turns: int) -> JobHandle[int] | None:
                    for _ in range(turns):
                        await asyncio.sleep(0)
                    return await other.poll_next(NUMBER, lease=LEASE)

                won, taken = await asyncio.gather(
                    finish(slow, max(0, start) + random.randrange(4)),
                    take(max(0, -start) + random.randrange(4)),
                )
                if not won and taken is None:
                    # PRI-7: the refused call held the job's row when it was asked for.
                    assert "postgresql" in url
                    taken = await other.poll_next(NUMBER, lease=LEASE)
                assert won == (taken is None)
                outcomes.add(won)
                sign = 1 if won else -1
                start = sign * min(2 * abs(start), 10_000) if start * sign > 0 else sign
                if taken is not None:
                    assert taken.claims == 2
                    await taken.complete()
                after = await queue.get_job(job_id)
                assert after.state is JobState.COMPLETED
                assert after.claims == (1 if won else 2)
                assert after.token == (slow.token if taken is None else taken.token)
                reaped = ear.kinds(job_id).count(EventKind.REAPED)
                assert reaped == (0 if won else 1)
            assert outcomes == {True, False}, "both ends of the race were met"

    run(scenario())


def test_p48_two_sweepers_take_one_job_back_once(queue_url: str, run: Run) -> None:
    """LEA-2: any number at once, claims among them: one take-back, one retry used, one copy."""

    async def scenario() -> None:
        clock, url = ManualClock(), shared(queue_url)
        async with open_queue(url, clock=clock) as queue, open_queue(url, clock=clock) as other:
            job_id = await queue.schedule(NUMBER, 1, max_retries=100)
            for lost in range(1, 40):
                assert await queue.poll_next(NUMBER, lease=LEASE) is not None
                clock.advance(LEASE)
                sweeps = [
                    each.storage.reap(queue.name, 9, now=clock.now())
                    for each in (queue, other, queue, other)
                ]
                found = [job for sweep in await asyncio.gather(*sweeps) for job in sweep]
                assert [job.id for job in found] == [job_id]
                after = await queue.get_job(job_id)
                assert (after.state, after.retries) == (JobState.SCHEDULED, lost)
                assert (await queue.count_jobs()).total == 1

    run(scenario())
