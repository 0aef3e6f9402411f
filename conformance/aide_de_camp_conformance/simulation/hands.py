"""Driving a job by hand: poll_next, and the handle's final calls."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from aide_de_camp import JobHandle, LeaseLost, Queue
from aide_de_camp.spi import SettleKind
from aide_de_camp_conformance.simulation.entry import PATIENT
from aide_de_camp_conformance.simulation.jobs import Failure, Jobs
from aide_de_camp_conformance.simulation.lanes import LANE
from aide_de_camp_conformance.simulation.world import World

Told = Callable[[list[UUID], Callable[[], Awaitable[object]]], Awaitable[bool]]


async def by_hand(
    world: World, jobs: Jobs, chance: random.Random, queue: Queue, told: Told
) -> None:
    """Claim a job, work at it for a while, and end it in one of the ways there are."""
    lease = world.plan.lease
    handle: JobHandle[Any] | None = None

    async def poll() -> None:
        nonlocal handle
        types = [jobs.types[name] for name in ("plain", PATIENT)]
        handle = await queue.poll_next(types, lease=timedelta(seconds=lease))

    await told([], poll)
    if handle is None:
        return
    held: JobHandle[Any] = handle
    limit = world.ledger.entries[held.id].limit
    jobs.begins(held.id, held.token, LANE.get(world.loop.root), "by hand")
    await asyncio.sleep(lease * chance.choice((0.0, 0.1, 0.9, 1.4)))
    if chance.random() < 0.3:
        await told([], lambda: _extend(world, held))
    kind, end = _end(chance, held, lease, limit)

    async def call() -> None:
        try:
            await end()
        except LeaseLost:
            world.books.settled(held.id, held.token, None)
        else:
            world.books.settled(held.id, held.token, kind)

    await told([held.id], call)


async def _extend(world: World, handle: JobHandle[Any]) -> None:
    try:
        await handle.extend()
    except LeaseLost:
        entry = world.ledger.entries[handle.id]
        lost = entry.token != handle.token
        world.holds(lost, "LEA-3", "told that its lease was lost, and it wasn't", handle.id)


def _end(
    chance: random.Random, handle: JobHandle[Any], lease: float, limit: int
) -> tuple[SettleKind, Callable[[], Awaitable[None]]]:
    delay = timedelta(seconds=lease * chance.uniform(0, 0.3))
    match chance.randint(0, 5):
        case 0:
            return SettleKind.SNOOZED, lambda: handle.snooze(delay)
        case 1:
            return SettleKind.RELEASED, handle.release
        case 2:
            return SettleKind.CANCELLED, lambda: handle.cancel("by hand")
        case 3:
            return SettleKind.DEAD, lambda: handle.dead_queue(Failure(), reason="by hand")
        case 4:
            # The core decides which of the two a failure is; the books have said if it may.
            last = handle.retries >= limit
            kind = SettleKind.DEAD if last else SettleKind.RETRY
            return kind, lambda: handle.fail(Failure(), delay=delay)
        case _:
            return SettleKind.COMPLETED, handle.complete
