"""Storing jobs within a transaction of the user's own, on SQLAlchemy (clause TXN-1).

It is the user's who commits or rolls back: nothing here begins, commits or opens a savepoint.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast
from uuid import UUID

from attrs import frozen
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession, async_scoped_session
from sqlalchemy.orm import Session, scoped_session

from aide_de_camp.spi import InvalidArgument, NewJob, StorageError, StorageUnavailable, later
from aide_de_camp_backends._sql.codes import SCHEDULED

R = TypeVar("R")
Target = Connection | Session
"""Whose end is to be noticed: what the user works with, without its async clothes."""

_TOGETHER: Final = 500
"""Rows per statement: drivers take at most 32,767 parameters."""
_AUTOCOMMIT: Final = "AUTOCOMMIT"


@frozen
class Joining:
    """What a backend says of itself.

    Attributes:
        dialect: SQLAlchemy's name for it.
        table: the table of jobs.
        present: gives the present; raises InvalidArgument where the connection leads to another
            database than ours.
        joined: told of what the jobs were stored in, so that runners are woken after its commit.
    """

    dialect: str
    table: Table
    present: Callable[[Connection], int]
    joined: Callable[[Target], None]


def refused(transaction: object) -> InvalidArgument:
    """Make the error for what isn't a transaction that can be joined."""
    return InvalidArgument(
        "transaction",
        "must be SQLAlchemy's AsyncSession, AsyncConnection, Session or Connection on the queue's "
        f"database, not {type(transaction).__name__}",
    )


async def enqueue(
    joining: Joining, transaction: object, queue: str, jobs: Sequence[NewJob]
) -> set[UUID]:
    """Store jobs in the user's transaction.

    Returns:
        The ids that were stored; the others were there.

    Raises:
        InvalidArgument: it is no transaction of SQLAlchemy, one on another database, or one that
            commits by itself.
        StorageUnavailable: the database is locked, or the connection broke.
        StorageError: the database refused; the user's transaction may be spoilt.
    """
    if isinstance(transaction, (scoped_session, async_scoped_session)):
        transaction = cast("Callable[[], object]", transaction)()

    def store(target: Target) -> set[UUID]:
        return _told(lambda: _store(joining, target, queue, jobs), jobs)

    if isinstance(transaction, (AsyncSession, AsyncConnection)):
        run: Callable[[Callable[[Target], set[UUID]]], Any] = transaction.run_sync
        result: set[UUID] = await run(store)
        return result
    if isinstance(transaction, (Session, Connection)):
        return store(transaction)
    raise refused(transaction)


def _store(joining: Joining, target: Target, queue: str, jobs: Sequence[NewJob]) -> set[UUID]:
    connection = target.connection() if isinstance(target, Session) else target
    _check(joining, connection)
    now = joining.present(connection)
    rows = [_row(queue, job, now) for job in sorted(jobs, key=lambda job: job.id)]
    stored: set[UUID] = set()
    for start in range(0, len(rows), _TOGETHER):
        stored |= _insert(joining, connection, rows[start : start + _TOGETHER])
    joining.joined(target)
    return stored


def _insert(joining: Joining, connection: Connection, rows: list[dict[str, Any]]) -> set[UUID]:
    table = joining.table
    # The two are made alike, but have no type in common that says so.
    insert: Any = postgresql.insert if joining.dialect == "postgresql" else sqlite.insert
    statement = insert(table).values(rows)
    statement = statement.on_conflict_do_nothing(index_elements=[table.c.queue, table.c.id])
    return set(connection.execute(statement.returning(table.c.id)).scalars())


def _check(joining: Joining, connection: Connection) -> None:
    name = connection.dialect.name
    if name != joining.dialect:
        raise InvalidArgument(
            "transaction",
            f"it is on {name}, and this queue is on {joining.dialect}: schedule without it",
        )
    set_here = connection.get_execution_options().get("isolation_level")
    set_there: object = getattr(connection.dialect, "_on_connect_isolation_level", None)
    if (set_here or set_there) == _AUTOCOMMIT:
        raise InvalidArgument(
            "transaction", "it commits by itself (isolation_level AUTOCOMMIT): begin one"
        )


def _row(queue: str, job: NewJob, now: int) -> dict[str, Any]:
    return {
        "queue": queue,
        "id": job.id,
        "state": SCHEDULED,
        "priority": int(job.priority),
        "scheduled_at": later(now, job.delay) if job.scheduled_at is None else job.scheduled_at,
        "enqueued_at": now,
        "token": 0,
        "claims": 0,
        "retries": 0,
        "snoozes": 0,
        "max_retries": job.max_retries,
        "lease_max_retries": 0,
        "job_type": job.job_type,
        "codec": job.codec,
        "payload": job.payload,
    }


def _told(store: Callable[[], R], jobs: Sequence[NewJob]) -> R:
    try:
        return store()
    except (SQLAlchemyError, OSError) as error:
        failure = _failure(error, jobs)
    # Raised outside of the handler, and without a cause: what was caught quotes the parameters,
    # and so payloads (clause DEC-6), and would stay within reach as the context.
    raise failure


def _failure(error: SQLAlchemyError | OSError, jobs: Sequence[NewJob]) -> StorageError:
    cause = error.orig if isinstance(error, DBAPIError) else None
    kind = type(cause or error).__name__
    code: object = getattr(cause, "sqlstate", None)
    about = f"{kind}, {code}" if code else kind
    told = f"storing {len(jobs)} jobs in your transaction failed ({about}): roll it back"
    if isinstance(error, (OperationalError, OSError)):
        return StorageUnavailable(
            f"{told}, and try again", outcome_unknown=False, job_ids=[job.id for job in jobs]
        )
    return StorageError(told, job_id=jobs[0].id if len(jobs) == 1 else None)
