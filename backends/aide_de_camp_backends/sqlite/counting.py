"""Counting, on a connection of its own and without SQLAlchemy: each worker does it as it starts."""

from __future__ import annotations

import sqlite3
from typing import Any

from aide_de_camp.spi import CountFilter, CountRow
from aide_de_camp_backends._sql.codes import STATES
from aide_de_camp_backends._sql.counting import counting
from aide_de_camp_backends.sqlite.connection import file_uri
from aide_de_camp_backends.sqlite.failures import translate
from aide_de_camp_backends.sqlite.options import Options


def among(column: str, given: list[str]) -> tuple[str, dict[str, Any]]:
    """Say that a column has one of some values."""
    values = {f"{column}_{number}": value for number, value in enumerate(given)}
    return f"{column} IN ({', '.join(f':{name}' for name in values)})", values


async def counts(options: Options, queue: str, where: CountFilter) -> list[CountRow]:
    """Count by state and type. See :meth:`Storage.count`."""
    found = counting(queue, where, among)
    if found is None:
        return []
    import aiosqlite  # noqa: PLC0415 (those who don't count need none of it)

    try:
        async with aiosqlite.connect(
            file_uri(options.path, "rw"),
            uri=True,
            timeout=options.busy_timeout,
            isolation_level=None,
        ) as connection:
            rows = await connection.execute_fetchall(*found)
    except (sqlite3.Error, ValueError, OverflowError) as error:
        raise translate(error) from error
    return [CountRow(STATES[code], name, number) for code, name, number in rows]
