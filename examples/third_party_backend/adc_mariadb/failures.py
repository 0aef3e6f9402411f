"""From the driver's errors to the framework's (clause ERR-1).

A server's words may quote what was sent to it, so only an error's class and number are told
(clause DEC-6), and the cause that is chained has no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from aide_de_camp.spi import (
    AideDeCampError,
    ConfigurationError,
    SchemaError,
    StorageError,
    StorageUnavailable,
)

DUPLICATE: Final = 1062
REPEATABLE: Final = frozenset({1020, 1205, 1213})
"""Changed since it was read, lock wait timeout, deadlock: nothing took effect, a repeat may fare
better."""
_LOST: Final = frozenset({1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1927, 3169, 4031})
"""Of the server; the driver's own numbers for a connection that is gone are 2000 to 2999."""
_DRIVER: Final = range(2000, 3000)
_REFUSED: Final = {
    1044: "the user may not use this database",
    1045: "the server refused the user or its password",
    1049: "there is no such database: create it",
    1142: "the user lacks a right on the tables",
    1698: "the server refused the user or its password",
}
_BUSY: Final = {
    1020: "other transactions were in the way again and again: try again",
    1021: "the server's disk is full: make room",
    1037: "the server is short of memory: try again",
    1040: "the server has too many connections: raise max_connections, or try again",
    1041: "the server is short of memory: try again",
    1114: "the server's disk is full: make room",
    1203: "the user has too many connections: raise max_user_connections, or try again",
    1205: "something is locked for too long: find who holds a transaction open",
    1213: "other transactions were in the way again and again: try again",
    1290: "the server takes no changes: is it a replica? Name the primary",
    1792: "the server takes no changes: is it a replica? Name the primary",
    1836: "the server takes no changes: is it a replica? Name the primary",
}
_NO_TABLE: Final = frozenset({1054, 1146})


def number_of(error: BaseException) -> int:
    """Give the number of a server's or the driver's error; 0 if it has none."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    first = cause.args[0] if cause is not None and cause.args else 0
    return first if isinstance(first, int) else 0


def is_lost(error: BaseException) -> bool:
    """Say whether the connection broke, or none was to be had in time."""
    if isinstance(error, DBAPIError):
        number = number_of(error)
        # An error without a number is the driver's own: it lost its place in what it reads.
        return error.connection_invalidated or not number or number in _LOST or number in _DRIVER
    return isinstance(error, OSError | EOFError | PoolTimeout)


def translate(
    error: Exception, *, job_ids: Sequence[UUID] = (), unknown: bool, opening: bool = False
) -> AideDeCampError:
    """Make the framework's error of what was raised.

    Args:
        error: what was raised; it becomes the cause, its words left out.
        job_ids: the jobs that the call was about.
        unknown: whether the call may have taken effect where its connection broke.
        opening: True if the storage is being opened: what is wrong with the URL is told as that.
    """
    if isinstance(error, AideDeCampError):
        return error
    number = number_of(error)
    told = f"MariaDB: {_kind(error)}{_about(job_ids)}"
    only = job_ids[0] if len(job_ids) == 1 else None
    result: AideDeCampError
    if opening and number in _REFUSED:
        result = ConfigurationError("url", f"{_REFUSED[number]} ({_kind(error)})")
    elif is_lost(error):
        outcome = (
            "it may have taken effect: repeating is safe" if unknown else "nothing was changed"
        )
        result = StorageUnavailable(
            f"{told}; no answer from the server; {outcome}. Check that it runs, and the URL",
            outcome_unknown=unknown,
            job_ids=job_ids,
        )
    elif number in _BUSY:
        result = StorageUnavailable(
            f"{told}; nothing was changed: {_BUSY[number]}", outcome_unknown=False, job_ids=job_ids
        )
    elif number in _NO_TABLE:
        result = SchemaError(
            f"{told}; the tables aren't there, or aren't ours: run 'adc migrate'", job_id=only
        )
    else:
        why = _REFUSED.get(number, "a repeat won't help")
        result = StorageError(f"{told}; nothing was changed: {why}", job_id=only)
    result.__cause__ = _wordless(error, number)
    return result


def _wordless(error: Exception, number: int) -> Exception:
    cause = error.orig if isinstance(error, DBAPIError) else error
    if cause is None or not isinstance(cause, Exception):
        return RuntimeError(type(error).__name__)
    try:
        return type(cause)(number, "its words are left out: they may quote a payload")
    except Exception:  # noqa: BLE001 (an error's class may want other arguments)
        return RuntimeError(type(cause).__name__)


def _kind(error: Exception) -> str:
    number = number_of(error)
    cause = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    name = type(cause).__name__
    return f"{name} {number}" if number else name


def _about(job_ids: Sequence[UUID]) -> str:
    if not job_ids:
        return ""
    if len(job_ids) == 1:
        return f" (job {job_ids[0]})"
    return f" ({len(job_ids)} jobs, the first {job_ids[0]})"
