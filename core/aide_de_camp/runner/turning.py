"""Noticing, from another thread, that an event loop doesn't turn (scenario P44)."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

_log = logging.getLogger("aide_de_camp.runner")


class LoopWatch:
    """Looks now and then whether a loop still answers: one callback per look, no more.

    Args:
        loop: the loop that is watched.
        patience: seconds that it may take to answer; the looks should come more often.
        blocked: told, once for each block, for how many seconds the loop hasn't answered.
        clock: gives monotonic seconds.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        patience: float,
        blocked: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._loop = loop
        self._patience = patience
        self._blocked = blocked
        self._clock = clock
        self._asked = self._looked = clock()
        self._answered: float | None = self._asked
        self._told = False

    def look(self) -> None:
        """Ask the loop, or see what became of asking it before."""
        present = self._clock()
        slept = present - self._looked > self._patience
        self._looked = present
        if self._answered is not None:
            if self._told:
                took = self._answered - self._asked
                _log.info("the event loop turns again, after %.1f s", took)
            self._ask(present)
        elif slept:
            # This thread stood still too: it is the process, or its machine, that was stopped.
            self._asked = present
        elif present - self._asked > self._patience and not self._told:
            self._told = True
            self._blocked(present - self._asked)

    def _ask(self, present: float) -> None:
        self._asked, self._answered, self._told = present, None, False
        with contextlib.suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self._answered = self._clock()
