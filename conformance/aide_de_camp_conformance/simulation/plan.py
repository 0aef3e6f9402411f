"""What a seed makes of a run: how long, how many, and which kinds of trouble."""

from __future__ import annotations

import random
from typing import Final

from attrs import frozen

_LEASES: Final = (6.0, 30.0, 120.0, 600.0)
_KINDS: Final = (
    "refused",
    "lost",
    "hangs",
    "slow",
    "outages",
    "deaf",
    "leaps",
    "kills",
    "stops",
    "pauses",
    "blocks",
    "gives_up",
)


@frozen
class Plan:
    """How one run goes.

    Attributes:
        lease: seconds; all else is measured by it, so that runs differ in which of the core's own
            pauses are long and which are short.
        trouble: the kinds of trouble there are: a run with few goes deeper into those.
        rate: how many of the calls fail while it is rough, 0 to 1.
        length: seconds until the trouble ends.
        runners: how many runners there are at a time.
        clients: how many clients there are at a time.
        jobs: how many jobs each client schedules, about.
        concurrency: of each runner.
        prefetch: of each runner.
        poll: seconds between polls.
        shutdown: seconds that handlers have after a stop was asked for.
    """

    lease: float
    trouble: tuple[str, ...]
    rate: float
    length: float
    runners: int
    clients: int
    jobs: int
    concurrency: int
    prefetch: int
    poll: float
    shutdown: float

    @classmethod
    def draw(cls, chance: random.Random) -> Plan:
        """Draw a plan."""
        lease = chance.choice(_LEASES)
        share = chance.choice((0.0, 0.2, 0.4, 0.7, 1.0))
        return cls(
            lease=lease,
            trouble=tuple(kind for kind in _KINDS if chance.random() < share),
            rate=chance.choice((0.05, 0.15, 0.4)),
            length=lease * chance.uniform(4, 16),
            runners=chance.randint(1, 3),
            clients=chance.randint(1, 2),
            jobs=chance.randint(4, 14),
            concurrency=chance.choice((1, 1, 2, 3, 6)),
            prefetch=chance.choice((0, 0, 0, 2)),
            poll=lease * chance.choice((0.2, 0.5, 1.5)),
            shutdown=lease * chance.choice((0.0, 0.1, 0.5)),
        )
