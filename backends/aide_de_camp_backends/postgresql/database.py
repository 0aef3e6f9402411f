"""Running verbs on the pool: bounded in time, tried again where that is safe."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar
from uuid import UUID

from aide_de_camp.spi import AideDeCampError, QueueClosed, QueueMisused
from aide_de_camp_backends.postgresql import migrations
from aide_de_camp_backends.postgresql.call import Call, Present
from aide_de_camp_backends.postgresql.connection import Connection
from aide_de_camp_backends.postgresql.failures import (
    connecting,
    is_lost,
    spoils,
    translate,
)
from aide_de_camp_backends.postgresql.options import Options
from aide_de_camp_backends.postgresql.pool import Pool
from aide_de_camp_backends.postgresql.server import Server, look_at, schema_of
from aide_de_camp_backends.postgresql.statement import Layout
from aide_de_camp_backends.postgresql.transaction import IDLE_MOST

R = TypeVar("R")
Verb = Callable[[Call], Awaitable[R]]

PLANNED_ONCE: Final = "SET plan_cache_mode = force_generic_plan"
"""The statements are made so that one plan is good for all values. Left to itself the server plans
a claim anew each time, which takes longer than the claim."""
SEARCHED: Final = """
SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('enable_seqscan', 'jit')
"""
"""Such a plan is made while few jobs are there, too, and kept when there are a million: it must
never be to read the table from one end to the other, cheap as that was. What a database that only
speaks PostgreSQL doesn't know isn't set."""
_FORGET_PLANS: Final = "DISCARD PLANS"
_READ_COMMITTED: Final = "SET default_transaction_isolation = 'read committed'"
_BOUNDED: Final = """
SELECT set_config(
  name, CASE WHEN setting::bigint BETWEEN 1 AND most THEN setting ELSE most::text END, false
) FROM pg_settings JOIN (VALUES
  ('statement_timeout', {statement}), ('idle_in_transaction_session_timeout', {idle})
) AS bound(name, most) USING (name)
"""
"""Milliseconds; a shorter time that the server has set stays."""
_LONGER: Final = 1.0
"""Seconds that the server goes on with a statement when we have given up waiting for it."""
_OUTWAIT: Final = tuple(0.005 * 2**step for step in range(9))
"""Seconds between looks at what still runs: 2.5 s in all."""
_STILL_RUNS: Final = """
SELECT EXISTS (SELECT 1 FROM pg_stat_activity
  WHERE pid = ANY ($1::integer[]) AND usename = current_user AND state = 'active')
"""
_GOODBYE: Final = 2.0
"""Seconds that closing waits for the server to say goodbye."""


class Database:
    """One database, used from one event loop.

    Attributes:
        options: how to use it.
        present: the highest present seen.
        server: what the server said of itself.
        layout: where the tables are.
        storage_id: what tells them from all others.
    """

    server: Server
    layout: Layout
    storage_id: int

    def __init__(self, options: Options, woken: Callable[[set[str]], None]) -> None:
        self.options = options
        self.present = Present()
        self._woken = woken
        self._pid = os.getpid()
        self._loop = asyncio.get_running_loop()
        self._pool = Pool(options)
        self._under_way: set[asyncio.Task[Any]] = set()
        self._closed = False
        self._guard: asyncio.Task[None] | None = None
        self._lost: set[int] = set()
        self._alone = True
        self._plans_forgettable = False

    async def open(self, *, migrate: bool | None = None) -> tuple[int, int]:
        """Connect, look at the server, and check or migrate the tables.

        Args:
            migrate: whether to; None as the options say.

        Returns:
            The schema version found and the one left.

        Raises:
            StorageUnavailable: the server can't be reached.
            SchemaError: the layout is newer than this code, or too old.
            ConfigurationError: the URL or the server's version can't be used.
        """
        migrating = self.options.migrate if migrate is None else migrate
        connection = await self._connection(opening=True)
        try:
            async with asyncio.timeout(self.options.command_timeout):
                self._guard = self._guard or asyncio.create_task(
                    self._stand_guard(), name="aide_de_camp storage stands guard"
                )
                self.server = await look_at(connection)
                usable = self._choose_sessions()
                self.layout = Layout(schema_of(self.options, self.server), self.options.prefix)
                found = await self._check(connection, migrating=migrating)
                self.storage_id = await migrations.storage_id(connection, self.layout)
        except Exception as error:  # noqa: BLE001 (each becomes one of ours)
            connection.terminate()
            failure = translate(error, job_ids=(), writes=False)
        except BaseException:
            # Cancelled half-way, it may be in any state.
            connection.terminate()
            raise
        else:
            if not usable:
                with suppress(Exception):  # it is not needed any more
                    await connection.close(timeout=_GOODBYE)
            return found
        finally:
            self._pool.release(connection)
        raise failure

    def _choose_sessions(self) -> bool:
        """Choose what new sessions keep.

        Returns:
            Whether the one that was made to find this out is good for more.
        """
        pool, pooled = self._pool, self.server.pooled
        if self.options.prepared is None:
            pool.prepared = not pooled
        self._alone = not pooled or self.server.read_committed
        if pooled:
            # A session that isn't ours alone would keep what is set for others.
            return True
        longest = round(1_000 * (self.options.command_timeout + _LONGER))
        settings = [_READ_COMMITTED, _BOUNDED.format(statement=longest, idle=IDLE_MOST)]
        if pool.prepared:
            settings += [PLANNED_ONCE, SEARCHED]
            self._plans_forgettable = True
        pool.greeting = ";".join(settings)
        return False

    async def _check(self, connection: Connection, *, migrating: bool) -> tuple[int, int]:
        if migrating:
            return await migrations.migrate(connection, self.layout)
        found = await migrations.schema_version(connection, self.layout)
        migrations.refuse_newer(found, self.layout)
        migrations.refuse_older(found, self.layout)
        return (found, found)

    async def run(
        self,
        verb: Verb[R],
        *,
        job_ids: Sequence[UUID] = (),
        writes: bool = True,
        closing: bool = False,
    ) -> R:
        """Run a verb; it goes on to its end even if its caller is cancelled.

        Args:
            verb: what to do.
            job_ids: the jobs that it is about, for its errors.
            writes: False if it only reads.
            closing: True for the last words of a storage that refuses everything else already.

        Raises:
            QueueClosed: it was closed before.
            QueueMisused: this is a child process that inherited the storage.
            StorageUnavailable: the server can't be reached, or doesn't answer in time.
            StorageError: it can't do what was asked.
        """
        if not closing:
            self.check()
        task = asyncio.create_task(
            self._begin(verb, job_ids, writes=writes), name="aide_de_camp storage works"
        )
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        # A statement that is cut off leaves its connection useless, and whether it took effect
        # unknown; so whoever is cancelled leaves it to end by itself.
        return await asyncio.shield(task)

    @property
    def inherited(self) -> bool:
        """True in a forked child: the connections are its parent's."""
        return os.getpid() != self._pid

    def check(self) -> None:
        """Refuse to work once closed, or in a child process.

        Raises:
            QueueClosed: it was closed.
            QueueMisused: it was opened in another process.
        """
        if self.inherited:
            raise QueueMisused(
                "this storage was opened before a fork: open a queue of its own in the child"
            )
        if self._closed:
            raise QueueClosed("the storage was closed: open the queue again")

    def refuse(self) -> None:
        """Take no more calls; harmless when repeated."""
        self._closed = True

    async def drain(self) -> None:
        """Let what is under way end; each of them takes a bounded time."""
        if self.inherited or asyncio.get_running_loop() is not self._loop or not self._under_way:
            return
        options = self.options
        longest = options.pool_timeout + 2 * options.connect_timeout + options.command_timeout
        await asyncio.wait(self._under_way, timeout=longest + _GOODBYE)

    async def close(self) -> None:
        """Let what is under way end, then let go of the connections."""
        if self.inherited:
            return
        self.refuse()
        if asyncio.get_running_loop() is not self._loop:
            # The loop that it worked in was torn down, and the connections with it.
            self._pool.terminate()
            return
        await self.drain()
        await self._pool.close(_GOODBYE)
        if self._guard is not None:
            self._guard.cancel()
            await asyncio.wait([self._guard])

    async def _stand_guard(self) -> None:
        """End the idle connections should the event loop be torn down before the storage is."""
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._pool.terminate()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            # Looked at, so that asyncio doesn't complain where its caller is gone.
            task.exception()

    async def _connection(self, *, opening: bool = False) -> Connection:
        try:
            return await self._pool.acquire()
        except Exception as error:  # noqa: BLE001 (each becomes one of ours)
            failure = connecting(error, opening=opening)
        raise failure

    async def _begin(self, verb: Verb[R], job_ids: Sequence[UUID], *, writes: bool) -> R:
        try:
            connection = await self._connection()
        except AideDeCampError as error:
            failure = translate(error, job_ids=job_ids, writes=False)
        else:
            try:
                return await self._work(connection, verb, job_ids, writes=writes)
            finally:
                self._pool.release(connection)
        raise failure

    async def _work(
        self, connection: Connection, verb: Verb[R], job_ids: Sequence[UUID], *, writes: bool
    ) -> R:
        session = connection.get_server_pid()
        call = Call(connection, self.layout, self.present, alone=self._alone)
        try:
            async with asyncio.timeout(self.options.command_timeout):
                await self._outwait(connection)
                await self._replan(connection)
                result = await verb(call)
        except BaseException as error:
            spoilt = spoils(error)
            if spoilt:
                self._forsake(connection, session, begun=call.begun)
            if call.woken and (spoilt or call.done):
                # It may have taken effect: whoever repeats it may find nothing left to do.
                self._woken(call.woken)
            if not isinstance(error, Exception):
                raise
            failure = translate(
                error, job_ids=job_ids, writes=writes and call.begun, done=writes and call.done
            )
        else:
            if call.woken:
                self._woken(call.woken)
            return result
        raise failure

    def _forsake(self, connection: Connection, session: int, *, begun: bool) -> None:
        """End a connection that was left in the middle; what it ran may still go on."""
        if begun and not self.server.pooled:
            self._lost.add(session)
        connection.terminate()

    async def _replan(self, connection: Connection) -> None:
        """Have plans forgotten that are some seconds old.

        One is made for the size that the tables have then. Before 17 the server then takes few
        jobs for so few that all are as soon read as some, also where an index would find these;
        and its statistics, with which it would plan anew, come a minute behind.
        """
        if not self._plans_forgettable or not self._pool.plans_are_old(connection):
            return
        try:
            await connection.execute(_FORGET_PLANS)
        except Exception as error:
            if spoils(error):
                raise
            self._plans_forgettable = False

    async def _outwait(self, connection: Connection) -> None:
        """Wait until the server has ended what was under way on connections that broke.

        A claim that is repeated must see what its first sending took. What still runs after a
        while is waited for no longer: half of what a call may take must be left for it.
        """
        if not self._lost:
            return
        lost = frozenset(self._lost)
        left = self.options.command_timeout / 2
        try:
            for pause in _OUTWAIT:
                runs = await connection.fetchval(_STILL_RUNS, list(lost))
                left -= pause
                if not runs or left < 0:
                    break
                await asyncio.sleep(pause)
        except Exception as error:
            if is_lost(error):
                lost = frozenset[int]()
            raise
        finally:
            self._lost -= lost
