"""Reading jobs, lists and counts (clauses OBS-1 to OBS-3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from adc_mariadb.call import Call, Row
from adc_mariadb.codes import CODES, STATES
from adc_mariadb.errors import read_error
from aide_de_camp.spi import CountFilter, CountRow, JobFilter, JobRecord, RecordPage

_COLUMNS: Final = (
    "id, job_type, codec, payload_size, place, state, scheduled_at, enqueued_at, started_at, "
    "finished_at, claims, retries, snoozes, max_retries, token, lease_until, worker, reason, "
    "error_at, error"
)
_GET: Final = f"""
SELECT {_COLUMNS}, error_detail, payload FROM {{job}} WHERE queue = :queue AND id IN :ids
"""
_LIST: Final = f"SELECT {_COLUMNS}, NULL, NULL FROM {{job}} WHERE queue = :queue"
_COUNT: Final = "SELECT state, job_type, COUNT(*) FROM {job} WHERE queue = :queue"
_QUEUES: Final = "SELECT DISTINCT queue FROM {job}"

_BOUNDS: Final = {
    "scheduled_from": "scheduled_at >=",
    "scheduled_to": "scheduled_at <",
    "enqueued_from": "enqueued_at >=",
    "enqueued_to": "enqueued_at <",
    "finished_from": "finished_at >=",
    "finished_to": "finished_at <",
}


async def get(call: Call, queue: str, ids: Sequence[UUID]) -> list[JobRecord | None]:
    """Read jobs with their payloads. See :meth:`Storage.get`."""
    if not ids:
        return []
    wanted = sorted({job_id.bytes for job_id in ids})
    rows = await call.rows(_GET, queue=queue.encode(), ids=wanted)
    found = {UUID(bytes=row[0]): _record(queue, row) for row in rows}
    return [found.get(job_id) for job_id in ids]


async def page(
    call: Call, queue: str, where: JobFilter, limit: int, after: UUID | None, *, newest_first: bool
) -> RecordPage:
    """Read jobs in the order of their ids. See :meth:`Storage.list`."""
    conditions, values = _named(where)
    for name, condition in _BOUNDS.items():
        bound = getattr(where, name)
        if bound is not None:
            conditions.append(f"{condition} :{name}")
            values[name] = bound
    if after is not None:
        conditions.append("id < :after" if newest_first else "id > :after")
        values["after"] = after.bytes
    order = "ORDER BY id DESC" if newest_first else "ORDER BY id"
    statement = f"{' AND '.join([_LIST, *conditions])} {order} LIMIT :limit"
    rows = await call.rows(statement, queue=queue.encode(), limit=limit + 1, **values)
    records = tuple(_record(queue, row) for row in rows[:limit])
    return RecordPage(records, records[-1].id if len(rows) > limit else None)


async def count(call: Call, queue: str, where: CountFilter) -> list[CountRow]:
    """Count by state and type. See :meth:`Storage.count`."""
    conditions, values = _named(where)
    statement = f"{' AND '.join([_COUNT, *conditions])} GROUP BY state, job_type"
    rows = await call.rows(statement, queue=queue.encode(), **values)
    return [CountRow(STATES[state], name.decode(), number) for state, name, number in rows]


async def queues(call: Call) -> list[str]:
    """Name the queues that hold any job. See :meth:`Storage.queues`."""
    return sorted(row[0].decode() for row in await call.rows(_QUEUES))


def _named(where: JobFilter | CountFilter) -> tuple[list[str], dict[str, Any]]:
    """Turn what a filter names into conditions; an empty set matches nothing."""
    conditions: list[str] = []
    values: dict[str, Any] = {}
    if where.states is not None:
        conditions.append("state IN :states")
        values["states"] = sorted(CODES[state] for state in where.states if state in CODES)
    if where.job_types is not None:
        conditions.append("job_type IN :types")
        values["types"] = sorted(name.encode() for name in where.job_types)
    if where.reasons is not None:
        conditions.append("reason IN :reasons")
        values["reasons"] = sorted(reason.encode() for reason in where.reasons)
    return conditions, values


def _record(queue: str, row: Row) -> JobRecord:
    (job_id, job_type, codec, size, place, state, scheduled_at, enqueued_at, *rest) = row
    (started_at, finished_at, claims, retries, snoozes, max_retries, token, *last) = rest
    (lease_until, worker, reason, error_at, error, detail, payload) = last
    return JobRecord(
        id=UUID(bytes=job_id),
        queue=queue,
        job_type=job_type.decode(),
        codec=codec.decode(),
        payload=payload,
        payload_size=size,
        priority=-place,
        state=STATES[state],
        scheduled_at=scheduled_at,
        enqueued_at=enqueued_at,
        started_at=started_at,
        finished_at=finished_at,
        claims=claims,
        retries=retries,
        snoozes=snoozes,
        max_retries=max_retries,
        token=token,
        lease_until=lease_until,
        worker=None if worker is None else worker.decode(),
        reason=None if reason is None else reason.decode(),
        error=read_error(error, detail),
        error_at=error_at,
    )
