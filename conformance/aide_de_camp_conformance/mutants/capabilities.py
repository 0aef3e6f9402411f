"""Capabilities that are declared falsely, and calls that are half made before they are refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn
from uuid import UUID

from aide_de_camp.spi import (
    Capability,
    EnqueueResult,
    HoldStatus,
    JobRecord,
    NewJob,
)
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_conformance.mutants.mutant import broken_storage
from aide_de_camp_conformance.mutants.transactions import Transactional


class _Immovable(MemoryStorage):
    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it claims: not to move jobs."""
        return super().capabilities - {Capability.MOVE}

    async def hold(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """Refuse."""
        self._refuse()

    async def import_jobs(
        self, queue: str, records: Sequence[JobRecord]
    ) -> Sequence[EnqueueResult]:
        """Refuse."""
        self._refuse()

    async def unhold(
        self, queue: str, ids: Sequence[UUID], *, now: int | None
    ) -> Sequence[HoldStatus]:
        """Refuse."""
        self._refuse()

    async def discard(self, queue: str, ids: Sequence[UUID]) -> Sequence[HoldStatus]:
        """Refuse."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise self._cannot_move()


@broken_storage("TXN-1.refused")
class StoresThenRefuses(MemoryStorage):
    """Scheduling in a transaction is refused once the jobs are stored outside of it."""

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store them, and refuse."""
        await self.enqueue(queue, jobs, now=now)
        return await super().enqueue_in(transaction, queue, jobs, now=now)


@broken_storage("MOV-1.refused")
class HoldsThenRefuses(_Immovable):
    """Moving isn't declared, and holding is refused once the jobs are held."""

    async def hold(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """Hold them, and refuse."""
        await MemoryStorage.hold(self, queue, ids)
        self._refuse()


@broken_storage("MOV-1.refused")
class ImportsThenRefuses(_Immovable):
    """Moving isn't declared, and importing is refused once the jobs are stored."""

    async def import_jobs(
        self, queue: str, records: Sequence[JobRecord]
    ) -> Sequence[EnqueueResult]:
        """Store them, and refuse."""
        await MemoryStorage.import_jobs(self, queue, records)
        self._refuse()


@broken_storage("MOV-1.refused")
class UnholdsUndeclared(_Immovable):
    """Moving isn't declared, and putting back is answered all the same."""

    async def unhold(
        self, queue: str, ids: Sequence[UUID], *, now: int | None
    ) -> Sequence[HoldStatus]:
        """Put them back."""
        return await MemoryStorage.unhold(self, queue, ids, now=now)


@broken_storage("MOV-1.refused")
class RemovesThenRefuses(_Immovable):
    """Moving isn't declared, and discarding is refused once the jobs are gone."""

    async def discard(self, queue: str, ids: Sequence[UUID]) -> Sequence[HoldStatus]:
        """Remove them, and refuse."""
        for job_id in ids:
            job = self.world.of(queue).by_id.pop(job_id, None)
            if job is not None:
                self.world.of(queue).waiting.remove(job.job_type, job.place)
        self._refuse()


@broken_storage(
    "MOV-1.back",
    "MOV-1.held",
    "MOV-1.others",
    "MOV-2.imported",
    "MOV-3.at_once",
    "MOV-3.conflict",
    "MOV-3.itself",
    "MOV-3.killed",
    "MOV-3.moved",
    "MOV-3.third",
)
class DeclaresToMove(_Immovable):
    """Moving is declared, and refused."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What it claims."""
        return super().capabilities | {Capability.MOVE}


@broken_storage(
    "TXN-1.commit",
    "TXN-1.foreign",
    "TXN-1.repeat",
    "TXN-1.rollback",
    "TXN-1.runs",
    "TXN-1.savepoint",
)
class DeclaresToJoin(Transactional):
    """Joining the user's transactions is declared, and refused."""

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Refuse."""
        return await MemoryStorage.enqueue_in(self, transaction, queue, jobs, now=now)
