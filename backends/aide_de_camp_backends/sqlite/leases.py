"""Extending leases, and taking back those that expired (clauses LEA-1 to LEA-3)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from aide_de_camp.spi import REAP_JOBS, DeadReason, JobState, Lease, LeaseResult, ReapedJob, later
from aide_de_camp_backends._sql.codes import DEAD, RUNNING, SCHEDULED, STATES
from aide_de_camp_backends._sql.statements import EXTEND
from aide_de_camp_backends.sqlite.transaction import Transaction

_RUNNING: Final = (
    f"FROM adc_job INDEXED BY adc_job_running WHERE queue = :queue AND state = {RUNNING}"
)

FIRST_END: Final = f"SELECT min(lease_until) {_RUNNING}"

EXPIRED: Final = f"""
SELECT rowid, id {_RUNNING} AND lease_until <= :now ORDER BY lease_until, id LIMIT :limit
"""
"""Running jobs are few, so looking at each is cheaper than an index that heartbeats change."""

TAKE_BACK: Final = f"""
UPDATE adc_job SET
  state = CASE WHEN retries < lease_max_retries THEN {SCHEDULED} ELSE {DEAD} END,
  finished_at = CASE WHEN retries < lease_max_retries THEN NULL ELSE :now END,
  reason = CASE WHEN retries < lease_max_retries THEN NULL ELSE '{DeadReason.LEASE.value}' END,
  retries = CASE WHEN retries < lease_max_retries THEN retries + 1 ELSE retries END,
  token = token + 1, lease_until = NULL, request_id = NULL
WHERE rowid IN (SELECT value FROM json_each(:rows))
RETURNING id, job_type, state
"""


def extend(
    tx: Transaction, queue: str, leases: Sequence[Lease], length: int, given: int | None
) -> list[LeaseResult]:
    """Make leases hold longer. See :meth:`Storage.extend`."""
    until = later(tx.now(given), length)
    results: list[LeaseResult] = []
    for lease in leases:
        values = {
            "queue": queue,
            "id": lease.id.bytes,
            "token": lease.token,
            "lease_until": until,
        }
        held = tx.execute(EXTEND, values).rowcount
        results.append(LeaseResult.APPLIED if held else LeaseResult.LOST)
    return results


def reap(tx: Transaction, queue: str, limit: int, given: int | None) -> tuple[ReapedJob, ...]:
    """Take back some expired leases. See :meth:`Storage.reap`."""
    return _take_back(tx, queue, tx.now(given), limit)


def reap_expired(tx: Transaction, queue: str, now: int) -> tuple[ReapedJob, ...]:
    """Take back what a claim does of expired leases, without a look where none can have expired."""
    if tx.leases_are_quiet(queue, now):
        return ()
    first_end = tx.execute(FIRST_END, {"queue": queue}).fetchone()[0]
    if first_end is None or first_end > now:
        tx.leases_looked_at(queue, now, first_end)
        return ()
    return _take_back(tx, queue, now, REAP_JOBS)


def _take_back(tx: Transaction, queue: str, now: int, limit: int) -> tuple[ReapedJob, ...]:
    values = {"queue": queue, "now": now, "limit": limit}
    found = tx.execute(EXPIRED, values).fetchall()
    if not found:
        return ()
    rows = json.dumps([row_id for row_id, _ in found])
    taken = {
        job_id: ReapedJob(UUID(bytes=job_id), name, STATES[state])
        for job_id, name, state in tx.execute(TAKE_BACK, {"now": now, "rows": rows}).fetchall()
    }
    reaped = tuple(taken[job_id] for _, job_id in found)
    if any(job.state is JobState.SCHEDULED for job in reaped):
        tx.woken.add(queue)
    return reaped
