"""From a row of ``adc_job`` to the record that the core reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from aide_de_camp.spi import JobRecord, JobState
from aide_de_camp_backends._sql.codes import STATES
from aide_de_camp_backends._sql.errors import read_error

RECORD_COLUMNS: Final = (
    "id, queue, job_type, codec, payload, length(payload), priority, state, scheduled_at, "
    "enqueued_at, started_at, finished_at, claims, retries, snoozes, max_retries, token, "
    "lease_until, worker, reason, error, error_detail, error_at"
)
"""What :func:`record` takes, in its order."""


def record(row: Sequence[Any]) -> JobRecord:
    """Make a record of a row of :data:`RECORD_COLUMNS`.

    A state that this version doesn't know, as a newer one may have written, is shown as dead with
    the reason saying so, rather than hiding the rest of a listing.
    """
    (job_id, queue, job_type, codec, payload, size, priority, code, *rest) = row
    (scheduled_at, enqueued_at, started_at, finished_at, claims, retries, snoozes, *last) = rest
    (max_retries, token, lease_until, worker, reason, error, error_detail, error_at) = last
    state = STATES.get(code)
    return JobRecord(
        id=job_id if isinstance(job_id, UUID) else UUID(bytes=job_id),
        queue=queue,
        job_type=job_type,
        codec=codec,
        payload=payload,
        payload_size=size,
        priority=priority,
        state=JobState.DEAD if state is None else state,
        scheduled_at=scheduled_at,
        enqueued_at=enqueued_at,
        started_at=started_at,
        finished_at=finished_at,
        claims=claims,
        retries=retries,
        snoozes=snoozes,
        max_retries=max_retries,
        token=token,
        lease_until=lease_until,
        worker=worker,
        reason=f"unknown state {code}" if state is None else reason,
        error=read_error(error, error_detail),
        error_at=error_at,
    )
