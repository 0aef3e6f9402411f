"""Ending attempts (clauses LEA-3, RET, LIV-4)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aide_de_camp.spi import LeaseResult, Settlement, later
from aide_de_camp_backends._sql.codes import KIND_CODES
from aide_de_camp_backends._sql.errors import error_columns
from aide_de_camp_backends._sql.statements import SETTLE, SETTLE_WITH_ERROR, SETTLED
from aide_de_camp_backends.sqlite.transaction import Transaction


def settle(
    tx: Transaction, queue: str, settlements: Sequence[Settlement], given: int | None
) -> list[LeaseResult]:
    """End attempts, each under the token presented. See :meth:`Storage.settle`."""
    now = tx.now(given)
    return [_settle(tx, queue, settlement, now) for settlement in settlements]


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
