"""Tickets and waits: who sleeps, and what wakes them (clause WAK-1)."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Final

from aide_de_camp.spi import Wake

_LONGEST_WAIT: Final = 86_400.0


class Waking:
    """Counts what may have made work, per queue, and wakes those who wait for it."""

    def __init__(self) -> None:
        self._by_queue: defaultdict[str, int] = defaultdict(int)
        self._waiters: set[tuple[str, asyncio.Future[Wake]]] = set()

    def ticket(self, queue: str) -> int:
        """Mark the present."""
        return self._by_queue.get(queue, 0)

    def woken(self, queue: str) -> None:
        """Note that there may be work in a queue."""
        self._by_queue[queue] += 1
        for name, future in self._waiters:
            if name == queue and not future.done():
                future.set_result(Wake.WORK)

    def woken_all(self) -> None:
        """Wake everybody: the storage was closed."""
        for queue in {name for name, _ in self._waiters}:
            self.woken(queue)

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """Sleep until something may have been scheduled since the ticket, or for a time."""
        if self.ticket(queue) != ticket:
            return Wake.WORK
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Wake] = loop.create_future()
        waiter = (queue, future)
        timer = loop.call_later(min(timeout, _LONGEST_WAIT), _time_out, future)
        self._waiters.add(waiter)
        try:
            return await future
        finally:
            timer.cancel()
            self._waiters.discard(waiter)


def _time_out(future: asyncio.Future[Wake]) -> None:
    if not future.done():
        future.set_result(Wake.TIMEOUT)
