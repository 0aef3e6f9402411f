"""Ending attempts (clauses LEA-3, RET, LIV-4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from aide_de_camp.spi import LeaseResult, SettleKind, Settlement
from aide_de_camp_backends._sql.codes import (
    CANCELLED,
    COMPLETED,
    DEAD,
    KIND_CODES,
    RUNNING,
    SCHEDULED,
)
from aide_de_camp_backends._sql.errors import error_columns
from aide_de_camp_backends._sql.statements import SETTLED_BEFORE
from aide_de_camp_backends.postgresql.call import Call
from aide_de_camp_backends.postgresql.present import CLOCK, NOW, RAISED, later

_RETRY: Final = KIND_CODES[SettleKind.RETRY]
_SNOOZED: Final = KIND_CODES[SettleKind.SNOOZED]
_RELEASED: Final = KIND_CODES[SettleKind.RELEASED]
_AGAIN: Final = f"({_RETRY}, {_SNOOZED}, {_RELEASED})"

_GIVEN: Final = """
given AS MATERIALIZED (
  SELECT * FROM unnest(
    :ids::uuid[], :tokens::bigint[], :kinds::smallint[], :delays::bigint[], :reasons::text[],
    :errors::text[], :details::text[]
  ) AS given(id, token, kind, delay, reason, error, detail)
)
"""

SETTLE: Final = f"""
WITH {CLOCK}, {_GIVEN}, locked AS MATERIALIZED (
  SELECT given.* FROM given JOIN adc_job AS job
    ON job.queue = :queue AND job.id = given.id AND job.token = given.token
  WHERE job.state = {RUNNING} ORDER BY job.id FOR UPDATE OF job
), changed AS (
  UPDATE adc_job AS job SET
    state = CASE locked.kind
      WHEN {KIND_CODES[SettleKind.COMPLETED]} THEN {COMPLETED}
      WHEN {KIND_CODES[SettleKind.DEAD]} THEN {DEAD}
      WHEN {KIND_CODES[SettleKind.CANCELLED]} THEN {CANCELLED}
      ELSE {SCHEDULED} END,
    scheduled_at = CASE WHEN locked.kind IN ({_RETRY}, {_SNOOZED})
      THEN {later("locked.delay")} ELSE job.scheduled_at END,
    retries = CASE WHEN locked.kind = {_RETRY} THEN job.retries + 1 ELSE job.retries END,
    snoozes = CASE WHEN locked.kind = {_SNOOZED} THEN job.snoozes + 1 ELSE job.snoozes END,
    finished_at = CASE WHEN locked.kind IN {_AGAIN} THEN NULL ELSE {NOW} END,
    reason = locked.reason,
    error = coalesce(locked.error, job.error),
    error_detail = CASE WHEN locked.error IS NULL THEN job.error_detail ELSE locked.detail END,
    error_at = CASE WHEN locked.error IS NULL THEN job.error_at ELSE {NOW} END,
    lease_until = NULL, request_id = NULL,
    settled_token = locked.token, settled_kind = locked.kind, {SETTLED_BEFORE}
  FROM locked WHERE job.queue = :queue AND job.id = locked.id
    AND job.id = ANY (ARRAY(SELECT locked.id FROM locked))
  RETURNING job.id, job.settled_token AS token, job.state, job.scheduled_at,
    job.started_at, locked.kind = {_RELEASED} AS put_back
), {RAISED}
SELECT clock.now, changed.id, changed.token FROM clock LEFT JOIN changed ON true
"""

SETTLED: Final = """
SELECT given.id, given.token FROM unnest(:ids::uuid[], :tokens::bigint[], :kinds::smallint[])
  AS given(id, token, kind)
JOIN adc_job AS job ON job.queue = :queue AND job.id = given.id
WHERE job.settled_token = given.token AND job.settled_kind = given.kind
  OR strpos(';' || job.settled_before, ';' || given.token || '.' || given.kind || ';') > 0
"""


async def settle(
    call: Call, queue: str, settlements: Sequence[Settlement], given: int | None
) -> list[LeaseResult]:
    """End attempts, each under the token presented. See :meth:`Storage.settle`."""
    errors = [error_columns(each.error) for each in settlements]
    values = {
        "queue": queue,
        "given": given,
        "latest": call.latest,
        "ids": [each.id for each in settlements],
        "tokens": [each.token for each in settlements],
        "kinds": [KIND_CODES[each.kind] for each in settlements],
        "delays": [each.delay for each in settlements],
        "reasons": [_reason(each) for each in settlements],
        "errors": [shown for shown, _ in errors],
        "details": [detail for _, detail in errors],
    }
    if any(each.kind.schedules_again for each in settlements):
        call.woken.add(queue)
    rows = await call.rows(SETTLE, values)
    call.saw(rows[0]["now"])
    applied = {(row["id"], row["token"]) for row in rows if row["id"] is not None}
    if len(applied) < len(settlements):
        # A repeat after a lost reply finds its own doing, even if the job was claimed again
        # since. Looked up by a statement of its own, which sees what the first one waited for.
        again = await call.rows(SETTLED, values)
        applied |= {(row["id"], row["token"]) for row in again}
    return [
        LeaseResult.APPLIED if _key(each) in applied else LeaseResult.LOST for each in settlements
    ]


def _key(settlement: Settlement) -> tuple[UUID, int]:
    return (settlement.id, settlement.token)


def _reason(settlement: Settlement) -> str | None:
    ends = settlement.kind in (SettleKind.DEAD, SettleKind.CANCELLED)
    return settlement.reason if ends else None
