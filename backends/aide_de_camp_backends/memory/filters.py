"""Whether a stored job is one of those that a filter means."""

from __future__ import annotations

from aide_de_camp.spi import CountFilter, JobFilter
from aide_de_camp_backends.memory.job import StoredJob


def matches(job: StoredJob, where: JobFilter) -> bool:
    """Say whether every condition of the filter holds (clause OBS-2)."""
    return (
        named(job, where)
        and _within(job.scheduled_at, where.scheduled_from, where.scheduled_to)
        and _within(job.enqueued_at, where.enqueued_from, where.enqueued_to)
        and _within(job.finished_at, where.finished_from, where.finished_to)
    )


def named(job: StoredJob, where: JobFilter | CountFilter) -> bool:
    """Say whether state, type and reason are among those named (clause OBS-3)."""
    return (
        (where.states is None or job.state in where.states)
        and (where.job_types is None or job.job_type in where.job_types)
        and (where.reasons is None or job.reason in where.reasons)
    )


def _within(moment: int | None, start: int | None, end: int | None) -> bool:
    if start is None and end is None:
        return True
    if moment is None:
        return False
    return (start is None or start <= moment) and (end is None or moment < end)
