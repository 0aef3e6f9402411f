"""Job ids: UUIDv7, in the order of their making within a process (clause ENQ-1)."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from uuid import UUID

_COUNTER_BITS = 42
_VERSION_AND_VARIANT = (0x7 << 76) | (0b10 << 62)


class IdSource:
    """Makes UUIDv7s that only ever grow: 48 bits of milliseconds, a 42-bit counter, 32 random.

    The counter starts anew at a random value, its top bit clear, with each millisecond, and
    counts up within one. A clock that steps back doesn't take the ids with it.

    Args:
        nanoseconds: gives the present since 1970 UTC; a simulation gives its own.
        entropy: gives a number of random bytes; likewise.
    """

    def __init__(
        self,
        nanoseconds: Callable[[], int] = time.time_ns,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._nanoseconds = nanoseconds
        self._entropy = entropy
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._millisecond = 0
        self._counter = 0

    def next(self) -> UUID:
        """Make the next id."""
        with self._lock:
            present = self._nanoseconds() // 1_000_000
            # A forked child goes on from its parent's counter: it must start from its own.
            forked = self._pid != os.getpid()
            if present > self._millisecond or forked:
                self._millisecond = max(present, self._millisecond)
                self._counter = int.from_bytes(self._entropy(6)) >> 7
                self._pid = os.getpid()
            else:
                self._counter += 1
                if self._counter >> _COUNTER_BITS:
                    self._millisecond += 1
                    self._counter = 0
            millisecond, counter = self._millisecond, self._counter
        high, low = counter >> 30, counter & ((1 << 30) - 1)
        random = int.from_bytes(self._entropy(4))
        return UUID(
            int=(millisecond << 80) | _VERSION_AND_VARIANT | (high << 64) | (low << 32) | random
        )


_SOURCE = IdSource()


def new_job_id() -> UUID:
    """Make an id for a job that is yet to be scheduled, so that scheduling can be repeated.

    Returns:
        A UUIDv7, greater than any that this process made before (clauses ENQ-1, ENQ-8).
    """
    return _SOURCE.next()
