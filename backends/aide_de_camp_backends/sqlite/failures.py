"""From the driver's errors to the framework's (clause ERR-1)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from aide_de_camp.spi import AideDeCampError, StorageError, StorageUnavailable

_BUSY: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_PASSING: Final = {
    sqlite3.SQLITE_BUSY: "another connection keeps the file locked: find who holds a write "
    "transaction open, or raise busy_timeout",
    sqlite3.SQLITE_LOCKED: "another connection keeps the file locked: find who holds a write "
    "transaction open, or raise busy_timeout",
    sqlite3.SQLITE_FULL: "the disk is full: make room and try again",
    sqlite3.SQLITE_IOERR: "reading or writing failed: check the disk and try again",
    sqlite3.SQLITE_CANTOPEN: "the file can't be opened: check that it is there, and its rights",
    sqlite3.SQLITE_READONLY: "the file can't be written: check its rights and its directory's",
    sqlite3.SQLITE_PERM: "the file may not be used: check its rights",
    sqlite3.SQLITE_NOMEM: "memory ran out: try again",
    sqlite3.SQLITE_PROTOCOL: "locking the file failed: it must be on a local disk",
    sqlite3.SQLITE_INTERRUPT: "the call was interrupted: try again",
}
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_CONNECTION_LOST: Final = _DAMAGED | {
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}


def primary_code(error: BaseException) -> int:
    """Give the primary result code of a driver's error, 0 if it has none."""
    code: object = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else 0


def is_busy(error: BaseException) -> bool:
    """Say whether somebody else's lock was in the way."""
    return primary_code(error) in _BUSY


def breaks_connection(error: BaseException) -> bool:
    """Say whether to go on with a new connection."""
    return primary_code(error) in _CONNECTION_LOST


def translate(
    error: Exception, *, job_ids: Sequence[UUID] = (), outcome_unknown: bool = False
) -> AideDeCampError:
    """Make the framework's error of any error; each call makes a new one.

    Args:
        error: what was raised; it becomes the cause.
        job_ids: the jobs that the call was about.
        outcome_unknown: whether the call may have taken effect.
    """
    if isinstance(error, StorageUnavailable) and job_ids and not error.job_ids:
        told = f"{error}{_about(job_ids)}"
        return StorageUnavailable(told, outcome_unknown=error.outcome_unknown, job_ids=job_ids)
    if isinstance(error, AideDeCampError):
        return error
    code = primary_code(error)
    told = f"SQLite: {_told(error)}{_about(job_ids)}"
    result: AideDeCampError
    if outcome_unknown:
        result = StorageUnavailable(
            f"{told}; the commit failed, so it may have taken effect: repeating is safe",
            outcome_unknown=True,
            job_ids=job_ids,
        )
    elif code in _PASSING:
        result = StorageUnavailable(
            f"{told}; nothing was changed; {_PASSING[code]}",
            outcome_unknown=False,
            job_ids=job_ids,
        )
    elif code in _DAMAGED:
        result = StorageError(
            f"{told}; the file is damaged or no SQLite database: check it with "
            "'PRAGMA integrity_check', or restore a copy",
            job_id=job_ids[0] if len(job_ids) == 1 else None,
        )
    else:
        result = StorageError(
            f"{told}; nothing was changed, and a repeat won't help",
            job_id=job_ids[0] if len(job_ids) == 1 else None,
        )
    result.__cause__ = error
    return result


def _told(error: Exception) -> str:
    # Only SQLite's own words are known to hold nothing of a payload (clause DEC-6).
    return str(error) if isinstance(error, sqlite3.Error) else type(error).__name__


def _about(job_ids: Sequence[UUID]) -> str:
    if not job_ids:
        return ""
    if len(job_ids) == 1:
        return f" (job {job_ids[0]})"
    return f" ({len(job_ids)} jobs, the first {job_ids[0]})"
