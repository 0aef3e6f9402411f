"""Counting, without SQLAlchemy: each worker does it as it starts."""

from __future__ import annotations

from typing import Any, Final

from aide_de_camp.spi import CountFilter, CountRow
from aide_de_camp_backends._sql.codes import STATES
from aide_de_camp_backends._sql.counting import counting
from aide_de_camp_backends.postgresql.call import Call
from aide_de_camp_backends.postgresql.database import Database
from aide_de_camp_backends.postgresql.statement import prepare

PLANNED_ANEW: Final = "SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL enable_seqscan = on"
"""Which plan is good depends on the filter and the limit; reading all of the table may be."""


def among(column: str, given: list[str]) -> tuple[str, dict[str, Any]]:
    """Say that a column has one of some values."""
    return f"{column} = ANY (:{column}::text[])", {column: given}


async def counts(database: Database, queue: str, where: CountFilter) -> list[CountRow]:
    """Count by state and type. See :meth:`Storage.count`."""
    found = counting(queue, where, among)
    if found is None:
        return []
    text, values = found
    statement = prepare(text, database.layout)

    async def read(call: Call) -> Any:
        return await call.fetch(statement.sql, statement.arguments(values), PLANNED_ANEW)

    rows = await database.run(read, writes=False)
    return [CountRow(STATES[row["code"]], row["job_type"], row["number"]) for row in rows]
