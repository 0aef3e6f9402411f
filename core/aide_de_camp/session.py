"""An open storage, as one queue of one event loop uses it (clauses LIV-2, LIV-3, LIV-4)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from attrs import define, frozen

from aide_de_camp.clock import Clock
from aide_de_camp.plugins.bus import EventBus
from aide_de_camp.repeats import Repeats
from aide_de_camp.spi import (
    ClaimRequest,
    QueueClosed,
    QueueMisused,
    Storage,
    StorageOpener,
    StorageUnavailable,
)

T = TypeVar("T")


@define
class Tries:
    """What is known of a call's earlier tries.

    Attributes:
        unknown: one of them may have taken effect, though its reply was lost.
    """

    unknown: bool = False


_PAUSES: Final = (0.05, 0.25)
"""Seconds between the tries of one call; about twice as long at most, by jitter."""


@frozen
class UnansweredClaim:
    """A claim that may have taken a job, though its reply was lost.

    Attributes:
        request: to be repeated, so that the job gets to somebody (clause LIV-4).
        since: the monotonic time before it was first sent: what it took may be held since then.
        until: the monotonic time at which what it took has lost its lease.
    """

    request: ClaimRequest
    since: float
    until: float

    def late(self, present: float) -> bool:
        """Say whether the lease of what it took may be over, so that none of it may be begun.

        Args:
            present: monotonic seconds.
        """
        return present - self.since >= self.request.lease / 1_000_000


class Session:
    """The storage behind a queue, with the rules of who may use it and when.

    Args:
        opener: makes the storage.
        queue: the queue's name.
        clock: gives the ``now`` of every verb.
        bus: where events go.

    Attributes:
        unanswered: claims by hand whose replies were lost.
        repeats: other requests whose replies were lost.
    """

    def __init__(self, opener: StorageOpener, *, queue: str, clock: Clock, bus: EventBus) -> None:
        self.opener = opener
        self.queue = queue
        self.clock = clock
        self.bus = bus
        self.unanswered: list[UnansweredClaim] = []
        self.repeats = Repeats()
        self._storage: Storage | None = None
        self._opening = False
        self._closed_early = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pid = 0

    async def open(self) -> None:
        """Open the storage, for this event loop and this process.

        Raises:
            QueueMisused: it is open already, or being opened.
            QueueClosed: it was closed meanwhile.
            StorageUnavailable: the storage can't be reached.
            SchemaError: its layout can't be used.
        """
        if self._storage is not None or self._opening:
            raise QueueMisused(f"queue {self.queue!r} is open already: open another one")
        self._opening, self._closed_early = True, False
        try:
            storage = await self._opened()
        finally:
            self._opening = False
        if self._closed_early:
            await storage.close()
            raise QueueClosed(f"queue {self.queue!r} was closed while it was being opened")
        self._storage = storage
        self._loop = asyncio.get_running_loop()
        self._pid = os.getpid()

    async def _opened(self) -> Storage:
        storage = self.opener()
        try:
            await storage.open()
        except BaseException:
            # What it got hold of before it failed, or its caller gave up, is let go of.
            with contextlib.suppress(Exception):
                await storage.close()
            raise
        return storage

    async def close(self) -> None:
        """Close the storage; harmless when repeated (clause LIV-3)."""
        storage, self._storage = self._storage, None
        self._closed_early = self._opening
        if storage is not None:
            await storage.close()

    @property
    def storage(self) -> Storage:
        """The open storage.

        Raises:
            QueueClosed: it was closed, or never opened.
            QueueMisused: this is another event loop, or a forked child.
        """
        if self._storage is None:
            raise QueueClosed(
                f"queue {self.queue!r} is closed: use it within `async with open_queue(...)`"
            )
        if self._pid != os.getpid():
            raise QueueMisused(
                f"queue {self.queue!r} was opened before a fork: open one in the child process"
            )
        if self._loop is not asyncio.get_running_loop():
            raise QueueMisused(
                f"queue {self.queue!r} was opened in another event loop: open one in each loop"
            )
        return self._storage

    @property
    def now(self) -> int | None:
        """The ``now`` that verbs are to use."""
        return self.clock.now()

    async def call(self, verb: Callable[[Storage], Awaitable[T]], tries: Tries | None = None) -> T:
        """Make one call, and repeat it a few times if the storage couldn't be reached.

        Every verb is safe to repeat: what took effect is found, and answered again (LIV-4).

        Args:
            verb: makes the call on the storage; called anew, with the same ids, for each try.
            tries: is told what became of the tries that failed, before the next is made.

        Raises:
            StorageUnavailable: it still can't be reached, or the queue was closed before a
                repeat could find out what became of the call.
            QueueClosed: the queue isn't open, and the call had no effect.
            QueueMisused: this is another event loop, or a forked child.
        """
        tries = Tries() if tries is None else tries
        for pause in _PAUSES:
            try:
                return await self._try(verb, tries)
            except StorageUnavailable as error:
                tries.unknown = tries.unknown or error.outcome_unknown
            await asyncio.sleep(pause * (1 + random.random()))  # noqa: S311 (jitter)
        try:
            return await self._try(verb, tries)
        except StorageUnavailable as error:
            if tries.unknown and not error.outcome_unknown:
                raise StorageUnavailable(
                    str(error), outcome_unknown=True, job_ids=error.job_ids
                ) from error
            raise

    async def _try(self, verb: Callable[[Storage], Awaitable[T]], tries: Tries) -> T:
        try:
            return await verb(self.storage)
        except QueueClosed as error:
            if not tries.unknown:
                raise
            raise StorageUnavailable(
                f"queue {self.queue!r} was closed before the storage could say what became of a "
                "call whose reply was lost: open it again and look",
                outcome_unknown=True,
            ) from error
