"""What a requirement is given: a fresh place, a clock that it moves, and short ways to both."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar

from aide_de_camp import Clock, JobRouter, JobRunner, ManualClock, Queue, open_queue
from aide_de_camp.spi import Storage, StorageOpener, to_datetime
from aide_de_camp_conformance.desk import Desk
from aide_de_camp_conformance.expect import OutOfTime
from aide_de_camp_conformance.place import EventLog, door
from aide_de_camp_conformance.requirement import PATIENCE
from aide_de_camp_conformance.server import Server, killed
from aide_de_camp_conformance.threads import Threads
from aide_de_camp_conformance.transactions import OwnTransaction

T = TypeVar("T")
Around = Callable[[Storage], Storage]
Begin = Callable[[], AbstractAsyncContextManager[OwnTransaction]]

_POLL_EVERY: Final = 0.1
"""Real seconds between two moves of the clock."""
_POLL: Final = 6.0
"""Seconds: longer than a runner's poll interval, much shorter than its lease."""


class Kit:
    """One requirement's view of one backend.

    Attributes:
        clock: a clock that stands still until it is moved.
        url: by which another process opens the same place; None if none can.
        patience: real seconds to wait for what should happen at once.

    Args:
        opener: makes storages on the place.
        url: see above.
        stack: closes what was opened.
        patience: see above.
        transaction: begins a transaction of a user's own on the place; None if none can be.
        server: behind the place; None where the requirement doesn't need it.
    """

    def __init__(
        self,
        opener: StorageOpener,
        url: str | None,
        stack: AsyncExitStack,
        *,
        patience: float = PATIENCE,
        transaction: Begin | None = None,
        server: Server | None = None,
    ) -> None:
        self.clock = ManualClock()
        self.patience = patience
        self.url = url
        self._opener = opener
        self._begin = transaction
        self._server = server
        self._stack = stack
        self._threads = Threads()
        stack.push_async_callback(self._threads.join)

    # --- time ---------------------------------------------------------------------------------

    @property
    def now(self) -> int:
        """The present, in microseconds."""
        return self.clock.now()

    @property
    def today(self) -> datetime:
        """The present, as a datetime."""
        return to_datetime(self.now)

    def advance(self, microseconds: int) -> int:
        """Move the clock.

        Returns:
            The new present, in microseconds.
        """
        self.clock.advance(timedelta(microseconds=microseconds))
        return self.now

    # --- storages and queues ------------------------------------------------------------------

    @property
    def opener(self) -> StorageOpener:
        """What makes storages on the place."""
        return self._opener

    async def storage(self) -> Storage:
        """Open a storage on the place; it is closed at the end, if not before."""
        storage = self._opener()
        await storage.open()
        self._stack.push_async_callback(storage.close)
        return storage

    async def desk(self, queue: str = "default") -> Desk:
        """Give the verbs of one more storage on the place."""
        return Desk(await self.storage(), self.clock, queue)

    async def queue(
        self,
        *,
        around: Around | None = None,
        clock: Clock | None = None,
        events: EventLog | None = None,
        **options: Any,
    ) -> Queue:
        """Open a queue on the place; it is closed at the end, if not before.

        Args:
            around: puts something around each storage that the queue opens.
            clock: another clock than the kit's.
            events: an extension to tell of events.
            options: as :func:`open_queue` takes them; the kit's codecs are enabled by default.
        """
        queue = self.unopened(around=around, clock=clock, events=events, **options)
        await queue.open()
        self._stack.push_async_callback(queue.close)
        return queue

    def unopened(
        self,
        *,
        around: Around | None = None,
        clock: Clock | None = None,
        events: EventLog | None = None,
        **options: Any,
    ) -> Queue:
        """Make a queue and leave opening and closing to the caller; see :meth:`queue`."""
        opener = self._opener

        def wrapped() -> Storage:
            storage = opener()
            return storage if around is None else around(storage)

        options.setdefault("codecs", ("json", "msgpack", "raw", "hostile"))
        way = door(events)
        url = way.places.url_of(wrapped)
        return open_queue(url, registry=way.registry, clock=clock or self.clock, **options)

    def transaction(self) -> AbstractAsyncContextManager[OwnTransaction]:
        """Begin a transaction of a user's own on the place."""
        assert self._begin is not None, "this kit was given no way to begin a transaction"
        return self._begin()

    def server_killed(self) -> AbstractAsyncContextManager[None]:
        """Kill the storage's server, have it away during the block, and start it again.

        Only a requirement that says so (``needs=Need.SERVER``) can.
        """
        assert self._server is not None, "this kit was given no server to kill"
        return killed(self._server)

    # --- runners ------------------------------------------------------------------------------

    @asynccontextmanager
    async def running(
        self, queue: Queue, router: JobRouter, *, may_end: bool = False, **options: Any
    ) -> AsyncGenerator[JobRunner]:
        """Have a runner run during the block, then shut it down and await its end.

        Args:
            queue: an open queue.
            router: the handlers.
            may_end: True where the block itself ends the runner.
            options: as :class:`JobRunner` takes them.
        """
        runner = JobRunner(queue, router, **options)
        task = asyncio.create_task(runner.run())
        try:
            yield runner
            assert may_end or not task.done(), f"the runner ended by itself: {_end_of(task)}"
        except BaseException:
            # What went wrong in the block is the answer: the runner isn't asked any more.
            task.cancel()
            raise
        runner.shutdown()
        await asyncio.wait([task], timeout=self.patience)
        if not task.done():
            raise OutOfTime(f"the runner didn't end within {self.patience:g} s of a shutdown")
        if (error := task.exception()) is not None:
            raise error

    async def until(
        self,
        what: str,
        holds: Callable[[], bool | Awaitable[bool]],
        *,
        polling: Clock | None = None,
    ) -> None:
        """Wait for what should happen at once, in real time.

        Args:
            what: what is waited for, for the message.
            holds: says whether it happened.
            polling: a clock that is moved past a runner's poll interval now and then, where
                a storage need not have wake-ups for it to happen.
        """
        start = time.monotonic()
        polls = 0
        while True:
            answer = holds()
            if await answer if isinstance(answer, Awaitable) else answer:
                return
            waited = time.monotonic() - start
            if waited >= self.patience:
                raise OutOfTime(f"it never happened that {what}")
            if isinstance(polling, ManualClock) and waited > (polls + 1) * _POLL_EVERY:
                polls += 1
                polling.advance(_POLL)
            await asyncio.sleep(0.001)

    # --- several callers ----------------------------------------------------------------------

    async def compete(
        self, work: Sequence[Callable[[Desk], Awaitable[T]]], *, threads: bool = True
    ) -> list[T]:
        """Do several pieces of work at once, each on a storage of its own.

        Args:
            work: each takes a desk.
            threads: every other one runs in a thread with an event loop of its own.

        Returns:
            What each returned, in order.
        """
        async with asyncio.timeout(self.patience * 5):
            return await asyncio.gather(
                *(
                    self._threads.run(partial(self._in_thread, each))
                    if threads and index % 2
                    else self._here(each)
                    for index, each in enumerate(work)
                )
            )

    async def elsewhere(self, work: Callable[[], Awaitable[T]]) -> T:
        """Do something in a thread with an event loop of its own."""

        async def do() -> T:
            return await work()

        return await self._threads.run(lambda: asyncio.run(do()))

    async def _here(self, work: Callable[[Desk], Awaitable[T]]) -> T:
        storage = self._opener()
        await storage.open()
        try:
            return await work(Desk(storage, self.clock, "default"))
        finally:
            await storage.close()

    def _in_thread(self, work: Callable[[Desk], Awaitable[T]]) -> T:
        return asyncio.run(self._here(work))


def _end_of(task: asyncio.Task[None]) -> str:
    if task.cancelled():
        return "cancelled"
    return repr(task.exception())
