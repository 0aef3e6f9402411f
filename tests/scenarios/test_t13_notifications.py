"""Peers' reports about the size and number of PostgreSQL's notifications."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from aide_de_camp import JobRequest, JobRouter, JobType, Queue, new_job_id, open_queue
from aide_de_camp.spi import NAME_MAX
from aide_de_camp_backends.postgresql.statement import Layout
from aide_de_camp_backends.postgresql.wakeups import channel_of

from .beside import NUMBER, numbers
from .conftest import Run
from .trouble import Wire, running, until

QUEUE = "\N{PILE OF POO}" * NAME_MAX
NOTE = JobType("\N{GREEK SMALL LETTER OMEGA}" * NAME_MAX, str)
SIZES = (7_900, 8_000, 8_100, 2**20)


@asynccontextmanager
async def heard_on(url: str) -> AsyncIterator[list[str]]:
    """Give what is told on the channel, as it comes."""
    heard: list[str] = []
    connection: Any = await asyncpg.connect(url)
    channel = channel_of(Layout("public", "adc_"))
    await connection.add_listener(channel, lambda *told: heard.append(told[3]))
    try:
        yield heard
    finally:
        await connection.close()


@pytest.mark.parametrize("letter", ["x", "\N{SNOWMAN}"])
def test_p99_payloads_near_the_limit_of_a_notification(
    postgresql_url: str, run: Run, letter: str
) -> None:
    """A notification names the queue only; it is as long for every payload, and few suffice."""

    async def scenario() -> None:
        wire, ran = Wire(), list[str]()
        router = JobRouter()

        @router.job(NOTE.name)
        async def note(payload: str) -> None:
            ran.append(payload)

        async with (
            wire.lay(open_queue(postgresql_url, name=QUEUE, payload_limit=2**22)) as queue,
            heard_on(postgresql_url) as heard,
        ):
            notes = [letter * (size // len(letter.encode())) for size in SIZES]
            for text in notes:
                await queue.schedule(NOTE, text)
            many = [JobRequest(NOTE, notes[n % 3]) for n in range(2_000)]
            await queue.schedule_bulk(many)
            await until(lambda: heard)
            async with running(queue, router, concurrency=20):
                await until(lambda: len(ran) == 2_004)
            assert sorted(ran) == sorted(notes + [each.payload for each in many])
        assert len(heard) <= wire.counts["enqueue"] < 20
        assert len({len(text.encode()) for text in heard}) == 1
        assert all(text.endswith(QUEUE) and letter * 100 not in text for text in heard)

    run(scenario())


def test_p100_no_backlog_makes_a_notification_longer(postgresql_url: str, run: Run) -> None:
    """Ids aren't told at all, so neither their length (they are UUIDs) nor their number counts."""

    async def scenario() -> None:
        ran: list[int] = []

        async def fill(queue: Queue, start: int, count: int) -> None:
            await queue.schedule_bulk(
                [JobRequest(NUMBER, n, job_id=new_job_id()) for n in range(start, start + count)]
            )

        async with (
            open_queue(postgresql_url) as producer,
            open_queue(postgresql_url) as queue,
            heard_on(postgresql_url) as heard,
        ):
            await fill(producer, 0, 2_000)
            hour = timedelta(hours=1)
            async with running(queue, numbers(ran), concurrency=50, poll_interval=hour):
                await asyncio.gather(*(fill(producer, 2_000 + n * 100, 100) for n in range(10)))
                await until(lambda: len(ran) == 3_000)
            assert sorted(ran) == list(range(3_000))
            await until(lambda: heard)
            assert {len(text) for text in heard} == {32 + len(queue.name)}

    run(scenario())
