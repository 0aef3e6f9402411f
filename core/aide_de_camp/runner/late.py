"""Claims that are answered when their leases may be over: nothing of them is begun."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aide_de_camp.runner.attempt import Attempt
from aide_de_camp.runner.telling import Teller
from aide_de_camp.spi import StorageUnavailable

_NO_ACCIDENT: Final = 2
"""Late claims in a row that show that it isn't one answer that was held up."""
_ENOUGH: Final = 3


class LateClaims:
    """Counts them, and knows which of their jobs aren't given back yet.

    Args:
        teller: warns, once, where claims keep coming late.
        lease: how long the leases hold.

    Attributes:
        going_back: the attempts to be given back whose release isn't stored yet. Nothing may be
            claimed until it is: a claim takes expired leases back, and uses a retry for each.
    """

    def __init__(self, teller: Teller, lease: timedelta) -> None:
        self._teller = teller
        self._lease = lease
        self._in_a_row = 0
        self._took = 0.0
        self._told = False
        self.going_back: set[Attempt] = set()

    @property
    def needless(self) -> int:
        """How many were late in a row, beyond the one that may be an accident."""
        return max(0, self._in_a_row - 1)

    @property
    def hopeless(self) -> bool:
        """True where so many were late in a row that the next one will be too."""
        return self._in_a_row >= _ENOUGH

    def judge(self, seconds: float) -> bool:
        """Say whether a claim that handed out jobs was answered too late.

        Args:
            seconds: from before it was sent until its answer came.
        """
        if seconds < self._lease.total_seconds():
            self._in_a_row = 0
            return False
        self._in_a_row += 1
        self._took = seconds
        if self._in_a_row == _NO_ACCIDENT and not self._told:
            self._told = True
            self._teller.late(self._words())
        return True

    def error(self) -> StorageUnavailable:
        """Make the error that says why nothing can be begun."""
        return StorageUnavailable(self._words(), outcome_unknown=False)

    def _words(self) -> str:
        return (
            f"the storage took {self._took:.1f} s to hand out jobs whose lease holds for "
            f"{self._lease.total_seconds():g} s, {self._in_a_row} times in a row: none was begun, "
            "and they were given back, no retry used; give the runner a `lease` several times as "
            "long as that"
        )
