"""The numbers that the contract fixes for every backend."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

PRIORITY_MIN: Final = -128
PRIORITY_MAX: Final = 127

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)

TIME_MIN: Final = (datetime(1, 1, 1, tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The first instant of year 1, in microseconds since 1970 UTC."""
TIME_MAX: Final = (datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC) - _EPOCH) // _MICROSECOND
"""The last microsecond of year 9999, in microseconds since 1970 UTC."""

BATCH_JOBS: Final = 1_000
"""The most jobs that one ``enqueue`` takes (clause ENQ-4)."""
BATCH_BYTES: Final = 16 * 1024 * 1024
"""The most payload bytes that one ``enqueue`` takes (clause ENQ-4)."""
REAP_JOBS: Final = 1_000
"""The most expired leases that one ``claim`` takes back (clause LEA-2)."""
SETTLEMENTS_KEPT: Final = 8
"""The least number of a job's last settlements that a storage remembers (clause LIV-4)."""
LEASE_MIN: Final = 1_000_000
"""The shortest lease, in microseconds: a storage may rely on none ending sooner."""
NAME_MAX: Final = 128
"""The most characters in the name of a queue, a job type, a codec or a worker."""
ERROR_MESSAGE_BYTES: Final = 8 * 1024
"""The most UTF-8 bytes of an error's message that are kept (clause RET-3)."""
ERROR_TRACEBACK_BYTES: Final = 64 * 1024
"""The most UTF-8 bytes of an error's traceback that are kept (clause RET-3)."""


def later(now: int, delay: int) -> int:
    """Add a delay to an instant, within the legal range of times (clause RET-7).

    Args:
        now: microseconds since 1970 UTC.
        delay: microseconds, of either sign.
    """
    return max(TIME_MIN, min(TIME_MAX, now + delay))


def to_microseconds(moment: datetime) -> int:
    """Turn an aware datetime into microseconds since 1970 UTC, exactly.

    Args:
        moment: any aware datetime.

    Returns:
        Microseconds since 1970-01-01T00:00Z; negative before it.
    """
    return (moment - _EPOCH) // _MICROSECOND


def to_datetime(microseconds: int) -> datetime:
    """Turn microseconds since 1970 UTC into an aware datetime in UTC, exactly.

    Args:
        microseconds: within :data:`TIME_MIN` .. :data:`TIME_MAX`.

    Returns:
        The same instant, with ``tzinfo=UTC``.
    """
    return _EPOCH + timedelta(microseconds=microseconds)
