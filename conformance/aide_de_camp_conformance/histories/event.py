"""What is recorded: the beginning and the end of each call, and of each call what it named."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from attrs import frozen


class Operation(StrEnum):
    """What was called: the verbs of the SPI that change something."""

    ENQUEUE = "enqueue"
    CLAIM = "claim"
    EXTEND = "extend"
    SETTLE = "settle"
    CANCEL = "cancel"
    REQUEUE = "requeue"
    DELETE = "delete"
    REAP = "reap"
    PRUNE = "prune"
    HOLD = "hold"
    IMPORT = "import"
    UNHOLD = "unhold"
    DISCARD = "discard"


class Phase(StrEnum):
    """What is known of a call."""

    INVOKE = "invoke"
    """It begins now. Where nothing follows, its process died, and it may have taken effect."""
    OK = "ok"
    """It was answered."""
    FAIL = "fail"
    """It was refused: it had no effect."""
    UNKNOWN = "unknown"
    """It may have taken effect, or may yet."""


@frozen
class Item:
    """What a call said of one job, or was told of it.

    Attributes:
        value: what was asked or answered: the digest of a payload, the kind of a settlement,
            the status that an answer gave.
        token: the fencing token named or given.
        request: which request this item is, for cancellations and requeues.
    """

    id: UUID
    value: str | None = None
    token: int | None = None
    request: UUID | None = None
    job_type: str | None = None
    priority: int | None = None
    scheduled_at: int | None = None
    lease_until: int | None = None
    claims: int | None = None
    retries: int | None = None
    max_retries: int | None = None


@frozen
class Event:
    """A line of a history.

    Attributes:
        process: who writes; each has a file of its own, and a name that no other ever has.
        call: the number of the call within the process.
        clock: names the clock that ``time`` was read from; times of different clocks can't be
            compared.
        time: nanoseconds of a clock that never goes back.
        items: of the invocation what was asked, of the answer what was told, in order.
        request: for claims which request it is.
        types: for claims the job types asked for; None means all.
        number: for claims, reapers and prunings the limit; for an extension the length of the
            lease; for the answer of a pruning how many were removed.
        now: the storage's own present, where an answer told it, in microseconds.
        taken_back: of a claim or a reaper: the jobs whose leases it took back, and their states.
        words: why it failed.
    """

    process: str
    call: int
    operation: Operation
    phase: Phase
    clock: str
    time: int
    items: tuple[Item, ...] = ()
    request: UUID | None = None
    types: tuple[str, ...] | None = None
    number: int | None = None
    now: int | None = None
    taken_back: tuple[Item, ...] = ()
    words: str | None = None
