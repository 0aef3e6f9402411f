"""From the driver's errors to the framework's (clause ERR-1).

A server's words may quote what was sent (DETAIL above all), so only the error's kind and code
are told (clause DEC-6), and the rest is taken off the cause before it is chained.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from aide_de_camp.spi import (
    AideDeCampError,
    ConfigurationError,
    SchemaError,
    StorageError,
    StorageUnavailable,
)
from aide_de_camp_backends.postgresql.driver import driver

REPEATABLE: Final = frozenset({"40001", "40P01"})
"""Serialization failure, deadlock: the transaction took no effect, and may fare better again."""
_LOST: Final = ("08", "57P01", "57P02", "57P03", "57P05", "25P03")
_DATA: Final = "22"
"""What a value's form is at fault for; the driver says so too of what it can't send."""
_STANDBY: Final = "25"
_BROKEN: Final = (OSError, EOFError, driver.InterfaceError, driver.InternalClientError)
_PASSING: Final = {
    "40": "other transactions were in the way again and again: try again",
    "53": "the server is short of memory, disk or connections: make room, or try again",
    "55": "something is locked for too long: find who holds a transaction open",
    "57": "the server ended the call: try again, or raise its statement_timeout",
    "58": "the server has trouble with its disk: look at its log",
    "25": "the server takes no changes: is it a standby? Name the primary, or add "
    "target_session_attrs=read-write",
    "08": "the connection broke: try again",
}
_REFUSED: Final = {
    "28": "the server refused the user or its password",
    "3D": "there is no such database: create it",
}
_UNCHANGED: Final = "nothing was changed"
_QUOTING: Final = ("detail", "hint", "context", "query", "internal_query")
"""Fields of a server's error that may hold what was sent."""
_MISSING: Final = frozenset({"42P01", "42703", "3F000"})
_POOLER: Final = frozenset({"26000", "42P05", "08P01"})


def sqlstate(error: BaseException) -> str:
    """Give the server's code for an error; empty if it isn't from the server."""
    code: object = getattr(error, "sqlstate", None)
    return code if isinstance(code, str) else ""


def is_repeatable(error: BaseException) -> bool:
    """Say whether the same call may be made again at once: it took no effect."""
    cached = isinstance(error, driver.InvalidCachedStatementError)
    return cached or sqlstate(error) in REPEATABLE


def is_lost(error: BaseException) -> bool:
    """Say whether the connection can't be used any more."""
    code = sqlstate(error)
    if code:
        return code.startswith(_LOST)
    return isinstance(error, _BROKEN)


def spoils(error: BaseException) -> bool:
    """Say whether to go on with a new connection: it broke, or was left in the middle."""
    cut_off = isinstance(error, TimeoutError) or not isinstance(error, Exception)
    return cut_off or is_lost(error) or sqlstate(error).startswith(_STANDBY)


def connecting(error: Exception, *, opening: bool = False) -> AideDeCampError:
    """Make the framework's error of what was raised while connecting.

    Args:
        error: what was raised; it becomes the cause.
        opening: True if the storage is being opened: what is wrong with the URL is told as that.
    """
    if isinstance(error, AideDeCampError):
        return error
    code = sqlstate(error)
    why = next((told for start, told in _REFUSED.items() if code.startswith(start)), None)
    result: AideDeCampError
    if why is not None and opening:
        result = ConfigurationError("url", f"{why} ({_kind(error)})")
    elif isinstance(error, (driver.InterfaceError, ValueError)) and opening:
        result = ConfigurationError(
            "url", f"the driver can't use it ({type(error).__name__}): check hosts, ports and TLS"
        )
    else:
        why = why or "check that it runs, and the URL's host and port"
        result = StorageUnavailable(
            f"the PostgreSQL server can't be reached ({_kind(error)}); nothing was changed: {why}",
            outcome_unknown=False,
        )
    return _chained(result, error)


def translate(
    error: Exception, *, job_ids: Sequence[UUID], writes: bool, done: bool = False
) -> AideDeCampError:
    """Make the framework's error of what was raised while a call ran; each time a new one.

    Args:
        error: what was raised; it becomes the cause.
        job_ids: the jobs that the call was about.
        writes: whether it may have changed anything where its connection broke.
        done: whether one of its statements may have changed something before that.
    """
    if isinstance(error, StorageUnavailable) and job_ids and not error.job_ids:
        named = StorageUnavailable(
            f"{error}{_about(job_ids)}", outcome_unknown=error.outcome_unknown, job_ids=job_ids
        )
        named.__cause__ = error.__cause__
        return named
    if isinstance(error, AideDeCampError):
        return error
    code = sqlstate(error)
    about = _about(job_ids)
    told = f"PostgreSQL: {_kind(error)}{about}"
    only = job_ids[0] if len(job_ids) == 1 else None
    result: AideDeCampError
    if code in _MISSING:
        result = SchemaError(
            f"{told}; the tables aren't there, or aren't ours: run 'adc migrate'", job_id=only
        )
    elif code in _POOLER:
        result = StorageError(
            f"{told}; a pooler in transaction mode? Add prepared_statements=off", job_id=only
        )
    elif isinstance(error, TimeoutError):
        result = _unavailable(f"PostgreSQL: no answer in time{about}", job_ids, writes=writes)
    elif is_lost(error):
        result = _unavailable(
            f"PostgreSQL: the connection broke ({_kind(error)}){about}", job_ids, writes=writes
        )
    elif code[:2] in _PASSING:
        outcome = "a part may have taken effect, repeating is safe" if done else _UNCHANGED
        result = StorageUnavailable(
            f"{told}; {outcome}: {_PASSING[code[:2]]}", outcome_unknown=done, job_ids=job_ids
        )
    else:
        outcome = "a part may have taken effect" if done else _UNCHANGED
        result = StorageError(f"{told}; {outcome}, and a repeat won't help", job_id=only)
    return _chained(result, error)


def _unavailable(told: str, job_ids: Sequence[UUID], *, writes: bool) -> StorageUnavailable:
    outcome = "it may have taken effect: repeating is safe" if writes else "try again"
    return StorageUnavailable(f"{told}; {outcome}", outcome_unknown=writes, job_ids=job_ids)


def _kind(error: BaseException) -> str:
    code = sqlstate(error)
    name = type(error).__name__
    return f"{name}, {code}" if code else name


def _chained(result: AideDeCampError, error: Exception) -> AideDeCampError:
    if isinstance(error, driver.InterfaceError) or sqlstate(error).startswith(_DATA):
        # Its words may quote a value: so only its kind is kept, and what that was raised from not.
        result.__cause__ = type(error)(type(error).__name__)
    else:
        if isinstance(error, driver.PostgresError):
            vars(error).update(dict.fromkeys(_QUOTING))
        result.__cause__ = error
    result.__suppress_context__ = True
    return result


def _about(job_ids: Sequence[UUID]) -> str:
    if not job_ids:
        return ""
    if len(job_ids) == 1:
        return f" (job {job_ids[0]})"
    return f" ({len(job_ids)} jobs, the first {job_ids[0]})"
