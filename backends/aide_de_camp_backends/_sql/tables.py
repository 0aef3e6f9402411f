"""The tables and indexes, as SQLAlchemy sees them.

The statements that list and count are built on these. What creates them in a database are each
backend's numbered migrations, whose text never changes once released; a test compares the two.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from attrs import frozen
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    TextClause,
    Uuid,
    text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

from aide_de_camp_backends._sql.codes import DEAD, HELD, RUNNING, SCHEDULED


class Id(TypeDecorator[UUID]):
    """A UUID: PostgreSQL's own type, elsewhere its 16 big-endian bytes. Both sort alike."""

    impl = LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type of a dialect."""
        return Uuid() if dialect.name == "postgresql" else LargeBinary()

    def process_bind_param(self, value: UUID | None, dialect: Dialect) -> Any:
        """Turn a UUID into what the dialect's driver takes."""
        return value if value is None or dialect.name == "postgresql" else value.bytes

    def process_result_value(self, value: Any, dialect: Dialect) -> UUID | None:
        """Turn what the dialect's driver gives into a UUID."""
        return value if value is None or isinstance(value, UUID) else UUID(bytes=value)


# STRICT tables of SQLite know INTEGER only, which is 64 bits wide there.
_Small = SmallInteger().with_variant(Integer(), "sqlite")
_Time = BigInteger().with_variant(Integer(), "sqlite")


@frozen
class Tables:
    """The two tables of one schema and prefix.

    Attributes:
        meta: numbers by name: the layout's version, and the lowest present there can be.
        job: the jobs of all queues.
    """

    meta: Table
    job: Table


def define(metadata: MetaData, *, schema: str | None = None, prefix: str = "adc_") -> Tables:
    """Add the tables to a collection, such as the one that an application's Alembic reads.

    Args:
        metadata: the collection.
        schema: the schema's name, if they are to be in one.
        prefix: what the names of tables and indexes begin with.
    """
    meta = Table(
        f"{prefix}meta",
        metadata,
        Column("name", Text, primary_key=True, nullable=False),
        Column("value", _Time, nullable=False),
        schema=schema,
    )
    job = Table(
        f"{prefix}job",
        metadata,
        Column("queue", Text, nullable=False),
        Column("id", Id, nullable=False),
        Column("state", _Small, nullable=False),
        Column("priority", _Small, nullable=False),
        Column("scheduled_at", _Time, nullable=False),
        Column("enqueued_at", _Time, nullable=False),
        Column("token", _Time, nullable=False),
        Column("claims", _Time, nullable=False),
        Column("retries", _Time, nullable=False),
        Column("snoozes", _Time, nullable=False),
        Column("max_retries", _Time),
        Column("lease_max_retries", _Time, nullable=False),
        Column("lease_until", _Time),
        Column("started_at", _Time),
        Column("finished_at", _Time),
        Column("settled_token", _Time),
        Column("settled_kind", _Small),
        Column("settled_before", Text),
        Column("request_id", Id),
        Column("requeued_by", Id),
        Column("job_type", Text, nullable=False),
        Column("codec", Text, nullable=False),
        Column("worker", Text),
        Column("reason", Text),
        Column("error_at", _Time),
        Column("error", Text),
        Column("error_detail", Text),
        # Last, so that SQLite reads the rest of a row without walking a big payload's pages.
        Column("payload", LargeBinary, nullable=False),
        PrimaryKeyConstraint("queue", "id"),
        schema=schema,
    )
    place = (job.c.priority.desc(), job.c.scheduled_at, job.c.id)

    def index(name: str, where: TextClause, *columns: ColumnElement[Any]) -> None:
        Index(f"{prefix}job_{name}", *columns, sqlite_where=where, postgresql_where=where)

    index("due", _scheduled, job.c.queue, *place)
    index("due_type", _scheduled, job.c.queue, job.c.job_type, *place)
    index("running", _running, job.c.queue, job.c.request_id)
    index("finished", _finished, job.c.queue, job.c.state, job.c.finished_at, job.c.job_type)
    index("dead", _dead, job.c.queue, job.c.id)
    index("held", _held, job.c.queue, job.c.id, job.c.job_type)
    return Tables(meta, job)


_scheduled = text(f"state = {SCHEDULED}")
_running = text(f"state = {RUNNING}")
_dead = text(f"state = {DEAD}")
_held = text(f"state = {HELD}")
_finished = text("finished_at IS NOT NULL")

METADATA: Final = MetaData()
TABLES: Final = define(METADATA)
META: Final = TABLES.meta
JOB: Final = TABLES.job
