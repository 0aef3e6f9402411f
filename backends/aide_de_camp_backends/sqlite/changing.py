"""Storing, cancelling, requeueing, deleting and pruning jobs, and reading single ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from aide_de_camp.spi import (
    Cancellation,
    CancelResult,
    CancelStatus,
    DeadStatus,
    EnqueueResult,
    JobRecord,
    JobState,
    NewJob,
    Requeue,
    later,
)
from aide_de_camp_backends._sql import statements
from aide_de_camp_backends._sql.codes import CANCELLED, COMPLETED, SCHEDULED, STATES
from aide_de_camp_backends._sql.codes import RUNNING as RUNNING_STATE
from aide_de_camp_backends._sql.rows import record
from aide_de_camp_backends.sqlite.transaction import Transaction

_PRUNE: Final = """
DELETE FROM adc_job WHERE rowid IN (
  SELECT rowid FROM adc_job INDEXED BY adc_job_finished
  WHERE queue = :queue AND state = {state} AND finished_at <= :before
  ORDER BY finished_at LIMIT :limit
)
"""
INSERT: Final = f"""
INSERT INTO adc_job (
  queue, id, state, priority, scheduled_at, enqueued_at, token, claims, retries, snoozes,
  max_retries, lease_max_retries, job_type, codec, payload
) VALUES (?, ?, {SCHEDULED}, ?, ?, ?, 0, 0, 0, 0, ?, 0, ?, ?, ?)
ON CONFLICT (queue, id) DO NOTHING
"""
"""Its parameters go by place: by name they take twice the time."""
_MANY: Final = 4
"""Jobs from which on two more statements cost less than one each."""

Row = tuple[Any, ...]

PRUNE: Final = tuple(_PRUNE.format(state=state) for state in (COMPLETED, CANCELLED))


def enqueue(
    tx: Transaction, queue: str, jobs: Sequence[NewJob], given: int | None
) -> list[EnqueueResult]:
    """Store jobs, all or none. See :meth:`Storage.enqueue`."""
    now = tx.now(given)
    rows = [_row(queue, job, now) for job in jobs]
    results = _insert_new(tx, rows) or [_insert(tx, row) for row in rows]
    if EnqueueResult.STORED in results:
        tx.woken.add(queue)
    return results


def _row(queue: str, job: NewJob, now: int) -> Row:
    return (
        queue,
        job.id.bytes,
        job.priority,
        later(now, job.delay) if job.scheduled_at is None else job.scheduled_at,
        now,
        job.max_retries,
        job.job_type,
        job.codec,
        job.payload,
    )


def _insert(tx: Transaction, row: Row) -> EnqueueResult:
    stored = tx.connection.execute(INSERT, row).rowcount
    return EnqueueResult.STORED if stored else EnqueueResult.EXISTS


def _insert_new(tx: Transaction, rows: Sequence[Row]) -> list[EnqueueResult] | None:
    """Store many that are all new; None, and nothing stored, where some of them were there."""
    if len(rows) < _MANY:
        return None
    tx.connection.execute("SAVEPOINT many")
    if tx.connection.executemany(INSERT, rows).rowcount == len(rows):
        tx.connection.execute("RELEASE many")
        return [EnqueueResult.STORED] * len(rows)
    tx.connection.execute("ROLLBACK TO many")
    tx.connection.execute("RELEASE many")
    return None


def cancel(
    tx: Transaction, queue: str, cancellations: Sequence[Cancellation], given: int | None
) -> list[CancelResult]:
    """Cancel scheduled jobs. See :meth:`Storage.cancel`."""
    now = tx.now(given)
    return [_cancel(tx, queue, each, now) for each in cancellations]


def _cancel(tx: Transaction, queue: str, wanted: Cancellation, now: int) -> CancelResult:
    values = {
        "queue": queue,
        "id": wanted.id.bytes,
        "token": wanted.token,
        "request_id": wanted.request_id.bytes,
        "now": now,
    }
    if tx.execute(statements.CANCEL, values).rowcount:
        return CancelResult(CancelStatus.CANCELLED)
    row = tx.execute(statements.STATE, values).fetchone()
    if row is None:
        return CancelResult(CancelStatus.NOT_LIVE)
    state, request_id = row
    if state == RUNNING_STATE:
        return CancelResult(CancelStatus.RUNNING)
    if state == SCHEDULED:
        return CancelResult(CancelStatus.CHANGED)
    if state == CANCELLED and request_id == wanted.request_id.bytes:
        return CancelResult(CancelStatus.CANCELLED)
    return CancelResult(CancelStatus.NOT_LIVE, STATES.get(state, JobState.DEAD))


def get(tx: Transaction, queue: str, ids: Sequence[UUID]) -> list[JobRecord | None]:
    """Read jobs with their payloads. See :meth:`Storage.get`."""
    rows = [
        tx.execute(statements.GET, {"queue": queue, "id": each.bytes}).fetchone() for each in ids
    ]
    return [None if row is None else record(row) for row in rows]


def requeue(
    tx: Transaction, queue: str, requests: Sequence[Requeue], given: int | None
) -> list[DeadStatus]:
    """Schedule dead jobs again. See :meth:`Storage.requeue`."""
    tx.now(given)
    results = [_requeue(tx, queue, each) for each in requests]
    if DeadStatus.DONE in results:
        tx.woken.add(queue)
    return results


def delete(tx: Transaction, queue: str, ids: Sequence[UUID]) -> list[DeadStatus]:
    """Remove dead jobs. See :meth:`Storage.delete`."""
    return [_delete(tx, queue, each) for each in ids]


def _requeue(tx: Transaction, queue: str, wanted: Requeue) -> DeadStatus:
    values = {"queue": queue, "id": wanted.id.bytes, "request_id": wanted.request_id.bytes}
    if tx.execute(statements.REQUEUE, values).rowcount:
        return DeadStatus.DONE
    if tx.execute(statements.REQUEUED, values).fetchone() is not None:
        return DeadStatus.DONE
    return _not_dead(tx, values)


def _delete(tx: Transaction, queue: str, job_id: UUID) -> DeadStatus:
    values = {"queue": queue, "id": job_id.bytes}
    if tx.execute(statements.DELETE, values).rowcount:
        return DeadStatus.DONE
    return _not_dead(tx, values)


def _not_dead(tx: Transaction, values: dict[str, Any]) -> DeadStatus:
    there = tx.execute(statements.STATE, values).fetchone()
    return DeadStatus.NOT_FOUND if there is None else DeadStatus.NOT_DEAD


def prune(tx: Transaction, queue: str, keep: int, limit: int, given: int | None) -> int:
    """Remove completed and cancelled jobs that are old enough. See :meth:`Storage.prune`."""
    before = later(tx.now(given), -keep)
    removed = 0
    for statement in PRUNE:
        values = {"queue": queue, "before": before, "limit": limit - removed}
        removed += tx.execute(statement, values).rowcount
    return removed
