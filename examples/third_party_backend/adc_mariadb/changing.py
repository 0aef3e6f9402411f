"""Cancelling, requeueing, deleting and pruning (clauses CAN, RET-4, KEP-1, LIV-4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from adc_mariadb.call import Call
from adc_mariadb.codes import CANCELLED, COMPLETED, DEAD, RUNNING, SCHEDULED, STATES
from adc_mariadb.locking import Locked, lock
from aide_de_camp.spi import (
    Cancellation,
    CancelResult,
    CancelStatus,
    DeadStatus,
    Requeue,
    later,
)

_CANCEL: Final = f"""
UPDATE {{job}} SET state = {CANCELLED}, finished_at = :now, reason = NULL, request_id = :request
WHERE queue = :queue AND id = :id
"""
_REQUEUE: Final = f"""
UPDATE {{job}} SET state = {SCHEDULED}, retries = 0, snoozes = 0, reason = NULL,
  finished_at = NULL, requeued_by = :request
WHERE queue = :queue AND id = :id
"""
_DELETE: Final = """
DELETE job FROM {job} AS job FORCE INDEX (PRIMARY) WHERE queue = :queue AND id IN :ids
"""
_OLD: Final = """
SELECT id FROM {job} FORCE INDEX (finished)
WHERE queue = :queue AND state = :state AND finished_at <= :before
ORDER BY finished_at, id LIMIT :limit
"""
_LOCK_OLD: Final = """
SELECT id FROM {job} FORCE INDEX (PRIMARY)
WHERE queue = :queue AND id IN :ids AND state = :state FOR UPDATE SKIP LOCKED
"""
"""Locks exactly those; what another one prunes just now is skipped."""


async def cancel(
    call: Call, queue: str, cancellations: Sequence[Cancellation], given: int | None
) -> list[CancelResult]:
    """Cancel scheduled jobs. See :meth:`Storage.cancel`."""
    now = await call.now(given)
    jobs = await lock(call, queue, [each.id for each in cancellations])
    results: list[CancelResult] = []
    for each in cancellations:
        job = jobs.get(each.id)
        if job is not None and job.state == SCHEDULED and each.token in (None, job.token):
            request = each.request_id.bytes
            await call.execute(_CANCEL, queue=queue.encode(), id=job.id, now=now, request=request)
            results.append(CancelResult(CancelStatus.CANCELLED))
        else:
            results.append(_not_cancelled(each, job))
    return results


def _not_cancelled(wanted: Cancellation, job: Locked | None) -> CancelResult:
    if job is None:
        return CancelResult(CancelStatus.NOT_LIVE)
    if job.state == RUNNING:
        return CancelResult(CancelStatus.RUNNING)
    if job.state == SCHEDULED:
        return CancelResult(CancelStatus.CHANGED)
    if job.state == CANCELLED and job.request_id == wanted.request_id.bytes:
        # The repeat after a lost reply finds its own doing.
        return CancelResult(CancelStatus.CANCELLED)
    return CancelResult(CancelStatus.NOT_LIVE, STATES[job.state])


async def requeue(
    call: Call, queue: str, requests: Sequence[Requeue], given: int | None
) -> list[DeadStatus]:
    """Schedule dead jobs again, at their old places. See :meth:`Storage.requeue`."""
    now = await call.now(given)
    jobs = await lock(call, queue, [each.id for each in requests])
    results: list[DeadStatus] = []
    once_due: list[int] = []
    for each in requests:
        job, request = jobs.get(each.id), each.request_id.bytes
        if job is not None and job.requeued_by == request:
            # As above; whatever became of the job since.
            results.append(DeadStatus.DONE)
            continue
        results.append(_dead_status(job))
        if job is not None and job.state == DEAD:
            await call.execute(_REQUEUE, queue=queue.encode(), id=job.id, request=request)
            once_due += [job.scheduled_at] if job.once_due else []
    await call.put_back(once_due, now)
    return results


async def delete(call: Call, queue: str, ids: Sequence[UUID]) -> list[DeadStatus]:
    """Remove dead jobs. See :meth:`Storage.delete`."""
    jobs = await lock(call, queue, ids)
    dead = [job.id for job in jobs.values() if job.state == DEAD]
    if dead:
        await call.execute(_DELETE, queue=queue.encode(), ids=dead)
    return [_dead_status(jobs.get(job_id)) for job_id in ids]


def _dead_status(job: Locked | None) -> DeadStatus:
    if job is None:
        return DeadStatus.NOT_FOUND
    return DeadStatus.DONE if job.state == DEAD else DeadStatus.NOT_DEAD


async def prune(call: Call, queue: str, keep: int, limit: int, given: int | None) -> int:
    """Remove completed and cancelled jobs that are old enough. See :meth:`Storage.prune`."""
    before = later(await call.now(given), -keep)
    removed = 0
    for state in (COMPLETED, CANCELLED):
        values = {"queue": queue.encode(), "state": state}
        old = await call.rows(_OLD, **values, before=before, limit=limit - removed)
        if old:
            old = await call.rows(_LOCK_OLD, **values, ids=[row[0] for row in old])
        if old:
            await call.execute(_DELETE, queue=queue.encode(), ids=[row[0] for row in old])
        removed += len(old)
    return removed
