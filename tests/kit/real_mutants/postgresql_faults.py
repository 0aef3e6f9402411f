"""Faults in the PostgreSQL backend: its statements, its transactions, its notifications."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from aide_de_camp_backends._sql import joining
from aide_de_camp_backends.postgresql import changing, claiming, leases, settling, storage
from aide_de_camp_backends.postgresql.call import Call
from aide_de_camp_backends.postgresql.listening import Listener
from aide_de_camp_backends.postgresql.storage import PostgresStorage
from aide_de_camp_backends.postgresql.wakeups import NOTIFY, WakeUps, channel_of

from .gap import Hearers
from .mutant import RACES, Patches, broken, changed

_LOCKS = "FOR UPDATE SKIP LOCKED"
_STILL = "AND state + 0 = 0"
_CHANGES = "  FROM locked WHERE job.queue = :queue"
_TURN = 0.003
"""Seconds that others have between two steps that should be one."""


@contextmanager
def _claims(**texts: Any):
    """Have other parts of the statement of a claim."""
    claiming.claim_text.cache_clear()
    with patch.multiple(claiming, **texts):
        yield
    claiming.claim_text.cache_clear()


def _unlocked(claim: str) -> dict[str, str]:
    """Give the parts of a claim that locks nothing, and has others look before it changes rows."""
    parts = {
        name: changed(getattr(claiming, name), _LOCKS, "") for name in ("_DUE", "_DUE_OF_TYPES")
    }
    return parts | {"_CLAIM": _slow(claim, "picked", "  WHERE queue = :queue AND id = ANY")}


def _slow(text: str, looked: str, change: str) -> str:
    """Let time pass between what a statement looks at and what it changes.

    Args:
        text: the statement.
        looked: the name of what it looks at.
        change: how its condition for what to change begins.
    """
    then = "changed AS ("
    turn = f"turn AS MATERIALIZED (SELECT count(*), pg_sleep({_TURN}) FROM {looked}), "
    text = changed(text, then, turn + then)
    beside = ", turn" if "FROM" in change else "FROM turn"
    begin, where, rest = change.partition("WHERE")
    return changed(text, change, f"{begin}{beside} {where}{rest}")


@broken(
    "postgresql",
    "PRI-7.passed",
    may=(
        "PRI-7.once",
        "LEA-3.race",
    ),
)
def claims_without_a_lock() -> Patches:
    """Claims that choose the same rows wait for each other, and all but one go away empty."""
    return [_claims(**_unlocked(claiming._CLAIM))]


@broken(
    "postgresql",
    "PRI-7.once",
    may=RACES,
)
def claims_by_id_alone() -> Patches:
    """A claim locks nothing as it chooses, and then updates by id alone."""
    return [_claims(**_unlocked(changed(claiming._CLAIM, _STILL, "")))]


@broken("postgresql", "CAN-8.race", may=RACES)
def cancels_what_it_once_saw() -> Patches:
    """A cancel that waited for a claim doesn't look again: its UPDATE names no state."""
    text = changed(changing.CANCEL, "FOR UPDATE", "")
    return [patch.object(changing, "CANCEL", _slow(text, "locked", _CHANGES))]


_CHANGING = {"SETTLE": _CHANGES, "COMPLETE": "  WHERE queue = :queue AND id"}
_SETTLES = {"SETTLE": settling.SETTLE, "COMPLETE": settling.COMPLETE}


@broken("postgresql", "LEA-3.race")
def settles_what_it_once_saw() -> Patches:
    """A settlement that waited for another doesn't look again."""
    return [
        patch.object(
            settling, name, _slow(changed(text, "FOR UPDATE", ""), "locked", _CHANGING[name])
        )
        for name, text in _SETTLES.items()
    ]


@broken(
    "postgresql", "LEA-3.lost", "LEA-3.mixed", "LEA-3.settle", may=("LEA-3.race", "LIV-4.settle")
)
def settles_without_its_token() -> Patches:
    """A settlement applies to whoever runs the job."""
    return [
        patch.object(settling, name, changed(text, "job.token = given.token AND", ""))
        for name, text in _SETTLES.items()
    ]


@broken("postgresql", "LIV-4.overtaken")
def remembers_one_settlement() -> Patches:
    """A settlement that is repeated after another of the same job doesn't find its own doing."""
    return [patch.object(settling, "SETTLED", changed(settling.SETTLED, "strpos(", "0 * strpos("))]


@broken("postgresql", "LIV-4.claim", "LIV-4.poll", "LIV-4.refused", "LIV-4.runner")
def forgets_requests() -> Patches:
    """A claim that is repeated after a lost reply takes other jobs."""
    text = changed(
        claiming._CLAIM,
        "= :request_id::uuid\n), repeat",
        "<> :request_id::uuid AND false\n), repeat",
    )
    return [_claims(_CLAIM=text)]


@broken("postgresql", "TXN-1.commit", "TXN-1.rollback", "TXN-1.savepoint")
def commits_for_the_user() -> Patches:
    """Scheduling in the user's transaction commits it."""
    original = joining._insert

    def insert(given, connection, rows):
        stored = original(given, connection, rows)
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN")
        return stored

    return [patch.object(joining, "_insert", insert)]


def _own_clock(verb):
    async def verb_by_this_clock(call, **values):
        if values["given"] is None:
            values["given"] = time.time_ns() // 1_000
        return await verb(call, **values)

    return verb_by_this_clock


@broken("postgresql", "LEA-1.clock", "LEA-1.hosts")
def extends_by_its_own_clock() -> Patches:
    """A heartbeat's lease counts from the client's clock, and everything else from the server's."""
    return [patch.object(storage, "extend", _own_clock(leases.extend))]


@broken("postgresql", "LEA-1.clock", "LEA-1.hosts")
def claims_by_its_own_clock() -> Patches:
    """A claim reads the client's clock, and everything else the server's."""
    return [patch.object(claiming, "claim", _own_clock(claiming.claim))]


@broken("postgresql", "LEA-1.clock", "LEA-1.hosts")
def leases_by_its_own_clock() -> Patches:
    """Claims and heartbeats agree on the client's clock, and everything else on the server's."""
    return [*claims_by_its_own_clock.patches(), *extends_by_its_own_clock.patches()]


@broken("postgresql", "LEA-1.hosts")
def reads_no_other_clock() -> Patches:
    """Every verb reads the client's clock, as if all clients were on one host."""
    original = Call.rows

    async def rows(self, text, values):
        if values.get("given", 0) is None:
            values = {**values, "given": time.time_ns() // 1_000}
        return await original(self, text, values)

    return [patch.object(Call, "rows", rows)]


@broken("postgresql", "WAK-1.reconnects")
def never_listens_again() -> Patches:
    """Once its connection is lost, a storage listens no more."""

    async def listen(self) -> None:
        await self._listen_once()

    return [patch.object(Listener, "_listen", listen)]


@broken(
    "postgresql",
    "WAK-1.now",
    may=(
        "PRI-7.passed",
        "WAK-1.wait",
        "WAK-1.earlier",
    ),
)
def tells_before_it_stores() -> Patches:
    """Others are told of new jobs before these are committed."""
    original, hearers = changing.enqueue, Hearers()

    async def enqueue(call: Call, queue, jobs, given):
        payload = f"{'0' * 32}{queue}"
        await call.rows(NOTIFY, {"channel": channel_of(call._layout), "payloads": [payload]})
        await hearers.turn()
        stored = await original(call, queue, jobs, given)
        call.woken.clear()
        return stored

    return [patch.object(changing, "enqueue", enqueue), *hearers.watched(PostgresStorage)]


@broken("postgresql", "WAK-1.now", "WAK-1.wait", may=("WAK-1.earlier",))
def tells_nobody() -> Patches:
    """Other processes aren't told of new jobs."""
    return [patch.object(WakeUps, "_send", _nothing)]


async def _nothing(self) -> bool:
    self._to_tell.clear()
    return True
