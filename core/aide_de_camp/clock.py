"""Where time comes from: the storage's clock in production, a test's clock in tests."""

from __future__ import annotations

import asyncio
import heapq
import time
from collections.abc import Awaitable, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, Final, Protocol, runtime_checkable

from aide_de_camp.checks import checked_moment
from aide_de_camp.spi import InvalidArgument, Wake

_FOR_EVER: Final = 3_600.0
"""Seconds that no test takes."""


@runtime_checkable
class Clock(Protocol):
    """The seam through which all time passes that decides anything."""

    def now(self) -> int | None:
        """Give the instant that storages are to use, in microseconds since 1970 UTC.

        None, as in production, has each storage read its own clock.
        """
        ...

    def monotonic(self) -> float:
        """Give seconds that only ever grow, for measuring how long something took."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Sleep for a number of seconds, 0 or more."""
        ...

    def wait(self, seconds: float, sleeper: Callable[[float], Awaitable[Wake]]) -> Awaitable[Wake]:
        """Wait by way of a storage for at most a number of seconds.

        Args:
            seconds: 0 or more, by this clock.
            sleeper: takes real seconds and sleeps for at most those, as ``Storage.wait`` does.
        """
        ...


class SystemClock:
    """The clock of production: storages read their own."""

    def now(self) -> int | None:
        """See :meth:`Clock.now`."""
        return None

    def monotonic(self) -> float:
        """See :meth:`Clock.monotonic`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See :meth:`Clock.sleep`."""
        await asyncio.sleep(seconds)

    async def wait(self, seconds: float, sleeper: Callable[[float], Awaitable[Wake]]) -> Wake:
        """See :meth:`Clock.wait`."""
        return await sleeper(seconds)


class ManualClock:
    """A clock that stands still until a test moves it; sleepers wake as it passes them.

    Args:
        start: where it stands first; 2026-01-01T12:00Z by default.

    Raises:
        InvalidSchedule: the start isn't an aware datetime.
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)) -> None:
        self._now = checked_moment("start", start)
        self._order = count()
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []

    def now(self) -> int:
        """Give the instant at which the clock stands."""
        return self._now

    def monotonic(self) -> float:
        """Give the same instant in seconds."""
        return self._now / 1_000_000

    def advance(self, by: timedelta | float) -> None:
        """Move the clock, and wake whoever slept until an instant that it passes.

        Args:
            by: a timedelta or seconds. A negative one turns it back, as real clocks do.

        Raises:
            InvalidArgument: it is neither, or leads out of the range of a timedelta.
        """
        if not isinstance(by, timedelta | int | float):
            raise InvalidArgument("by", "must be a timedelta or a number of seconds")
        try:
            delta = by if isinstance(by, timedelta) else timedelta(seconds=by)
        except (ValueError, OverflowError) as error:
            raise InvalidArgument(
                "by", "must be a number of seconds of some days at most"
            ) from error
        self._move(self._now + delta // timedelta(microseconds=1))

    def set(self, moment: datetime) -> None:
        """Move the clock to an instant.

        Raises:
            InvalidSchedule: it isn't an aware datetime.
        """
        self._move(checked_moment("moment", moment))

    async def sleep(self, seconds: float) -> None:
        """Sleep until the clock was moved far enough."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        await self._alarm(seconds)

    def wait(
        self, seconds: float, sleeper: Callable[[float], Awaitable[Wake]]
    ) -> Coroutine[Any, Any, Wake]:
        """Wait until the storage wakes, or the clock was moved far enough.

        The time counts from this call, not from its first turn in the loop: a test that moves the
        clock between the two would otherwise have the sleeper miss the instant it waits for.
        """
        return self._wait(self._alarm(seconds), sleeper)

    async def _wait(
        self, alarm: asyncio.Future[None], sleeper: Callable[[float], Awaitable[Wake]]
    ) -> Wake:
        waiting = asyncio.ensure_future(sleeper(_FOR_EVER))
        try:
            await asyncio.wait((waiting, alarm), return_when=asyncio.FIRST_COMPLETED)
            return waiting.result() if waiting.done() else Wake.TIMEOUT
        finally:
            for each in (waiting, alarm):
                each.cancel()
            await asyncio.gather(waiting, alarm, return_exceptions=True)

    def _alarm(self, seconds: float) -> asyncio.Future[None]:
        until = self._now + round(seconds * 1_000_000)
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if until <= self._now:
            woken.set_result(None)
        else:
            heapq.heappush(self._sleepers, (until, next(self._order), woken))
        return woken

    def _move(self, to: int) -> None:
        self._now = to
        while self._sleepers and self._sleepers[0][0] <= to:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.get_loop().call_soon_threadsafe(_wake, woken)


def _wake(sleeper: asyncio.Future[None]) -> None:
    if not sleeper.done():
        sleeper.set_result(None)
