"""The states of a job, and the names of what can end an attempt."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    """Where a job stands. *Live* is scheduled or running."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    DEAD = "dead"
    HELD = "held"
    """Neither: it is being moved to another storage, and nothing else may touch it (MOV-1)."""

    @property
    def live(self) -> bool:
        """True for a job that may still run."""
        return self in (JobState.SCHEDULED, JobState.RUNNING)


class DeadReason(StrEnum):
    """Why a job is in the dead queue, as the framework words it."""

    FAILED = "failed"
    """The handler raised, and no retry was left (clause RET-2)."""
    TIMEOUT = "timeout"
    """The last attempt ran past its time limit (clause RET-9)."""
    DECODE = "decode"
    """The payload can't be decoded (clause DEC-2)."""
    LEASE = "lease"
    """The lease was lost, and no retry was left (clause LEA-2)."""


class SettleKind(StrEnum):
    """How an attempt ended."""

    COMPLETED = "completed"
    RETRY = "retry"
    """Scheduled again after a delay; ``retries`` rises by one."""
    SNOOZED = "snoozed"
    """Scheduled again after a delay; ``snoozes`` rises by one, ``retries`` doesn't."""
    RELEASED = "released"
    """Scheduled again at its old place, at once; no counter rises but ``claims``, as before."""
    DEAD = "dead"
    CANCELLED = "cancelled"

    @property
    def schedules_again(self) -> bool:
        """True where the job goes back to scheduled."""
        return self in (SettleKind.RETRY, SettleKind.SNOOZED, SettleKind.RELEASED)
