"""What a verb works with: one transaction on one connection, and the present."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import TextClause, bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import NullType

Row = Sequence[Any]

CLOCK: Final = """
COALESCE(:given, TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6))) AS clock,
(SELECT value FROM {meta} WHERE name = 'now_floor') AS floor
"""
"""What :meth:`Call.saw` takes, as two columns."""
_RAISE_FLOOR: Final = """
UPDATE {meta} SET value = GREATEST(:once_due, :now) WHERE name = 'now_floor' AND value < :once_due
"""


class Call:
    """One run of a verb.

    In the statements ``{job}`` and ``{meta}`` stand for the tables; a parameter that is given a
    list becomes one of ``IN``.

    Attributes:
        prefix: what the tables' names begin with.
        latest: the highest present that this storage has seen, in microseconds.
        max_packet: the longest statement that the server takes, in bytes.
    """

    def __init__(
        self, connection: AsyncConnection, prefix: str, *, latest: int, max_packet: int
    ) -> None:
        self.prefix = prefix
        self.latest = latest
        self.max_packet = max_packet
        self._connection = connection

    async def rows(self, statement: str, **values: Any) -> Sequence[Row]:
        """Run a statement, and give its rows."""
        return (await self._connection.execute(self._prepared(statement, values), values)).all()

    async def execute(self, statement: str, **values: Any) -> None:
        """Run a statement that has no rows."""
        await self._connection.execute(self._prepared(statement, values), values)

    async def commit(self) -> None:
        """Have what was done take effect."""
        await self._connection.commit()

    async def now(self, given: int | None) -> int:
        """Give the present, which never goes back (clause PRI-3).

        It is the server's clock, or a test's number; but never less than what this storage has
        seen, nor less than the floor, which all storages share: see :meth:`put_back`.
        """
        ((clock, floor),) = await self.rows(f"SELECT {CLOCK}", given=given)
        return self.saw(clock, floor)

    def saw(self, clock: int, floor: int) -> int:
        """Make the present of the columns of :data:`CLOCK`."""
        self.latest = max(clock, floor, self.latest)
        return self.latest

    async def put_back(self, once_due: Sequence[int], now: int) -> None:
        """Raise the floor, where jobs that were due go back to their old places.

        A job once found due stays due, also for another process, and after a restart with a clock
        that is behind. While a job runs nobody asks whether it is due; so the floor needn't be
        raised by every claim, which would have all claimers queue for its row.

        Args:
            once_due: the ``scheduled_at`` of the jobs that go back and were found due.
            now: the present.
        """
        if once_due:
            await self.execute(_RAISE_FLOOR, once_due=max(once_due), now=now)

    def _prepared(self, statement: str, values: dict[str, Any]) -> TextClause:
        lists = tuple(name for name, value in values.items() if isinstance(value, list))
        return _prepared(statement, self.prefix, lists)


@cache
def _prepared(statement: str, prefix: str, lists: tuple[str, ...]) -> TextClause:
    made = text(statement.replace("{job}", f"{prefix}job").replace("{meta}", f"{prefix}meta"))
    return made.bindparams(*(bindparam(name, expanding=True, type_=NullType()) for name in lists))
