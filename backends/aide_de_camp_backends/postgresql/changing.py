"""Storing, cancelling, requeueing, deleting and pruning jobs, and reading single ones."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final
from uuid import UUID

from aide_de_camp.spi import (
    TIME_MAX,
    TIME_MIN,
    Cancellation,
    CancelResult,
    CancelStatus,
    DeadStatus,
    EnqueueResult,
    JobRecord,
    JobState,
    NewJob,
    Requeue,
)
from aide_de_camp_backends._sql.codes import CANCELLED, COMPLETED, DEAD, RUNNING, SCHEDULED, STATES
from aide_de_camp_backends._sql.results import results_of
from aide_de_camp_backends._sql.rows import RECORD_COLUMNS, record
from aide_de_camp_backends.postgresql.call import Call, Row
from aide_de_camp_backends.postgresql.finding import found
from aide_de_camp_backends.postgresql.present import CLOCK, NOW, RAISED, READ, later
from aide_de_camp_backends.postgresql.sizes import size_of

_TRIES: Final = 5

ENQUEUE: Final = f"""
WITH {CLOCK}, stored AS (
  INSERT INTO adc_job (
    queue, id, state, priority, scheduled_at, enqueued_at, token, claims, retries, snoozes,
    max_retries, lease_max_retries, job_type, codec, payload
  )
  SELECT :queue, given.id, {SCHEDULED}, given.priority,
    coalesce(given.scheduled_at, {later("given.delay")}), {NOW}, 0, 0, 0, 0,
    given.max_retries, 0, given.job_type, given.codec, given.payload
  FROM unnest(
    :ids::uuid[], :priorities::smallint[], :times::bigint[], :delays::bigint[],
    :max_retries::bigint[], :types::text[], :codecs::text[], :payloads::bytea[]
  ) AS given(id, priority, scheduled_at, delay, max_retries, job_type, codec, payload)
  ON CONFLICT (queue, id) DO NOTHING
  RETURNING id
)
SELECT clock.now, stored.id FROM clock LEFT JOIN stored ON true
"""

ENQUEUE_ONE: Final = f"""
INSERT INTO adc_job (
  queue, id, state, priority, scheduled_at, enqueued_at, token, claims, retries, snoozes,
  max_retries, lease_max_retries, job_type, codec, payload
)
SELECT :queue, :id::uuid, {SCHEDULED}, :priority::smallint,
  coalesce(:time::bigint, greatest({TIME_MIN}, least({TIME_MAX}, clock.now + :delay::bigint))),
  clock.now, 0, 0, 0, 0, :max_retries::bigint, 0, :type, :codec, :payload::bytea
FROM ({READ} OFFSET 0) AS clock
ON CONFLICT (queue, id) DO NOTHING
RETURNING enqueued_at AS now, id
"""
"""The same for one job, as most are scheduled: a fifth less work for both sides."""

CANCEL: Final = f"""
WITH {CLOCK}, given AS MATERIALIZED (
  SELECT * FROM unnest(:ids::uuid[], :tokens::bigint[], :requests::uuid[])
    AS given(id, token, request_id) ORDER BY id
), locked AS MATERIALIZED (
  SELECT given.* FROM given
  {found(f"job.token = coalesce(given.token, job.token) AND job.state + 0 = {SCHEDULED}")}
), changed AS (
  UPDATE adc_job AS job
  SET state = {CANCELLED}, finished_at = {NOW}, reason = NULL, request_id = locked.request_id
  FROM locked WHERE job.queue = :queue AND job.id = locked.id
    AND job.id = ANY (ARRAY(SELECT locked.id FROM locked))
  RETURNING job.id
)
SELECT clock.now, changed.id FROM clock LEFT JOIN changed ON true
"""

STATES_OF: Final = """
SELECT id, state, token, request_id, requeued_by FROM adc_job
WHERE queue = :queue AND id = ANY (:ids::uuid[])
"""

_NOT_BY_THIS: Final = "job.requeued_by IS DISTINCT FROM given.request_id"
REQUEUE: Final = f"""
WITH {CLOCK}, given AS MATERIALIZED (
  SELECT * FROM unnest(:ids::uuid[], :requests::uuid[]) AS given(id, request_id) ORDER BY id
), locked AS MATERIALIZED (
  SELECT given.* FROM given {found(f"job.state + 0 = {DEAD} AND {_NOT_BY_THIS}")}
), changed AS (
  UPDATE adc_job AS job SET state = {SCHEDULED}, retries = 0, snoozes = 0, reason = NULL,
    finished_at = NULL, requeued_by = locked.request_id
  FROM locked WHERE job.queue = :queue AND job.id = locked.id
    AND job.id = ANY (ARRAY(SELECT locked.id FROM locked))
  RETURNING job.id, job.state, job.scheduled_at, job.started_at, job.claims > 0 AS put_back
), {RAISED}
SELECT clock.now, changed.id FROM clock LEFT JOIN changed ON true
"""

DELETE: Final = f"""
WITH locked AS MATERIALIZED (
  SELECT id FROM adc_job
  WHERE queue = :queue AND id = ANY (:ids::uuid[]) AND state + 0 = {DEAD}
  ORDER BY id FOR UPDATE
)
DELETE FROM adc_job WHERE queue = :queue AND id = ANY (ARRAY(SELECT locked.id FROM locked))
RETURNING id
"""

_OLD: Final = """
(SELECT id, finished_at FROM adc_job
 WHERE queue = :queue AND state = {state} AND finished_at <= (SELECT before FROM edge)
 ORDER BY finished_at LIMIT {{size}} FOR UPDATE SKIP LOCKED)
"""
_PRUNE: Final = f"""
WITH {CLOCK}, edge AS MATERIALIZED (SELECT {later("-:keep::bigint")} AS before),
old AS MATERIALIZED (
  SELECT * FROM {_OLD.format(state=COMPLETED)} AS completed
  UNION ALL SELECT * FROM {_OLD.format(state=CANCELLED)} AS cancelled
), removed AS (
  DELETE FROM adc_job WHERE queue = :queue AND id = ANY (ARRAY(
    SELECT old.id FROM old ORDER BY old.finished_at, old.id LIMIT :limit::bigint
  )) RETURNING 1
)
SELECT clock.now, (SELECT count(*) FROM removed) AS removed FROM clock
"""

GET: Final = (
    f"SELECT {RECORD_COLUMNS} FROM adc_job WHERE queue = :queue AND id = ANY (:ids::uuid[])"
)


@cache
def prune_text(size: int) -> str:
    """Give the statement that prunes; see :mod:`.sizes`."""
    return _PRUNE.format(size=size)


async def enqueue(
    call: Call, queue: str, jobs: Sequence[NewJob], given: int | None
) -> list[EnqueueResult]:
    """Store jobs, all or none. See :meth:`Storage.enqueue`."""
    # In the order of their ids, so that no two calls wait for each other.
    ordered = sorted(jobs, key=lambda job: job.id)
    present = {"given": given, "latest": call.latest}
    # Told even if all were there: the one who stored them may have lost the answer, and died.
    call.woken.add(queue)
    if len(ordered) == 1:
        rows = await call.rows(ENQUEUE_ONE, values_of(queue, ordered[0]) | present)
    else:
        rows = await call.rows(ENQUEUE, enqueue_values(queue, ordered) | present)
    if rows:
        call.saw(rows[0]["now"])
    stored = {row["id"] for row in rows if row["id"] is not None}
    return results_of(jobs, stored)


def values_of(queue: str, job: NewJob) -> dict[str, Any]:
    """Give the parameters of :data:`ENQUEUE_ONE`, but for the present."""
    return {
        "queue": queue,
        "id": job.id,
        "priority": int(job.priority),
        "time": job.scheduled_at,
        "delay": job.delay,
        "max_retries": job.max_retries,
        "type": job.job_type,
        "codec": job.codec,
        "payload": job.payload,
    }


def enqueue_values(queue: str, jobs: Sequence[NewJob]) -> dict[str, Any]:
    """Give the parameters of :data:`ENQUEUE`, but for the present."""
    return {
        "queue": queue,
        "ids": [job.id for job in jobs],
        "priorities": [int(job.priority) for job in jobs],
        "times": [job.scheduled_at for job in jobs],
        "delays": [job.delay for job in jobs],
        "max_retries": [job.max_retries for job in jobs],
        "types": [job.job_type for job in jobs],
        "codecs": [job.codec for job in jobs],
        "payloads": [job.payload for job in jobs],
    }


async def cancel(
    call: Call, queue: str, cancellations: Sequence[Cancellation], given: int | None
) -> list[CancelResult]:
    """Cancel scheduled jobs. See :meth:`Storage.cancel`."""
    answers: dict[UUID, CancelResult] = {}
    left = list(cancellations)
    for _ in range(_TRIES):
        values = {
            "queue": queue,
            "given": given,
            "latest": call.latest,
            "ids": [each.id for each in left],
            "tokens": [each.token for each in left],
            "requests": [each.request_id for each in left],
        }
        rows = await call.rows(CANCEL, values)
        call.saw(rows[0]["now"])
        done = {row["id"] for row in rows}
        answers |= {
            each.id: CancelResult(CancelStatus.CANCELLED) for each in left if each.id in done
        }
        left = [each for each in left if each.id not in done]
        if not left:
            break
        states = {row["id"]: row for row in await call.rows(STATES_OF, values)}
        answers |= {each.id: _not_cancelled(each, states.get(each.id)) for each in left}
        # One that came back to scheduled between the two statements is tried again.
        left = [each for each in left if _would_match(each, states.get(each.id))]
        if not left:
            break
    return [answers[each.id] for each in cancellations]


def _would_match(wanted: Cancellation, row: Row | None) -> bool:
    return (
        row is not None
        and row["state"] == SCHEDULED
        and (wanted.token is None or wanted.token == row["token"])
    )


def _not_cancelled(wanted: Cancellation, row: Row | None) -> CancelResult:
    if row is None:
        return CancelResult(CancelStatus.NOT_LIVE)
    state = row["state"]
    if state == RUNNING:
        return CancelResult(CancelStatus.RUNNING)
    if state == SCHEDULED:
        return CancelResult(CancelStatus.CHANGED)
    if state == CANCELLED and row["request_id"] == wanted.request_id:
        return CancelResult(CancelStatus.CANCELLED)
    return CancelResult(CancelStatus.NOT_LIVE, STATES.get(state, JobState.DEAD))


async def get(call: Call, queue: str, ids: Sequence[UUID]) -> list[JobRecord | None]:
    """Read jobs with their payloads. See :meth:`Storage.get`."""
    rows = await call.rows(GET, {"queue": queue, "ids": list(dict.fromkeys(ids))})
    found = {row["id"]: record(tuple(row)) for row in rows}
    return [found.get(each) for each in ids]


async def requeue(
    call: Call, queue: str, requests: Sequence[Requeue], given: int | None
) -> list[DeadStatus]:
    """Schedule dead jobs again. See :meth:`Storage.requeue`."""
    values = {
        "queue": queue,
        "given": given,
        "latest": call.latest,
        "ids": [each.id for each in requests],
        "requests": [each.request_id for each in requests],
    }
    call.woken.add(queue)
    rows = await call.rows(REQUEUE, values)
    call.saw(rows[0]["now"])
    done = {row["id"] for row in rows if row["id"] is not None}
    there: dict[UUID, Row] = {}
    if len(done) < len(requests):
        there = {row["id"]: row for row in await call.rows(STATES_OF, values)}
        done |= {
            each.id
            for each in requests
            if each.id in there and there[each.id]["requeued_by"] == each.request_id
        }
    return [_dead_status(each.id, done, there) for each in requests]


async def delete(call: Call, queue: str, ids: Sequence[UUID]) -> list[DeadStatus]:
    """Remove dead jobs. See :meth:`Storage.delete`."""
    values = {"queue": queue, "ids": list(ids)}
    done = {row["id"] for row in await call.rows(DELETE, values)}
    there: dict[UUID, Row] = {}
    if len(done) < len(ids):
        there = {row["id"]: row for row in await call.rows(STATES_OF, values)}
    return [_dead_status(each, done, there) for each in ids]


def _dead_status(job_id: UUID, done: set[UUID], there: dict[UUID, Row]) -> DeadStatus:
    if job_id in done:
        return DeadStatus.DONE
    return DeadStatus.NOT_DEAD if job_id in there else DeadStatus.NOT_FOUND


async def prune(call: Call, queue: str, keep: int, limit: int, given: int | None) -> int:
    """Remove completed and cancelled jobs that are old enough. See :meth:`Storage.prune`."""
    values = {
        "queue": queue,
        "given": given,
        "latest": call.latest,
        "keep": keep,
        "limit": limit,
    }
    (row,) = await call.rows(prune_text(size_of(limit)), values)
    call.saw(row["now"])
    removed: int = row["removed"]
    return removed
