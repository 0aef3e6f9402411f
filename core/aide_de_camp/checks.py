"""Arguments, checked before anything is stored (clauses ENQ-5, PRI-1, ERR-2)."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, TypeVar
from uuid import UUID

from aide_de_camp.spi import (
    NAME_MAX,
    PRIORITY_MAX,
    PRIORITY_MIN,
    TIME_MAX,
    TIME_MIN,
    InvalidArgument,
    InvalidPriority,
    InvalidSchedule,
    to_microseconds,
)

T = TypeVar("T")

_MICROSECOND: Final = timedelta(microseconds=1)
_MOST_RETRIES: Final = 2**31 - 1
_ID_VERSION: Final = 7
_LONGEST_SNOOZE: Final = timedelta(days=10_000)


def checked_name(argument: str, value: object) -> str:
    """Check the name of a queue, a job type, a codec or a worker.

    Raises:
        InvalidArgument: it isn't a string of 1 to 128 printable characters without spaces at
            its ends.
    """
    if (
        not isinstance(value, str)
        or not 1 <= len(value) <= NAME_MAX
        or not value.isprintable()
        or value != value.strip()
    ):
        raise InvalidArgument(
            argument,
            f"must be 1 to {NAME_MAX} printable characters, with no space at either end",
        )
    return value


def checked_priority(value: object) -> int:
    """Check a priority (clause PRI-1).

    Raises:
        InvalidPriority: it isn't an integer in -128..127; a bool isn't one.
    """
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidPriority(
            f"must be an integer from {PRIORITY_MIN} to {PRIORITY_MAX}, "
            f"not of type {type(value).__name__}"
        )
    if not PRIORITY_MIN <= value <= PRIORITY_MAX:
        # Without the number: Python refuses to write one of thousands of digits.
        raise InvalidPriority(f"must be from {PRIORITY_MIN} to {PRIORITY_MAX}")
    return int(value)


def checked_moment(argument: str, value: object) -> int:
    """Check an instant (clause ENQ-5).

    Returns:
        Microseconds since 1970 UTC.

    Raises:
        InvalidSchedule: it isn't an aware datetime within years 1 to 9999 in UTC.
    """
    if not isinstance(value, datetime):
        raise InvalidSchedule(argument, f"must be a datetime, not of type {type(value).__name__}")
    if value.utcoffset() is None:
        raise InvalidSchedule(
            argument, "must say its time zone: a naive datetime could mean any instant"
        )
    moment = to_microseconds(value)
    if not TIME_MIN <= moment <= TIME_MAX:
        raise InvalidSchedule(argument, "must lie within years 1 to 9999 in UTC")
    return moment


def checked_delay(argument: str, value: object, now: int | None) -> int:
    """Check a delay from now; a negative one is legal, and due at once (clause ENQ-5).

    Args:
        argument: what the caller calls it.
        value: the delay.
        now: the present if a test gives it, else this machine's clock counts.

    Returns:
        Microseconds.

    Raises:
        InvalidSchedule: it isn't a timedelta, or leads outside years 1 to 9999.
    """
    if not isinstance(value, timedelta):
        raise InvalidSchedule(argument, f"must be a timedelta, not of type {type(value).__name__}")
    delay = value // _MICROSECOND
    present = time.time_ns() // 1_000 if now is None else now
    if not TIME_MIN <= present + delay <= TIME_MAX:
        raise InvalidSchedule(argument, "leads outside years 1 to 9999")
    return delay


def checked_snooze(value: object) -> int:
    """Check the delay of a snooze or of a retry (clause RET-6).

    Returns:
        Microseconds.

    Raises:
        InvalidSchedule: it isn't a timedelta of 0 to 10,000 days.
    """
    if not isinstance(value, timedelta) or not timedelta(0) <= value <= _LONGEST_SNOOZE:
        raise InvalidSchedule("delay", "must be a timedelta of 0 to 10,000 days")
    return value // _MICROSECOND


def checked_retries(value: object) -> int | None:
    """Check a ``max_retries``; None means that the job type's or the runner's counts (RET-8).

    Raises:
        InvalidArgument: it isn't an integer of 0 or more.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _MOST_RETRIES:
        raise InvalidArgument("max_retries", "must be an integer of 0 or more")
    return int(value)


def checked_count(argument: str, value: object, *, least: int, most: int) -> int:
    """Check a number of things.

    Raises:
        InvalidArgument: it isn't an integer within the range.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidArgument(argument, f"must be an integer from {least:,} to {most:,}")
    return int(value)


def checked_duration(argument: str, value: object, *, least: timedelta) -> timedelta:
    """Check a length of time.

    Raises:
        InvalidArgument: it isn't a timedelta from ``least`` to 365 days.
    """
    if not isinstance(value, timedelta) or not least <= value <= timedelta(days=365):
        seconds = least.total_seconds()
        raise InvalidArgument(argument, f"must be a timedelta from {seconds:g} s to 365 days")
    return value


def checked_string(argument: str, value: object) -> str:
    """Check a text that may be any.

    Raises:
        InvalidArgument: it isn't a string.
    """
    if not isinstance(value, str):
        raise InvalidArgument(argument, f"must be a string, not of type {type(value).__name__}")
    return value


def checked_several(argument: str, value: Iterable[T], what: str) -> Iterable[T]:
    """Check that there are several of a kind, any number of them; each is the caller's to check.

    Args:
        argument: what the caller calls it.
        value: anything that can be gone through, but one string.
        what: what they are, in the plural.

    Raises:
        InvalidArgument: it can't be gone through, or is one string or one bytes.
    """
    if isinstance(value, str | bytes | bytearray) or not isinstance(value, Iterable):
        raise InvalidArgument(
            argument,
            f"must be several {what}, not one {type(value).__name__}: write a list, [...]",
        )
    return value


def checked_options(argument: str, value: Mapping[str, str] | None) -> dict[str, str]:
    """Check a backend's options; None is none of them.

    Raises:
        InvalidArgument: they aren't a mapping from strings to strings. The message shows none of
            them, since one may be a secret.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(
        isinstance(each, str) for pair in value.items() for each in pair
    ):
        raise InvalidArgument(argument, "must be a mapping from strings to strings")
    return dict(value)


def checked_error(argument: str, value: object) -> BaseException | None:
    """Check what an attempt is said to have failed with; None is nothing.

    Raises:
        InvalidArgument: it isn't an exception; its class alone isn't one.
    """
    if value is not None and not isinstance(value, BaseException):
        raise InvalidArgument(
            argument, f"must be an exception or None, not of type {type(value).__name__}"
        )
    return value


def checked_id(value: object) -> UUID:
    """Check a job's id.

    Raises:
        InvalidArgument: it isn't a UUID.
    """
    if not isinstance(value, UUID):
        raise InvalidArgument("job_id", f"must be a UUID, not of type {type(value).__name__}")
    return value


def checked_new_id(value: object) -> UUID:
    """Check an id that a job is to be scheduled under (clause ENQ-1).

    Raises:
        InvalidArgument: it isn't a UUID of version 7: among jobs of equal priority and time, ids
            are the order.
    """
    job_id = checked_id(value)
    if job_id.version != _ID_VERSION:
        raise InvalidArgument("job_id", "must be a UUIDv7: make it with new_job_id()")
    return job_id
