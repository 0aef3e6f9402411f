"""Backends that do as good as nothing, and must reach no level."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeVar

from aide_de_camp.spi import (
    ClaimRequest,
    ClaimResult,
    EnqueueResult,
    NewJob,
    Storage,
)
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_backends.memory.world import World
from aide_de_camp_conformance.faults import Outage, Passing
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.mutants.mutant import Mutant, on_world

T = TypeVar("T")


class AcceptsAndForgets(MemoryStorage):
    """Says that it stored what it didn't."""

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store nothing."""
        return [EnqueueResult.STORED] * len(jobs)


class AlwaysEmpty(MemoryStorage):
    """Stores everything, and never hands anything out."""

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """Claim nothing."""
        return ClaimResult((), 0 if now is None else now)


class ClaimsTwice(MemoryStorage):
    """Hands every job out twice."""

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """Claim, and give back."""
        result = await super().claim(queue, request, now=now)
        jobs = self.world.of(queue)
        for each in result.jobs:
            job = jobs.by_id[each.id]
            if job.claims < 2:
                jobs.waiting.add(job.job_type, job.place)
        return result


class _Hangs(Passing):
    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        if verb != "open":
            await asyncio.Event().wait()
        return await call()


def _always_hangs(world: World) -> Storage:
    return _Hangs(MemoryStorage(world))


def _always_raises(world: World) -> Storage:
    outage = Outage({"enqueue", "claim", "settle", "get", "list", "count", "cancel"}, on=True)
    return outage.around(MemoryStorage(world))


def _harness(storage: Callable[[World], Storage]) -> Harness:
    return Mutant("null", "null", frozenset(), lambda: on_world(World(), storage)).harness()


NULLS: Final = {
    "accepts and forgets": _harness(AcceptsAndForgets),
    "always empty": _harness(AlwaysEmpty),
    "claims everything twice": _harness(ClaimsTwice),
    "always raises": _harness(_always_raises),
    "hangs": _harness(_always_hangs),
}
"""Harnesses by what they do."""
