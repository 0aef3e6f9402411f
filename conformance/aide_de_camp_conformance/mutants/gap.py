"""The time between two steps that should be one, into which others come."""

from __future__ import annotations

import asyncio
import time
from itertools import count
from typing import Final

_ALONE: Final = 0.005
"""Seconds that it lasts where nobody else comes."""


class Gap:
    """Lasts until somebody else has come into it too, in any thread, or nobody did for a while.

    A fault that shows only where callers meet is found by every run then, and not by luck.
    """

    def __init__(self) -> None:
        self._tickets = count(1)
        self._came = 0

    async def wait(self) -> None:
        """Let others have their turn."""
        self._came = mine = next(self._tickets)
        until = time.monotonic() + _ALONE
        await asyncio.sleep(0)
        # An event belongs to one loop, and who comes may be in any thread's.
        while self._came == mine and time.monotonic() < until:  # noqa: ASYNC110 (see above)
            await asyncio.sleep(_ALONE / 20)
