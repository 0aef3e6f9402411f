"""The storage: the verbs of the SPI, each one a transaction.

``StorageBase`` has defaults for all that isn't here: scheduling in the user's transaction (TXN-1)
and moving (MOV-1) are refused, and ``wait`` sleeps, so that runners poll.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from uuid import UUID

from adc_mariadb import changing, claiming, enqueuing, looking, settling
from adc_mariadb.call import Call
from adc_mariadb.database import Database
from adc_mariadb.leases import extend, take_back
from adc_mariadb.options import Options
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
)


class MariadbStorage(StorageBase):
    """Jobs in one MariaDB or MySQL database. One instance belongs to one event loop."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._opened: Database | None = None
        self._known: tuple[frozenset[Capability], str] = (frozenset(), "MariaDB")

    # --- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """See :meth:`Storage.open`; harmless when repeated."""
        if self._opened is not None:
            return
        database = Database(self._options)
        try:
            await database.open(migrate=self._options.migrate)
        except BaseException:
            # Who gives up opening must leave no connection behind.
            await database.close()
            raise
        self._known = (database.server.capabilities, database.server.text)
        self._opened = database

    async def close(self) -> None:
        """See :meth:`Storage.close`."""
        database, self._opened = self._opened, None
        if database is not None:
            await database.close()

    async def migrate(self) -> tuple[int, int]:
        """See :meth:`Storage.migrate`."""
        database = Database(self._options)
        try:
            return await database.open(migrate=True)
        finally:
            await database.close()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """See :attr:`Storage.capabilities`: what holds with the server's settings."""
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
        if not jobs:
            return []
        verb = partial(enqueuing.enqueue, queue=queue, jobs=jobs, given=now)
        return await self._database().run(verb, job_ids=[job.id for job in jobs])

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """See :meth:`Storage.claim`."""
        verb = partial(claiming.claim, queue=queue, request=request, given=now)
        return await self._database().run(verb)

    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.extend`."""
        verb = partial(extend, queue=queue, leases=leases, length=lease, given=now)
        return await self._database().run(verb, job_ids=[each.id for each in leases])

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

        async def verb(call: Call) -> tuple[ReapedJob, ...]:
            return await take_back(call, queue, limit, await call.now(now))

        return await self._database().run(verb)

    async def prune(self, queue: str, keep: int, limit: int, *, now: int | None) -> int:
        """See :meth:`Storage.prune`."""
        verb = partial(changing.prune, queue=queue, keep=keep, limit=limit, given=now)
        return await self._database().run(verb)

    # --- looking ------------------------------------------------------------------------------

    async def get(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.get`."""
        verb = partial(looking.get, queue=queue, ids=ids)
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
        verb = partial(
            looking.page,
            queue=queue,
            where=where,
            limit=limit,
            after=after,
            newest_first=newest_first,
        )
        return await self._database().run(verb, writes=False)

    async def count(self, queue: str, where: CountFilter) -> Sequence[CountRow]:
        """See :meth:`Storage.count`."""
        verb = partial(looking.count, queue=queue, where=where)
        return await self._database().run(verb, writes=False)

    async def queues(self) -> Sequence[str]:
        """See :meth:`Storage.queues`."""
        return await self._database().run(looking.queues, writes=False)

    def _database(self) -> Database:
        if self._opened is None:
            raise QueueClosed("the storage isn't open: open the queue first")
        return self._opened
