"""Simulated processes: lanes that live, stand still and die together."""

from __future__ import annotations

import asyncio
import random

from aide_de_camp import Queue, StorageUnavailable
from aide_de_camp_conformance.simulation.lanes import Lane
from aide_de_camp_conformance.simulation.world import World


class Process:
    """One process: a lane for its loop, and maybe more for its other threads.

    Args:
        world: what it lives in.
        name: for people to read.

    Attributes:
        lane: that of its loop.
        threads: those of its other threads.
        task: what it does; None before it began.
    """

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.lane = world.loop.lane(name)
        self.threads: list[Lane] = []
        self.task: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """True until it ended or was killed."""
        return not self.lane.dead and self.task is not None and not self.task.done()

    def kill(self) -> None:
        """End it as kill -9 does."""
        if not self.alive:
            return
        self.world.trace.add(self.name, "is killed")
        self.world.books.silent.add(self.lane.number)
        for lane in (self.lane, *self.threads):
            self.world.loop.kill(lane)

    def pause(self, seconds: float) -> None:
        """Have all of it stand still, as SIGSTOP does, or a host that swaps."""
        if self.alive:
            self.world.trace.add(self.name, "stands still", None, f"{seconds:.1f} s")
            for lane in (self.lane, *self.threads):
                self.world.loop.freeze(lane, seconds)

    def call(self, function: object) -> None:
        """Have a function called by its loop."""
        assert callable(function)
        self.lane.run(self.world.loop.call_soon, function)

    async def opened(self, chance: random.Random) -> Queue:
        """Open a queue, however often that takes."""
        queue = self.world.queue()
        while True:
            try:
                return await queue.open()
            except StorageUnavailable:
                await asyncio.sleep(self.world.plan.lease * chance.uniform(0.01, 0.1))
