"""Extending leases, and taking back those that expired (clauses LEA-1 to LEA-3)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

from aide_de_camp.spi import DeadReason, Lease, LeaseResult, ReapedJob
from aide_de_camp_backends._sql.codes import DEAD, RUNNING, SCHEDULED, STATES
from aide_de_camp_backends.postgresql.call import Call
from aide_de_camp_backends.postgresql.finding import found
from aide_de_camp_backends.postgresql.present import CLOCK, NOW, RAISED, later
from aide_de_camp_backends.postgresql.sizes import size_of

EXTEND: Final = f"""
WITH {CLOCK}, given AS MATERIALIZED (
  SELECT * FROM unnest(:ids::uuid[], :tokens::bigint[]) AS given(id, token) ORDER BY id
), locked AS MATERIALIZED (
  SELECT given.id FROM given {found(f"job.token = given.token AND job.state + 0 = {RUNNING}")}
), changed AS (
  UPDATE adc_job SET lease_until = greatest(lease_until, {later(":length::bigint")})
  WHERE queue = :queue AND id = ANY (ARRAY(SELECT locked.id FROM locked))
  RETURNING id, token
)
SELECT clock.now, changed.id, changed.token FROM clock LEFT JOIN changed ON true
"""

_RETRIED: Final = "CASE WHEN retries < lease_max_retries THEN"

_TAKE_BACK: Final = f"""
WITH {CLOCK}, picked AS MATERIALIZED (
  SELECT id, lease_until FROM adc_job
  WHERE queue = :queue AND state = {RUNNING} AND lease_until <= {NOW}
  ORDER BY lease_until, id LIMIT {{size}} FOR UPDATE SKIP LOCKED
), first AS MATERIALIZED (
  SELECT id, lease_until FROM picked ORDER BY lease_until, id LIMIT :limit::bigint
), changed AS (
  UPDATE adc_job SET
    state = {_RETRIED} {SCHEDULED} ELSE {DEAD} END,
    finished_at = {_RETRIED} NULL ELSE {NOW} END,
    reason = {_RETRIED} NULL ELSE '{DeadReason.LEASE.value}' END,
    retries = {_RETRIED} retries + 1 ELSE retries END,
    token = token + 1, lease_until = NULL, request_id = NULL
  WHERE queue = :queue AND id = ANY (ARRAY(SELECT first.id FROM first))
  RETURNING id, job_type, state, scheduled_at, started_at, true AS put_back
), {RAISED}
SELECT clock.now, found.id, found.job_type, found.state FROM clock LEFT JOIN (
  SELECT changed.*, first.lease_until FROM changed JOIN first ON first.id = changed.id
) AS found ON true ORDER BY found.lease_until, found.id
"""


@cache
def take_back_text(size: int) -> str:
    """Give the statement that takes leases back; see :mod:`.sizes`."""
    return _TAKE_BACK.format(size=size)


async def extend(
    call: Call, queue: str, leases: Sequence[Lease], length: int, given: int | None
) -> list[LeaseResult]:
    """Make leases hold longer. See :meth:`Storage.extend`."""
    values = {
        "queue": queue,
        "given": given,
        "latest": call.latest,
        "ids": [lease.id for lease in leases],
        "tokens": [lease.token for lease in leases],
        "length": length,
    }
    rows = await call.rows(EXTEND, values)
    call.saw(rows[0]["now"])
    held = {(row["id"], row["token"]) for row in rows}
    return [
        LeaseResult.APPLIED if (lease.id, lease.token) in held else LeaseResult.LOST
        for lease in leases
    ]


async def take_back(call: Call, queue: str, limit: int, given: int | None) -> tuple[ReapedJob, ...]:
    """Take back some expired leases. See :meth:`Storage.reap`."""
    values = {"queue": queue, "given": given, "latest": call.latest, "limit": limit}
    call.woken.add(queue)
    rows = await call.rows(take_back_text(size_of(limit)), values)
    call.saw(rows[0]["now"])
    found = [row for row in rows if row["id"] is not None]
    if not any(row["state"] == SCHEDULED for row in found):
        call.woken.discard(queue)
    return tuple(ReapedJob(row["id"], row["job_type"], STATES[row["state"]]) for row in found)
