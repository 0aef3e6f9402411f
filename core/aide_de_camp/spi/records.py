"""What travels between the core and a storage: bytes, names and numbers.

All times are ``int`` microseconds since 1970 UTC, all durations ``int`` microseconds. A storage
never sees a payload's type, and never decodes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from uuid import UUID

from attrs import field, frozen

from aide_de_camp.spi.states import JobState, SettleKind


@frozen
class NewJob:
    """A job to be stored. All that is in it was validated by the core.

    Attributes:
        id: UUIDv7; unique within the queue; orders jobs of equal priority and time, compared as
            16 big-endian bytes.
        job_type: the type's name, 1 to 128 characters.
        payload: the encoded payload, any bytes at all.
        codec: the name of the codec that wrote the payload.
        priority: -128..127, higher first.
        scheduled_at: the instant at which it falls due; None means ``now + delay``.
        delay: microseconds from the storage's ``now``; used only where ``scheduled_at`` is None.
            The sum is clamped to the legal range of times.
        max_retries: 0 or more; None means that the runner's value per type counts (RET-8).
    """

    id: UUID
    job_type: str
    payload: bytes = field(repr=False)
    codec: str
    priority: int = 0
    scheduled_at: int | None = None
    delay: int = 0
    max_retries: int | None = None


class EnqueueResult(Enum):
    """What became of one job of an ``enqueue``."""

    STORED = "stored"
    EXISTS = "exists"
    """A record with this id is there already, in any state: nothing was changed (ENQ-8)."""


@frozen
class ErrorRecord:
    """What is kept of the error that ended an attempt (clauses DEC-2, RET-3).

    The core has cut and escaped the texts, so that every backend keeps the same: NUL and lone
    surrogates are escaped, and cuts are marked.

    Attributes:
        type: the exception's class name.
        message: safe to show unless the handler put payload content into it; at most 8 KiB.
        traceback: at most 64 KiB; None where there is none.
        detail: the codec's own words on a decode failure, which may quote the payload.
        path: where in the payload a decode failed; None if unknown.
        offset: the byte at which a decode failed; None if unknown.
    """

    type: str
    message: str
    traceback: str | None = None
    detail: str | None = field(default=None, repr=False)
    path: str | None = None
    offset: int | None = None


@frozen
class ClaimedJob:
    """A job handed out under a lease.

    Attributes:
        token: the fencing token of this claim: ``max(last + 1, now)``, greater than any that the
            job had before (clause LEA-3). Every settle and extend must present it.
        claims: how many times the job has been claimed, this claim included (so 1 or more).
        retries: failures and lost leases so far; 0 on the first claim (clause RET-1).
        snoozes: how many times a handler asked for later.
        max_retries: the one that counts for this attempt: the job's own, else the runner's.
        lease_until: the instant at which the lease runs out unless it is extended.
    """

    id: UUID
    job_type: str
    payload: bytes = field(repr=False)
    codec: str
    priority: int
    scheduled_at: int
    enqueued_at: int
    token: int
    claims: int
    retries: int
    snoozes: int
    max_retries: int
    lease_until: int


@frozen
class RetryLimits:
    """How many retries a job gets whose own ``max_retries`` is None (clause RET-8).

    Attributes:
        default: for types that ``by_type`` doesn't name.
        by_type: per type's name.
    """

    default: int = 5
    by_type: Mapping[str, int] = field(factory=dict[str, int])

    def of(self, job_type: str) -> int:
        """Give the limit of one type."""
        return self.by_type.get(job_type, self.default)


@frozen
class ClaimRequest:
    """A call for work.

    Attributes:
        types: the job types asked for; empty claims nothing, None means all (clause PRI-4).
        limit: how many jobs at most, 1 or more.
        lease: how long the lease holds, in microseconds, :data:`LEASE_MIN` or more.
        retry_limits: kept with each lease as the job's effective ``max_retries``.
        worker: who claims, for people to read; never used to decide anything.
        request_id: names this call. A repeat with the same one, after a lost reply, returns the
            jobs that the first call claimed and that are still held under it (clause LIV-4).
    """

    types: tuple[str, ...] | None
    limit: int
    lease: int
    retry_limits: RetryLimits
    worker: str
    request_id: UUID


@frozen
class ReapedJob:
    """A job whose expired lease was taken back (clause LEA-2).

    Attributes:
        state: SCHEDULED (a retry was used, its place kept) or DEAD (none was left; reason
            ``lease``).
    """

    id: UUID
    job_type: str
    state: JobState


@frozen
class ClaimResult:
    """What a claim returned.

    Attributes:
        jobs: in the order of PRI-2.
        now: the storage's ``now`` at the claim.
        next_due: where fewer jobs than asked for were found, the time at which the next
            scheduled job *of the types asked for* falls due, if any; else None. A hint to sleep
            by: it may be None or early, never late. At or before ``now`` it says that something
            is due which a call under way has by the head: claim again soon.
        reaped: the jobs whose leases this claim took back.
    """

    jobs: tuple[ClaimedJob, ...]
    now: int
    next_due: int | None = None
    reaped: tuple[ReapedJob, ...] = ()


@frozen
class Lease:
    """A claim's hold on a job."""

    id: UUID
    token: int


class LeaseResult(Enum):
    """What became of one lease or settlement that was presented."""

    APPLIED = "applied"
    """It took effect, now or when it was first sent (clause LIV-4)."""
    LOST = "lost"
    """The token isn't the one that holds the job: nothing was changed (clause LEA-3)."""


@frozen
class Settlement:
    """The end of one attempt.

    Attributes:
        kind: how it ended.
        delay: for RETRY and SNOOZED: microseconds from the storage's ``now`` to the next time,
            0 or more. The sum is clamped to the legal range of times.
        reason: for DEAD why (a :class:`DeadReason` or the user's own word), for CANCELLED the
            handler's reason; else None.
        error: what went wrong, kept as the job's last error; None leaves the last one as it is.
    """

    id: UUID
    token: int
    kind: SettleKind
    delay: int = 0
    reason: str | None = None
    error: ErrorRecord | None = None


@frozen
class Cancellation:
    """A request to cancel a scheduled job.

    Attributes:
        request_id: names this request: a repeat after a lost reply finds its own doing and
            answers CANCELLED again (clause LIV-4).
        token: where given, the job's token must still be this one, else CHANGED is answered:
            so that what was decoded is what is cancelled (clause CAN-8).
    """

    id: UUID
    request_id: UUID
    token: int | None = None


class CancelStatus(Enum):
    """What became of one cancellation."""

    CANCELLED = "cancelled"
    RUNNING = "running"
    """It is running: nothing was changed (clause CAN-2)."""
    NOT_LIVE = "not_live"
    """No live job has this id: nothing was changed (clause CAN-3)."""
    CHANGED = "changed"
    """It is scheduled, but with another token than given: nothing was changed."""


@frozen
class CancelResult:
    """The answer to one cancellation.

    Attributes:
        state: for NOT_LIVE, the state of the record if one is kept, else None.
    """

    status: CancelStatus
    state: JobState | None = None


@frozen
class JobRecord:
    """All that is stored of one job (clause OBS-1).

    Attributes:
        payload: the bytes as scheduled; None in listings, which carry ``payload_size`` only.
        scheduled_at: when it falls, or fell, due; a retry's or snooze's is its new time.
        enqueued_at: when it was stored; never changes.
        started_at: when it was last claimed; None if never.
        finished_at: when it was completed, cancelled or died; None while live.
        max_retries: the value given when it was scheduled; None if none was.
        token: the last fencing token; 0 if it was never claimed.
        lease_until: while running, when its lease runs out; else None.
        worker: who claimed it last; None if nobody did.
        reason: why it is dead, or was cancelled; None else.
        error: the last error of any attempt; None if there was none. In listings ``traceback``
            and ``detail`` may be left out.
        error_at: when that error was stored.
    """

    id: UUID
    queue: str
    job_type: str
    codec: str
    payload: bytes | None = field(repr=False)
    payload_size: int
    priority: int
    state: JobState
    scheduled_at: int
    enqueued_at: int
    started_at: int | None
    finished_at: int | None
    claims: int
    retries: int
    snoozes: int
    max_retries: int | None
    token: int
    lease_until: int | None
    worker: str | None
    reason: str | None
    error: ErrorRecord | None
    error_at: int | None


@frozen
class JobFilter:
    """Which jobs of a queue are meant; all of them by default (clause OBS-2).

    Every condition given must hold. ``*_from`` is inclusive, ``*_to`` exclusive.
    ``finished_*`` matches only finished jobs.
    """

    states: frozenset[JobState] | None = None
    job_types: frozenset[str] | None = None
    reasons: frozenset[str] | None = None
    scheduled_from: int | None = None
    scheduled_to: int | None = None
    enqueued_from: int | None = None
    enqueued_to: int | None = None
    finished_from: int | None = None
    finished_to: int | None = None


@frozen
class RecordPage:
    """Some of the jobs that a listing asked for.

    Attributes:
        records: in the order asked for; fewer than the limit, none even, doesn't mean the end.
        after: where to go on: give it to the next call; None where nothing is behind.
    """

    records: tuple[JobRecord, ...]
    after: UUID | None


@frozen
class CountFilter:
    """Which jobs of a queue are counted; all of them by default (clause OBS-3).

    Every condition given must hold. It is narrower than :class:`JobFilter`, so that a storage
    can answer from counters.
    """

    states: frozenset[JobState] | None = None
    job_types: frozenset[str] | None = None
    reasons: frozenset[str] | None = None


@frozen
class CountRow:
    """How many jobs of one type are in one state (clause OBS-3)."""

    state: JobState
    job_type: str
    count: int


@frozen
class Requeue:
    """A request to schedule a dead job again.

    Attributes:
        request_id: names this request: a repeat after a lost reply finds its own doing and
            answers DONE again, whatever became of the job since (clause LIV-4).
    """

    id: UUID
    request_id: UUID


class DeadStatus(Enum):
    """What became of one dead job that was to be requeued or deleted."""

    DONE = "done"
    NOT_DEAD = "not_dead"
    """The id belongs to a job that isn't dead: nothing was changed."""
    NOT_FOUND = "not_found"
    """No job of this queue has the id."""


class HoldStatus(Enum):
    """What became of one held job that was to be put back or discarded."""

    DONE = "done"
    NOT_HELD = "not_held"
    """The id belongs to a job that isn't held: nothing was changed."""
    NOT_FOUND = "not_found"
    """No job of this queue has the id."""


class Wake(Enum):
    """What ended a wait."""

    WORK = "work"
    """Something may have changed: claim again. It may be a false alarm."""
    TIMEOUT = "timeout"
