"""How long to wait before the next attempt (clauses RET-2, RET-7)."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol, runtime_checkable

from attrs import field, frozen

from aide_de_camp.spi import ConfigurationError, InvalidArgument

_LONGEST = timedelta(days=365)
_STEEPEST = sys.float_info.max
_MOST_RETRIES = 2**31
Random = Callable[[], float]


@runtime_checkable
class Backoff(Protocol):
    """A policy: from the number of retries used so far to a delay."""

    def delay(self, retries: int, draw: Random = random.random) -> timedelta:
        """Give the delay before the next attempt.

        Args:
            retries: failures so far before this one, 0 or more: 0 for a job's first failure.
            draw: gives numbers in [0, 1); tests give their own.

        Returns:
            A delay of 0 or more; never an overflow, whatever ``retries`` is.

        Raises:
            InvalidArgument: an argument is bad.
        """
        ...


def _positive(name: str, value: timedelta, *, zero: bool = False) -> None:
    if not isinstance(value, timedelta):
        raise ConfigurationError(name, f"must be a timedelta, not of type {type(value).__name__}")
    if value < timedelta(0) or (not zero and value == timedelta(0)) or value > _LONGEST:
        least = "0" if zero else "more than 0"
        raise ConfigurationError(name, f"must be a timedelta of {least} to 365 days, not {value}")


def _checked(retries: int, draw: Random) -> int:
    if not isinstance(retries, int) or retries < 0:
        raise InvalidArgument("retries", "must be an integer of 0 or more")
    if not callable(draw):
        raise InvalidArgument("draw", "must be a function that gives numbers in [0, 1)")
    return min(retries, _MOST_RETRIES)


@frozen
class ExponentialBackoff:
    """``base * factor ** retries``, capped, then drawn evenly between 0 and that (full jitter).

    Attributes:
        base: the delay before the first retry, more than 0.
        factor: by which each further one is longer, 1 or more.
        cap: the longest delay, more than 0.
        jitter: False gives the capped delay itself.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    base: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    cap: timedelta = timedelta(hours=1)
    jitter: bool = field(default=True, kw_only=True)

    def __attrs_post_init__(self) -> None:
        _positive("base", self.base)
        _positive("cap", self.cap)
        if not isinstance(self.factor, int | float) or not 1 <= self.factor <= _STEEPEST:
            raise ConfigurationError("factor", f"must be a number from 1 to {_STEEPEST:g}")

    def delay(self, retries: int, draw: Random = random.random) -> timedelta:
        """See :meth:`Backoff.delay`."""
        retries = _checked(retries, draw)
        # By logarithms: the power itself overflows long before the cap is applied.
        exponent = math.log(self.base.total_seconds()) + retries * math.log(self.factor)
        ceiling = math.log(self.cap.total_seconds())
        seconds = math.exp(min(exponent, ceiling))
        return timedelta(seconds=seconds * draw() if self.jitter else seconds)


@frozen
class LinearBackoff:
    """``step * (retries + 1)``, capped.

    Attributes:
        step: by which each delay is longer, more than 0.
        cap: the longest delay, more than 0.

    Raises:
        ConfigurationError: a value is out of its range.
    """

    step: timedelta
    cap: timedelta = timedelta(hours=1)

    def __attrs_post_init__(self) -> None:
        _positive("step", self.step)
        _positive("cap", self.cap)

    def delay(self, retries: int, draw: Random = random.random) -> timedelta:
        """See :meth:`Backoff.delay`."""
        retries = _checked(retries, draw)
        most = math.ceil(self.cap / self.step)
        return min(self.cap, self.step * min(retries + 1, most))


@frozen
class ConstantBackoff:
    """The same delay each time.

    Attributes:
        wait: the delay, 0 or more.

    Raises:
        ConfigurationError: the delay is negative.
    """

    wait: timedelta

    def __attrs_post_init__(self) -> None:
        _positive("wait", self.wait, zero=True)

    def delay(self, retries: int, draw: Random = random.random) -> timedelta:
        """See :meth:`Backoff.delay`."""
        _checked(retries, draw)
        return self.wait


DEFAULT_BACKOFF = ExponentialBackoff()
"""1 s, 2 s, 4 s ... up to an hour, each drawn with full jitter."""
