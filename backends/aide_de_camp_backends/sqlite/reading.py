"""Lists, on connections of their own, so that a long read never stalls the writer."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Executable, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.elements import UnaryExpression
from sqlalchemy.sql.operators import custom_op

from aide_de_camp.spi import JobFilter, RecordPage
from aide_de_camp_backends._sql import filters
from aide_de_camp_backends._sql.rows import record
from aide_de_camp_backends._sql.statements import QUEUES
from aide_de_camp_backends.sqlite.apart import Apart
from aide_de_camp_backends.sqlite.connection import file_uri
from aide_de_camp_backends.sqlite.failures import translate
from aide_de_camp_backends.sqlite.options import Options

Rows = Sequence[Sequence[Any]]


def make_engine(options: Options) -> AsyncEngine:
    """Make the engine. It keeps no connection, since each of aiosqlite's holds a thread."""
    name, _, query = file_uri(options.path, "rw").partition("?")
    mode = query.removeprefix("mode=")
    return create_async_engine(
        URL.create("sqlite+aiosqlite", database=name, query={"mode": mode, "uri": "true"}),
        poolclass=NullPool,
        connect_args={"isolation_level": None, "timeout": options.busy_timeout},
    )


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Wrap a column in a plus sign, which keeps SQLite's planner from its indexes."""
    return UnaryExpression(column, operator=custom_op[Any]("+"), type_=column.type)


class Reader:
    """Reads one file through SQLAlchemy."""

    def __init__(self, options: Options, apart: Apart) -> None:
        self._engine = make_engine(options)
        self._apart = apart

    async def close(self) -> None:
        """Let go of the engine."""
        await self._engine.dispose()

    async def page(
        self, queue: str, where: JobFilter, limit: int, after: UUID | None, *, newest_first: bool
    ) -> RecordPage:
        """Read one page. See :meth:`Storage.list`."""
        statement = filters.page(
            queue, where, limit + 1, after, newest_first=newest_first, unindexed=unindexed
        )
        found = [record(row) for row in await self._rows(statement)]
        page = tuple(found[:limit])
        return RecordPage(page, page[-1].id if len(found) > limit else None)

    async def queues(self) -> list[str]:
        """Name the queues that hold any job. See :meth:`Storage.queues`."""
        return [row[0] for row in await self._rows(text(QUEUES))]

    async def _rows(self, statement: Executable) -> Rows:
        return await self._apart.run(self._read(statement))

    async def _read(self, statement: Executable) -> Rows:
        try:
            async with self._engine.connect() as connection:
                return (await connection.execute(statement)).all()
        except DBAPIError as error:
            cause = error.orig
            raise translate(cause if isinstance(cause, Exception) else error) from error
        except (SQLAlchemyError, sqlite3.Error, ValueError, OverflowError) as error:
            raise translate(error) from error
