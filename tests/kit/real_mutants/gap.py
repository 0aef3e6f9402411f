"""The time between two steps that should be one, in threads that block and among who waits."""

from __future__ import annotations

import asyncio
import time
from itertools import count
from threading import Condition
from unittest.mock import patch

from aide_de_camp.spi import Storage

from .mutant import Patches

_ALONE = 0.02
"""Seconds that it lasts where nobody else comes."""
_UNHEARD = 2.0
"""Seconds that it lasts where who waits for jobs claims none."""


class ThreadGap:
    """Lasts until another thread has come into it too, or none did for a while."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._came = 0

    def wait(self) -> None:
        """Let others have their turn."""
        with self._changed:
            self._came += 1
            mine = self._came
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._came != mine, _ALONE)


class Hearers:
    """Those who wait for new jobs, in this process: what they hear too early they claim at once."""

    def __init__(self) -> None:
        self._waiting: set[object] = set()
        self._numbers = count(1)
        self._claims = 0

    def watched(self, storage: type[Storage]) -> Patches:
        """Give what notes the waits and claims of a backend's storages."""
        wait, claim = storage.wait, storage.claim

        async def waits(self_, *values, **named):
            here = object()
            self._waiting.add(here)
            try:
                return await wait(self_, *values, **named)
            finally:
                self._waiting.discard(here)

        async def claims(self_, *values, **named):
            result = await claim(self_, *values, **named)
            self._claims = next(self._numbers)
            return result

        return [patch.object(storage, "wait", waits), patch.object(storage, "claim", claims)]

    async def turn(self) -> None:
        """Wait until one of them has claimed, if there are any."""
        before, until = self._claims, time.monotonic() + _UNHEARD
        # They may be in any thread's loop, which no one event is of.
        while self._waiting and self._claims == before and time.monotonic() < until:
            await asyncio.sleep(0.001)
