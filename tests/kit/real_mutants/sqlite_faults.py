"""Faults in the SQLite backend: its transactions, its reads, what it hears of others."""

from __future__ import annotations

import sqlite3
from typing import Any
from unittest.mock import patch

from aide_de_camp_backends._sql import statements
from aide_de_camp_backends.sqlite import (
    changing,
    claiming,
    committer,
    failures,
    levels,
    settling,
)
from aide_de_camp_backends.sqlite.committer import Committer
from aide_de_camp_backends.sqlite.transaction import Transaction
from aide_de_camp_backends.sqlite.writer import Writer

from .gap import ThreadGap
from .mutant import RACES, Patches, broken, changed

_FAST = "synchronous=normal"


class _Beginning:
    """A connection that begins, and ends, transactions otherwise."""

    def __init__(self, connection: sqlite3.Connection, words: dict[str, str]) -> None:
        self._connection = connection
        self._words = words

    def __getattr__(self, name: str) -> object:
        return getattr(self._connection, name)

    def execute(self, statement: str, *values: Any) -> object:
        return self._connection.execute(self._words.get(statement, statement), *values)


def begins(words: dict[str, str]) -> Patches:
    original = Committer._ready
    return [patch.object(Committer, "_ready", lambda self: _Beginning(original(self), words))]


def meets_as_it_claims() -> Patches:
    """A claim looks, and then waits for another one to have looked too."""
    gap, lease = ThreadGap(), claiming._lease

    def leased(tx, rows, request, now):
        if rows:
            gap.wait()
        return lease(tx, rows, request, now)

    return [patch.object(claiming, "_lease", leased)]


@broken(
    "sqlite",
    "PRI-7.once",
    may=RACES,
    options=_FAST,
)
def begins_deferred() -> Patches:
    """Transactions read before they take the write lock, and a stale snapshot is told as away."""
    known = failures.is_busy

    def is_busy(error: Exception) -> bool:
        stale = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY_SNAPSHOT
        return known(error) and not stale

    return [
        *begins({"BEGIN IMMEDIATE": "BEGIN"}),
        *meets_as_it_claims(),
        patch.object(committer, "is_busy", is_busy),
    ]


@broken(
    "sqlite",
    "PRI-7.once",
    may=RACES,
    options=_FAST,
)
def begins_nothing() -> Patches:
    """Each statement is a transaction by itself: a claim reads, then writes by row alone."""
    words = dict.fromkeys(("BEGIN IMMEDIATE", "BEGIN", "COMMIT"), "SELECT 1")
    return [*begins(words), *meets_as_it_claims()]


@broken(
    "sqlite",
    "LEA-3.lost",
    "LEA-3.mixed",
    "LEA-3.race",
    "LEA-3.settle",
    "LIV-4.settle",
    options=_FAST,
)
def settles_without_its_token() -> Patches:
    """A settlement applies to whoever runs the job."""
    return [
        patch.object(
            settling,
            name,
            {k: changed(v, "AND token = :token", "") for k, v in getattr(statements, name).items()},
        )
        for name in ("SETTLE", "SETTLE_WITH_ERROR")
    ]


@broken("sqlite", "LIV-4.overtaken", options=_FAST)
def remembers_one_settlement() -> Patches:
    """A settlement that is repeated after another of the same job doesn't find its own doing."""
    return [patch.object(settling, "SETTLED", changed(statements.SETTLED, "instr(", "0 * instr("))]


@broken("sqlite", "LIV-4.claim", "LIV-4.poll", "LIV-4.refused", "LIV-4.runner", options=_FAST)
def forgets_requests() -> Patches:
    """A claim that is repeated after a lost reply takes other jobs."""
    return [patch.object(levels, "HELD", changed(levels.HELD, "= :request_id", "= 'none'"))]


@broken(
    "sqlite",
    "CAN-2.running",
    "KEP-1.runner",
    "LIV-4.handle",
    "LIV-4.poll",
    "TXN-1.commit",
    options=_FAST,
)
def reads_what_was() -> Patches:
    """Jobs are read on a second connection, whose snapshot a storage renews when it writes."""
    submit, close = Writer.submit, Writer.close

    async def submitted(self, verb, *, job_ids=(), writes=True):
        view = vars(self).setdefault("view", [])
        if writes:
            while view:
                view.pop().close()
            return await submit(self, verb, job_ids=job_ids)
        self.check_process()
        if self._closed is not None:
            return await submit(self, verb, job_ids=job_ids, writes=False)
        if not view:
            view.append(sqlite3.connect(self._options.path, isolation_level=None))
            view[0].execute("BEGIN")
        return verb(Transaction(view[0], None))

    async def closed(self) -> None:
        view = vars(self).setdefault("view", [])
        while view:
            view.pop().close()
        await close(self)

    return [patch.object(Writer, "submit", submitted), patch.object(Writer, "close", closed)]


@broken("sqlite", "WAK-1.earlier", "WAK-1.now", "WAK-1.wait", options=_FAST)
def hears_nobody() -> Patches:
    """What others commit is not looked for."""
    return [patch.object(Committer, "foreign_commits", lambda self: False)]


@broken("sqlite", "KEP-1.steps", options=_FAST)
def prunes_all_at_once() -> Patches:
    """Pruning is one statement without a bound."""
    unbounded = tuple(
        changed(each, "LIMIT :limit", "LIMIT -1 + 0 * :limit") for each in changing.PRUNE
    )
    return [patch.object(changing, "PRUNE", unbounded)]


@broken(
    "sqlite",
    "CAN-2.running",
    "CAN-8.cancels",
    "CAN-8.race",
    "CAN-9.expired",
    "LIV-4.cancel",
    may=("CAN-8.payload",),
    options=_FAST,
)
def cancels_whatever_state() -> Patches:
    """A cancel looks at the state first, and then updates by id alone."""
    return [patch.object(statements, "CANCEL", changed(statements.CANCEL, "AND state = 0", ""))]
