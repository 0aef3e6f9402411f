"""Defaults for what of the storage contract can be built from the rest.

A first backend writes ``open``, ``close``, ``enqueue``, ``claim``, ``extend``, ``settle``,
``cancel``, ``get``, ``list``, ``count``, ``queues``, ``requeue``, ``delete``, ``reap`` and
``prune``; what each must do :class:`~aide_de_camp.spi.storage.Storage` says.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from uuid import UUID

from aide_de_camp.spi.capability import Capability
from aide_de_camp.spi.errors import CapabilityNotSupported
from aide_de_camp.spi.records import (
    Cancellation,
    CancelResult,
    ClaimRequest,
    ClaimResult,
    CountFilter,
    CountRow,
    DeadStatus,
    EnqueueResult,
    HoldStatus,
    JobFilter,
    JobRecord,
    Lease,
    LeaseResult,
    NewJob,
    ReapedJob,
    RecordPage,
    Requeue,
    Settlement,
    Wake,
)


class StorageBase(ABC):
    """Defaults for a backend: override what the storage does better."""

    @abstractmethod
    async def open(self) -> None:
        """See :meth:`Storage.open`."""

    @abstractmethod
    async def close(self) -> None:
        """See :meth:`Storage.close`."""

    async def migrate(self) -> tuple[int, int]:
        """See :meth:`Storage.migrate`: by default there is no schema."""
        return (0, 0)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See :attr:`Storage.capabilities`: by default nothing is declared."""
        return frozenset()

    @property
    def server(self) -> str:
        """See :attr:`Storage.server`."""
        return type(self).__name__

    @abstractmethod
    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue`."""

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue_in`: by default refused."""
        raise CapabilityNotSupported(
            f"{self.server} can't schedule within your transaction (capability TXN-1): "
            "schedule after the commit instead"
        )

    @abstractmethod
    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """See :meth:`Storage.claim`."""

    @abstractmethod
    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.extend`."""

    @abstractmethod
    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.settle`."""

    @abstractmethod
    async def cancel(
        self, queue: str, cancellations: Sequence[Cancellation], *, now: int | None
    ) -> Sequence[CancelResult]:
        """See :meth:`Storage.cancel`."""

    @abstractmethod
    async def get(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.get`."""

    @abstractmethod
    async def list(
        self,
        queue: str,
        where: JobFilter,
        *,
        limit: int,
        after: UUID | None = None,
        newest_first: bool = False,
    ) -> RecordPage:
        """See :meth:`Storage.list`."""

    @abstractmethod
    async def count(self, queue: str, where: CountFilter) -> Sequence[CountRow]:
        """See :meth:`Storage.count`."""

    @abstractmethod
    async def queues(self) -> Sequence[str]:
        """See :meth:`Storage.queues`."""

    @abstractmethod
    async def requeue(
        self, queue: str, requests: Sequence[Requeue], *, now: int | None
    ) -> Sequence[DeadStatus]:
        """See :meth:`Storage.requeue`."""

    @abstractmethod
    async def delete(self, queue: str, ids: Sequence[UUID]) -> Sequence[DeadStatus]:
        """See :meth:`Storage.delete`."""

    @abstractmethod
    async def reap(self, queue: str, limit: int, *, now: int | None) -> Sequence[ReapedJob]:
        """See :meth:`Storage.reap`."""

    @abstractmethod
    async def prune(self, queue: str, keep: int, limit: int, *, now: int | None) -> int:
        """See :meth:`Storage.prune`."""

    async def hold(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.hold`: by default refused, as the next three are."""
        raise self._cannot_move()

    async def import_jobs(
        self, queue: str, records: Sequence[JobRecord]
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.import_jobs`."""
        raise self._cannot_move()

    async def unhold(
        self, queue: str, ids: Sequence[UUID], *, now: int | None
    ) -> Sequence[HoldStatus]:
        """See :meth:`Storage.unhold`."""
        raise self._cannot_move()

    async def discard(self, queue: str, ids: Sequence[UUID]) -> Sequence[HoldStatus]:
        """See :meth:`Storage.discard`."""
        raise self._cannot_move()

    def _cannot_move(self) -> CapabilityNotSupported:
        return CapabilityNotSupported(
            f"{self.server} can't hold or import jobs (capability MOV-1): nothing was moved; let "
            "its jobs run out instead"
        )

    def ticket(self, queue: str) -> int:
        """See :meth:`Storage.ticket`: by default there are no wake-ups."""
        return 0

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """See :meth:`Storage.wait`: by default a plain sleep, so that the runner polls."""
        await asyncio.sleep(timeout)
        return Wake.TIMEOUT
