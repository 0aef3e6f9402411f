"""Claiming for those who drive the queue themselves (clauses DEC-1, LEA-1)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from aide_de_camp.batching import Batcher
from aide_de_camp.ends import end_event
from aide_de_camp.handle import JobHandle
from aide_de_camp.ids import new_job_id
from aide_de_camp.job_type import JobType
from aide_de_camp.payloads import Payloads
from aide_de_camp.reaping import tell_of_reaped
from aide_de_camp.session import Session, Tries, UnansweredClaim
from aide_de_camp.settling import as_undecodable
from aide_de_camp.spi import (
    AideDeCampError,
    ClaimedJob,
    ClaimRequest,
    ClaimResult,
    DecodeError,
    LeaseResult,
    RetryLimits,
    SettleKind,
    Settlement,
    StorageUnavailable,
)


def default_worker_name() -> str:
    """Name this process, for people to read: host and process id."""
    return f"{socket.gethostname()[:80]}:{os.getpid()}"


def retry_limits(types: Iterable[JobType[Any]]) -> RetryLimits:
    """Gather the retry limits that the types state (clause RET-8)."""
    stated = {each.name: each.max_retries for each in types if each.max_retries is not None}
    return RetryLimits(by_type=stated)


async def claim(session: Session, request: ClaimRequest, tries: Tries | None = None) -> ClaimResult:
    """Claim, and tell of the leases that were taken back on the way; see :meth:`Session.call`."""
    result = await session.call(
        lambda storage: storage.claim(session.queue, request, now=session.now), tries
    )
    tell_of_reaped(session, result.reaped)
    return result


async def _claimed(
    session: Session,
    request: ClaimRequest,
    settle: Batcher[Settlement, LeaseResult],
    earlier: UnansweredClaim | None = None,
) -> tuple[ClaimedJob, ...]:
    """Claim; a caller that is cancelled meanwhile gives back what it was to get (RET-1).

    Where no reply comes, the request is remembered: it may have taken a job. So it is where its
    repeat is refused, as by a storage that restarts: that says nothing of the first.
    """
    tries = Tries()
    since = session.clock.monotonic() if earlier is None else earlier.since
    claiming = asyncio.ensure_future(claim(session, request, tries))
    accounted = False
    try:
        jobs = (await asyncio.shield(claiming)).jobs
        accounted = True
    except asyncio.CancelledError:
        with contextlib.suppress(AideDeCampError):
            await _give_back((await claiming).jobs, settle)
            accounted = True
        raise
    finally:
        unanswered = earlier
        if tries.unknown or _may_have_taken(claiming):
            # The last try may be the one that took it, however long ago the first was.
            until = session.clock.monotonic() + request.lease / 1_000_000
            unanswered = UnansweredClaim(request, since, until)
        if not accounted and unanswered is not None:
            session.unanswered.append(unanswered)
    return jobs


def _may_have_taken(claiming: asyncio.Future[ClaimResult]) -> bool:
    if not claiming.done() or claiming.cancelled():
        return True
    error = claiming.exception()
    return error is None or (isinstance(error, StorageUnavailable) and error.outcome_unknown)


async def _asked_again(
    session: Session, types: Iterable[str], settle: Batcher[Settlement, LeaseResult]
) -> tuple[ClaimedJob, ...]:
    """Give what an earlier claim took whose reply was lost, if it is of the types asked for.

    The same request gets it, where a new one would leave it to lose its lease without ever having
    been begun (clause LIV-4). What it may have held for the length of a lease is given back: it may
    be somebody else's at any moment (clause LEA-6).
    """
    while session.unanswered:
        unanswered = session.unanswered.pop()
        if session.clock.monotonic() >= unanswered.until:
            continue
        claimed = await _claimed(session, unanswered.request, settle, unanswered)
        if not claimed:
            continue
        late = unanswered.late(session.clock.monotonic())
        if not late and all(job.job_type in types for job in claimed):
            return claimed
        try:
            await _give_back(claimed, settle)
        except BaseException:
            session.unanswered.append(unanswered)
            raise
    return ()


async def _give_back(jobs: Iterable[ClaimedJob], settle: Batcher[Settlement, LeaseResult]) -> None:
    for job in jobs:
        await settle.submit([Settlement(job.id, job.token, SettleKind.RELEASED)])


async def _end_undecodable(
    session: Session,
    job: ClaimedJob,
    outcome: Settlement,
    settle: Batcher[Settlement, LeaseResult],
) -> None:
    """Store how it ended, and tell of it also where the caller was cancelled meanwhile."""

    def tell(results: Sequence[LeaseResult]) -> None:
        if session.bus.active:
            session.bus.emit(end_event(session.queue, job, outcome, results[0]))

    await settle.submit([outcome], tell)


async def next_handle(
    session: Session,
    payloads: Payloads,
    settle: Batcher[Settlement, LeaseResult],
    types: Sequence[JobType[Any]],
    lease: timedelta,
) -> JobHandle[Any] | None:
    """Claim the next due job that can be decoded; see :meth:`Queue.poll_next`."""
    by_name = {each.name: each for each in types}
    for each in types:
        payloads.register(each)
    while True:
        request = ClaimRequest(
            types=tuple(by_name),
            limit=1,
            lease=lease // timedelta(microseconds=1),
            retry_limits=retry_limits(types),
            worker=default_worker_name(),
            request_id=new_job_id(),
        )
        asked = session.clock.monotonic()
        claimed = await _asked_again(session, by_name, settle)
        if not claimed:
            claimed = await _claimed(session, request, settle)
        if not claimed:
            return None
        if session.clock.monotonic() - asked >= lease.total_seconds():
            await _give_back(claimed, settle)
            raise StorageUnavailable(
                "the storage took longer to hand out a job than its lease holds, so that it may be "
                "somebody else's by now: it was given back, no retry used; poll again",
                outcome_unknown=False,
            )
        (job,) = claimed
        job_type = by_name[job.job_type]
        try:
            payload = payloads.decode(job_type, job.codec, job.payload, job.id)
        except DecodeError as error:
            await _end_undecodable(session, job, as_undecodable(job, job_type, error), settle)
            continue
        return JobHandle(job, job_type, payload, session=session, settle=settle, lease=lease)
