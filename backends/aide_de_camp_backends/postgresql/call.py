"""What a verb works with: a connection, the present seen, and what is told once it is done."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aide_de_camp_backends.postgresql.connection import Connection
from aide_de_camp_backends.postgresql.failures import is_repeatable
from aide_de_camp_backends.postgresql.statement import Layout, prepare
from aide_de_camp_backends.postgresql.transaction import transaction

Row = Any

_LONG_AGO = -(2**63)
_TRIES: Final = 8


class Present:
    """The highest present that a storage has seen.

    Attributes:
        latest: in microseconds.
    """

    def __init__(self) -> None:
        self.latest = _LONG_AGO

    def saw(self, now: int) -> None:
        """Have the present never be earlier from now on."""
        self.latest = max(self.latest, now)


class Call:
    """One run of a verb on one connection.

    Each statement is a transaction by itself, and is repeated by itself where it took no effect:
    nothing is locked while the next one is on its way.

    Attributes:
        woken: the queues in which something may have become claimable, or will sooner. Named
            before the statement that does it: its answer may be lost.
        begun: whether a statement was sent.
        done: whether a statement has taken effect.
    """

    def __init__(
        self, connection: Connection, layout: Layout, present: Present, *, alone: bool = True
    ) -> None:
        """Begin with nothing sent.

        Args:
            connection: at rest, or in a transaction that is the user's.
            layout: where the tables are.
            present: the highest present seen.
            alone: whether a statement by itself is a transaction of the kind that is wanted.
        """
        self.woken: set[str] = set()
        self.begun = False
        self.done = False
        self._connection = connection
        self._layout = layout
        self._present = present
        self._alone = alone

    @property
    def latest(self) -> int:
        """The highest present seen, in microseconds."""
        return self._present.latest

    def saw(self, now: int) -> None:
        """Note a present that a statement told."""
        self._present.saw(now)

    async def rows(self, text: str, values: Mapping[str, Any]) -> Sequence[Row]:
        """Run one statement."""
        statement = prepare(text, self._layout)
        return await self.fetch(statement.sql, statement.arguments(values))

    async def fetch(self, sql: str, arguments: Sequence[Any], *settings: str) -> Sequence[Row]:
        """Run one statement as the driver takes it.

        Args:
            sql: the statement.
            arguments: its arguments, in order.
            settings: statements that set what is to hold for this one only.
        """
        self.begun = True
        if self._connection.is_in_transaction():
            # The user's: it's theirs to repeat.
            return await self._once(sql, arguments)
        for left in reversed(range(_TRIES)):
            try:
                if settings or not self._alone:
                    async with transaction(self._connection, *settings):
                        rows = await self._once(sql, arguments)
                else:
                    rows = await self._once(sql, arguments)
            except Exception as error:
                if not (left and is_repeatable(error)):
                    raise
            else:
                self.done = True
                return rows
            await asyncio.sleep(random.uniform(0, 0.01 * (_TRIES - left)))  # noqa: S311 (a jitter)
        raise AssertionError

    async def _once(self, sql: str, arguments: Sequence[Any]) -> Sequence[Row]:
        rows: Sequence[Row] = await self._connection.fetch(sql, *arguments)
        return rows
