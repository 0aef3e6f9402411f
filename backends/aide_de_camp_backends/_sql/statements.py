"""The hot statements that SQLite and PostgreSQL share, as text with named parameters.

A state always stands in them as a literal, so that partial indexes serve them under any plan.
Every change is conditional on what it relies on: id, token and state.
"""

from __future__ import annotations

from typing import Final

from aide_de_camp.spi import SETTLEMENTS_KEPT, SettleKind
from aide_de_camp_backends._sql.codes import CANCELLED, DEAD, HELD, KIND_CODES, RUNNING, SCHEDULED
from aide_de_camp_backends._sql.codes import COMPLETED as COMPLETED_STATE
from aide_de_camp_backends._sql.rows import RECORD_COLUMNS

GET: Final = f"SELECT {RECORD_COLUMNS} FROM adc_job WHERE queue = :queue AND id = :id"

STATE: Final = """
SELECT state, request_id FROM adc_job WHERE queue = :queue AND id = :id
"""

CANCEL: Final = f"""
UPDATE adc_job SET state = {CANCELLED}, finished_at = :now, request_id = :request_id
WHERE queue = :queue AND id = :id AND state = {SCHEDULED} AND token = coalesce(:token, token)
"""

EXTEND: Final = f"""
UPDATE adc_job
SET lease_until = CASE WHEN lease_until > :lease_until THEN lease_until ELSE :lease_until END
WHERE queue = :queue AND id = :id AND token = :token AND state = {RUNNING}
"""

_LONGEST: Final = len("-9223372036854775808.0;")
SETTLED_BEFORE: Final = f"""
settled_before = substr(
  settled_token || '.' || settled_kind || ';' || coalesce(settled_before, ''),
  1, {(SETTLEMENTS_KEPT - 1) * _LONGEST}
)
"""
"""Has a settlement remember those before it (clause LIV-4): ``token.kind;`` of each, the newest
first. NULL for the first one of a job, and so no byte for jobs that end at their first attempt. One
that is cut off at the end has no ``;`` behind it any more, and is found no more."""

_SETTLE: Final = """
UPDATE adc_job SET
  state = {state}, {changes}, lease_until = NULL, request_id = NULL,
  settled_token = :token, settled_kind = {kind}, {before}
  {error}
WHERE queue = :queue AND id = :id AND token = :token AND state = {running}
"""
_WITH_ERROR: Final = ", error = :error, error_detail = :error_detail, error_at = :now"


def _settle(kind: SettleKind, state: int, changes: str, error: str) -> str:
    return _SETTLE.format(
        state=state,
        changes=changes,
        kind=KIND_CODES[kind],
        before=SETTLED_BEFORE,
        error=error,
        running=RUNNING,
    )


def _settles(error: str) -> dict[SettleKind, str]:
    done = "finished_at = :now, reason = :reason"
    later = "scheduled_at = :scheduled_at"
    return {
        kind: _settle(kind, state, changes, error)
        for kind, state, changes in (
            (SettleKind.COMPLETED, COMPLETED_STATE, "finished_at = :now"),
            (SettleKind.RETRY, SCHEDULED, f"{later}, retries = retries + 1"),
            (SettleKind.SNOOZED, SCHEDULED, f"{later}, snoozes = snoozes + 1"),
            (SettleKind.RELEASED, SCHEDULED, "reason = NULL"),
            (SettleKind.DEAD, DEAD, done),
            (SettleKind.CANCELLED, CANCELLED, done),
        )
    }


SETTLE: Final = _settles("")
"""Per kind, how an attempt ends that leaves the last error as it is."""
SETTLE_WITH_ERROR: Final = _settles(_WITH_ERROR)
"""Per kind, how an attempt ends with an error."""

SETTLED: Final = """
SELECT 1 FROM adc_job
WHERE queue = :queue AND id = :id AND (
  settled_token = :token AND settled_kind = :kind
  OR instr(';' || settled_before, ';' || :token || '.' || :kind || ';')
)
"""

REQUEUE: Final = f"""
UPDATE adc_job
SET state = {SCHEDULED}, retries = 0, snoozes = 0, reason = NULL, finished_at = NULL,
  requeued_by = :request_id
WHERE queue = :queue AND id = :id AND state = {DEAD}
  AND (requeued_by IS NULL OR requeued_by <> :request_id)
"""

REQUEUED: Final = """
SELECT 1 FROM adc_job WHERE queue = :queue AND id = :id AND requeued_by = :request_id
"""

DELETE: Final = f"DELETE FROM adc_job WHERE queue = :queue AND id = :id AND state = {DEAD}"

HOLD: Final = f"""
UPDATE adc_job SET state = {HELD}
WHERE queue = :queue AND id = :id AND state IN ({SCHEDULED}, {DEAD})
"""

IMPORT: Final = f"""
INSERT INTO adc_job (
  queue, id, state, priority, scheduled_at, enqueued_at, token, claims, retries, snoozes,
  max_retries, lease_max_retries, started_at, finished_at, job_type, codec, worker, reason,
  error_at, error, error_detail, payload
) VALUES (
  :queue, :id, {HELD}, :priority, :scheduled_at, :enqueued_at, :token, :claims, :retries, :snoozes,
  :max_retries, 0, :started_at, :finished_at, :job_type, :codec, :worker, :reason,
  :error_at, :error, :error_detail, :payload
) ON CONFLICT (queue, id) DO NOTHING
"""

UNHOLD: Final = f"""
UPDATE adc_job SET state = CASE WHEN finished_at IS NULL THEN {SCHEDULED} ELSE {DEAD} END
WHERE queue = :queue AND id = :id AND state = {HELD}
"""

DISCARD: Final = f"DELETE FROM adc_job WHERE queue = :queue AND id = :id AND state = {HELD}"

QUEUES: Final = """
WITH RECURSIVE found(queue) AS (
  SELECT (SELECT queue FROM adc_job ORDER BY queue LIMIT 1)
  UNION ALL
  SELECT (SELECT job.queue FROM adc_job AS job WHERE job.queue > found.queue
          ORDER BY job.queue LIMIT 1)
  FROM found WHERE found.queue IS NOT NULL
)
SELECT queue FROM found WHERE queue IS NOT NULL
"""

FLOOR: Final = "SELECT value FROM adc_meta WHERE name = 'now_floor'"

RAISE_FLOOR: Final = """
UPDATE adc_meta SET value = :floor WHERE name = 'now_floor' AND value < :floor
"""
