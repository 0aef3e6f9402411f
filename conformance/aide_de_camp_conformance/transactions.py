"""Transactions of the user's own, begun beside the queue, for what TXN-1 asks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

_DRIVERS: Final = {
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "sqlite": "sqlite+aiosqlite",
}
"""By the scheme of a storage's URL, how SQLAlchemy calls a driver for the same database."""


class OwnTransaction(ABC):
    """An open transaction on a place, as a user has it.

    Attributes:
        handle: what the user hands to ``schedule(transaction=...)``.
    """

    handle: object

    @abstractmethod
    async def commit(self) -> None:
        """Commit it."""

    @abstractmethod
    async def rollback(self) -> None:
        """Roll it back."""

    @abstractmethod
    async def savepoint(self) -> None:
        """Begin a savepoint in it."""

    @abstractmethod
    async def rollback_to_savepoint(self) -> None:
        """Roll back to the savepoint begun last."""


class _OnSqlalchemy(OwnTransaction):
    def __init__(self, connection: AsyncConnection) -> None:
        self.handle = connection
        self._connection = connection
        self._savepoint: Any = None

    async def commit(self) -> None:
        await self._connection.commit()

    async def rollback(self) -> None:
        await self._connection.rollback()

    async def savepoint(self) -> None:
        self._savepoint = await self._connection.begin_nested()

    async def rollback_to_savepoint(self) -> None:
        await self._savepoint.rollback()


@asynccontextmanager
async def sqlalchemy_transaction(url: str) -> AsyncGenerator[OwnTransaction]:
    """Begin a transaction through SQLAlchemy on the database of a storage's URL.

    Args:
        url: the storage's; its options are left out.

    Raises:
        LookupError: it isn't known which driver serves the URL's scheme: the harness must
            begin the transaction.
    """
    scheme = url.partition(":")[0]
    if scheme not in _DRIVERS:
        raise LookupError(
            f"the storage declares TXN-1, and the kit can't begin a transaction on {scheme}: "
            "override the harness's method 'transaction'"
        )
    engine = _engine(url.partition("?")[0], _DRIVERS[scheme])
    try:
        async with engine.connect() as connection:
            await connection.begin()
            yield _OnSqlalchemy(connection)
    finally:
        await engine.dispose()


def _engine(url: str, driver: str) -> AsyncEngine:
    from sqlalchemy import event, make_url  # noqa: PLC0415  (the kit itself needs no SQLAlchemy)
    from sqlalchemy.engine import Connection  # noqa: PLC0415  (as above)
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415  (as above)

    is_sqlite = driver.startswith("sqlite")
    # Left to itself, SQLite's driver begins no transaction before a savepoint.
    arguments: dict[str, Any] = {"isolation_level": None} if is_sqlite else {}
    engine = create_async_engine(make_url(url).set(drivername=driver), connect_args=arguments)
    if is_sqlite:

        def begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN")

        event.listen(engine.sync_engine, "begin", begin)
    return engine
