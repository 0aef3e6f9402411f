"""Ending attempts (clauses LEA-3, RET, LIV-4)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from aide_de_camp.spi import LeaseResult, SettleKind, Settlement, later
from aide_de_camp_backends._sql.codes import COMPLETED, KIND_CODES, RUNNING
from aide_de_camp_backends._sql.errors import error_columns
from aide_de_camp_backends._sql.ids import bytes_of
from aide_de_camp_backends._sql.statements import (
    SETTLE,
    SETTLE_WITH_ERROR,
    SETTLED,
    SETTLED_BEFORE,
)
from aide_de_camp_backends.sqlite.transaction import Transaction

COMPLETE: Final = f"""
UPDATE adc_job SET
  state = {COMPLETED}, finished_at = :now, lease_until = NULL, request_id = NULL,
  settled_token = token, settled_kind = {KIND_CODES[SettleKind.COMPLETED]}, {SETTLED_BEFORE}
WHERE rowid IN (
  SELECT job.rowid FROM json_each(:tokens) AS given CROSS JOIN adc_job AS job
  ON job.queue = :queue AND job.id = substr(:ids, 16 * given.key + 1, 16)
    AND job.token = given.value AND +job.state = {RUNNING}
)
"""
"""Completes many attempts by one statement: each statement costs as much as what it does."""


def settle(
    tx: Transaction, queue: str, settlements: Sequence[Settlement], given: int | None
) -> list[LeaseResult]:
    """End attempts, each under the token presented. See :meth:`Storage.settle`."""
    now = tx.now(given)
    if _all_completed(settlements):
        values: dict[str, Any] = {
            "queue": queue,
            "now": now,
            "ids": bytes_of([each.id for each in settlements]),
            "tokens": json.dumps([each.token for each in settlements]),
        }
        if tx.execute(COMPLETE, values).rowcount == len(settlements):
            return [LeaseResult.APPLIED] * len(settlements)
        # Some were lost, or are repeats. One by one each finds what holds, its own doing too.
    return [_settle(tx, queue, settlement, now) for settlement in settlements]


def _all_completed(settlements: Sequence[Settlement]) -> bool:
    return len(settlements) > 1 and all(
        each.kind is SettleKind.COMPLETED and each.error is None for each in settlements
    )


def _settle(tx: Transaction, queue: str, settlement: Settlement, now: int) -> LeaseResult:
    kind = settlement.kind
    values: dict[str, Any] = {
        "queue": queue,
        "id": settlement.id.bytes,
        "token": settlement.token,
        "now": now,
        "scheduled_at": later(now, settlement.delay),
        "reason": settlement.reason,
        "kind": KIND_CODES[kind],
    }
    statements = SETTLE
    if settlement.error is not None:
        statements = SETTLE_WITH_ERROR
        values["error"], values["error_detail"] = error_columns(settlement.error)
    if tx.execute(statements[kind], values).rowcount:
        if kind.schedules_again:
            tx.woken.add(queue)
        return LeaseResult.APPLIED
    # A repeat after a lost reply finds its own doing, even if the job was claimed again since.
    repeated = tx.execute(SETTLED, values).fetchone()
    return LeaseResult.LOST if repeated is None else LeaseResult.APPLIED
