"""Where chance comes from in a simulation: one seed for all that would draw from the system."""

from __future__ import annotations

import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from unittest import mock

from aide_de_camp import ids


def stream(seed: int, name: str) -> random.Random:
    """Make a source of its own for one purpose, so that no other's draws disturb it."""
    return random.Random(f"{name} of {seed}")  # noqa: S311 (a simulation is no secret)


@contextmanager
def seeded(seed: int, seconds: Callable[[], float]) -> Generator[None]:
    """Have the core's jitter and its ids come from a seed during the block.

    The core draws its jitter from the standard library's own generator, which can be seeded; it is
    put back afterwards.

    Args:
        seed: any integer.
        seconds: gives the time that ids carry, in seconds since 1970 UTC.
    """
    source = ids.IdSource(lambda: int(seconds() * 1e9), stream(seed, "ids").randbytes)
    before = random.getstate()
    random.seed(f"jitter of {seed}")
    try:
        with mock.patch.object(ids, "_SOURCE", source):
            yield
    finally:
        random.setstate(before)
