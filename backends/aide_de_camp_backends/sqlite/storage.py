"""The SQLite storage: the verbs of the SPI, over one writer and short-lived readers."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING
from uuid import UUID

from aide_de_camp.spi import (
    Cancellation,
    CancelResult,
    Capability,
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
    QueueClosed,
    ReapedJob,
    RecordPage,
    Requeue,
    Settlement,
    StorageBase,
    Wake,
)
from aide_de_camp_backends._sql.waking import Waking
from aide_de_camp_backends.sqlite import changing, claiming, moving, settling
from aide_de_camp_backends.sqlite.apart import Apart
from aide_de_camp_backends.sqlite.counting import counts
from aide_de_camp_backends.sqlite.files import migrate_file
from aide_de_camp_backends.sqlite.leases import extend, reap
from aide_de_camp_backends.sqlite.options import Options
from aide_de_camp_backends.sqlite.writer import Writer

if TYPE_CHECKING:
    from aide_de_camp_backends.sqlite.reading import Reader

_ALWAYS = frozenset(
    {
        Capability.TRANSACTIONAL_ENQUEUE,
        Capability.WAKE_UP,
        Capability.SHARED,
        Capability.MOVE,
        Capability.SURVIVES_KILL,
    }
)


class SqliteStorage(StorageBase):
    """Jobs in one SQLite file. One instance belongs to one event loop."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._opened: Writer | None = None
        self._reading: Reader | None = None
        self._apart = Apart()
        self._waking = Waking(self._watch, self._rest)

    # --- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """See :meth:`Storage.open`; harmless when repeated."""
        if self._opened is not None:
            return
        writer = Writer(self._options, asyncio.get_running_loop(), self._waking.woken)
        await writer.open()
        self._opened = writer

    async def close(self) -> None:
        """See :meth:`Storage.close`."""
        writer, self._opened = self._opened, None
        reader, self._reading = self._reading, None
        if writer is None:
            return
        # Whoever still waits finds out by the next call that the storage is closed.
        self._waking.woken(None)
        try:
            await self._apart.close()
            if reader is not None:
                await reader.close()
        finally:
            await writer.close()

    async def migrate(self) -> tuple[int, int]:
        """See :meth:`Storage.migrate`."""
        return await asyncio.to_thread(migrate_file, self._options)

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See :attr:`Storage.capabilities`: what holds with the settings chosen."""
        return _ALWAYS | {Capability.SURVIVES_POWER_LOSS} if self._options.full else _ALWAYS

    @property
    def server(self) -> str:
        """See :attr:`Storage.server`."""
        mode = "FULL" if self._options.full else "NORMAL"
        return f"SQLite {sqlite3.sqlite_version}, WAL, synchronous={mode}"

    # --- changes ------------------------------------------------------------------------------

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue`."""
        verb = partial(changing.enqueue, queue=queue, jobs=jobs, given=now)
        return await self._writer().submit(verb, job_ids=[job.id for job in jobs])

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue_in`.

        Takes SQLAlchemy's AsyncSession, AsyncConnection, Session and Connection on the same file.

        Raises:
            InvalidArgument: it is none of these, on another file, or commits by itself.
            StorageUnavailable: somebody else holds the write lock for too long.
            StorageError: the database refused.
        """
        writer = self._writer()
        writer.check_process()
        # As for the reader.
        from aide_de_camp_backends.sqlite import transactional  # noqa: PLC0415

        present = transactional.Present(self._options, writer.latest, now)
        return await transactional.enqueue_in(present, transaction, queue, jobs)

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """See :meth:`Storage.claim`."""
        verb = partial(claiming.claim, queue=queue, request=request, given=now)
        return await self._writer().submit(verb)

    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.extend`."""
        verb = partial(extend, queue=queue, leases=leases, length=lease, given=now)
        return await self._writer().submit(verb, job_ids=[held.id for held in leases])

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.settle`."""
        verb = partial(settling.settle, queue=queue, settlements=settlements, given=now)
        return await self._writer().submit(verb, job_ids=[each.id for each in settlements])

    async def cancel(
        self, queue: str, cancellations: Sequence[Cancellation], *, now: int | None
    ) -> Sequence[CancelResult]:
        """See :meth:`Storage.cancel`."""
        verb = partial(changing.cancel, queue=queue, cancellations=cancellations, given=now)
        return await self._writer().submit(verb, job_ids=[each.id for each in cancellations])

    async def requeue(
        self, queue: str, requests: Sequence[Requeue], *, now: int | None
    ) -> Sequence[DeadStatus]:
        """See :meth:`Storage.requeue`."""
        verb = partial(changing.requeue, queue=queue, requests=requests, given=now)
        return await self._writer().submit(verb, job_ids=[each.id for each in requests])

    async def delete(self, queue: str, ids: Sequence[UUID]) -> Sequence[DeadStatus]:
        """See :meth:`Storage.delete`."""
        verb = partial(changing.delete, queue=queue, ids=ids)
        return await self._writer().submit(verb, job_ids=ids)

    async def reap(self, queue: str, limit: int, *, now: int | None) -> Sequence[ReapedJob]:
        """See :meth:`Storage.reap`."""
        verb = partial(reap, queue=queue, limit=limit, given=now)
        return await self._writer().submit(verb)

    async def prune(self, queue: str, keep: int, limit: int, *, now: int | None) -> int:
        """See :meth:`Storage.prune`."""
        verb = partial(changing.prune, queue=queue, keep=keep, limit=limit, given=now)
        return await self._writer().submit(verb)

    # --- looking ------------------------------------------------------------------------------

    async def get(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.get`."""
        verb = partial(changing.get, queue=queue, ids=ids)
        return await self._writer().submit(verb, job_ids=ids, writes=False)

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
        return await self._reader().page(queue, where, limit, after, newest_first=newest_first)

    async def count(self, queue: str, where: CountFilter) -> Sequence[CountRow]:
        """See :meth:`Storage.count`."""
        self._writer().check_process()
        return await self._apart.run(counts(self._options, queue, where))

    async def queues(self) -> Sequence[str]:
        """See :meth:`Storage.queues`."""
        return await self._reader().queues()

    # --- moving -------------------------------------------------------------------------------

    async def hold(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.hold`."""
        return await self._writer().submit(partial(moving.hold, queue=queue, ids=ids), job_ids=ids)

    async def import_jobs(
        self, queue: str, records: Sequence[JobRecord]
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.import_jobs`."""
        verb = partial(moving.import_jobs, queue=queue, records=records)
        return await self._writer().submit(verb, job_ids=[each.id for each in records])

    async def unhold(
        self, queue: str, ids: Sequence[UUID], *, now: int | None
    ) -> Sequence[HoldStatus]:
        """See :meth:`Storage.unhold`."""
        verb = partial(moving.unhold, queue=queue, ids=ids, given=now)
        return await self._writer().submit(verb, job_ids=ids)

    async def discard(self, queue: str, ids: Sequence[UUID]) -> Sequence[HoldStatus]:
        """See :meth:`Storage.discard`."""
        verb = partial(moving.discard, queue=queue, ids=ids)
        return await self._writer().submit(verb, job_ids=ids)

    # --- waking -------------------------------------------------------------------------------

    def ticket(self, queue: str) -> int:
        """See :meth:`Storage.ticket`."""
        return self._waking.ticket(queue)

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """See :meth:`Storage.wait`."""
        self._writer().check_process()
        return await self._waking.wait(queue, ticket, timeout)

    def _watch(self) -> None:
        if self._opened is not None:
            self._opened.watch()

    def _rest(self) -> None:
        if self._opened is not None:
            self._opened.rest()

    def _writer(self) -> Writer:
        if self._opened is None:
            raise QueueClosed("the storage isn't open: open the queue first")
        return self._opened

    def _reader(self) -> Reader:
        self._writer().check_process()
        if self._reading is None:
            # SQLAlchemy takes a while to import, and producers and runners don't need it.
            from aide_de_camp_backends.sqlite.reading import Reader  # noqa: PLC0415

            self._reading = Reader(self._options, self._apart)
        return self._reading
