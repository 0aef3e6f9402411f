"""Peers' reports about what is kept of finished jobs (P111), on every storage."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from aide_de_camp import JobNotFound, JobState, ManualClock, Queue, open_queue

from ..redis.soundness import check
from ..servers import Servers
from .conftest import Run
from .support import MICROSECOND, MINUTE, ORDER, SECOND, Order, all_jobs, state_of, take

YEAR = timedelta(days=365)


async def ended(queue: Queue) -> tuple[list[UUID], UUID]:
    """Have a job completed, one cancelled, one cancelled by its handler, and one dead."""
    ids = [await queue.schedule(ORDER, Order(number)) for number in range(4)]
    assert await queue.cancel_job(ids[3])
    await (await take(queue)).complete()
    await (await take(queue)).cancel("not needed")
    dead = await take(queue)
    await dead.dead_queue(ValueError("bad"))
    return [each for each in ids if each != dead.id], dead.id


@pytest.mark.parametrize(
    ("asked", "kept"),
    [(timedelta(0), MINUTE), (SECOND, MINUTE), (MINUTE * 5, MINUTE * 5), (YEAR, YEAR)],
)
def test_p111_nothing_is_left_of_what_was_kept_long_enough(
    queue_url: str, run: Run, request: pytest.FixtureRequest, asked: timedelta, kept: timedelta
) -> None:
    """KEP-1: dead jobs stay until someone acts. All else is kept for a minute at least (LIV-4)."""

    async def scenario() -> None:
        clock = ManualClock()
        async with open_queue(queue_url, clock=clock, keep_finished=asked) as queue:
            finished, dead = await ended(queue)
            clock.advance(kept - MICROSECOND)
            assert await queue.prune() == 0
            assert len(await all_jobs(queue)) == 4
            clock.advance(MICROSECOND)
            assert await queue.prune() == 3
            for job_id in finished:
                with pytest.raises(JobNotFound):
                    await queue.get_job(job_id)
            clock.advance(YEAR)
            assert await queue.prune() == 0
            assert [job.id for job in await all_jobs(queue)] == [dead]
            assert await state_of(queue, dead) is JobState.DEAD
            await queue.dead.delete(dead)
            assert await all_jobs(queue) == []
            counts = await queue.count_jobs()
            assert (counts.total, dict(counts.by_type)) == (0, {})

    run(scenario())
    if queue_url.startswith("redis"):
        servers: Servers = request.getfixturevalue("servers")
        assert check(servers.redis(persistence="always"), queue_url, "default") == []
