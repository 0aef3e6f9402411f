"""The line in which attempts wait for a slot."""

from __future__ import annotations

import asyncio
from collections import deque

from aide_de_camp.runner.attempt import Attempt


class Line:
    """Hands attempts to the slots that wait for one, in order.

    One slot is woken for what comes, and wakes two more before it begins, as each of those does:
    so where handlers end without ever waiting, it does them all, and hardly a slot is woken for
    nothing; and where they wait, all slots are at work within a few turns of the loop.
    """

    def __init__(self) -> None:
        self._waiting: deque[Attempt] = deque()
        self._idle: deque[asyncio.Future[None]] = deque()
        self._waking = 0
        self._held = 0

    def hold(self, turns: int) -> None:
        """Wake no slot for some turns of the loop: others have something to do first."""
        if not self._held:
            asyncio.get_running_loop().call_soon(self._turn)
        self._held = max(self._held, turns)

    def _turn(self) -> None:
        self._held -= 1
        if self._held:
            asyncio.get_running_loop().call_soon(self._turn)
        else:
            self._wake(1)

    def put(self, attempt: Attempt) -> None:
        """Add one at the end."""
        self._waiting.append(attempt)
        if not self._waking:
            self._wake(1)

    def take_all(self) -> list[Attempt]:
        """Take out all that no slot has begun."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    async def next(self) -> Attempt:
        """Wait for the first in the line, and take it."""
        more = 1
        while not self._waiting:
            await self._wait()
            more = 2
        attempt = self._waiting.popleft()
        if more > 1 or not self._waking:
            self._wake(more)
        return attempt

    async def _wait(self) -> None:
        idle = asyncio.get_running_loop().create_future()
        self._idle.append(idle)
        try:
            await idle
        except asyncio.CancelledError:
            if not idle.cancelled():
                # It was woken and cancelled at once: another has what it was woken for.
                self._waking -= 1
                self._wake(1)
            raise
        self._waking -= 1

    def _wake(self, count: int) -> None:
        if self._held:
            return
        count = min(count, len(self._waiting) - self._waking)
        while count > 0 and self._idle:
            idle = self._idle.popleft()
            if not idle.done():
                idle.set_result(None)
                self._waking += 1
                count -= 1
