"""Jobs as a person or a program looks at them (clauses OBS-1 to OBS-3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from uuid import UUID

from attrs import field, frozen

from aide_de_camp.checks import checked_moment, checked_name, checked_several, checked_string
from aide_de_camp.escaping import storable
from aide_de_camp.mark_kinds import is_job_type
from aide_de_camp.spi import (
    ERROR_MESSAGE_BYTES,
    CountFilter,
    CountRow,
    ErrorRecord,
    InvalidArgument,
    JobFilter,
    JobRecord,
    JobState,
    to_datetime,
)


@frozen
class JobView:
    """A job in any state that is kept. Every time is an aware datetime in UTC.

    Attributes:
        payload: the encoded bytes; None in listings.
        payload_size: their number.
        scheduled_at: when it falls, or fell, due.
        enqueued_at: when it was stored; never changes.
        started_at: when an attempt last began.
        finished_at: when it was completed, cancelled or died.
        claims: how many attempts began.
        retries: failures and lost leases since it was scheduled or requeued.
        snoozes: how often a handler asked for later.
        max_retries: the value given when it was scheduled, if any.
        token: the last fencing token; 0 if it never ran.
        lease_until: while running, when its lease runs out.
        worker: who ran it last.
        reason: why it is dead, or was cancelled.
        error: the last error of any attempt; its ``detail`` may quote the payload.
        error_at: when that error happened.
    """

    id: UUID
    queue: str
    job_type: str
    codec: str
    payload: bytes | None = field(repr=False)
    payload_size: int
    priority: int
    state: JobState
    scheduled_at: datetime
    enqueued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    claims: int
    retries: int
    snoozes: int
    max_retries: int | None
    token: int
    lease_until: datetime | None
    worker: str | None
    reason: str | None
    error: ErrorRecord | None
    error_at: datetime | None


@frozen
class JobPage:
    """Some of the jobs that were asked for.

    Attributes:
        jobs: in the order of their ids.
        cursor: give it back to go on behind them; None where there are no more for now.
    """

    jobs: tuple[JobView, ...]
    cursor: str | None


@frozen
class JobCounts:
    """How many jobs there are.

    Attributes:
        by_type: per type and state; what has none is left out.
    """

    by_type: Mapping[str, Mapping[JobState, int]]

    @property
    def by_state(self) -> dict[JobState, int]:
        """Per state, every state named."""
        rows = self.by_type.values()
        return {state: sum(row.get(state, 0) for row in rows) for state in JobState}

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self.by_state.values())


def view_of(record: JobRecord) -> JobView:
    """Turn a stored record into what people see."""
    return JobView(
        id=record.id,
        queue=record.queue,
        job_type=record.job_type,
        codec=record.codec,
        payload=record.payload,
        payload_size=record.payload_size,
        priority=record.priority,
        state=record.state,
        scheduled_at=to_datetime(record.scheduled_at),
        enqueued_at=to_datetime(record.enqueued_at),
        started_at=_moment(record.started_at),
        finished_at=_moment(record.finished_at),
        claims=record.claims,
        retries=record.retries,
        snoozes=record.snoozes,
        max_retries=record.max_retries,
        token=record.token,
        lease_until=_moment(record.lease_until),
        worker=record.worker,
        reason=record.reason,
        error=record.error,
        error_at=_moment(record.error_at),
    )


def counts_of(rows: Iterable[CountRow]) -> JobCounts:
    """Turn a storage's counts into what people see: those of jobs, and not the marks of moves."""
    by_type: dict[str, dict[JobState, int]] = {}
    for row in rows:
        if is_job_type(row.job_type):
            by_type.setdefault(row.job_type, {})[row.state] = row.count
    return JobCounts(by_type)


def cursor_to_id(cursor: str | None) -> UUID | None:
    """Read a cursor that a page gave.

    Raises:
        InvalidArgument: no page gave it.
    """
    if cursor is None:
        return None
    try:
        return UUID(cursor)
    except (ValueError, TypeError, AttributeError) as error:
        raise InvalidArgument("cursor", "isn't one that a page gave") from error


def job_filter(
    *,
    states: Iterable[JobState] | None = None,
    job_types: Iterable[str] | None = None,
    reasons: Iterable[str] | None = None,
    scheduled_from: datetime | None = None,
    scheduled_to: datetime | None = None,
    enqueued_from: datetime | None = None,
    enqueued_to: datetime | None = None,
    finished_from: datetime | None = None,
    finished_to: datetime | None = None,
) -> JobFilter:
    """Check what a caller filters by.

    Raises:
        InvalidArgument: a state is unknown, a name isn't one, a reason isn't a string, or what
            should be several is one string.
        InvalidSchedule: a time isn't an aware datetime in years 1 to 9999.
    """
    return JobFilter(
        states=_states(states),
        job_types=_several("job_types", job_types, checked_name),
        reasons=_several("reasons", reasons, _reason),
        scheduled_from=_microseconds("scheduled_from", scheduled_from),
        scheduled_to=_microseconds("scheduled_to", scheduled_to),
        enqueued_from=_microseconds("enqueued_from", enqueued_from),
        enqueued_to=_microseconds("enqueued_to", enqueued_to),
        finished_from=_microseconds("finished_from", finished_from),
        finished_to=_microseconds("finished_to", finished_to),
    )


def count_filter(
    *,
    states: Iterable[JobState] | None = None,
    job_types: Iterable[str] | None = None,
    reasons: Iterable[str] | None = None,
) -> CountFilter:
    """Check what a caller counts by; raises as :func:`job_filter`."""
    where = job_filter(states=states, job_types=job_types, reasons=reasons)
    return CountFilter(where.states, where.job_types, where.reasons)


def _states(states: Iterable[JobState] | None) -> frozenset[JobState] | None:
    if states is None:
        return None
    try:
        return frozenset(JobState(state) for state in checked_several("states", states, "states"))
    except (ValueError, TypeError) as error:
        known = ", ".join(JobState)
        raise InvalidArgument("states", f"must all be of {known}") from error


def _several(
    argument: str, values: Iterable[str] | None, check: Callable[[str, object], str]
) -> frozenset[str] | None:
    if values is None:
        return None
    return frozenset(check(argument, each) for each in checked_several(argument, values, "strings"))


def _reason(argument: str, value: object) -> str:
    # As it is kept: a handler's own word may be any string, and storages can't hold all of them.
    return storable(checked_string(argument, value), ERROR_MESSAGE_BYTES)


def _microseconds(argument: str, moment: datetime | None) -> int | None:
    return None if moment is None else checked_moment(argument, moment)


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else to_datetime(microseconds)
