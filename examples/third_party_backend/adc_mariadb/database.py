"""Connections, transactions and repeats: what every verb goes through."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from sqlalchemy import URL, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from adc_mariadb import schema, server
from adc_mariadb.call import Call
from adc_mariadb.failures import REPEATABLE, is_lost, number_of, translate
from adc_mariadb.options import Options
from aide_de_camp.spi import TIME_MIN, AideDeCampError, QueueClosed

R = TypeVar("R")
Verb = Callable[[Call], Awaitable[R]]

_TRIES: Final = 8
_STALE_TRIES: Final = 2
"""A connection that breaks more often than that isn't put down to a restart any more."""
_LOCK_WAIT: Final = 5
"""Seconds that a statement waits for a row that somebody else has locked."""
_OUTWAIT: Final = tuple(0.005 * 2**step for step in range(9))
"""Seconds between looks at what still runs: 2.5 s in all."""
_STILL_THERE: Final = "SELECT COUNT(*) FROM information_schema.processlist WHERE id IN :ids"
_SESSION: Final = (
    f"SET SESSION innodb_lock_wait_timeout = {_LOCK_WAIT}, "
    # A value that doesn't fit is refused, never cut.
    "sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'"
)


class Database:
    """One pool of connections; it belongs to one event loop.

    Attributes:
        server: what the server said of itself; known once opened.
    """

    def __init__(self, options: Options) -> None:
        self._options = options
        self._pid = os.getpid()
        self._latest = TIME_MIN
        self._lost: set[int] = set()
        self._closed = False
        self.server = server.Server("MariaDB", frozenset(), 0)
        self._engine = _engine(options)

    async def open(self, *, migrate: bool) -> tuple[int, int]:
        """Look at the server, and check or migrate the tables.

        Returns:
            The version of the stored layout that was found, and the one left.
        """

        async def look(call: Call) -> tuple[int, int]:
            self.server = await server.look(call)
            if migrate:
                return await schema.migrate(call, int(self._options.timeout) + 1)
            found = await schema.version(call)
            schema.check(found)
            return (found, found)

        return await self.run(look, opening=True)

    async def close(self) -> None:
        """Let go of the connections; in a forked child they are the parent's, and only dropped."""
        self._closed = True
        if os.getpid() == self._pid:
            await self._engine.dispose()
        else:
            self._engine.sync_engine.dispose(close=False)

    async def run(
        self,
        verb: Verb[R],
        *,
        job_ids: Sequence[UUID] = (),
        writes: bool = True,
        opening: bool = False,
    ) -> R:
        """Run a verb as one transaction; again where others were in its way.

        Args:
            verb: what to do; it may be done again if it took no effect.
            job_ids: the jobs that it is about, for errors.
            writes: False if it changes nothing.
            opening: True while the storage is being opened.

        Raises:
            QueueClosed: the storage was closed.
            AideDeCampError: whatever else went wrong, as
                :func:`~adc_mariadb.failures.translate` has it.
        """
        if self._closed:
            raise QueueClosed("the storage was closed: open the queue again")
        attempt = _Attempt()
        try:
            async with asyncio.timeout(self._options.timeout):
                return await self._repeatedly(verb, attempt)
        except Exception as error:
            # Nothing takes effect before the commit is sent, and everything once it is answered.
            unknown = writes and attempt.committing
            result = translate(error, job_ids=job_ids, unknown=unknown, opening=opening)
            if result is error:
                raise
            raise result from result.__cause__

    async def _repeatedly(self, verb: Verb[R], attempt: _Attempt) -> R:
        tries = 0
        while True:
            tries += 1
            attempt.committing = False
            try:
                return await self._once(verb, attempt)
            except SQLAlchemyError as error:
                # A connection that a restart broke, found out before the commit, is one more
                # case of nothing having taken effect.
                stale = is_lost(error) and not attempt.committing and tries <= _STALE_TRIES
                busy = number_of(error) in REPEATABLE and tries < _TRIES
                if not (stale or busy):
                    raise
            await asyncio.sleep(random.uniform(0, 0.01 * tries))  # noqa: S311 (a jitter)

    async def _once(self, verb: Verb[R], attempt: _Attempt) -> R:
        async with self._engine.connect() as connection:
            session = await _session_of(connection)
            try:
                await self._outwait(connection)
                call = Call(
                    connection,
                    self._options.prefix,
                    latest=self._latest,
                    max_packet=self.server.max_packet,
                )
                result = await verb(call)
                attempt.committing = True
                await connection.commit()
            except BaseException as error:
                if not isinstance(error, AideDeCampError) and not number_of(error):
                    # Not the server's answer: who knows what is still on its way.
                    await connection.invalidate()
                if attempt.committing and (is_lost(error) or not isinstance(error, Exception)):
                    self._lost.add(session)
                raise
            self._latest = max(self._latest, call.latest)
            return result

    async def _outwait(self, connection: AsyncConnection) -> None:
        """Wait until the server has ended what broke while it was being committed.

        A claim that is repeated must see what its first sending took (clause LIV-4). What is
        still there after a while is waited for no longer.
        """
        if not self._lost:
            return
        lost = frozenset(self._lost)
        call = Call(connection, self._options.prefix, latest=0, max_packet=0)
        for pause in _OUTWAIT:
            ((count,),) = await call.rows(_STILL_THERE, ids=sorted(lost))
            if not count:
                break
            await asyncio.sleep(pause)
        self._lost -= lost


class _Attempt:
    """How far one attempt got.

    Attributes:
        committing: whether its commit was sent.
    """

    committing = False


async def _session_of(connection: AsyncConnection) -> int:
    raw = await connection.get_raw_connection()
    driver: Any = raw.driver_connection
    return int(driver.thread_id())


def _engine(options: Options) -> AsyncEngine:
    engine = create_async_engine(
        URL.create(
            "mysql+asyncmy",
            username=options.user,
            password=options.password,
            host=options.host,
            port=options.port,
            database=options.database,
        ),
        # Under REPEATABLE READ, the server's default, a claim would lock the gaps around what it
        # takes, and whoever schedules would wait for it.
        isolation_level="READ COMMITTED",
        pool_size=options.pool_size,
        max_overflow=0,
        pool_timeout=options.timeout,
        # Leaving a connection rolls back what was left open on it; a second time is a round trip.
        pool_reset_on_return=None,
        # The parameters of a statement are payloads.
        hide_parameters=True,
        connect_args={"connect_timeout": max(1, int(options.timeout))},
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute(_SESSION)
        cursor.close()

    return engine
