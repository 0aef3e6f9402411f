"""Reading beside the writer, by calls that end by themselves whatever becomes of their callers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Apart:
    """The readings of one storage that are under way.

    A connection of aiosqlite whose opening is cancelled may leave its thread behind, so a caller
    that is cancelled leaves the reading to end by itself.
    """

    def __init__(self) -> None:
        self._under_way: set[asyncio.Task[Any]] = set()

    async def run(self, reading: Coroutine[Any, Any, T]) -> T:
        """Read, and give what was read."""
        task = asyncio.ensure_future(reading)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Let what is under way end; a caller that is cancelled cancels none of it, either."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _ended(self, reading: asyncio.Task[Any]) -> None:
        self._under_way.discard(reading)
        if not reading.cancelled():
            # Looked at, so that asyncio doesn't complain where its caller is gone.
            reading.exception()
