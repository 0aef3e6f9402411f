"""The clocks of a simulation: one of the storage, which may leap, and one that only grows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aide_de_camp.spi import Wake

START: Final = 1_767_268_800
"""When every simulation begins: 2026-01-01T12:00Z, in seconds since 1970 UTC."""


class SimulatedClock:
    """Time as a simulated loop has it; what the storage's clock shows may be off by a leap.

    Args:
        loop: gives the time.

    Attributes:
        leap: seconds by which the storage's clock is ahead just now.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.leap = 0.0

    def now(self) -> int:
        """Give what the storage's clock shows, in microseconds since 1970 UTC."""
        return int((START + self.leap + self._loop.time()) * 1_000_000)

    def monotonic(self) -> float:
        """Give the loop's time: no leap touches it."""
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        """Sleep by the loop's time."""
        await asyncio.sleep(seconds)

    async def wait(self, seconds: float, sleeper: Callable[[float], Awaitable[Wake]]) -> Wake:
        """Wait by way of a storage."""
        return await sleeper(seconds)
