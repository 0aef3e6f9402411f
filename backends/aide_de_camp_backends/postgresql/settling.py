"""Ending attempts (clauses LEA-3, RET, LIV-4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
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
from aide_de_camp_backends.postgresql.finding import found
from aide_de_camp_backends.postgresql.present import CLOCK, NOW, RAISED, later

_RETRY: Final = KIND_CODES[SettleKind.RETRY]
_SNOOZED: Final = KIND_CODES[SettleKind.SNOOZED]
_RELEASED: Final = KIND_CODES[SettleKind.RELEASED]
_AGAIN: Final = f"({_RETRY}, {_SNOOZED}, {_RELEASED})"

_HELD: Final = found(f"job.token = given.token AND job.state + 0 = {RUNNING}")

COMPLETE: Final = f"""
WITH {CLOCK}, given AS MATERIALIZED (
  SELECT * FROM unnest(:ids::uuid[], :tokens::bigint[]) AS given(id, token) ORDER BY id
), locked AS MATERIALIZED (SELECT given.id FROM given {_HELD}), changed AS (
  UPDATE adc_job SET
    state = {COMPLETED}, finished_at = {NOW}, reason = NULL, lease_until = NULL, request_id = NULL,
    settled_token = token, settled_kind = {KIND_CODES[SettleKind.COMPLETED]}, {SETTLED_BEFORE}
  WHERE queue = :queue AND id = ANY (ARRAY(SELECT locked.id FROM locked))
  RETURNING id, settled_token AS token
)
SELECT clock.now, changed.id, changed.token FROM clock LEFT JOIN changed ON true
"""
"""What nearly all attempts end with. The other statement looks each job's kind up among the given
ones, which takes longer the more they are."""

SETTLE: Final = f"""
WITH {CLOCK}, given AS MATERIALIZED (
  SELECT * FROM unnest(
    :ids::uuid[], :tokens::bigint[], :kinds::smallint[], :delays::bigint[], :reasons::text[],
    :errors::text[], :details::text[]
  ) AS given(id, token, kind, delay, reason, error, detail) ORDER BY id
), locked AS MATERIALIZED (SELECT given.* FROM given {_HELD}), changed AS (
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

_SETTLED_SO: Final = """(
  job.settled_token = given.token AND job.settled_kind = given.kind
  OR strpos(';' || job.settled_before, ';' || given.token || '.' || given.kind || ';') > 0
)"""
SETTLED: Final = f"""
SELECT given.id, given.token
FROM unnest(:ids::uuid[], :tokens::bigint[], :kinds::smallint[]) AS given(id, token, kind)
{found(_SETTLED_SO, lock=False)}
"""


async def settle(
    call: Call, queue: str, settlements: Sequence[Settlement], given: int | None
) -> list[LeaseResult]:
    """End attempts, each under the token presented. See :meth:`Storage.settle`."""
    values = _values(queue, settlements, given) | {"latest": call.latest}
    if any(each.kind.schedules_again for each in settlements):
        call.woken.add(queue)
    # One statement for all of them: they take effect together or not at all.
    rows = await call.rows(COMPLETE if all(map(_is_complete, settlements)) else SETTLE, values)
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


def _values(queue: str, settlements: Sequence[Settlement], given: int | None) -> dict[str, Any]:
    errors = [error_columns(each.error) for each in settlements]
    return {
        "queue": queue,
        "given": given,
        "ids": [each.id for each in settlements],
        "tokens": [each.token for each in settlements],
        "kinds": [KIND_CODES[each.kind] for each in settlements],
        "delays": [each.delay for each in settlements],
        "reasons": [_reason(each) for each in settlements],
        "errors": [shown for shown, _ in errors],
        "details": [detail for _, detail in errors],
    }


def _is_complete(settlement: Settlement) -> bool:
    return settlement.kind is SettleKind.COMPLETED and settlement.error is None


def _key(settlement: Settlement) -> tuple[UUID, int]:
    return (settlement.id, settlement.token)


def _reason(settlement: Settlement) -> str | None:
    ends = settlement.kind in (SettleKind.DEAD, SettleKind.CANCELLED)
    return settlement.reason if ends else None
