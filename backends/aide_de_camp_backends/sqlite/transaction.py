"""What a verb works with: the connection, the present, and what is told once it is committed."""

from __future__ import annotations

import sqlite3
import time
from typing import Any, Final

from attrs import define, field

from aide_de_camp.spi import LEASE_MIN
from aide_de_camp_backends._sql.statements import FLOOR, RAISE_FLOOR

_LONG_AGO: Final = -(2**63)
_QUEUES_KEPT: Final = 1_000


@define
class Memory:
    """What a storage remembers from one transaction to the next.

    Attributes:
        latest: the highest ``now`` seen.
        quiet_until: per queue, an instant before which no lease can expire.
    """

    latest: int = _LONG_AGO
    quiet_until: dict[str, int] = field(factory=dict[str, int])


class Transaction:
    """One transaction on the file. What it stages takes effect only if it is committed.

    Attributes:
        connection: the connection it runs on.
        woken: the queues in which something may have become claimable, or will sooner.
    """

    def __init__(self, connection: sqlite3.Connection, memory: Memory) -> None:
        self.connection = connection
        self.woken: set[str] = set()
        self._memory = memory
        self._floor: int | None = None
        self._quiet: dict[str, int] = {}

    def execute(self, statement: str, values: dict[str, Any]) -> sqlite3.Cursor:
        """Run one statement with named parameters."""
        return self.connection.execute(statement, values)

    def now(self, given: int | None) -> int:
        """Give the present, which never goes back: not here, and not below the stored floor.

        Args:
            given: a test's clock; None reads this host's.
        """
        clock = time.time_ns() // 1_000 if given is None else given
        self._memory.latest = max(self._memory.latest, clock, self._stored_floor())
        return self._memory.latest

    def found_due(self, scheduled_at: int) -> None:
        """Have a job that was found due stay due, for every process and after a restart."""
        if scheduled_at > self._stored_floor():
            self.execute(RAISE_FLOOR, {"floor": scheduled_at})
            self._floor = scheduled_at

    def leases_are_quiet(self, queue: str, now: int) -> bool:
        """Say whether no lease of the queue can have expired, so that none need be looked at."""
        known = self._quiet.get(queue, self._memory.quiet_until.get(queue, _LONG_AGO))
        return now < known

    def leases_looked_at(self, queue: str, now: int, first_end: int | None) -> None:
        """Note when the queue's first lease ends.

        Leases are only ever lengthened, and none that is given from now on is shorter than
        ``LEASE_MIN``, whoever gives it.
        """
        soonest = now + LEASE_MIN
        self._quiet[queue] = soonest if first_end is None else min(first_end, soonest)

    def committed(self) -> None:
        """Let what was staged take effect."""
        if len(self._memory.quiet_until) > _QUEUES_KEPT:
            self._memory.quiet_until.clear()
        self._memory.quiet_until.update(self._quiet)

    def _stored_floor(self) -> int:
        if self._floor is None:
            row = self.connection.execute(FLOOR).fetchone()
            self._floor = _LONG_AGO if row is None else int(row[0])
        return self._floor
