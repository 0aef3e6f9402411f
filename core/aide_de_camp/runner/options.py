"""How a runner works, checked once."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from attrs import field, frozen

from aide_de_camp.checks import checked_count, checked_duration, checked_name
from aide_de_camp.spi import LEASE_MIN, InvalidArgument

_MOST_SLOTS: Final = 10_000
_SHORTEST_LEASE: Final = timedelta(microseconds=LEASE_MIN)


@frozen
class RunnerOptions:
    """See :class:`JobRunner`, whose arguments these are.

    Raises:
        InvalidArgument: a value is out of its range.
    """

    worker: str
    concurrency: int = 10
    prefetch: int = 0
    lease: timedelta = field(default=timedelta(seconds=60))
    poll_interval: timedelta = field(default=timedelta(seconds=5))
    shutdown_timeout: timedelta = field(default=timedelta(seconds=30))
    log_errors: bool = False

    def __attrs_post_init__(self) -> None:
        checked_name("worker", self.worker)
        checked_count("concurrency", self.concurrency, least=1, most=_MOST_SLOTS)
        checked_count("prefetch", self.prefetch, least=0, most=_MOST_SLOTS)
        checked_duration("lease", self.lease, least=_SHORTEST_LEASE)
        checked_duration("poll_interval", self.poll_interval, least=timedelta(milliseconds=1))
        checked_duration("shutdown_timeout", self.shutdown_timeout, least=timedelta(0))
        # What is merely true, such as the word "no", must not have payloads logged.
        if not isinstance(self.log_errors, bool):
            raise InvalidArgument("log_errors", "must be True or False")
