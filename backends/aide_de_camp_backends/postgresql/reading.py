"""Lists, built by SQLAlchemy and run on the driver's connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, cast
from uuid import UUID

from sqlalchemy import ColumnElement, Dialect, Executable, func
from sqlalchemy.dialects.postgresql.asyncpg import dialect
from sqlalchemy.sql.compiler import SQLCompiler

from aide_de_camp.spi import JobFilter, RecordPage
from aide_de_camp_backends._sql import filters
from aide_de_camp_backends._sql.rows import record
from aide_de_camp_backends._sql.statements import QUEUES
from aide_de_camp_backends.postgresql.call import Call, Row
from aide_de_camp_backends.postgresql.counting import PLANNED_ANEW
from aide_de_camp_backends.postgresql.database import Database
from aide_de_camp_backends.postgresql.statement import Layout

_DIALECT: Final[Dialect] = dialect()  # type: ignore[no-untyped-call] # it has no types


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Wrap a column in a coalesce with itself, which no index has."""
    return func.coalesce(column, column)


def compiled(statement: Executable, layout: Layout) -> tuple[str, list[Any]]:
    """Give a statement as the driver takes it, with its arguments in order."""
    made = statement.compile(  # type: ignore[attr-defined] # every statement here has it
        dialect=_DIALECT, compile_kwargs={"render_postcompile": True}
    )
    assert isinstance(made, SQLCompiler)  # noqa: S101  (for the type checkers)
    return layout.placed(made.string), [made.params[name] for name in made.positiontup or ()]


class Reader:
    """Reads one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, queue: str, where: JobFilter, limit: int, after: UUID | None, *, newest_first: bool
    ) -> RecordPage:
        """Read one page. See :meth:`Storage.list`."""
        statement = filters.page(
            queue, where, limit + 1, after, newest_first=newest_first, unindexed=unindexed
        )
        found = [record(row) for row in await self._rows(statement)]
        listed = tuple(found[:limit])
        return RecordPage(listed, listed[-1].id if len(found) > limit else None)

    async def queues(self) -> list[str]:
        """Name the queues that hold any job. See :meth:`Storage.queues`."""
        rows = await self._database.run(lambda call: call.rows(QUEUES, {}), writes=False)
        return sorted(row["queue"] for row in rows)

    async def _rows(self, statement: Executable) -> list[tuple[Any, ...]]:
        sql, arguments = compiled(statement, self._database.layout)

        async def read(call: Call) -> Sequence[Row]:
            return await call.fetch(sql, arguments, PLANNED_ANEW)

        rows = await self._database.run(read, writes=False)
        return [tuple(cast("Sequence[Any]", row)) for row in rows]
