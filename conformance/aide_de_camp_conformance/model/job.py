"""One job of the model: what a record shows, and what only the storage knows."""

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


@define
class ModelJob:
    """A job as the contract has it; the names are those of :class:`JobRecord`.

    Attributes:
        limit: the retries that count under the present lease (clause RET-8).
        held_under: the request of the claim that holds it (clause LIV-4).
        cancelled_by: the request that cancelled it.
        requeued_by: the request that requeued it last.
        settled: tokens and kinds of the last settlements that took effect, newest first.
        loose: True while the token was raised by nobody knows how much: a lease was taken back.
    """

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
    worker: str | None = None
    reason: str | None = None
    error: ErrorRecord | None = None
    error_at: int | None = None
    limit: int = 0
    held_under: UUID | None = None
    cancelled_by: UUID | None = None
    requeued_by: UUID | None = None
    settled: tuple[tuple[int, SettleKind], ...] = ()
    loose: bool = False

    @classmethod
    def new(cls, job: NewJob, now: int) -> ModelJob:
        """Make what is stored of a job that is being scheduled."""
        return cls(
            id=job.id,
            job_type=job.job_type,
            payload=job.payload,
            codec=job.codec,
            priority=job.priority,
            scheduled_at=later(now, job.delay) if job.scheduled_at is None else job.scheduled_at,
            enqueued_at=now,
            max_retries=job.max_retries,
        )

    @classmethod
    def moved(cls, record: JobRecord) -> ModelJob:
        """Make what is stored of a job that another storage holds."""
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
    def place(self) -> tuple[int, int, bytes]:
        """Where it stands among the due ones, smallest first (clause PRI-2)."""
        return (-self.priority, self.scheduled_at, self.id.bytes)

    def raised(self, known: int) -> None:
        """Learn how far a loose token was raised: it must have grown (clause LEA-3)."""
        if self.loose:
            self.token, self.loose = max(self.token + 1, known), False

    def claimed(self) -> ClaimedJob:
        """Give what a claimer is told."""
        assert self.lease_until is not None
        return ClaimedJob(
            id=self.id,
            job_type=self.job_type,
            payload=self.payload,
            codec=self.codec,
            priority=self.priority,
            scheduled_at=self.scheduled_at,
            enqueued_at=self.enqueued_at,
            token=self.token,
            claims=self.claims,
            retries=self.retries,
            snoozes=self.snoozes,
            max_retries=self.limit,
            lease_until=self.lease_until,
        )

    def record(self, queue: str) -> JobRecord:
        """Give what a reader is told."""
        return JobRecord(
            id=self.id,
            queue=queue,
            job_type=self.job_type,
            codec=self.codec,
            payload=self.payload,
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
