"""Faults in joining the user's transactions, each on a memory backend that does join some."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from aide_de_camp.spi import (
    Capability,
    EnqueueResult,
    InvalidArgument,
    NewJob,
)
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_conformance.mutants.mutant import broken_storage
from aide_de_camp_conformance.transactions import OwnTransaction


@define(eq=False)
class MemoryTransaction(OwnTransaction):
    """What is stored in it waits in a list until it commits."""

    storage: Transactional
    staged: list[tuple[str, NewJob, int | None]] = field(
        factory=list[tuple[str, NewJob, int | None]]
    )
    mark: int = 0

    @property
    def handle(self) -> object:  # type: ignore[override]  # it is read only
        """Itself."""
        return self

    async def commit(self) -> None:
        """Store what was staged."""
        staged, self.staged = self.staged, []
        for queue, job, now in staged:
            await self.storage.enqueue(queue, [job], now=now)

    async def rollback(self) -> None:
        """Forget it."""
        self.staged.clear()

    async def savepoint(self) -> None:
        """Remember how much there is."""
        self.mark = len(self.staged)

    async def rollback_to_savepoint(self) -> None:
        """Forget what came since."""
        del self.staged[self.mark :]


class Transactional(MemoryStorage):
    """The memory backend, with transactions that it can join."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """As memory, and TXN-1."""
        return super().capabilities | {Capability.TRANSACTIONAL_ENQUEUE}

    def begin(self) -> OwnTransaction:
        """Begin a transaction."""
        return MemoryTransaction(self)

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Stage them."""
        if not isinstance(transaction, MemoryTransaction):
            raise InvalidArgument("transaction", "is none of ours")
        return [self._stage(transaction, queue, job, now) for job in jobs]

    def _stage(
        self, transaction: MemoryTransaction, queue: str, job: NewJob, now: int | None
    ) -> EnqueueResult:
        staged = {each.id for _, each, _ in transaction.staged}
        if job.id in staged or job.id in self.world.of(queue).by_id:
            return EnqueueResult.EXISTS
        transaction.staged.append((queue, job, now))
        return EnqueueResult.STORED


@broken_storage("TXN-1.commit", "TXN-1.rollback", "TXN-1.savepoint")
class StoresAtOnce(Transactional):
    """What is scheduled in a transaction is stored outside it."""

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store them."""
        await super().enqueue_in(transaction, queue, [], now=now)
        return await self.enqueue(queue, jobs, now=now)


class _Forgetful(MemoryTransaction):
    async def rollback_to_savepoint(self) -> None:
        """Roll back to the beginning."""
        await self.rollback()


@broken_storage("TXN-1.savepoint")
class ForgetsSavepoints(Transactional):
    """Rolling back to a savepoint loses what was scheduled before it."""

    def begin(self) -> OwnTransaction:
        """Begin a transaction."""
        return _Forgetful(self)


class _Lossy(MemoryTransaction):
    async def commit(self) -> None:
        """Forget it."""
        await self.rollback()


@broken_storage("TXN-1.commit", "TXN-1.repeat", "TXN-1.runs", "TXN-1.savepoint")
class LosesWhatCommitted(Transactional):
    """What was scheduled in a transaction is gone after its commit."""

    def begin(self) -> OwnTransaction:
        """Begin a transaction."""
        return _Lossy(self)


@broken_storage("TXN-1.foreign")
class JoinsAnything(Transactional):
    """What is no transaction is taken for one, and the jobs are stored outside."""

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store them somewhere."""
        if isinstance(transaction, MemoryTransaction):
            return await super().enqueue_in(transaction, queue, jobs, now=now)
        return await self.enqueue(queue, jobs, now=now)


@broken_storage("TXN-1.repeat")
class AlwaysSaysStored(Transactional):
    """Scheduling an id again in a transaction is told as if it had been stored."""

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Stage them."""
        await super().enqueue_in(transaction, queue, jobs, now=now)
        return [EnqueueResult.STORED] * len(jobs)
