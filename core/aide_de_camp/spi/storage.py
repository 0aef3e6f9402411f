"""The storage contract: what a backend implements.

:class:`Storage` is the protocol that the core calls;
:class:`~aide_de_camp.spi.storage_base.StorageBase` gives defaults for some of its verbs.

Rules that hold for every verb:

* It acts within one named queue, and takes many items; each item has its own outcome, in the
  order given. No id stands twice in one call, ``enqueue`` and ``get`` excepted: so a storage may
  apply a whole call as one set, and should lock rows in the order of their ids.
* It is one transaction: it takes effect as a whole or not at all, and is durable, as far as the
  backend declares, when it returns.
* Changes are conditional on id, token and state, inside the storage; never read, decide, write.
* ``now`` is None in production: the storage then reads its own clock, once. A number comes only
  from a test's clock. Either way a storage's ``now`` never goes back.
* It raises only errors of :mod:`aide_de_camp.spi.errors`, the driver's as the cause, and
  :class:`StorageUnavailable` within a bounded time where the storage can't be reached.
* It may be cancelled at any await: it then either took effect or didn't, and a repeat is safe.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable
from uuid import UUID

from aide_de_camp.spi.capability import Capability
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


@runtime_checkable
class Storage(Protocol):
    """Stored queues, as the core sees them. One instance belongs to one event loop."""

    async def open(self) -> None:
        """Connect and check; migrate the stored layout unless an option forbids it.

        Raises:
            StorageUnavailable: the storage can't be reached.
            SchemaError: the stored layout is newer than this code, or too old to use.
            ConfigurationError: an option or the server's version can't be used.
        """
        ...

    async def close(self) -> None:
        """Let go of every resource; harmless when repeated (clause LIV-3).

        In a forked child it only drops its references: the parent goes on using the connections.
        """
        ...

    async def migrate(self) -> tuple[int, int]:
        """Bring the stored layout to this code's version; callable without ``open``.

        Safe when several processes do it at once.

        Returns:
            The schema version found and the one left: equal where nothing was to do. (0, 0) for
            a storage without a schema.
        """
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What holds with the settings found; known once opened."""
        ...

    @property
    def server(self) -> str:
        """The product, its version and the settings that matter, for people to read."""
        ...

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store jobs, all or none (clauses ENQ-1, ENQ-4, ENQ-8).

        Args:
            queue: the queue's name.
            jobs: at most :data:`~aide_de_camp.spi.limits.BATCH_JOBS`; an id may stand in it
                twice: the second is EXISTS.
            now: microseconds since 1970 UTC, or None for the storage's clock.
        """
        ...

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store jobs within the user's own open transaction (clause TXN-1).

        Raises:
            CapabilityNotSupported: the backend doesn't declare TRANSACTIONAL_ENQUEUE.
        """
        ...

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """Take expired leases back, then hand out due jobs in order (clauses PRI-2 to PRI-7, LEA).

        First every job whose lease ended at or before ``now`` goes back to scheduled (a retry
        used, its token raised, its place kept) or, with no retry left, to the dead queue with
        reason ``lease``: the longest expired first, at most
        :data:`~aide_de_camp.spi.limits.REAP_JOBS` of them. Then up to ``limit`` due jobs
        of the types asked for are taken by priority (highest first), scheduled_at, id; each gets
        a fresh token and a lease.
        """
        ...

    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """Make leases hold until ``now + lease``, never shorter than they did (clause LEA-1).

        A lease past its time that nobody took back yet is extended all the same (LEA-2).
        """
        ...

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """End attempts, kinds mixed (clauses LEA-3, RET, LIV-4).

        Each applies only while the job runs under the token presented. The storage remembers
        each job's last settlements, their tokens and kinds,
        :data:`~aide_de_camp.spi.limits.SETTLEMENTS_KEPT` of them at least: one of these presented
        again is APPLIED, whoever has claimed the job, and ended it, since. An older one is LOST,
        and so is one of a job whose record is gone: nothing is changed then, and its sender is
        told to look. Never is one APPLIED because no lost lease is known of: a storage that lost
        its last writes knows of none.
        """
        ...

    async def cancel(
        self, queue: str, cancellations: Sequence[Cancellation], *, now: int | None
    ) -> Sequence[CancelResult]:
        """Cancel scheduled jobs (clauses CAN-1 to CAN-3, CAN-8, CAN-9).

        Doesn't take expired leases back: a job is running until a claim or ``reap`` says else.
        """
        ...

    async def get(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """Read jobs in any state, payloads included; None for one that isn't there (OBS-1)."""
        ...

    async def list(
        self,
        queue: str,
        where: JobFilter,
        *,
        limit: int,
        after: UUID | None = None,
        newest_first: bool = False,
    ) -> RecordPage:
        """Read jobs in the order of their ids, without payloads (clause OBS-2).

        A storage that has to look at every job may look at some thousands per call, and return
        a short page that says where to go on.

        Args:
            queue: the queue's name.
            where: which jobs.
            limit: how many at most, 1 to 1,000.
            after: what the page before gave: go on behind it. It need not exist any more.
            newest_first: descending ids.
        """
        ...

    async def count(self, queue: str, where: CountFilter) -> Sequence[CountRow]:
        """Count jobs by state and type; rows with no job are left out (clause OBS-3)."""
        ...

    async def queues(self) -> Sequence[str]:
        """Name the queues that hold any job, sorted; one just emptied may still be named."""
        ...

    async def requeue(
        self, queue: str, requests: Sequence[Requeue], *, now: int | None
    ) -> Sequence[DeadStatus]:
        """Schedule dead jobs again: retries and snoozes 0, place and bytes kept (PRI-6, RET-4)."""
        ...

    async def delete(self, queue: str, ids: Sequence[UUID]) -> Sequence[DeadStatus]:
        """Remove dead jobs for good (clause RET-4)."""
        ...

    async def reap(self, queue: str, limit: int, *, now: int | None) -> Sequence[ReapedJob]:
        """Take back at most ``limit`` expired leases, as ``claim`` does (clause LEA-2)."""
        ...

    async def prune(self, queue: str, keep: int, limit: int, *, now: int | None) -> int:
        """Remove at most ``limit`` completed and cancelled jobs finished by ``now - keep``.

        Dead jobs stay (clause KEP-1).

        Returns:
            How many were removed; fewer than ``limit`` means that none is left for now.
        """
        ...

    async def hold(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """Take scheduled and dead jobs out of use, to be moved (clause MOV-1).

        A held job isn't claimed, cancelled, requeued, deleted or pruned.

        Args:
            queue: the queue's name.
            ids: which; the caller sees to it that their payloads together are of a bounded size.

        Returns:
            The whole records of those that are held now, also those that were already; None for
            a job that is running, finished otherwise, or not there.

        Raises:
            CapabilityNotSupported: the backend doesn't declare MOVE; so of the next three.
        """
        ...

    async def import_jobs(
        self, queue: str, records: Sequence[JobRecord]
    ) -> Sequence[EnqueueResult]:
        """Store jobs that another storage holds, all or none; they are held here (MOV-2).

        Everything that a record says is kept, its token too; only ``queue`` and ``state`` aren't
        looked at. What has a ``finished_at`` was dead.

        Args:
            queue: the queue's name.
            records: whole ones, at most :data:`~aide_de_camp.spi.limits.BATCH_JOBS`.
        """
        ...

    async def unhold(
        self, queue: str, ids: Sequence[UUID], *, now: int | None
    ) -> Sequence[HoldStatus]:
        """Put held jobs back to what they were: scheduled, at their place, or dead (MOV-1)."""
        ...

    async def discard(self, queue: str, ids: Sequence[UUID]) -> Sequence[HoldStatus]:
        """Remove held jobs for good, since they are somewhere else now (clause MOV-1)."""
        ...

    def ticket(self, queue: str) -> int:
        """Mark the present: a later ``wait`` with it returns at once if anything came since.

        Take it before the claim that is to be followed by the wait, so that nothing scheduled
        in between is slept through. The first has wake-ups begin; whenever they are connected,
        for the first time or again after a loss, what may have come before counts as changed,
        so that a ticket taken earlier misses nothing either.
        """
        ...

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """Sleep until something may have been scheduled since ``ticket`` was taken.

        Args:
            queue: the queue's name.
            ticket: what :meth:`ticket` gave.
            timeout: seconds, 0 or more.
        """
        ...
