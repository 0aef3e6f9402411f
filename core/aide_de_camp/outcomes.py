"""What a handler may return besides nothing (clause RET-6).

Anything else it returns is a result, and completes the job, unless it stands for work that isn't
done: a coroutine, a future or a generator makes the attempt a failure.
"""

from __future__ import annotations

from datetime import timedelta

from attrs import frozen


@frozen
class Snooze:
    """Later: the job is scheduled again after the delay, and no retry is used.

    Attributes:
        delay: 0 or more, up to 10,000 days. A bad one makes the attempt a failure.
    """

    delay: timedelta


@frozen
class Cancel:
    """Not at all: the job ends cancelled, without the noise of an error.

    Attributes:
        reason: kept with the job, for people to read; at most 8 KiB are kept.
    """

    reason: str = ""
