"""Cancelling what has not started (clauses CAN)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar
from uuid import UUID

from aide_de_camp.answers import one_each
from aide_de_camp.job_type import JobType
from aide_de_camp.payloads import Payloads
from aide_de_camp.repeats import Request
from aide_de_camp.session import Session
from aide_de_camp.spi import (
    Cancellation,
    CancelResult,
    CancelStatus,
    Event,
    EventKind,
    JobAlreadyStarted,
    JobFilter,
    JobNotFound,
    JobRecord,
    JobState,
    JobTypeMismatch,
)
from aide_de_camp.stepwise import Steps
from aide_de_camp.views import JobView

P = TypeVar("P")


async def cancel_job(session: Session, job_id: UUID) -> bool:
    """Cancel a job by its id; see :meth:`Queue.cancel_job`."""
    with session.repeats.request("cancel", job_id) as request:
        request.sent = True
        result = await _cancel(session, Cancellation(job_id, request.id))
    if result.status is CancelStatus.NOT_LIVE:
        raise _not_found(session, job_id, result.state)
    return result.status is CancelStatus.CANCELLED


async def cancel_all(session: Session, where: JobFilter) -> int:
    """Cancel all jobs that match; see :meth:`Queue.cancel_all`."""

    async def step(jobs: Sequence[JobView], request: Request) -> int:
        return await _cancel_step(session, jobs, request)

    return await Steps(session, "cancel", where, step).all()


async def unschedule_job(
    session: Session, payloads: Payloads, job_id: UUID, job_type: JobType[P]
) -> P:
    """Cancel a job and return its payload; see :meth:`Queue.unschedule_job`.

    The payload is decoded first, and then that very job is cancelled or nothing is: the token
    guards it. No lock is held while decoding.
    """
    payloads.register(job_type)
    with session.repeats.request("unschedule", job_id) as request:
        return await _unschedule(session, payloads, job_id, job_type, request)


async def _unschedule(
    session: Session, payloads: Payloads, job_id: UUID, job_type: JobType[P], request: Request
) -> P:
    while True:
        records = await session.call(lambda storage: storage.get(session.queue, [job_id]))
        (record,) = one_each(records, 1, "read jobs")
        payload = _payload_of(session, payloads, job_id, job_type, record, request=request)
        assert record is not None  # noqa: S101 (for the type checker: _payload_of refuses it)
        request.sent = True
        wanted = Cancellation(job_id, request.id, token=record.token)
        result = await _cancel(session, wanted, job_type.name)
        match result.status:
            case CancelStatus.CANCELLED:
                return payload
            case CancelStatus.RUNNING:
                raise _started(job_id, job_type.name)
            case CancelStatus.NOT_LIVE:
                raise _not_found(session, job_id, result.state)
            case CancelStatus.CHANGED:
                # It ran and came back meanwhile: look again.
                continue


def _payload_of(
    session: Session,
    payloads: Payloads,
    job_id: UUID,
    job_type: JobType[P],
    record: JobRecord | None,
    *,
    request: Request,
) -> P:
    """Check exists, type, state, decodes, in this order (clause CAN-5)."""
    # One that is cancelled may be so by this very request, whose reply was lost: it is asked.
    perhaps_ours = request.repeated and record and record.state is JobState.CANCELLED
    if record is None or not (record.state.live or perhaps_ours):
        raise _not_found(session, job_id, record.state if record else None)
    if record.job_type != job_type.name:
        raise JobTypeMismatch(
            f"job {job_id} is of type {record.job_type!r}, not {job_type.name!r}: it stays "
            f"{record.state}; unschedule it with its own type",
            job_id=job_id,
            state=record.state,
        )
    if record.state is JobState.RUNNING:
        raise _started(job_id, job_type.name)
    return payloads.decode(job_type, record.codec, record.payload or b"", job_id)


async def _cancel_step(session: Session, jobs: Sequence[JobView], request: Request) -> int:
    """Cancel some jobs in one call; gives how many were still scheduled."""
    # Of a step that is repeated, what ran and came back since may match no more.
    wanted = [
        Cancellation(job.id, request.id, token=job.token if request.repeated else None)
        for job in jobs
    ]
    results = one_each(
        await session.call(lambda storage: storage.cancel(session.queue, wanted, now=session.now)),
        len(wanted),
        "cancel jobs",
    )
    cancelled = [
        job
        for job, result in zip(jobs, results, strict=True)
        if result.status is CancelStatus.CANCELLED
    ]
    if session.bus.active:
        for job in cancelled:
            session.bus.emit(Event(EventKind.CANCELLED, session.queue, job.id, job.job_type))
    return len(cancelled)


async def _cancel(
    session: Session, wanted: Cancellation, job_type: str | None = None
) -> CancelResult:
    results = await session.call(
        lambda storage: storage.cancel(session.queue, [wanted], now=session.now)
    )
    (result,) = one_each(results, 1, "cancel jobs")
    if result.status is CancelStatus.CANCELLED and session.bus.active:
        session.bus.emit(Event(EventKind.CANCELLED, session.queue, wanted.id, job_type))
    return result


def _started(job_id: UUID, job_type: str) -> JobAlreadyStarted:
    return JobAlreadyStarted(
        f"job {job_id} ({job_type}) is running, so it can't be unscheduled: it goes on",
        job_id=job_id,
    )


def _not_found(session: Session, job_id: UUID, state: JobState | None) -> JobNotFound:
    what = f"it is {state}" if state else "it never was, or its record is no longer kept"
    return JobNotFound(
        f"no live job {job_id} in queue {session.queue!r}: {what}; nothing was changed",
        job_id=job_id,
        state=state,
    )
