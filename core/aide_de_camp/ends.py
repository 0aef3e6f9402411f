"""Events of how attempts end: alike for runners and for those who go without (clause OBS-5)."""

from __future__ import annotations

from typing import Final

from aide_de_camp.spi import ClaimedJob, Event, EventKind, LeaseResult, SettleKind, Settlement

_KINDS: Final = {
    SettleKind.COMPLETED: EventKind.COMPLETED,
    SettleKind.RETRY: EventKind.RETRIED,
    SettleKind.SNOOZED: EventKind.SNOOZED,
    SettleKind.RELEASED: EventKind.RELEASED,
    SettleKind.DEAD: EventKind.DEAD,
    SettleKind.CANCELLED: EventKind.CANCELLED,
}


def end_event(
    queue: str,
    job: ClaimedJob,
    outcome: Settlement,
    result: LeaseResult,
    *,
    worker: str | None = None,
    seconds: float | None = None,
) -> Event:
    """Make the event of an attempt whose outcome was stored, or refused.

    Args:
        queue: the queue's name.
        job: what was claimed.
        outcome: how the attempt ended.
        result: what the storage answered; LOST makes it LEASE_LOST.
        worker: the runner's name; None outside a runner.
        seconds: how long the attempt took; None where it never began.
    """
    reason = outcome.reason
    if outcome.kind is SettleKind.RETRY and outcome.error:
        reason = outcome.error.type
    lost = result is LeaseResult.LOST
    return Event(
        EventKind.LEASE_LOST if lost else _KINDS[outcome.kind],
        queue,
        job.id,
        job.job_type,
        worker=worker,
        reason=None if lost else reason,
        retries=job.retries,
        seconds=seconds,
    )
