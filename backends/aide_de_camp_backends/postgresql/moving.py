"""Holding, importing and discarding jobs that move to another storage (clauses MOV)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from aide_de_camp.spi import EnqueueResult, HoldStatus, JobRecord, JobState
from aide_de_camp_backends._sql.codes import DEAD, HELD, SCHEDULED
from aide_de_camp_backends._sql.errors import error_columns
from aide_de_camp_backends._sql.results import results_of
from aide_de_camp_backends.postgresql.call import Call
from aide_de_camp_backends.postgresql.changing import STATES_OF, get
from aide_de_camp_backends.postgresql.present import CLOCK, RAISED_TO_NOW

_LOCKED: Final = """
locked AS MATERIALIZED (
  SELECT id FROM adc_job
  WHERE queue = :queue AND id = ANY (:ids::uuid[]) AND state + 0 IN ({states})
  ORDER BY id FOR UPDATE
)
"""
_THOSE: Final = "queue = :queue AND id = ANY (ARRAY(SELECT locked.id FROM locked))"
_HELD: Final = _LOCKED.format(states=HELD)

HOLD: Final = f"""
WITH {_LOCKED.format(states=f"{SCHEDULED}, {DEAD}")}
UPDATE adc_job SET state = {HELD} WHERE {_THOSE} RETURNING id
"""

IMPORT: Final = f"""
INSERT INTO adc_job (
  queue, id, state, priority, scheduled_at, enqueued_at, token, claims, retries, snoozes,
  max_retries, lease_max_retries, started_at, finished_at, job_type, codec, worker, reason,
  error_at, error, error_detail, payload
)
SELECT :queue, given.id, {HELD}, given.priority, given.scheduled_at, given.enqueued_at,
  given.token, given.claims, given.retries, given.snoozes, given.max_retries, 0,
  given.started_at, given.finished_at, given.job_type, given.codec, given.worker, given.reason,
  given.error_at, given.error, given.error_detail, given.payload
FROM unnest(
  :ids::uuid[], :priorities::smallint[], :times::bigint[], :enqueued::bigint[],
  :tokens::bigint[], :claims::bigint[], :retries::bigint[], :snoozes::bigint[],
  :max_retries::bigint[], :started::bigint[], :finished::bigint[], :types::text[],
  :codecs::text[], :workers::text[], :reasons::text[], :error_times::bigint[],
  :errors::text[], :details::text[], :payloads::bytea[]
) AS given(
  id, priority, scheduled_at, enqueued_at, token, claims, retries, snoozes, max_retries,
  started_at, finished_at, job_type, codec, worker, reason, error_at, error, error_detail, payload
)
ON CONFLICT (queue, id) DO NOTHING
RETURNING id
"""

UNHOLD: Final = f"""
WITH {CLOCK}, {_HELD}, changed AS (
  UPDATE adc_job SET
    state = CASE WHEN finished_at IS NULL THEN {SCHEDULED} ELSE {DEAD} END
  WHERE {_THOSE} RETURNING id, state, scheduled_at, claims > 0 AS put_back
), {RAISED_TO_NOW}
SELECT clock.now, changed.id, changed.state FROM clock LEFT JOIN changed ON true
"""

DISCARD: Final = f"WITH {_HELD} DELETE FROM adc_job WHERE {_THOSE} RETURNING id"


async def hold(call: Call, queue: str, ids: Sequence[UUID]) -> list[JobRecord | None]:
    """Take scheduled and dead jobs out of use. See :meth:`Storage.hold`."""
    await call.rows(HOLD, {"queue": queue, "ids": list(ids)})
    found = await get(call, queue, ids)
    return [each if each and each.state is JobState.HELD else None for each in found]


async def import_jobs(call: Call, queue: str, records: Sequence[JobRecord]) -> list[EnqueueResult]:
    """Store jobs that another storage holds. See :meth:`Storage.import_jobs`."""
    ordered = sorted(records, key=lambda each: each.id)
    errors = [error_columns(each.error) for each in ordered]
    values = {
        "queue": queue,
        "ids": [each.id for each in ordered],
        "priorities": [each.priority for each in ordered],
        "times": [each.scheduled_at for each in ordered],
        "enqueued": [each.enqueued_at for each in ordered],
        "tokens": [each.token for each in ordered],
        "claims": [each.claims for each in ordered],
        "retries": [each.retries for each in ordered],
        "snoozes": [each.snoozes for each in ordered],
        "max_retries": [each.max_retries for each in ordered],
        "started": [each.started_at for each in ordered],
        "finished": [each.finished_at for each in ordered],
        "types": [each.job_type for each in ordered],
        "codecs": [each.codec for each in ordered],
        "workers": [each.worker for each in ordered],
        "reasons": [each.reason for each in ordered],
        "error_times": [each.error_at for each in ordered],
        "errors": [shown for shown, _ in errors],
        "details": [detail for _, detail in errors],
        "payloads": [each.payload or b"" for each in ordered],
    }
    stored = {row["id"] for row in await call.rows(IMPORT, values)}
    return results_of(records, stored)


async def unhold(
    call: Call, queue: str, ids: Sequence[UUID], given: int | None
) -> list[HoldStatus]:
    """Put held jobs back to what they were. See :meth:`Storage.unhold`."""
    values = {"queue": queue, "ids": list(ids), "given": given, "latest": call.latest}
    call.woken.add(queue)
    rows = await call.rows(UNHOLD, values)
    call.saw(rows[0]["now"])
    return await _statuses(call, queue, ids, {row["id"] for row in rows})


async def discard(call: Call, queue: str, ids: Sequence[UUID]) -> list[HoldStatus]:
    """Remove held jobs. See :meth:`Storage.discard`."""
    rows = await call.rows(DISCARD, {"queue": queue, "ids": list(ids)})
    return await _statuses(call, queue, ids, {row["id"] for row in rows})


async def _statuses(
    call: Call, queue: str, ids: Sequence[UUID], done: set[UUID | None]
) -> list[HoldStatus]:
    there: set[UUID] = set()
    if not done.issuperset(ids):
        rows = await call.rows(STATES_OF, {"queue": queue, "ids": list(ids)})
        there = {row["id"] for row in rows}
    return [
        HoldStatus.DONE
        if each in done
        else HoldStatus.NOT_HELD
        if each in there
        else HoldStatus.NOT_FOUND
        for each in ids
    ]
