"""Extending leases, and taking back those that expired (clauses LEA-1 to LEA-3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from adc_mariadb.call import Call
from adc_mariadb.codes import DEAD, RUNNING, SCHEDULED, STATES
from adc_mariadb.locking import lock
from aide_de_camp.spi import DeadReason, Lease, LeaseResult, ReapedJob, later

_EXTEND: Final = """
UPDATE {job} FORCE INDEX (PRIMARY) SET lease_until = GREATEST(lease_until, :until)
WHERE queue = :queue AND id IN :ids
"""
_EXPIRED: Final = f"""
SELECT id FROM {{job}} FORCE INDEX (lease)
WHERE queue = :queue AND state = {RUNNING} AND lease_until <= :now
ORDER BY lease_until, id LIMIT :limit
"""
_TAKE: Final = f"""
SELECT id, job_type, retries, lease_max_retries, scheduled_at, started_at, lease_until
FROM {{job}} FORCE INDEX (PRIMARY)
WHERE queue = :queue AND id IN :ids AND state = {RUNNING} AND lease_until <= :now
FOR UPDATE SKIP LOCKED
"""
"""Locks exactly those, unless somebody else takes or extends them just now."""
_BACK: Final = f"""
UPDATE {{job}} FORCE INDEX (PRIMARY) SET state = {SCHEDULED}, retries = retries + 1,
  token = token + 1, lease_until = NULL, request_id = NULL
WHERE queue = :queue AND id IN :ids
"""
_DEAD: Final = f"""
UPDATE {{job}} FORCE INDEX (PRIMARY) SET state = {DEAD}, finished_at = :now,
  reason = '{DeadReason.LEASE.value}', token = token + 1, lease_until = NULL, request_id = NULL
WHERE queue = :queue AND id IN :ids
"""


async def extend(
    call: Call, queue: str, leases: Sequence[Lease], length: int, given: int | None
) -> list[LeaseResult]:
    """Make leases hold longer, never shorter. See :meth:`Storage.extend`."""
    until = later(await call.now(given), length)
    jobs = await lock(call, queue, [lease.id for lease in leases])
    held = {
        lease.id
        for lease in leases
        if (job := jobs.get(lease.id)) and job.state == RUNNING and job.token == lease.token
    }
    if held:
        ids = [job_id.bytes for job_id in held]
        await call.execute(_EXTEND, queue=queue.encode(), ids=ids, until=until)
    return [LeaseResult.APPLIED if lease.id in held else LeaseResult.LOST for lease in leases]


async def take_back(call: Call, queue: str, limit: int, now: int) -> tuple[ReapedJob, ...]:
    """Take back some expired leases, the longest expired first (clause LEA-2)."""
    expired = await call.rows(_EXPIRED, queue=queue.encode(), now=now, limit=limit)
    if not expired:
        return ()
    ids = [row[0] for row in expired]
    rows = await call.rows(_TAKE, queue=queue.encode(), ids=ids, now=now)
    rows = sorted(rows, key=lambda row: (row[6], row[0]))
    back = [row for row in rows if row[2] < row[3]]
    dead = [row for row in rows if row[2] >= row[3]]
    if back:
        await call.execute(_BACK, queue=queue.encode(), ids=[row[0] for row in back])
        await call.put_back([row[4] for row in back if row[4] <= row[5]], now)
    if dead:
        await call.execute(_DEAD, queue=queue.encode(), ids=[row[0] for row in dead], now=now)
    return tuple(
        ReapedJob(
            UUID(bytes=row[0]), row[1].decode(), STATES[SCHEDULED if row[2] < row[3] else DEAD]
        )
        for row in rows
    )
