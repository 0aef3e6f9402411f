"""What several scenarios need: an ear for events, and jobs that no producer of ours would write."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from attrs import frozen

from aide_de_camp import (
    ConstantBackoff,
    Event,
    EventKind,
    JobHandle,
    JobNotFound,
    JobRouter,
    JobState,
    JobType,
    JobView,
    ManualClock,
    Queue,
    Registry,
    new_job_id,
)
from aide_de_camp.spi import NewJob, hookimpl, to_datetime

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
MICROSECOND = timedelta(microseconds=1)
AT_ONCE = ConstantBackoff(timedelta(0))


class Ear:
    """An extension that keeps every event it is told of."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    @hookimpl
    def adc_event(self, event: Event) -> None:
        self.events.append(event)

    def kinds(self, job_id: UUID) -> list[EventKind]:
        return [event.kind for event in self.events if event.job_id == job_id]


@frozen
class Order:
    """A payload."""

    number: int
    note: str = ""


ORDER = JobType("order", Order, backoff=ConstantBackoff(SECOND))


def listening(*plugins: Any) -> tuple[Registry, Ear]:
    """A registry with an ear, and with plugins beside."""
    registry, ear = Registry(), Ear()
    for plugin in (ear, *plugins):
        registry.register(plugin)
    return registry, ear


async def store_raw(
    queue: Queue,
    payload: bytes,
    *,
    job_type: str = "order",
    codec: str = "json",
    priority: int = 0,
    max_retries: int | None = None,
) -> UUID:
    """Store a job as a stranger would, with any bytes at all."""
    job = NewJob(
        id=new_job_id(),
        job_type=job_type,
        payload=payload,
        codec=codec,
        priority=priority,
        max_retries=max_retries,
    )
    await queue.storage.enqueue(queue.name, [job], now=queue.clock.now())
    return job.id


async def all_jobs(queue: Queue) -> list[JobView]:
    """Every job there is, page by page."""
    found: list[JobView] = []
    cursor = None
    while True:
        page = await queue.list_jobs(limit=50, cursor=cursor)
        found += page.jobs
        cursor = page.cursor
        if cursor is None:
            return found


async def state_of(queue: Queue, job_id: UUID) -> JobState:
    return (await queue.get_job(job_id)).state


def instant(clock: ManualClock) -> datetime:
    """The instant at which a clock stands."""
    return to_datetime(clock.now())


def shared(queue_url: str) -> str:
    """The same storage, in a form that two queues may open."""
    return "memory://shared" if queue_url == "memory://" else queue_url


def keeping(seen: list[Any], **options: Any) -> JobRouter:
    """A router that keeps the orders it is given."""
    router = JobRouter()

    @router.job("order", **options)
    async def order(payload: Order) -> None:
        seen.append(payload)

    return router


async def due(queue: Queue) -> list[int]:
    """The numbers of the orders that are due, each completed before the next is claimed."""
    found: list[int] = []
    while (handle := await queue.poll_next(ORDER)) is not None:
        found.append(handle.payload.number)
        await handle.complete()
    return found


async def take(queue: Queue) -> JobHandle[Order]:
    """The next order."""
    handle = await queue.poll_next(ORDER)
    assert handle is not None
    return handle


async def refused(queue: Queue, job_id: UUID) -> JobState | None:
    """The state that both ways of cancelling name when they refuse an id."""
    with pytest.raises(JobNotFound, match=str(job_id)) as one:
        await queue.cancel_job(job_id)
    with pytest.raises(JobNotFound, match=str(job_id)) as other:
        await queue.unschedule_job(job_id, ORDER)
    assert type(one.value) is type(other.value) is JobNotFound
    assert one.value.state is other.value.state
    assert one.value.job_id == job_id
    return one.value.state
