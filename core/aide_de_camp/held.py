"""Reading jobs by the page, and putting back or discarding those that are held (clauses MOV)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Final
from uuid import UUID

from aide_de_camp.answers import one_each
from aide_de_camp.queue import Queue
from aide_de_camp.spi import (
    BATCH_BYTES,
    BATCH_JOBS,
    ERROR_MESSAGE_BYTES,
    ERROR_TRACEBACK_BYTES,
    HoldStatus,
    JobFilter,
    JobRecord,
    RecordPage,
)

_ERROR_BYTES: Final = 2 * ERROR_MESSAGE_BYTES + ERROR_TRACEBACK_BYTES
"""The most that an error carries; listings don't say how much it is."""


async def unhold(queue: Queue, ids: Sequence[UUID]) -> list[UUID]:
    """Put held jobs back; gives those that were held."""
    statuses = await queue.session.call(
        lambda storage: storage.unhold(queue.name, ids, now=queue.session.now)
    )
    statuses = one_each(statuses, len(ids), "put jobs back")
    return [
        job_id for job_id, status in zip(ids, statuses, strict=True) if status is HoldStatus.DONE
    ]


async def get_records(queue: Queue, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
    """Read jobs, payloads included."""
    found = await queue.session.call(lambda storage: storage.get(queue.name, ids))
    return one_each(found, len(ids), "read jobs")


async def discard(queue: Queue, ids: Sequence[UUID]) -> set[UUID]:
    """Remove held jobs for good; gives those that aren't held, and stay."""
    statuses = await queue.session.call(lambda storage: storage.discard(queue.name, ids))
    statuses = one_each(statuses, len(ids), "remove jobs")
    return {
        job_id
        for job_id, status in zip(ids, statuses, strict=True)
        if status is HoldStatus.NOT_HELD
    }


async def each_record(queue: Queue, where: JobFilter) -> AsyncIterator[JobRecord]:
    """Give all that match, without payloads, in the order of ids."""
    after: UUID | None = None
    while True:
        page = await _page(queue, where, after)
        for record in page.records:
            yield record
        after = page.after
        if after is None:
            return
        await asyncio.sleep(0)


async def batches(queue: Queue, where: JobFilter) -> AsyncIterator[list[JobRecord]]:
    """Cut what matches into batches of a bounded number and size."""
    batch: list[JobRecord] = []
    size = 0
    async for record in each_record(queue, where):
        weight = record.payload_size + (0 if record.error is None else _ERROR_BYTES)
        if batch and (len(batch) == BATCH_JOBS or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += weight
    if batch:
        yield batch


async def _page(queue: Queue, where: JobFilter, after: UUID | None) -> RecordPage:
    return await queue.session.call(
        lambda storage: storage.list(queue.name, where, limit=BATCH_JOBS, after=after)
    )
