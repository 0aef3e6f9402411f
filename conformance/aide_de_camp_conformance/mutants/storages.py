"""Faults in a storage as a whole: its end, its waits, what it declares."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from aide_de_camp.spi import (
    Capability,
    CountFilter,
    CountRow,
    EnqueueResult,
    JobRecord,
    LeaseResult,
    NewJob,
    Settlement,
    StorageUnavailable,
    Wake,
)
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_conformance.mutants.mutant import broken_storage


@broken_storage("ERR-1.own")
class RaisesItsDriversError(MemoryStorage):
    """A closed storage raises what its driver does."""

    closed = False

    async def close(self) -> None:
        """Close it."""
        self.closed = True

    async def count(self, queue: str, where: CountFilter) -> Sequence[CountRow]:
        """Count jobs."""
        if self.closed:
            raise ConnectionError("no connection")
        return await super().count(queue, where)


@broken_storage("LIV-3.closed")
class ClosesOnce(MemoryStorage):
    """A storage can't be closed twice."""

    closed = False

    async def close(self) -> None:
        """Close it."""
        if self.closed:
            raise ConnectionError("closed already")
        self.closed = True


@broken_storage("ERR-1.empty", "MOV-3.moved")
class RefusesNothing(MemoryStorage):
    """A call about nothing is refused."""

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store them."""
        if not jobs:
            raise IndexError
        return await super().enqueue(queue, jobs, now=now)


@broken_storage("ERR-1.empty", "MOV-3.killed", "MOV-3.third", "RET-4.race")
class SkipsUnknownIds(MemoryStorage):
    """Reading leaves out the ids that aren't there."""

    async def get(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """Read jobs."""
        records = await super().get(queue, ids)
        return [each for each in records if each is not None] if len(ids) > 1 else records


@broken_storage("ERR-1.cancelled")
class SwallowsCancellation(MemoryStorage):
    """Being cancelled is taken for a failed call."""

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store them."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            raise ConnectionError("cancelled") from error
        return await super().enqueue(queue, jobs, now=now)


@broken_storage("ERR-1.cancelled")
class TakesCancellationForAnOutage(MemoryStorage):
    """Who is cancelled while an attempt's end is stored is told that the storage is away."""

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """End them."""
        results = await super().settle(queue, settlements, now=now)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            raise StorageUnavailable("the call was broken off", outcome_unknown=True) from error
        return results


@broken_storage("ERR-1.stops")
class WaitsRegardless(MemoryStorage):
    """A wait that is cancelled ends as if its time were up."""

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """Wait."""
        try:
            return await super().wait(queue, ticket, timeout)
        except asyncio.CancelledError:
            return Wake.TIMEOUT


@broken_storage("TXN-1.refused")
class TakesTransactions(MemoryStorage):
    """A transaction that can't be joined is ignored."""

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store them, outside."""
        return await self.enqueue(queue, jobs, now=now)


@broken_storage("MOV-1.refused", "WAK-1.earlier", "WAK-1.now", "WAK-1.wait")
class ClaimsToWake(MemoryStorage):
    """Wake-ups are declared, and there are none."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it claims."""
        return frozenset({Capability.WAKE_UP})

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """Wait."""
        await asyncio.sleep(timeout)
        return Wake.TIMEOUT


@broken_storage("WAK-1.wait")
class MissesWhatCame(MemoryStorage):
    """A wait doesn't see what came between its ticket and its beginning."""

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """Wait."""
        return await super().wait(queue, self.ticket(queue), timeout)


@broken_storage("DUR-1.scheduled", "LEA-4.kill", "SHR-1.shared", "WAK-1.process")
class ClaimsToBeShared(MemoryStorage):
    """Memory that no other process sees is declared to be shared, and to survive."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it claims."""
        return super().capabilities | {Capability.SHARED, Capability.SURVIVES_KILL}
