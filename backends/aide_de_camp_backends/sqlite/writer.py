"""The thread that all changes go through: what waits at the same time is committed together."""

from __future__ import annotations

import asyncio
import math
import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, Final, TypeVar
from uuid import UUID

from attrs import frozen

from aide_de_camp.spi import QueueClosed, QueueMisused
from aide_de_camp_backends.sqlite.call import Call
from aide_de_camp_backends.sqlite.committer import Committer
from aide_de_camp_backends.sqlite.options import Options
from aide_de_camp_backends.sqlite.transaction import Transaction

R = TypeVar("R")

Woken = Callable[[set[str] | None], None]
"""Told, in the loop's thread, of the queues in which there may be work; None means any."""

_CALLS_TOGETHER: Final = 256
_JOBS_TOGETHER: Final = 4_000
_POLLS: Final = ((2.0, 0.01), (60.0, 0.025), (math.inf, 0.05))
"""Up to how many seconds of idling, how long from one look to the next. A look costs about 0.1 ms
of processor time, nearly all of it for waking the thread."""
_POLL: Final = _POLLS[0][1]


@frozen
class _Stop:
    loop: asyncio.AbstractEventLoop
    done: asyncio.Future[None]


class Writer:
    """Takes calls from one event loop, and runs them in a daemon thread."""

    def __init__(self, options: Options, loop: asyncio.AbstractEventLoop, woken: Woken) -> None:
        self._watched = False
        self._options = options
        self._loop = loop
        self._woken = woken
        self._pid = os.getpid()
        self._committer = Committer(options)
        self._waiting: SimpleQueue[Call | _Stop | None] = SimpleQueue()
        self._opened: asyncio.Future[None] = loop.create_future()
        self._closed: asyncio.Future[None] | None = None
        self._last_poll = self._last_event = time.monotonic()
        self._thread = Thread(target=self._work, name="adc-sqlite-writer", daemon=True)

    # --- in the loop's thread -----------------------------------------------------------------

    async def open(self) -> None:
        """Start the thread, and wait until it has the file open and migrated.

        Raises:
            As :func:`~aide_de_camp_backends.sqlite.files.open_file`.
        """
        self._thread.start()
        try:
            await self._opened
        except asyncio.CancelledError:
            self._waiting.put(_Stop(self._loop, self._loop.create_future()))
            raise
        except Exception:
            # Having told so, the thread is at its end.
            self._thread.join()
            raise

    async def submit(
        self, verb: Callable[[Transaction], R], *, job_ids: Sequence[UUID] = (), writes: bool = True
    ) -> R:
        """Run a verb in the next transaction, together with others that wait then.

        A caller that is cancelled changes nothing for the others; its own verb is done or not.

        Args:
            verb: what to do; it may be done again after a rollback.
            job_ids: the jobs that it is about, for its errors.
            writes: False if it only reads.

        Raises:
            QueueClosed: it was closed before.
            QueueMisused: this is a child process that inherited the storage.
            StorageUnavailable: the file can't be used, or is locked for too long.
        """
        self.check_process()
        if self._closed is not None:
            raise QueueClosed("the storage was closed: open the queue again")
        future: asyncio.Future[R] = self._loop.create_future()
        deadline = time.monotonic() + self._options.busy_timeout
        self._waiting.put(Call(verb, future, deadline, writes, job_ids))
        return await future

    @property
    def latest(self) -> int:
        """The highest present seen, in microseconds."""
        return self._committer.latest

    def watch(self) -> None:
        """Begin looking for what other processes commit."""
        if not self._watched:
            self._watched = True
            # Takes the thread out of its sleep, which has no end otherwise.
            self._waiting.put(None)

    def rest(self) -> None:
        """Stop looking for it."""
        self._watched = False

    async def close(self) -> None:
        """Answer what waits, then close the file and end the thread."""
        if os.getpid() != self._pid:
            return
        if self._closed is None:
            loop = asyncio.get_running_loop()
            self._closed = loop.create_future()
            self._waiting.put(_Stop(loop, self._closed))
        await asyncio.shield(self._closed)
        self._thread.join()

    def check_process(self) -> None:
        """Refuse to work in a child process: SQLite's connections don't survive a fork.

        Raises:
            QueueMisused: the storage was opened in another process.
        """
        if os.getpid() != self._pid:
            raise QueueMisused(
                "this storage was opened before a fork: open a queue of its own in the child"
            )

    # --- in the writer's thread ---------------------------------------------------------------

    def _work(self) -> None:
        try:
            self._committer.open()
        except Exception as error:  # noqa: BLE001  (whatever it is, the opener must be told)
            self._tell(_settle, self._opened, error)
            self._refuse_all()
            return
        self._tell(_settle, self._opened, None)
        stop: _Stop | None = None
        while stop is None:
            calls, stop = self._next()
            if calls:
                woken = self._committer.run(calls)
                self._tell(self._deliver, calls, woken)
            if self._watched:
                self._poll(busy=bool(calls))
        self._end(stop)

    def _next(self) -> tuple[list[Call], _Stop | None]:
        """Wait for a call, then take what else waits."""
        calls: list[Call] = []
        jobs = 0
        try:
            item = self._waiting.get(timeout=self._interval())
            while True:
                if isinstance(item, _Stop):
                    return (calls, item)
                if item is not None:
                    calls.append(item)
                    jobs += len(item.job_ids)
                if len(calls) >= _CALLS_TOGETHER or jobs >= _JOBS_TOGETHER:
                    break
                item = self._waiting.get_nowait()
        except Empty:
            pass
        return (calls, None)

    def _interval(self) -> float | None:
        if not self._watched:
            return None
        idle = time.monotonic() - self._last_event
        return next(pause for until, pause in _POLLS if idle < until)

    def _poll(self, *, busy: bool) -> None:
        now = time.monotonic()
        if busy:
            self._last_event = now
            if now - self._last_poll < _POLL:
                return
        self._last_poll = now
        if self._committer.foreign_commits():
            self._last_event = now
            self._tell(self._woken, None)

    def _deliver(self, calls: Sequence[Call], woken: set[str]) -> None:
        for call in calls:
            call.deliver()
        if woken:
            self._woken(woken)

    def _end(self, stop: _Stop) -> None:
        # What was acknowledged is committed already: an error in closing changes nothing.
        with suppress(sqlite3.Error):
            self._committer.close()
        self._refuse_all()
        _tell(stop.loop, _settle, stop.done, None)

    def _refuse_all(self) -> None:
        """Answer those who came too late."""
        refused: list[Call] = []
        while not self._waiting.empty():
            item = self._waiting.get()
            if isinstance(item, Call):
                item.fail(QueueClosed("the storage was closed: open the queue again"))
                refused.append(item)
            elif item is not None:
                _tell(item.loop, _settle, item.done, None)
        self._tell(self._deliver, refused, set[str]())

    def _tell(self, what: Callable[..., None], *values: Any) -> None:
        _tell(self._loop, what, *values)


def _tell(loop: asyncio.AbstractEventLoop, what: Callable[..., None], *values: Any) -> None:
    try:
        loop.call_soon_threadsafe(what, *values)
    except RuntimeError:
        # The loop is closed: nobody is there to be told.
        return


def _settle(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
