"""Ending attempts (clauses LEA-3, RET, LIV-4)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from adc_mariadb.call import Call
from adc_mariadb.codes import CANCELLED, COMPLETED, DEAD, KINDS, RUNNING, SCHEDULED
from adc_mariadb.errors import error_columns
from adc_mariadb.locking import Locked, lock
from aide_de_camp.spi import (
    SETTLEMENTS_KEPT,
    ErrorRecord,
    LeaseResult,
    SettleKind,
    Settlement,
    later,
)

_BEFORE: Final = f"""
LEFT(
  CONCAT(settled_token, '.', settled_kind, ';', COALESCE(settled_before, '')),
  {(SETTLEMENTS_KEPT - 1) * len("-9223372036854775808.0;")}
)
"""
"""The settlements before this one, ``token.kind;`` of each, the newest first; NULL for the first.
It is set before what it is made of: here each assignment sees what those before it have set."""
_SETTLE: Final = """
UPDATE {{job}} FORCE INDEX (PRIMARY) SET state = {state}, {changes}{error},
  settled_before = {before},
  settled_token = token, settled_kind = {kind}, lease_until = NULL, request_id = NULL
WHERE queue = :queue AND id IN :ids
"""
_ERROR: Final = ", error = :error, error_detail = :detail, error_at = :now"
_FINISHED: Final = "finished_at = :now, reason = :reason"
_CHANGES: Final = {
    SettleKind.COMPLETED: (COMPLETED, "finished_at = :now"),
    SettleKind.RETRY: (SCHEDULED, "scheduled_at = :later, retries = retries + 1"),
    SettleKind.SNOOZED: (SCHEDULED, "scheduled_at = :later, snoozes = snoozes + 1"),
    SettleKind.RELEASED: (SCHEDULED, "reason = NULL"),
    SettleKind.DEAD: (DEAD, _FINISHED),
    SettleKind.CANCELLED: (CANCELLED, _FINISHED),
}

Alike = tuple[SettleKind, int, str | None, ErrorRecord | None]
"""What two settlements have in common that one statement can do."""


async def settle(
    call: Call, queue: str, settlements: Sequence[Settlement], given: int | None
) -> list[LeaseResult]:
    """End attempts, each under the token presented. See :meth:`Storage.settle`."""
    now = await call.now(given)
    jobs = await lock(call, queue, [each.id for each in settlements])
    groups: defaultdict[Alike, list[bytes]] = defaultdict(list)
    results: list[LeaseResult] = []
    once_due: list[int] = []
    for each in settlements:
        job = jobs.get(each.id)
        if job is None or not (_holds(each, job) or _is_repeated(each, job)):
            results.append(LeaseResult.LOST)
            continue
        results.append(LeaseResult.APPLIED)
        if not _is_repeated(each, job):
            groups[(each.kind, each.delay, each.reason, each.error)].append(job.id)
            if each.kind is SettleKind.RELEASED and job.once_due:
                once_due.append(job.scheduled_at)
    for alike, ids in groups.items():
        await _apply(call, queue, alike, ids, now)
    await call.put_back(once_due, now)
    return results


def _holds(settlement: Settlement, job: Locked) -> bool:
    return job.state == RUNNING and job.token == settlement.token


def _is_repeated(settlement: Settlement, job: Locked) -> bool:
    """Say whether this was done: its reply was lost, and it came again."""
    kind = KINDS[settlement.kind]
    if (job.settled_token, job.settled_kind) == (settlement.token, kind):
        return True
    before = (job.settled_before or b"").split(b";")[:-1]
    return b"%d.%d" % (settlement.token, kind) in before


async def _apply(call: Call, queue: str, alike: Alike, ids: list[bytes], now: int) -> None:
    kind, delay, reason, error = alike
    state, changes = _CHANGES[kind]
    values: dict[str, Any] = {"queue": queue.encode(), "ids": ids}
    if error is not None:
        values["error"], values["detail"] = error_columns(error)
    if error is not None or ":now" in changes:
        values["now"] = now
    if ":later" in changes:
        values["later"] = later(now, delay)
    if ":reason" in changes:
        values["reason"] = None if reason is None else reason.encode()
    statement = _SETTLE.format(
        state=state,
        changes=changes,
        kind=KINDS[kind],
        before=_BEFORE,
        error="" if error is None else _ERROR,
    )
    await call.execute(statement, **values)
