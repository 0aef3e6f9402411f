"""Faults between two steps that should be one, and in whose clock counts."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from attrs import evolve

from aide_de_camp.spi import (
    DeadStatus,
    Lease,
    LeaseResult,
    Requeue,
    Settlement,
)
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_conformance.mutants.mutant import broken_storage


@broken_storage("LEA-3.race")
class SettlesInTwoSteps(MemoryStorage):
    """A settlement looks whether its lease holds, and then applies to whoever runs the job."""

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """End attempts."""
        jobs = self.world.of(queue).by_id
        held = [each.id in jobs and jobs[each.id].token == each.token for each in settlements]
        await asyncio.sleep(0)
        return await super().settle(
            queue,
            [
                evolve(each, token=jobs[each.id].token) if holds else each
                for each, holds in zip(settlements, held, strict=True)
            ],
            now=now,
        )


@broken_storage("RET-4.race")
class RequeuesInTwoSteps(MemoryStorage):
    """A requeue looks whether the job is dead, and then answers by that."""

    async def requeue(
        self, queue: str, requests: Sequence[Requeue], *, now: int | None
    ) -> Sequence[DeadStatus]:
        """Schedule them again."""
        jobs = self.world.of(queue).by_id
        were_dead = [each.id in jobs and jobs[each.id].state == "dead" for each in requests]
        await asyncio.sleep(0)
        results = await super().requeue(queue, requests, now=now)
        return [
            DeadStatus.DONE if was_dead else result
            for was_dead, result in zip(were_dead, results, strict=True)
        ]


@broken_storage("LEA-1.clock")
class ExtendsByAnotherClock(MemoryStorage):
    """A heartbeat's lease counts from another clock than everything else."""

    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """Extend leases."""
        if now is None:
            now = time.clock_gettime_ns(time.CLOCK_REALTIME) // 1_000
        return await super().extend(queue, leases, lease, now=now)
