"""A few connections, made when they are needed and replaced when they break.

The driver's own pool resets a connection each time it is given back, which is one more round trip
per call. Ours are used by nothing but our statements, which leave no state behind.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Final
from weakref import WeakKeyDictionary

from aide_de_camp.spi import StorageUnavailable
from aide_de_camp_backends.postgresql.connection import Connection, connect
from aide_de_camp_backends.postgresql.options import Options

_PLANS_KEPT: Final = 10.0
"""Seconds that a plan is kept."""


class Pool:
    """Connections of one event loop.

    Attributes:
        greeting: a statement with which each new connection begins; empty for none.
        prepared: whether new connections keep prepared statements.
    """

    def __init__(self, options: Options) -> None:
        self.greeting = ""
        self.prepared = bool(options.prepared)
        self._options = options
        self._idle: list[Connection] = []
        self._free = asyncio.Semaphore(options.pool_size)
        self._keeps = True
        self._planned: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()

    async def acquire(self) -> Connection:
        """Take a connection, the one used last if there is one.

        Raises:
            StorageUnavailable: all are in use for too long.
            Exception: whatever the driver raises where none can be made.
        """
        try:
            async with asyncio.timeout(self._options.pool_timeout):
                await self._free.acquire()
        except TimeoutError as error:
            raise StorageUnavailable(
                f"all {self._options.pool_size} connections have been in use for "
                f"{self._options.pool_timeout:g} s; nothing was changed: try again, or raise "
                "pool_size",
                outcome_unknown=False,
            ) from error
        try:
            while self._idle:
                connection = self._idle.pop()
                if not connection.is_closed():
                    return connection
            return await self._connect()
        except BaseException:
            # A caller that is cancelled must not keep the place either.
            self._free.release()
            raise

    async def _connect(self) -> Connection:
        connection = await connect(self._options, prepared=self.prepared)
        if self.greeting:
            try:
                async with asyncio.timeout(self._options.connect_timeout):
                    await connection.execute(self.greeting)
            except BaseException:
                # Cancelled half-way, it may be in any state: nobody may get it.
                connection.terminate()
                raise
        return connection

    def plans_are_old(self, connection: Connection) -> bool:
        """Say, once in a while, that a connection's statements should be planned anew."""
        present = time.monotonic()
        old = present - self._planned.setdefault(connection, present) > _PLANS_KEPT
        if old:
            self._planned[connection] = present
        return old

    def release(self, connection: Connection) -> None:
        """Give a connection back; one that isn't at rest is thrown away."""
        if not self._keeps or connection.is_closed() or connection.is_in_transaction():
            connection.terminate()
        else:
            self._idle.append(connection)
        self._free.release()

    async def close(self, patience: float) -> None:
        """Close what is idle, and have the rest closed when it is given back.

        Args:
            patience: how long saying goodbye may take, in seconds.
        """
        self._keeps = False
        end = time.monotonic() + patience
        while self._idle:
            connection = self._idle.pop()
            try:
                await connection.close(timeout=max(0.01, end - time.monotonic()))
            except Exception:  # noqa: BLE001 (whatever it is, the connection is gone)
                connection.terminate()

    def terminate(self) -> None:
        """End the idle connections at once, and keep none from now on."""
        self._keeps = False
        while self._idle:
            with suppress(RuntimeError):  # their event loop is gone
                self._idle.pop().terminate()
