"""Storing jobs, all or none (clauses ENQ-1, ENQ-4, ENQ-8)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from adc_mariadb.call import Call
from adc_mariadb.codes import SCHEDULED
from adc_mariadb.failures import DUPLICATE, number_of
from aide_de_camp.spi import EnqueueResult, NewJob, StorageError, later

_COLUMNS: Final = (
    "id",
    "place",
    "scheduled_at",
    "max_retries",
    "job_type",
    "codec",
    "payload_size",
    "payload",
)
_INSERT: Final = f"""
INSERT INTO {{job}} (
  queue, state, enqueued_at, token, claims, retries, snoozes, lease_max_retries,
  {", ".join(_COLUMNS)}
) VALUES """
_ROW: Final = f"(:queue, {SCHEDULED}, :now, 0, 0, 0, 0, 0, %s)"
_THERE: Final = "SELECT id FROM {job} WHERE queue = :queue AND id IN :ids"
_TRIES: Final = 5
_ROWS_AT_ONCE: Final = 100
_OVERHEAD: Final = 4_096
"""Bytes of a row's statement, beside its payload; names are 512 bytes each at most."""


async def enqueue(
    call: Call, queue: str, jobs: Sequence[NewJob], given: int | None
) -> list[EnqueueResult]:
    """Store jobs. See :meth:`Storage.enqueue`."""
    now = await call.now(given)
    first = {job.id: job for job in reversed(jobs)}
    # In the order of their ids, so that no two calls wait for each other.
    left = sorted(first.values(), key=lambda job: job.id.bytes)
    for job in left:
        _check(call, job)
    stored: set[UUID] = set()
    for tries in reversed(range(_TRIES)):
        ids = [job.id.bytes for job in left]
        there = {row[0] for row in await call.rows(_THERE, queue=queue.encode(), ids=ids)}
        left = [job for job in left if job.id.bytes not in there]
        try:
            for part in _parts(call, left):
                await _insert(call, queue, part, now)
                stored |= {job.id for job in part}
        except IntegrityError as error:
            # Somebody stored one of them meanwhile; that statement took no effect. Look again.
            if not tries or number_of(error) != DUPLICATE:
                raise
            left = [job for job in left if job.id not in stored]
        else:
            break
    results: list[EnqueueResult] = []
    for job in jobs:
        results.append(EnqueueResult.STORED if job.id in stored else EnqueueResult.EXISTS)
        stored.discard(job.id)  # of an id that stands twice the second is there already
    return results


async def _insert(call: Call, queue: str, jobs: Sequence[NewJob], now: int) -> None:
    values: dict[str, Any] = {"queue": queue.encode(), "now": now}
    rows: list[str] = []
    for number, job in enumerate(jobs):
        row = {
            "id": job.id.bytes,
            "place": -job.priority,
            "scheduled_at": later(now, job.delay) if job.scheduled_at is None else job.scheduled_at,
            "max_retries": job.max_retries,
            "job_type": job.job_type.encode(),
            "codec": job.codec.encode(),
            "payload_size": len(job.payload),
            "payload": job.payload,
        }
        values |= {f"{name}_{number}": row[name] for name in _COLUMNS}
        rows.append(_ROW % ", ".join(f":{name}_{number}" for name in _COLUMNS))
    await call.execute(_INSERT + ", ".join(rows), **values)


def _parts(call: Call, jobs: Sequence[NewJob]) -> Iterator[list[NewJob]]:
    """Cut jobs into statements that the server takes; all of them are one transaction."""
    part: list[NewJob] = []
    size = _OVERHEAD
    for job in jobs:
        if part and (len(part) == _ROWS_AT_ONCE or size + _size(job) > call.max_packet):
            yield part
            part, size = [], _OVERHEAD
        part.append(job)
        size += _size(job)
    if part:
        yield part


def _check(call: Call, job: NewJob) -> None:
    if _OVERHEAD + _size(job) > call.max_packet:
        raise StorageError(
            f"a payload of {len(job.payload)} bytes may not fit into one statement of the server "
            f"(job {job.id}); nothing was stored: raise its max_allowed_packet, now "
            f"{call.max_packet}",
            job_id=job.id,
        )


def _size(job: NewJob) -> int:
    # Each byte of a payload may have to be escaped, by one more.
    return _OVERHEAD + 2 * len(job.payload)
