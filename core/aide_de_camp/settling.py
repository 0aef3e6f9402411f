"""From how an attempt went to what is stored of it (clauses DEC-2, RET)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from aide_de_camp.checks import checked_snooze
from aide_de_camp.escaping import describe, storable
from aide_de_camp.job_type import JobType
from aide_de_camp.outcomes import Cancel, Snooze
from aide_de_camp.spi import (
    ERROR_MESSAGE_BYTES,
    ClaimedJob,
    DeadReason,
    DecodeError,
    InvalidHandlerResult,
    InvalidSchedule,
    SettleKind,
    Settlement,
)
from aide_de_camp.undone import undone

_LONGEST: Final = timedelta(days=10_000)
_MICROSECOND: Final = timedelta(microseconds=1)


def as_failed(
    job: ClaimedJob,
    job_type: JobType[Any],
    error: BaseException | None,
    reason: DeadReason,
    delay: int | None = None,
) -> Settlement:
    """End an attempt as a failure: a retry if one is left, else the dead queue (RET-2).

    Args:
        job: the attempt.
        job_type: its type, whose backoff policy counts.
        error: what is kept as the last error.
        reason: why it is dead, if it is.
        delay: microseconds until the retry; None asks the policy.
    """
    if job.retries >= job.max_retries:
        return as_dead(job, error, reason)
    return Settlement(
        job.id,
        job.token,
        SettleKind.RETRY,
        delay=_backoff(job, job_type) if delay is None else delay,
        error=None if error is None else describe(error),
    )


def as_dead(job: ClaimedJob, error: BaseException | None, reason: str) -> Settlement:
    """Move an attempt's job to the dead queue."""
    return Settlement(
        job.id,
        job.token,
        SettleKind.DEAD,
        reason=str(reason),
        error=None if error is None else describe(error),
    )


def as_cancelled(job: ClaimedJob, reason: str) -> Settlement:
    """End a job as cancelled by its handler (RET-6)."""
    kept = storable(str(reason), ERROR_MESSAGE_BYTES)
    return Settlement(job.id, job.token, SettleKind.CANCELLED, reason=kept)


def as_undecodable(job: ClaimedJob, job_type: JobType[Any], error: DecodeError) -> Settlement:
    """End an attempt whose payload can't be decoded (DEC-2): no retry is used, unless asked for."""
    if job_type.on_decode_error == "retry":
        return as_failed(job, job_type, error, DeadReason.DECODE)
    return as_dead(job, error, DeadReason.DECODE)


def as_returned(job: ClaimedJob, job_type: JobType[Any], result: object) -> Settlement:
    """End an attempt whose handler returned (RET-6).

    What isn't Snooze or Cancel is a result, and completes the job; but a coroutine, a future or a
    generator is work that nobody did or waited for, so that the attempt failed.
    """
    if result is None:  # as nearly always
        return Settlement(job.id, job.token, SettleKind.COMPLETED)
    return _as_asked(job, job_type, result)


def _as_asked(job: ClaimedJob, job_type: JobType[Any], result: object) -> Settlement:
    if result is Snooze or result is Cancel:
        bare = InvalidHandlerResult(
            "the handler returned the class Snooze or Cancel itself: return Snooze(delay) or "
            "Cancel(reason)"
        )
        return as_failed(job, job_type, bare, DeadReason.FAILED)
    if isinstance(result, Snooze):
        try:
            delay = checked_snooze(result.delay)
        except InvalidSchedule as error:
            bad = InvalidHandlerResult(f"the handler returned a Snooze that can't be: {error}")
            return as_failed(job, job_type, bad, DeadReason.FAILED)
        return Settlement(job.id, job.token, SettleKind.SNOOZED, delay=delay)
    if isinstance(result, Cancel):
        return as_cancelled(job, result.reason)
    wrong = undone(result)
    if wrong is not None:
        return as_failed(job, job_type, InvalidHandlerResult(wrong), DeadReason.FAILED)
    return Settlement(job.id, job.token, SettleKind.COMPLETED)


def _backoff(job: ClaimedJob, job_type: JobType[Any]) -> int:
    try:
        delay = job_type.backoff.delay(job.retries)
        return max(timedelta(0), min(delay, _LONGEST)) // _MICROSECOND
    except Exception:  # noqa: BLE001 (a user's policy that breaks must not strand the job)
        return timedelta(minutes=1) // _MICROSECOND
