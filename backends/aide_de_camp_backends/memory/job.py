"""One stored job, as the memory backend keeps it: plain and mutable."""

from __future__ import annotations

from uuid import UUID

from attrs import define, field

from aide_de_camp.spi import (
    ClaimedJob,
    ErrorRecord,
    JobRecord,
    JobState,
    NewJob,
    SettleKind,
    later,
)

Place = tuple[int, int, bytes]
"""Where a scheduled job stands: (-priority, scheduled_at, id), smallest first (PRI-2)."""


@define
class StoredJob:
    """A job's whole record."""

    id: UUID
    job_type: str
    payload: bytes = field(repr=False)
    codec: str
    priority: int
    scheduled_at: int
    enqueued_at: int
    max_retries: int | None
    state: JobState = JobState.SCHEDULED
    started_at: int | None = None
    finished_at: int | None = None
    claims: int = 0
    retries: int = 0
    snoozes: int = 0
    token: int = 0
    lease_until: int | None = None
    lease_max_retries: int = 0
    worker: str | None = None
    request_id: UUID | None = None
    requeued_by: UUID | None = None
    settled: tuple[tuple[int, SettleKind], ...] = ()
    reason: str | None = None
    error: ErrorRecord | None = None
    error_at: int | None = None

    @classmethod
    def new(cls, job: NewJob, now: int) -> StoredJob:
        """Make the record of a job that is being scheduled."""
        due = later(now, job.delay) if job.scheduled_at is None else job.scheduled_at
        return cls(
            id=job.id,
            job_type=job.job_type,
            payload=job.payload,
            codec=job.codec,
            priority=job.priority,
            scheduled_at=due,
            enqueued_at=now,
            max_retries=job.max_retries,
        )

    @classmethod
    def imported(cls, record: JobRecord) -> StoredJob:
        """Make the record of a job that another storage holds; it is held here too."""
        return cls(
            id=record.id,
            job_type=record.job_type,
            payload=record.payload or b"",
            codec=record.codec,
            priority=record.priority,
            scheduled_at=record.scheduled_at,
            enqueued_at=record.enqueued_at,
            max_retries=record.max_retries,
            state=JobState.HELD,
            started_at=record.started_at,
            finished_at=record.finished_at,
            claims=record.claims,
            retries=record.retries,
            snoozes=record.snoozes,
            token=record.token,
            worker=record.worker,
            reason=record.reason,
            error=record.error,
            error_at=record.error_at,
        )

    @property
    def place(self) -> Place:
        """Where the job stands among the scheduled ones."""
        return (-self.priority, self.scheduled_at, self.id.bytes)

    def claimed(self) -> ClaimedJob:
        """Tell a claimer what it holds."""
        # By place: by name it takes half as long again.
        return ClaimedJob(
            self.id,
            self.job_type,
            self.payload,
            self.codec,
            self.priority,
            self.scheduled_at,
            self.enqueued_at,
            self.token,
            self.claims,
            self.retries,
            self.snoozes,
            self.lease_max_retries,
            self.lease_until or 0,
        )

    def record(self, queue: str, *, with_payload: bool) -> JobRecord:
        """Tell a reader all that is stored."""
        return JobRecord(
            id=self.id,
            queue=queue,
            job_type=self.job_type,
            codec=self.codec,
            payload=self.payload if with_payload else None,
            payload_size=len(self.payload),
            priority=self.priority,
            state=self.state,
            scheduled_at=self.scheduled_at,
            enqueued_at=self.enqueued_at,
            started_at=self.started_at,
            finished_at=self.finished_at,
            claims=self.claims,
            retries=self.retries,
            snoozes=self.snoozes,
            max_retries=self.max_retries,
            token=self.token,
            lease_until=self.lease_until,
            worker=self.worker,
            reason=self.reason,
            error=self.error,
            error_at=self.error_at,
        )
