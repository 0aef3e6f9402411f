"""Noticing that a user's transaction has ended, so that runners can be woken (clause TXN-1)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, event
from sqlalchemy.engine import Transaction
from sqlalchemy.orm import Session

from aide_de_camp_backends._sql.joining import Target

_PAUSES: Final = tuple(0.001 * 2**step for step in range(12))
"""Seconds between looks at whether a commit is through: 4 s in all."""


class Commits:
    """Tells which queues may have work, once the transactions that stored it have ended.

    A false alarm does no harm, so a rollback may be told too.
    """

    def __init__(self, told: Callable[[set[str]], None]) -> None:
        """Remember whom to tell.

        Args:
            told: called in the event loop in which this was made.
        """
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._waiting: WeakKeyDictionary[Target, set[str]] = WeakKeyDictionary()
        self._under_way: set[asyncio.Task[None]] = set()

    def joined(self, target: Target, queue: str) -> None:
        """Note that jobs of a queue were stored in a transaction; in any thread."""
        known = self._waiting.get(target)
        if known is not None:
            known.add(queue)
            return
        self._waiting[target] = {queue}
        if isinstance(target, Session):
            event.listen(target, "after_transaction_end", self._session_ended)
        else:
            event.listen(target, "commit", self._committing)

    def _session_ended(self, session: Session, transaction: Any) -> None:
        if transaction.parent is not None:
            return
        queues = self._take(session)
        if queues:
            self._later(lambda: self._told(queues))

    def _committing(self, connection: Connection) -> None:
        # Told before the commit; there is nothing that tells of its end.
        queues = self._take(connection)
        if queues:
            transaction = connection.get_transaction()
            self._later(lambda: self._watch(transaction, queues))

    def _take(self, target: Target) -> set[str]:
        queues = self._waiting[target]
        # Left in place: a listener can't be removed while it is told.
        self._waiting[target] = set()
        return queues

    def _watch(self, transaction: Transaction | None, queues: set[str]) -> None:
        task = asyncio.ensure_future(self._tell_after(transaction, queues))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _tell_after(self, transaction: Transaction | None, queues: set[str]) -> None:
        for pause in _PAUSES:
            if transaction is None or not transaction.is_active:
                break
            await asyncio.sleep(pause)
        self._told(queues)

    def _later(self, what: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(what)
        except RuntimeError:
            # The loop is closed: nobody is there to be told.
            return
