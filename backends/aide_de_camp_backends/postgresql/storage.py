"""The PostgreSQL storage: the verbs of the SPI, over a pool of connections."""

from __future__ import annotations

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
from aide_de_camp_backends.postgresql import changing, claiming, moving, settling
from aide_de_camp_backends.postgresql.counting import counts
from aide_de_camp_backends.postgresql.database import Database
from aide_de_camp_backends.postgresql.holders import HolderWatch
from aide_de_camp_backends.postgresql.leases import extend, take_back
from aide_de_camp_backends.postgresql.options import Options
from aide_de_camp_backends.postgresql.wakeups import WakeUps

if TYPE_CHECKING:
    from aide_de_camp_backends.postgresql.reading import Reader
    from aide_de_camp_backends.postgresql.transactional import Transactional


class PostgresStorage(StorageBase):
    """Jobs in one PostgreSQL database. One instance belongs to one event loop."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._opened: Database | None = None
        self._wakeups: WakeUps | None = None
        self._joining: Transactional | None = None
        self._reading: Reader | None = None
        self._holders = HolderWatch()
        self._known: tuple[frozenset[Capability], str] = (frozenset(), "PostgreSQL")

    # --- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """See :meth:`Storage.open`; harmless when repeated."""
        if self._opened is not None:
            return
        wakeups = WakeUps(self._options)
        database = Database(self._options, wakeups.changed)
        try:
            await database.open()
            listens = await wakeups.begin(database)
        except BaseException:
            # Who gives up opening must leave no connection behind.
            await database.close()
            raise
        server = database.server
        self._known = (server.capabilities(listens=listens), server.text)
        self._opened, self._wakeups = database, wakeups

    async def close(self) -> None:
        """See :meth:`Storage.close`."""
        database, self._opened = self._opened, None
        wakeups, self._wakeups = self._wakeups, None
        self._joining = self._reading = None
        if database is not None and database.inherited:
            return
        if database is not None:
            database.refuse()
        if wakeups is not None:
            wakeups.rouse()
        if database is not None:
            # First, because what ends now is told too.
            await database.drain()
        if wakeups is not None:
            await wakeups.close()
        if database is not None:
            await database.close()

    async def migrate(self) -> tuple[int, int]:
        """See :meth:`Storage.migrate`."""
        database = Database(self._options, lambda _: None)
        try:
            return await database.open(migrate=True)
        finally:
            await database.close()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See :attr:`Storage.capabilities`: what holds with the settings found."""
        return self._known[0]

    @property
    def server(self) -> str:
        """See :attr:`Storage.server`."""
        return self._known[1]

    # --- changes ------------------------------------------------------------------------------

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue`."""
        verb = partial(changing.enqueue, queue=queue, jobs=jobs, given=now)
        return await self._database().run(verb, job_ids=[job.id for job in jobs])

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue_in`.

        Takes SQLAlchemy's AsyncSession, AsyncConnection, Session and Connection, whatever their
        driver, and asyncpg's own connection within a transaction.

        Raises:
            InvalidArgument: it is none of these, on another database, or in no transaction.
            StorageError: the database refused.
        """
        database = self._database()
        database.check()
        if self._joining is None:
            # SQLAlchemy takes a while to import; only who joins a transaction needs it here.
            from aide_de_camp_backends.postgresql.transactional import (  # noqa: PLC0415
                Transactional,
            )

            self._joining = Transactional(database, self._committed)
        return await self._joining.enqueue(transaction, queue, jobs, now)

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """See :meth:`Storage.claim`."""
        verb = partial(claiming.claim, queue=queue, request=request, given=now)
        return await self._database().run(verb)

    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.extend`."""
        verb = partial(extend, queue=queue, leases=leases, length=lease, given=now)
        return await self._database().run(verb, job_ids=[held.id for held in leases])

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.settle`."""
        verb = partial(settling.settle, queue=queue, settlements=settlements, given=now)
        return await self._database().run(verb, job_ids=[each.id for each in settlements])

    async def cancel(
        self, queue: str, cancellations: Sequence[Cancellation], *, now: int | None
    ) -> Sequence[CancelResult]:
        """See :meth:`Storage.cancel`."""
        verb = partial(changing.cancel, queue=queue, cancellations=cancellations, given=now)
        return await self._database().run(verb, job_ids=[each.id for each in cancellations])

    async def requeue(
        self, queue: str, requests: Sequence[Requeue], *, now: int | None
    ) -> Sequence[DeadStatus]:
        """See :meth:`Storage.requeue`."""
        verb = partial(changing.requeue, queue=queue, requests=requests, given=now)
        return await self._database().run(verb, job_ids=[each.id for each in requests])

    async def delete(self, queue: str, ids: Sequence[UUID]) -> Sequence[DeadStatus]:
        """See :meth:`Storage.delete`."""
        verb = partial(changing.delete, queue=queue, ids=ids)
        return await self._database().run(verb, job_ids=ids)

    async def reap(self, queue: str, limit: int, *, now: int | None) -> Sequence[ReapedJob]:
        """See :meth:`Storage.reap`."""
        verb = partial(take_back, queue=queue, limit=limit, given=now)
        return await self._database().run(verb)

    async def prune(self, queue: str, keep: int, limit: int, *, now: int | None) -> int:
        """See :meth:`Storage.prune`."""
        verb = partial(changing.prune, queue=queue, keep=keep, limit=limit, given=now)
        database = self._database()
        removed = await database.run(verb)
        # Every runner prunes once in a while: often enough to see what holds all of them up.
        await self._holders.look(database)
        return removed

    # --- looking ------------------------------------------------------------------------------

    async def get(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.get`."""
        verb = partial(changing.get, queue=queue, ids=ids)
        return await self._database().run(verb, job_ids=ids, writes=False)

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
        return await counts(self._database(), queue, where)

    async def queues(self) -> Sequence[str]:
        """See :meth:`Storage.queues`."""
        return await self._reader().queues()

    # --- moving -------------------------------------------------------------------------------

    async def hold(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.hold`."""
        verb = partial(moving.hold, queue=queue, ids=ids)
        return await self._database().run(verb, job_ids=ids)

    async def import_jobs(
        self, queue: str, records: Sequence[JobRecord]
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.import_jobs`."""
        verb = partial(moving.import_jobs, queue=queue, records=records)
        return await self._database().run(verb, job_ids=[each.id for each in records])

    async def unhold(
        self, queue: str, ids: Sequence[UUID], *, now: int | None
    ) -> Sequence[HoldStatus]:
        """See :meth:`Storage.unhold`."""
        verb = partial(moving.unhold, queue=queue, ids=ids, given=now)
        return await self._database().run(verb, job_ids=ids)

    async def discard(self, queue: str, ids: Sequence[UUID]) -> Sequence[HoldStatus]:
        """See :meth:`Storage.discard`."""
        verb = partial(moving.discard, queue=queue, ids=ids)
        return await self._database().run(verb, job_ids=ids)

    # --- waking -------------------------------------------------------------------------------

    def ticket(self, queue: str) -> int:
        """See :meth:`Storage.ticket`."""
        self._database().check()
        return 0 if self._wakeups is None else self._wakeups.ticket(queue)

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """See :meth:`Storage.wait`."""
        self._database().check()
        if self._wakeups is None:
            return Wake.WORK
        return await self._wakeups.wait(queue, ticket, timeout)

    def _committed(self, queues: set[str]) -> None:
        if self._wakeups is not None:
            self._wakeups.changed(queues)

    def _database(self) -> Database:
        if self._opened is None:
            raise QueueClosed("the storage isn't open: open the queue first")
        return self._opened

    def _reader(self) -> Reader:
        database = self._database()
        if self._reading is None:
            # SQLAlchemy takes a while to import, and producers and runners don't need it.
            from aide_de_camp_backends.postgresql.reading import Reader  # noqa: PLC0415

            self._reading = Reader(database)
        return self._reading
