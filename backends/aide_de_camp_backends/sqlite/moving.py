"""Holding, importing and discarding jobs that move to another storage (clauses MOV)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from aide_de_camp.spi import EnqueueResult, HoldStatus, JobRecord, JobState
from aide_de_camp_backends._sql import statements
from aide_de_camp_backends._sql.errors import error_columns
from aide_de_camp_backends._sql.rows import record as record_of
from aide_de_camp_backends.sqlite.transaction import Transaction


def hold(tx: Transaction, queue: str, ids: Sequence[UUID]) -> list[JobRecord | None]:
    """Take scheduled and dead jobs out of use. See :meth:`Storage.hold`."""
    return [_hold(tx, queue, job_id) for job_id in ids]


def _hold(tx: Transaction, queue: str, job_id: UUID) -> JobRecord | None:
    values = {"queue": queue, "id": job_id.bytes}
    tx.execute(statements.HOLD, values)
    row = tx.execute(statements.GET, values).fetchone()
    found = None if row is None else record_of(row)
    return found if found is not None and found.state is JobState.HELD else None


def import_jobs(tx: Transaction, queue: str, records: Sequence[JobRecord]) -> list[EnqueueResult]:
    """Store jobs that another storage holds. See :meth:`Storage.import_jobs`."""
    return [_import(tx, queue, each) for each in records]


def _import(tx: Transaction, queue: str, record: JobRecord) -> EnqueueResult:
    error, error_detail = error_columns(record.error)
    values = {
        "queue": queue,
        "id": record.id.bytes,
        "priority": record.priority,
        "scheduled_at": record.scheduled_at,
        "enqueued_at": record.enqueued_at,
        "token": record.token,
        "claims": record.claims,
        "retries": record.retries,
        "snoozes": record.snoozes,
        "max_retries": record.max_retries,
        "started_at": record.started_at,
        "finished_at": record.finished_at,
        "job_type": record.job_type,
        "codec": record.codec,
        "worker": record.worker,
        "reason": record.reason,
        "error_at": record.error_at,
        "error": error,
        "error_detail": error_detail,
        "payload": record.payload or b"",
    }
    stored = tx.execute(statements.IMPORT, values).rowcount
    return EnqueueResult.STORED if stored else EnqueueResult.EXISTS


def unhold(tx: Transaction, queue: str, ids: Sequence[UUID], given: int | None) -> list[HoldStatus]:
    """Put held jobs back to what they were. See :meth:`Storage.unhold`."""
    tx.now(given)
    results = [_change(tx, statements.UNHOLD, queue, each) for each in ids]
    if HoldStatus.DONE in results:
        tx.woken.add(queue)
    return results


def discard(tx: Transaction, queue: str, ids: Sequence[UUID]) -> list[HoldStatus]:
    """Remove held jobs. See :meth:`Storage.discard`."""
    return [_change(tx, statements.DISCARD, queue, each) for each in ids]


def _change(tx: Transaction, statement: str, queue: str, job_id: UUID) -> HoldStatus:
    values = {"queue": queue, "id": job_id.bytes}
    if tx.execute(statement, values).rowcount:
        return HoldStatus.DONE
    there = tx.execute(statements.STATE, values).fetchone()
    return HoldStatus.NOT_FOUND if there is None else HoldStatus.NOT_HELD
