"""Everything that one ``memory://`` URL holds: queues of jobs, behind one lock."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

from aide_de_camp_backends.memory.jobs import Jobs


class World:
    """The queues of one URL, shared by every storage opened on it, in any thread.

    Attributes:
        lock: held during every change and every read.
        queues: the jobs of each queue, by the queue's name.
    """

    def __init__(self, jobs: Callable[[], Jobs] = Jobs) -> None:
        self.lock = threading.Lock()
        self.queues: dict[str, Jobs] = {}
        self._jobs = jobs
        self._latest = -(2**63)
        self._version = 0
        self._waiters: dict[Waiter, None] = {}  # woken in the order in which they came

    def of(self, queue: str) -> Jobs:
        """Give the jobs of one queue. Call it with the lock held."""
        if queue not in self.queues:
            self.queues[queue] = self._jobs()
        return self.queues[queue]

    def now(self, given: int | None) -> int:
        """Give the present, which never goes back. Call it with the lock held."""
        self._latest = max(self._latest, time.time_ns() // 1_000 if given is None else given)
        return self._latest

    @property
    def version(self) -> int:
        """How many changes there were that may have made work."""
        return self._version

    def changed(self) -> None:
        """Wake everybody who waits. Call it with the lock held."""
        self._version += 1
        for waiter in self._waiters:
            waiter.wake()
        self._waiters.clear()

    def add_waiter(self, waiter: Waiter, version: int) -> bool:
        """Have a waiter woken by the next change, unless one came since ``version``."""
        with self.lock:
            if self._version != version:
                return False
            self._waiters[waiter] = None
            return True

    def drop_waiter(self, waiter: Waiter) -> None:
        """Forget a waiter, woken or not."""
        with self.lock:
            self._waiters.pop(waiter, None)


class Waiter:
    """Somebody who sleeps in some event loop, and is woken from any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.event = asyncio.Event()

    def wake(self) -> None:
        """Wake it, unless its loop is gone."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self.event.set)
