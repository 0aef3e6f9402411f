"""Callers that race and must meet: one acts until others looked while it was at it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

ENOUGH: Final = 20
"""Looks that fell into an act: with fewer, that nobody saw anything says little."""


class Meeting:
    """One caller acts and others look, in any threads; it is counted how often they met.

    Where a machine is busy a thread may begin only when all is over, and would then have seen
    nothing amiss. So whoever acts waits for those who look, and goes on while they hardly met.

    Attributes:
        over: whether nothing is done any more, so that nobody need look.
        met: how many looks fell into an act.
        everybody: whether each of those who look has looked once.
    """

    def __init__(self, lookers: int) -> None:
        self.over = False
        self._lookers = lookers
        self._acting = False
        # One number per looker, since adding to a shared one isn't safe among threads.
        self._met: dict[int, int] = {}

    @property
    def met(self) -> int:
        """How many looks fell into an act."""
        return sum(self._met.values())

    @property
    def everybody(self) -> bool:
        """Whether each of those who look has looked once."""
        return len(self._met) == self._lookers

    @contextmanager
    def acting(self) -> Generator[None]:
        """Act during the block."""
        self._acting = True
        try:
            yield
        finally:
            self._acting = False

    @contextmanager
    def looking(self, looker: int) -> Generator[None]:
        """Look during the block.

        Args:
            looker: the number of who does.
        """
        began = self._acting
        yield
        met = began or self._acting
        self._met[looker] = self._met.get(looker, 0) + met
