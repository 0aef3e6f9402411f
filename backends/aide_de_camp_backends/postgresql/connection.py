"""One connection of the driver, made as this backend needs it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from aide_de_camp_backends.postgresql.driver import driver
from aide_de_camp_backends.postgresql.options import Options

_STATEMENTS_KEPT: Final = 200


class Connection(Protocol):
    """What is used of the driver's connection, which has no types of its own."""

    async def fetch(self, query: str, *arguments: Any) -> list[Any]:
        """Run a statement and give its rows."""
        ...

    async def fetchrow(self, query: str, *arguments: Any) -> Any:
        """Run a statement and give its first row."""
        ...

    async def fetchval(self, query: str, *arguments: Any) -> Any:
        """Run a statement and give the first value of its first row."""
        ...

    async def execute(self, query: str, *arguments: Any) -> str:
        """Run a statement for its effect."""
        ...

    async def add_listener(self, channel: str, callback: Callable[..., None]) -> None:
        """Listen on a channel."""
        ...

    def add_termination_listener(self, callback: Callable[[Any], None]) -> None:
        """Be told when the connection ends."""
        ...

    def get_server_pid(self) -> int:
        """Give the number by which the server told to name this session."""
        ...

    def is_in_transaction(self) -> bool:
        """Say whether a transaction is open."""
        ...

    def is_closed(self) -> bool:
        """Say whether it has ended."""
        ...

    async def close(self, *, timeout: float) -> None:
        """Say goodbye to the server."""
        ...

    def terminate(self) -> None:
        """End it at once."""
        ...


_Base: Any = driver.Connection


class _Forkable(_Base):  # type: ignore[misc]  # the driver has no types
    """The driver's connection, which a forked child leaves alone when it forgets it."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        _Base.__init__(self, *arguments, **named)
        self._made_in = os.getpid()

    def __del__(self) -> None:
        # The driver would take the socket out of the event loop's selector, which a child shares
        # with its parent: the parent's connection would go deaf.
        if os.getpid() == self._made_in:
            _Base.__del__(self)


async def connect(options: Options, *, prepared: bool = False) -> Connection:
    """Make a connection.

    Args:
        options: the database.
        prepared: whether statements stay prepared under names of their own.

    Raises:
        Exception: whatever the driver raises.
    """
    connection = await driver.connect(
        options.dsn,
        timeout=options.connect_timeout,
        statement_cache_size=_STATEMENTS_KEPT if prepared else 0,
        max_cached_statement_lifetime=0,
        max_cacheable_statement_size=0,
        connection_class=_Forkable,
        server_settings={"application_name": "aide-de-camp"},
    )
    return cast("Connection", connection)


def is_driver_s(value: object) -> bool:
    """Say whether something is a connection of the driver, a pooled one included."""
    return isinstance(value, (driver.Connection, driver.pool.PoolConnectionProxy))
