"""What the core logs during a simulation: some lines are due to trouble, others to a fault."""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from aide_de_camp_conformance.simulation.lanes import LANE
from aide_de_camp_conformance.simulation.world import World

_DUE_TO_TROUBLE: Final = (
    "can't claim from queue",
    "finished but not acknowledged",
    "stopped with %d outcomes not stored",
    "a claim got no answer",
)
_DUE_TO_JOBS: Final = "job %s (%s): %s"


class _Watch(logging.Handler):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        world = self._world
        if world.trace.closed:
            return
        lane = LANE.get(world.loop.root)
        words = str(record.msg)
        world.trace.add(lane.name, f"logs {record.levelname}: {words}")
        if words.startswith(_DUE_TO_TROUBLE[2:]):
            world.books.silent.add(lane.home.number)
        if record.levelno < logging.ERROR or words == _DUE_TO_JOBS:
            return
        expected = words.startswith(_DUE_TO_TROUBLE) and bool(world.plan.trouble)
        world.holds(expected, "LIV-2", f"an unexpected error is logged: {words}")


@contextmanager
def watched(world: World) -> Generator[None]:
    """Have the core's log lines go to a run's trace alone, and be judged."""
    logger = logging.getLogger("aide_de_camp")
    before, watch = (logger.propagate, logger.level), _Watch(world)
    logger.addHandler(watch)
    logger.propagate = False
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(watch)
        logger.propagate, logger.level = before
