"""Lanes: what one loop runs as if each were a thread of a process of its own."""

from __future__ import annotations

import asyncio
import weakref
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar, copy_context
from typing import Any, TypeVar

T = TypeVar("T")

LANE: ContextVar[Lane] = ContextVar("aide_de_camp_simulation_lane")
"""Whose code runs: a task, and all that it starts, stays in the lane in which it was made."""


class Lane:
    """One thread of one simulated process.

    Within a lane what is ready runs in the order in which it became so, as asyncio promises;
    between lanes the seed decides.

    Args:
        number: orders the lanes.
        name: for people to read.
        home: the lane whose loop this thread hands results to; None where this is that lane.

    Attributes:
        ready: what is to run next.
        dead: True once its process was killed: nothing of it runs any more.
        frozen_until: until when its process stands still, or its loop is blocked.
        heart: the lane that extends the leases which this one holds; None where none does.
        fuse: how many more steps it makes before its process is killed; None is no end.
        tasks: those that it began.
    """

    def __init__(self, number: int, name: str, home: Lane | None = None) -> None:
        self.number = number
        self.name = name
        self.home = self if home is None else home
        self.ready: deque[asyncio.Handle] = deque()
        self.dead = False
        self.frozen_until = 0.0
        self.heart: Lane | None = None
        self.fuse: int | None = None
        self.tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
        self.context = copy_context()
        self.context.run(LANE.set, self)

    def run(self, function: Callable[..., T], *arguments: object) -> T:
        """Call something as if from within this lane."""
        return self.context.copy().run(function, *arguments)

    def __repr__(self) -> str:
        return self.name
