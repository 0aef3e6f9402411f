"""The jobs of a simulation: each attempt behaves as the seed says, and is watched."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from aide_de_camp import (
    Cancel,
    ExponentialBackoff,
    JobContext,
    JobRouter,
    JobType,
    Snooze,
    new_job_id,
)
from aide_de_camp_conformance.simulation.chance import stream
from aide_de_camp_conformance.simulation.entry import PATIENT
from aide_de_camp_conformance.simulation.lanes import LANE, Lane
from aide_de_camp_conformance.simulation.world import World

_BEHAVIOURS: Final = (
    *("instant", "quick", "quick", "quick", "quick", "long", "raises", "raises", "snoozes"),
    *("cancels", "stubborn", "blocks", "schedules", "schedules", "heeds"),
)
_MOST_SNOOZES: Final = 4
_DEEPEST: Final = 2
_TO_ACT_ON: Final = 0.34
"""Lengths of a lease, beyond its own, in which a lost one is noticed: a look and its patience."""


@frozen
class Task:
    """A payload.

    Attributes:
        number: no two jobs have the same.
        depth: how many jobs led to it.
    """

    number: int
    depth: int = 0


class Failure(Exception):
    """What a handler raises that fails."""


class Jobs:
    """The handlers of every runner, and what is known of their attempts.

    Args:
        world: what they happen in.

    Attributes:
        router: the handlers.
        types: the job types.
        active: how many handlers run in each lane.
        begun: how many began in each lane.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self.active: Counter[int] = Counter()
        self.begun: Counter[int] = Counter()
        self.router = JobRouter()
        self.types: dict[str, JobType[Task]] = {}
        lease = timedelta(seconds=world.plan.lease)
        backoff = ExponentialBackoff(base=lease / 20, cap=lease)
        kinds: dict[str, dict[str, Any]] = {
            "plain": {"max_retries": 3},
            "once": {"max_retries": 0},
            "limited": {"max_retries": 2, "time_limit": lease * 0.6},
            PATIENT: {"max_retries": 2, "on_decode_error": "retry"},
        }
        for name, options in kinds.items():
            registered = self.router.job(name, backoff=backoff, **options)
            self.types[name] = registered(self._handle)

    async def _handle(self, task: Task, job: JobContext) -> object:
        lane = LANE.get(self._world.loop.root)
        chance = stream(self._world.seed, f"attempt {job.claims} at {task.number}")
        behaviour = chance.choice(_BEHAVIOURS)
        self.begins(job.id, job.fencing_token, lane, behaviour)
        self._count(lane)
        try:
            result = await self._behave(behaviour, task, job, chance)
        except BaseException as error:
            self._ends(job, lane, behaviour, type(error).__name__)
            raise
        self._ends(job, lane, behaviour, type(result).__name__)
        return result

    async def _behave(
        self, behaviour: str, task: Task, job: JobContext, chance: random.Random
    ) -> object:
        lease = self._world.plan.lease
        match behaviour:
            case "instant":
                return None
            case "long":
                await asyncio.sleep(lease * chance.uniform(0.2, 2.5))
            case "raises":
                await asyncio.sleep(lease * chance.uniform(0, 0.05))
                raise Failure
            case "snoozes" if job.claims < _MOST_SNOOZES:
                return Snooze(timedelta(seconds=lease * chance.uniform(0, 0.5)))
            case "cancels" if chance.random() < 0.5:
                return Cancel("it is no use")
            case "stubborn":
                await self._go_on(chance)
            case "blocks":
                await self._block(job, chance)
            case "schedules" if task.depth < _DEEPEST:
                await self._schedule(task, job, chance)
            case "heeds":
                await self._heed(job, chance)
            case _:
                await asyncio.sleep(lease * chance.uniform(0, 0.1))
        return None

    async def _go_on(self, chance: random.Random) -> None:
        """Don't heed the first cancellation."""
        lease = self._world.plan.lease
        try:
            await asyncio.sleep(lease * chance.uniform(0.1, 1.5))
        except asyncio.CancelledError:
            await asyncio.sleep(lease * chance.uniform(0, 0.4))

    async def _block(self, job: JobContext, chance: random.Random) -> None:
        """Block the loop in which it runs, as a computation does."""
        world = self._world
        if "blocks" in world.plan.trouble and world.network.rough:
            lane = LANE.get(world.loop.root)
            seconds = world.plan.lease * chance.uniform(0.1, 1.6)
            world.trace.add(lane.name, "blocks its loop", job.id, f"{seconds:.1f} s")
            world.loop.freeze(lane, seconds)
            await asyncio.sleep(0)

    async def _schedule(self, task: Task, job: JobContext, chance: random.Random) -> None:
        """Schedule another job; where that fails, so does this one."""
        await asyncio.sleep(self._world.plan.lease * chance.uniform(0, 0.02))
        child = new_job_id()
        await job.schedule(
            self.types["plain"],
            Task(task.number * 10 + job.claims + 1, task.depth + 1),
            priority=chance.randint(-2, 2),
            job_id=child,
        )
        self._world.books.acknowledged(child)

    async def _heed(self, job: JobContext, chance: random.Random) -> None:
        """Wait until its token fires, or for some time; then maybe stop as it says."""
        waiting = asyncio.ensure_future(job.token.wait())
        try:
            longest = self._world.plan.lease * chance.uniform(0.1, 1.5)
            await asyncio.wait((waiting,), timeout=longest)
        finally:
            waiting.cancel()
        if chance.random() < 0.5:
            job.token.raise_if_cancelled()

    def begins(self, job_id: UUID, token: int, lane: Lane, behaviour: str) -> None:
        """Judge that somebody begins an attempt, by a runner or by hand."""
        world = self._world
        world.trace.add(lane.name, "begins", job_id, token, behaviour)
        entry = world.ledger.entries.get(job_id)
        world.holds(entry is not None, "ENQ-1", "a job ran that was never stored", job_id)
        assert entry is not None
        world.holds(token not in entry.begun, "PRI-7", "one claim began twice", job_id)
        entry.begun.add(token)
        world.holds(token in entry.contact, "LEA-3", "it ran under no claim's token", job_id)
        world.holds(not entry.rotten, "DEC-1", "it ran though it can't be decoded", job_id)
        stale = world.loop.time() - entry.contact[token]
        frozen = lane.frozen_until >= entry.contact[token]
        world.holds(
            stale < world.plan.lease or frozen,
            "LEA-6",
            f"it began {stale:.1f} s after its lease was last known to hold",
            job_id,
        )
        if token not in entry.lost:
            world.holds(token not in entry.applied, "RET-5", "it began after it had ended", job_id)

    def _count(self, lane: Lane) -> None:
        self.active[lane.number] += 1
        self.begun[lane.number] += 1
        most = self._world.plan.concurrency
        self._world.holds(
            self.active[lane.number] <= most, "PRI-8", f"more than {most} handlers run at once"
        )

    def _ends(self, job: JobContext, lane: Lane, behaviour: str, how: str) -> None:
        world = self._world
        self.active[lane.number] -= 1
        world.trace.add(lane.name, "ends", job.id, job.fencing_token, how)
        entry = world.ledger.entries[job.id]
        lost = entry.lost.get(job.fencing_token)
        if lost is None or behaviour == "stubborn":
            return
        lease = world.plan.lease
        # Its process stood still, or the claim's answer was late: from then on it counts.
        known = max(lost, entry.contact[job.fencing_token] + lease, lane.frozen_until)
        ran_on = world.loop.time() - known
        world.holds(
            ran_on <= lease * _TO_ACT_ON + 2,
            "LEA-6",
            f"its handler went on for {ran_on:.1f} s after its lease was lost",
            job.id,
        )
