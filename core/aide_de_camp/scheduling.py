"""From what a caller asks for to a job that can be stored (clauses ENQ, PRI-1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from aide_de_camp.checks import (
    checked_delay,
    checked_moment,
    checked_new_id,
    checked_priority,
    checked_retries,
)
from aide_de_camp.ids import new_job_id
from aide_de_camp.job_type import JobRequest, job_type_of
from aide_de_camp.payloads import Payloads
from aide_de_camp.spi import (
    BATCH_BYTES,
    BATCH_JOBS,
    AideDeCampError,
    BatchTooLarge,
    InvalidArgument,
    InvalidSchedule,
    NewJob,
)

_NOW = timedelta(0)


def new_job(request: JobRequest[Any], payloads: Payloads, now: int | None) -> NewJob:
    """Check and encode one job; nothing is stored yet.

    Args:
        request: what the caller asks for.
        payloads: the queue's codecs.
        now: the present if a test gives it.

    Raises:
        InvalidArgument: an argument is bad; its kinds name which.
        EncodeError: the payload can't be encoded, or wouldn't come back equal.
        PayloadTooLarge: the payload is over the queue's limit.
    """
    if not isinstance(request, JobRequest):
        raise InvalidArgument("requests", "must all be JobRequest(job, payload, ...)")
    job_type = job_type_of(request.job)
    priority = checked_priority(request.priority)
    if request.at is not None and request.delay is not None:
        raise InvalidSchedule("at", "can't be given together with delay")
    moment = None if request.at is None else checked_moment("at", request.at)
    delay = checked_delay("delay", _NOW if request.delay is None else request.delay, now)
    max_retries = checked_retries(request.max_retries)
    job_id = new_job_id() if request.job_id is None else checked_new_id(request.job_id)
    payload, codec = payloads.encode(job_type, request.payload, job_id)
    return NewJob(
        id=job_id,
        job_type=job_type.name,
        payload=payload,
        codec=codec,
        priority=priority,
        scheduled_at=moment,
        delay=delay,
        max_retries=max_retries,
    )


def numbered_jobs(
    requests: Iterable[JobRequest[Any]], payloads: Payloads, now: int | None
) -> list[NewJob]:
    """Check and encode several jobs; what is refused is named by its number, from 0.

    Raises:
        AideDeCampError: as :func:`new_job`; the message begins with ``requests[3]``.
    """
    jobs: list[NewJob] = []
    for number, request in enumerate(requests):
        try:
            jobs.append(new_job(request, payloads, now))
        except AideDeCampError as error:
            # The very error goes on: whoever catches it gets its class and all that it carries.
            error.args = (f"requests[{number}]: {str(error).removeprefix('requests: ')}",)
            raise
    return jobs


def new_jobs(
    requests: Sequence[JobRequest[Any]], payloads: Payloads, now: int | None
) -> list[NewJob]:
    """Check and encode the jobs of one ``schedule_many`` (clause ENQ-4).

    Raises:
        BatchTooLarge: they are over 1,000, or over 16 MiB.
        AideDeCampError: as :func:`numbered_jobs`.
    """
    if len(requests) > BATCH_JOBS:
        raise BatchTooLarge(
            f"schedule_many takes {BATCH_JOBS:,} jobs at most, not {len(requests):,}: use "
            "schedule_bulk, which goes in steps"
        )
    jobs = numbered_jobs(requests, payloads, now)
    size = sum(len(job.payload) for job in jobs)
    if size > BATCH_BYTES:
        raise BatchTooLarge(
            f"schedule_many takes {BATCH_BYTES:,} bytes of payload at most, not {size:,}: use "
            "schedule_bulk, which goes in steps"
        )
    return jobs


def steps(jobs: Sequence[NewJob]) -> list[list[NewJob]]:
    """Cut many jobs into steps that each fit one call, in the order given."""
    cut: list[list[NewJob]] = []
    size = 0
    for job in jobs:
        size += len(job.payload)
        if not cut or len(cut[-1]) == BATCH_JOBS or size > BATCH_BYTES:
            cut.append([])
            size = len(job.payload)
        cut[-1].append(job)
    return cut
