"""From the driver's errors to the framework's (clause ERR-1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from redis.exceptions import (
    AskError,
    AuthenticationError,
    BusyLoadingError,
    ClusterDownError,
    ConnectionError,  # noqa: A004  (the driver's; nothing here means the built-in one)
    MasterDownError,
    MovedError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from aide_de_camp.spi import AideDeCampError, StorageError, StorageUnavailable

DRIVER_ERRORS: Final = (RedisError, OSError, TimeoutError, EOFError)
"""What a call to the driver may raise besides cancellation; ``EOFError`` of a cut stream."""

_CODES: Final = (
    (BusyLoadingError, "LOADING"),
    (AuthenticationError, "NOAUTH"),
    (MasterDownError, "MASTERDOWN"),
    (ClusterDownError, "CLUSTERDOWN"),
    (OutOfMemoryError, "OOM"),
    (ReadOnlyError, "READONLY"),
    (NoPermissionError, "NOPERM"),
    (TryAgainError, "TRYAGAIN"),
    (MovedError, "MOVED"),
    (AskError, "ASK"),
)
_PASSING: Final = {
    "OOM": "the server's memory is full (maxmemory): free some, or raise it",
    "READONLY": "the server is a replica, or became one: look at which server is the master",
    "LOADING": "the server is loading its data: try again in a while",
    "CLUSTERDOWN": "the cluster takes no commands just now: look at its nodes",
    "MASTERDOWN": "the replica has lost its master: look at both",
    "TRYAGAIN": "the queue's keys are being moved to another node: try again in a while",
    "MOVED": "the queue's keys have been moved to another node: try again",
    "ASK": "the queue's keys are being moved to another node: try again",
    "BUSY": "the server is busy with a long script: try again, or look at what runs there",
    "NOREPLICAS": "too few replicas follow the server (min-replicas-to-write): look at them",
    "MISCONF": "the server can't write its data to the disk: look at its log",
    "UNBLOCKED": "the server has changed its role: try again",
}
_REFUSED: Final = {
    "NOAUTH": "the server asks for a user name and password, or refuses those in the URL",
    "WRONGPASS": "the server refuses the user name and password in the URL",
    "NOPERM": "the user in the URL may not use what this backend needs: it needs the commands "
    "EVALSHA, EVAL, those in its scripts, SPUBLISH, SSUBSCRIBE, INFO, and its keys and channels",
}
_IN_SCRIPT: Final = "@user_script:"
"""Stands in the answer where a command within a script was refused."""
_ACL_IN_SCRIPT: Final = "ACL failure in script"
"""How such an answer begins where it was the user's rights; it has no code of its own."""


def code_of(error: Exception) -> str:
    """Give the word by which a server's error is known; empty for one that isn't a server's."""
    for kind, code in _CODES:
        if isinstance(error, kind):
            return code
    if isinstance(error, ResponseError):
        if str(error).startswith(_ACL_IN_SCRIPT):
            return "NOPERM"
        word = str(error).partition(" ")[0]
        return word if word.isupper() and word.isalpha() else "ERR"
    return ""


def is_answer(error: Exception) -> bool:
    """Say whether the server answered so: then nothing is under way any more."""
    return code_of(error) != ""


def is_within_script(error: Exception) -> bool:
    """Say whether a script was begun: what it did before the command that was refused stays."""
    return _IN_SCRIPT in str(error)


def translate(
    error: Exception, where: str, *, unknown: bool, job_ids: Sequence[UUID] = ()
) -> AideDeCampError:
    """Make the framework's error of any error. The driver's own words are kept as its cause.

    Args:
        error: what was raised.
        where: the server's address.
        unknown: whether a command that changes something had been sent.
        job_ids: the jobs that the call was about.
    """
    if isinstance(error, AideDeCampError):
        if isinstance(error, StorageUnavailable) and job_ids and not error.job_ids:
            return StorageUnavailable(
                f"{error}{_about(job_ids)}", outcome_unknown=error.outcome_unknown, job_ids=job_ids
            )
        return error
    code = code_of(error)
    about = _about(job_ids)
    result: AideDeCampError
    if code in _PASSING:
        result = StorageUnavailable(
            f"Redis at {where} answered {code}{about}; nothing was changed; {_PASSING[code]}",
            outcome_unknown=False,
            job_ids=job_ids,
        )
    elif code:
        why = _REFUSED.get(code, "a repeat won't help; its cause tells more")
        effect = (
            "in the middle of a script, whose first half may stay"
            if is_within_script(error)
            else "nothing was changed"
        )
        result = StorageError(
            f"Redis at {where} answered {code}{about}; {effect}; {why}",
            job_id=job_ids[0] if len(job_ids) == 1 else None,
        )
    elif unknown:
        result = StorageUnavailable(
            f"Redis at {where}: {_told(error)} in the middle of a call{about}, so it may have "
            "taken effect: repeating is safe",
            outcome_unknown=True,
            job_ids=job_ids,
        )
    else:
        result = StorageUnavailable(
            f"Redis at {where}: {_told(error)}{about}; nothing was changed; check that it runs "
            "and can be reached",
            outcome_unknown=False,
            job_ids=job_ids,
        )
    result.__cause__ = error
    return result


def _told(error: Exception) -> str:
    if isinstance(error, TimeoutError) or type(error).__name__ == "TimeoutError":
        return "no answer in time"
    if isinstance(error, ConnectionError | OSError | EOFError):
        return "the connection failed"
    return type(error).__name__


def _about(job_ids: Sequence[UUID]) -> str:
    if not job_ids:
        return ""
    if len(job_ids) == 1:
        return f" (job {job_ids[0]})"
    return f" ({len(job_ids)} jobs, the first {job_ids[0]})"
