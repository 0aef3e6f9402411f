"""What happens to jobs and runners, told to extension plugins (clause OBS-5)."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from attrs import frozen


class EventKind(StrEnum):
    """What happened."""

    SCHEDULED = "scheduled"
    STARTED = "started"
    COMPLETED = "completed"
    RETRIED = "retried"
    SNOOZED = "snoozed"
    RELEASED = "released"
    DEAD = "dead"
    CANCELLED = "cancelled"
    LEASE_LOST = "lease_lost"
    REAPED = "reaped"
    REQUEUED = "requeued"
    DELETED = "deleted"
    PRUNED = "pruned"
    MOVED_AWAY = "moved_away"
    MOVED_HERE = "moved_here"
    RUNNER_STARTED = "runner_started"
    RUNNER_STOPPED = "runner_stopped"


@frozen
class Event:
    """One thing that happened. It never carries a payload.

    Attributes:
        kind: what happened.
        queue: the queue's name.
        job_id: the job; None for runner events and for PRUNED.
        job_type: the job type's name; None where unknown.
        worker: the runner's name; None outside a runner.
        reason: for DEAD and CANCELLED, why; for RETRIED the error's class.
        retries: the job's retries so far; None where unknown.
        seconds: how long the attempt took; None where there was none.
        count: how many jobs it is about, for PRUNED; else 1.
    """

    kind: EventKind
    queue: str
    job_id: UUID | None = None
    job_type: str | None = None
    worker: str | None = None
    reason: str | None = None
    retries: int | None = None
    seconds: float | None = None
    count: int = 1
