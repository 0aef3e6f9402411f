"""Several statements as one transaction, ended without waiting where its connection is spoilt."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from aide_de_camp_backends.postgresql.connection import Connection
from aide_de_camp_backends.postgresql.failures import spoils

IDLE_MOST: Final = 5_000
"""Milliseconds that a transaction may wait for its next statement: the server ends it then, so
that a process that was stopped in the middle doesn't keep its locks."""
_BEGIN: Final = (
    "BEGIN ISOLATION LEVEL READ COMMITTED",
    f"SET LOCAL idle_in_transaction_session_timeout = {IDLE_MOST}",
)


@asynccontextmanager
async def transaction(connection: Connection, *settings: str) -> AsyncGenerator[None]:
    """Begin a transaction, and end it with the block.

    The driver's own would wait for the answer to a ROLLBACK, also where the block was cut off
    because nothing is answered any more.

    Args:
        connection: one that is at rest.
        settings: statements sent along with the BEGIN.

    Raises:
        Exception: whatever the driver or the block raises.
    """
    try:
        await connection.execute("; ".join((*_BEGIN, *settings)))
        yield
        await connection.execute("COMMIT")
    except BaseException as error:
        if spoils(error):
            connection.terminate()
        elif connection.is_in_transaction():
            await connection.execute("ROLLBACK")
        raise
