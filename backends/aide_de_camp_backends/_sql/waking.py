"""Tickets and waits, in the loop's thread: who sleeps, and what wakes them (clause WAK-1)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import Final

from aide_de_camp.spi import Wake

_LONGEST_WAIT: Final = 86_400.0


class Waking:
    """Counts what may have made work, per queue, and wakes those who wait for it."""

    def __init__(self, watch: Callable[[], None], rest: Callable[[], None]) -> None:
        """Begin with nobody waiting.

        Args:
            watch: called when somebody begins to wait for what other processes commit.
            rest: called when nobody does any more.
        """
        self._watch = watch
        self._rest = rest
        self._anywhere = 0
        self._by_queue: defaultdict[str, int] = defaultdict(int)
        self._waiters: set[tuple[str, asyncio.Future[Wake]]] = set()

    def ticket(self, queue: str) -> int:
        """Mark the present."""
        return self._anywhere + self._by_queue.get(queue, 0)

    def woken(self, queues: set[str] | None) -> None:
        """Note that there may be work in some queues; None means in any."""
        if queues is None:
            self._anywhere += 1
        else:
            for queue in queues:
                self._by_queue[queue] += 1
        for queue, future in self._waiters:
            if (queues is None or queue in queues) and not future.done():
                future.set_result(Wake.WORK)

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """Sleep until something may have been scheduled since the ticket, or for a time."""
        if self.ticket(queue) != ticket:
            return Wake.WORK
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Wake] = loop.create_future()
        waiter = (queue, future)
        timer = loop.call_later(min(timeout, _LONGEST_WAIT), _time_out, future)
        self._waiters.add(waiter)
        self._watch()
        try:
            return await future
        finally:
            timer.cancel()
            self._waiters.discard(waiter)
            if not self._waiters:
                self._rest()


def _time_out(future: asyncio.Future[Wake]) -> None:
    if not future.done():
        future.set_result(Wake.TIMEOUT)
