"""The statements that list, built from a filter by SQLAlchemy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Executable,
    SelectBase,
    false,
    func,
    literal_column,
    null,
    select,
    union_all,
)

from aide_de_camp.spi import JobFilter, JobState
from aide_de_camp_backends._sql.codes import RUNNING, SCHEDULED, STATE_CODES
from aide_de_camp_backends._sql.tables import JOB

Unindexed = Callable[[ColumnElement[Any]], ColumnElement[Any]]
"""Wraps a column so that the planner doesn't use an index on it."""

_FEW: Final = (SCHEDULED, RUNNING)
"""States whose own index is read and sorted, since most rows may be in other states."""

_LISTED: Final = (
    JOB.c.id,
    JOB.c.queue,
    JOB.c.job_type,
    JOB.c.codec,
    null().label("payload"),
    func.length(JOB.c.payload).label("payload_size"),
    JOB.c.priority,
    JOB.c.state,
    JOB.c.scheduled_at,
    JOB.c.enqueued_at,
    JOB.c.started_at,
    JOB.c.finished_at,
    JOB.c.claims,
    JOB.c.retries,
    JOB.c.snoozes,
    JOB.c.max_retries,
    JOB.c.token,
    JOB.c.lease_until,
    JOB.c.worker,
    JOB.c.reason,
    JOB.c.error,
    null().label("error_detail"),
    JOB.c.error_at,
)
"""The columns of ``rows.RECORD_COLUMNS``, without payload and details of the error."""


def page(
    queue: str,
    where: JobFilter,
    limit: int,
    after: UUID | None,
    *,
    newest_first: bool,
    unindexed: Unindexed,
) -> Executable:
    """Build the statement of one page in the order of ids (clause OBS-2).

    Args:
        queue: the queue's name.
        where: which jobs.
        limit: how many at most.
        after: the last id of the page before.
        newest_first: descending ids.
        unindexed: how this dialect keeps its planner from the primary key.
    """
    order = JOB.c.id.desc() if newest_first else JOB.c.id.asc()

    def conditions(job_id: ColumnElement[Any]) -> list[ColumnElement[bool]]:
        behind = [] if after is None else [job_id < after if newest_first else job_id > after]
        return [JOB.c.queue == queue, *_conditions(where), *behind]

    statement = select(*_LISTED).order_by(order).limit(limit)
    if where.states is None:
        return statement.where(*conditions(JOB.c.id))

    def of_state(code: int) -> SelectBase:
        job_id: ColumnElement[Any] = unindexed(JOB.c.id) if code in _FEW else JOB.c.id
        found = (
            select(JOB.c.id)
            .where(*conditions(job_id), _state_is(code))
            .order_by(job_id.desc() if newest_first else job_id.asc())
            .limit(limit)
            .subquery()
        )
        return select(found.c.id)

    # One search per state, each with its state as a literal: so each may use its own index.
    candidates = [of_state(code) for code in _codes(where.states)]
    if not candidates:
        return statement.where(false())
    return statement.where(JOB.c.queue == queue, JOB.c.id.in_(_together(candidates)))


def _together(parts: Sequence[SelectBase]) -> CompoundSelect[Any]:
    return cast("CompoundSelect[Any]", union_all(*parts))


def _codes(states: Iterable[JobState]) -> list[int]:
    return sorted(STATE_CODES[state] for state in states)


def _state_is(code: int) -> ColumnElement[bool]:
    return JOB.c.state == literal_column(str(code))


def _conditions(where: JobFilter) -> list[ColumnElement[bool]]:
    """Turn all of a filter but its states into conditions."""
    found = _named(where)
    for column, start, end in (
        (JOB.c.scheduled_at, where.scheduled_from, where.scheduled_to),
        (JOB.c.enqueued_at, where.enqueued_from, where.enqueued_to),
        (JOB.c.finished_at, where.finished_from, where.finished_to),
    ):
        if start is not None:
            found.append(column >= start)
        if end is not None:
            found.append(column < end)
    return found


def _named(where: JobFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if where.job_types is not None:
        found.append(JOB.c.job_type.in_(sorted(where.job_types)))
    if where.reasons is not None:
        found.append(JOB.c.reason.in_(sorted(where.reasons)))
    return found
