"""The queue, as its users call it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Self, TypeVar
from uuid import UUID

from aide_de_camp.batching import Batcher
from aide_de_camp.cancelling import cancel_all, cancel_job, unschedule_job
from aide_de_camp.checks import (
    checked_delay,
    checked_duration,
    checked_id,
    checked_moment,
    checked_name,
    checked_several,
)
from aide_de_camp.claiming import next_handle
from aide_de_camp.clock import Clock
from aide_de_camp.dead import DeadQueue
from aide_de_camp.handle import JobHandle
from aide_de_camp.job_type import AnyJobType, JobRequest, job_type_of, job_types_of
from aide_de_camp.kept import Records
from aide_de_camp.payloads import Payloads
from aide_de_camp.plugins.bus import EventBus
from aide_de_camp.scheduling import new_job, new_jobs, numbered_jobs
from aide_de_camp.session import Session
from aide_de_camp.spi import (
    BATCH_JOBS,
    LEASE_MIN,
    Event,
    EventKind,
    JobState,
    LeaseResult,
    Settlement,
    Storage,
    StorageOpener,
)
from aide_de_camp.storing import Storing
from aide_de_camp.views import job_filter

P = TypeVar("P")

DEFAULT_LEASE: Final = timedelta(seconds=60)
_SHORTEST_LEASE: Final = timedelta(microseconds=LEASE_MIN)


class Queue(Records):
    """One named queue of one storage. :func:`open_queue` makes it; use it with ``async with``.

    It belongs to the event loop and the process in which it was opened (clause LIV-3).

    Args:
        opener: makes the storage.
        payloads: the enabled codecs and the payload limit.
        name: the queue's name.
        clock: where time comes from.
        bus: where events go.
        keep_finished: how long completed and cancelled jobs are kept (clause KEP-1); less than
            :data:`~aide_de_camp.kept.LEAST_KEPT` has them kept for that.

    Raises:
        InvalidArgument: an argument is bad.
    """

    def __init__(
        self,
        opener: StorageOpener,
        payloads: Payloads,
        *,
        name: str,
        clock: Clock,
        bus: EventBus,
        keep_finished: timedelta,
    ) -> None:
        self.name = checked_name("name", name)
        self.keep_finished = checked_duration("keep_finished", keep_finished, least=timedelta(0))
        self.payloads = payloads
        self.session = Session(opener, queue=name, clock=clock, bus=bus)
        self.dead = DeadQueue(self.session)
        self._storing = Storing(self.session)
        self._settle = Batcher[Settlement, LeaseResult](
            self._send_outcomes,
            what="settle jobs",
            most_items=BATCH_JOBS,
            key=lambda outcome: outcome.id,
        )

    async def open(self) -> Self:
        """Open the storage; ``async with`` does it.

        Returns:
            The queue itself.

        Raises:
            StorageUnavailable: the storage can't be reached.
            SchemaError: its layout can't be used.
            QueueMisused: it is open already.
        """
        await self.session.open()
        return self

    async def close(self) -> None:
        """Let calls under way end, then close the storage; harmless when repeated (LIV-3)."""
        await self._storing.settled()
        await self._settle.settled()
        await self.session.close()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def storage(self) -> Storage:
        """The open storage.

        Raises:
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        return self.session.storage

    @property
    def clock(self) -> Clock:
        """Where the queue's time comes from."""
        return self.session.clock

    # --- scheduling ---------------------------------------------------------------------------

    async def schedule(
        self,
        job: AnyJobType[P],
        payload: P,
        *,
        priority: int = 0,
        job_id: UUID | None = None,
        max_retries: int | None = None,
        transaction: object | None = None,
    ) -> UUID:
        """Schedule a job to run as soon as its turn comes (clause ENQ-1).

        Args:
            job: what kind of job.
            payload: what its handler will be given.
            priority: -128..127, higher first.
            job_id: made by :func:`new_job_id`: repeating the call with it stores nothing twice
                while the job's record is kept (clause ENQ-8).
            max_retries: for this job alone, 0 or more; None leaves it to its type.
            transaction: a transaction of your own in which to store the job (capability TXN-1).
                No SCHEDULED event is emitted then: only your commit decides whether there is a
                job, and nobody tells the queue of it.

        Returns:
            The job's id; the job is durable by then, unless ``transaction`` was given.

        Raises:
            InvalidPriority: the priority is bad (clause PRI-1).
            EncodeError: the payload can't be encoded, or wouldn't come back equal (ENQ-3).
            PayloadTooLarge: it is over the queue's limit (ENQ-6).
            InvalidArgument: another argument is bad.
            CapabilityNotSupported: the backend can't join your transaction.
            StorageUnavailable: the storage can't be reached; carries the id (ENQ-8).
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        request = JobRequest(
            job, payload, priority=priority, job_id=job_id, max_retries=max_retries
        )
        return await self._schedule(request, transaction)

    async def schedule_at(
        self,
        job: AnyJobType[P],
        payload: P,
        at: datetime,
        *,
        priority: int = 0,
        job_id: UUID | None = None,
        max_retries: int | None = None,
        transaction: object | None = None,
    ) -> UUID:
        """Schedule a job for an instant; a past one is due at once (clause ENQ-5).

        Args:
            job: what kind of job.
            payload: what its handler will be given.
            at: an aware datetime in years 1 to 9999, exact to the microsecond.
            priority: as :meth:`schedule`.
            job_id: as :meth:`schedule`.
            max_retries: as :meth:`schedule`.
            transaction: as :meth:`schedule`.

        Returns:
            The job's id.

        Raises:
            InvalidSchedule: the instant is naive, or out of range.
            QueueError: as :meth:`schedule`.
        """
        checked_moment("at", at)
        request = JobRequest(
            job, payload, priority=priority, at=at, job_id=job_id, max_retries=max_retries
        )
        return await self._schedule(request, transaction)

    async def schedule_in(
        self,
        job: AnyJobType[P],
        payload: P,
        delay: timedelta,
        *,
        priority: int = 0,
        job_id: UUID | None = None,
        max_retries: int | None = None,
        transaction: object | None = None,
    ) -> UUID:
        """Schedule a job for a time from now, by the storage's clock (clause ENQ-5).

        Args:
            job: what kind of job.
            payload: what its handler will be given.
            delay: a timedelta; a negative one is due at once.
            priority: as :meth:`schedule`.
            job_id: as :meth:`schedule`.
            max_retries: as :meth:`schedule`.
            transaction: as :meth:`schedule`.

        Returns:
            The job's id.

        Raises:
            InvalidSchedule: the delay leads out of years 1 to 9999.
            QueueError: as :meth:`schedule`.
        """
        checked_delay("delay", delay, self.session.now)
        request = JobRequest(
            job, payload, priority=priority, delay=delay, job_id=job_id, max_retries=max_retries
        )
        return await self._schedule(request, transaction)

    async def schedule_many(self, requests: Iterable[JobRequest[Any]]) -> list[UUID]:
        """Schedule up to 1,000 jobs and 16 MiB of payload, all or none (clause ENQ-4).

        Args:
            requests: the jobs.

        Returns:
            Their ids in the order given.

        Raises:
            BatchTooLarge: they are more; nothing was stored.
            InvalidArgument: as :meth:`schedule`; nothing was stored.
            StorageUnavailable: the storage can't be reached; carries the ids (ENQ-8).
            QueueError: as :meth:`schedule`; nothing was stored.
        """
        self.session.storage  # noqa: B018 (a closed queue says so before it encodes)
        given = list(checked_several("requests", requests, "JobRequests"))
        jobs = new_jobs(given, self.payloads, self.session.now)
        if jobs:
            await self._storing.store(jobs)
        return [job.id for job in jobs]

    async def schedule_bulk(self, requests: Iterable[JobRequest[Any]]) -> list[UUID]:
        """Schedule any number of jobs, in steps that are each all or none (clause ENQ-4).

        All are checked and encoded before the first is stored. Give each request a ``job_id``,
        made by :func:`new_job_id`, to be able to repeat the call: with the same ids it stores
        what is missing, and nothing twice.

        A call that is cancelled ends with CancelledError, as ever; a note on it says how many
        jobs are stored. The step that was under way is stored all the same, or not: repeat.

        Args:
            requests: the jobs.

        Returns:
            Their ids in the order given.

        Raises:
            BulkInterrupted: a step failed, whatever the error, which is its cause: it says which
                jobs are stored and which aren't known to be. Repeat the call with the same ids.
            InvalidArgument: as :meth:`schedule`; nothing was stored.
            QueueError: as :meth:`schedule`; nothing was stored.
        """
        self.session.storage  # noqa: B018 (as above)
        given = checked_several("requests", requests, "JobRequests")
        jobs = numbered_jobs(given, self.payloads, self.session.now)
        await self._storing.store_in_steps(jobs)
        return [job.id for job in jobs]

    # --- cancelling ---------------------------------------------------------------------------

    async def cancel_job(self, job_id: UUID) -> bool:
        """Cancel a job that has not started (clauses CAN-1 to CAN-3).

        Returns:
            True: it was scheduled, and will never run. False: it is running, and goes on.

        Raises:
            JobNotFound: no live job has this id; the error names the state of one that is kept.
            InvalidArgument: the id isn't a UUID.
            StorageUnavailable: the storage can't be reached: repeat the call.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        return await cancel_job(self.session, checked_id(job_id))

    async def cancel_all(
        self,
        *,
        job_types: Iterable[str] | None = None,
        scheduled_from: datetime | None = None,
        scheduled_to: datetime | None = None,
        enqueued_from: datetime | None = None,
        enqueued_to: datetime | None = None,
    ) -> int:
        """Cancel all jobs that match and have not started, in steps of 1,000 at most (CAN-1).

        Running jobs go on (CAN-2). Each step is one call, which takes effect as a whole; after
        an error repeat the call to go on. A job that is scheduled meanwhile may be cancelled
        too.

        Args:
            job_types: only of these types; None means all.
            scheduled_from: due then or later.
            scheduled_to: due before.
            enqueued_from: scheduled then or later.
            enqueued_to: scheduled before.

        Returns:
            How many this call cancelled: they will never run. Where the last such call lost a
            reply, those of that step are counted too, for ten minutes; not those of its steps
            before, which took effect.

        Raises:
            InvalidArgument: an argument is bad.
            StorageUnavailable: the storage can't be reached; the steps before it took effect.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        where = job_filter(
            states=[JobState.SCHEDULED],
            job_types=job_types,
            scheduled_from=scheduled_from,
            scheduled_to=scheduled_to,
            enqueued_from=enqueued_from,
            enqueued_to=enqueued_to,
        )
        return await cancel_all(self.session, where)

    async def unschedule_job(self, job_id: UUID, job: AnyJobType[P]) -> P:
        """Cancel a job that has not started, and get its payload back (clauses CAN-4 to CAN-7).

        Returns:
            The payload, equal to what was scheduled.

        Raises:
            JobNotFound: no live job has this id.
            JobTypeMismatch: the job is of another type; it stays.
            JobAlreadyStarted: it is running, and goes on.
            DecodeError: its payload can't be decoded; it stays scheduled.
            InvalidArgument: the id isn't a UUID, or ``job`` no job type.
            StorageUnavailable: the storage can't be reached: repeat the call.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        return await unschedule_job(
            self.session, self.payloads, checked_id(job_id), job_type_of(job)
        )

    # --- driving the queue oneself ------------------------------------------------------------

    async def poll_next(
        self,
        jobs: AnyJobType[P] | Iterable[AnyJobType[Any]],
        *,
        lease: timedelta = DEFAULT_LEASE,
    ) -> JobHandle[P] | None:
        """Claim the next due job, without waiting for one.

        A job whose payload can't be decoded goes to the dead queue, and the next is tried (DEC-1).

        Args:
            jobs: the type, or types, that the caller can handle; others are left alone.
            lease: for how long the job is the caller's, 1 s or more; ``extend`` renews it.

        Returns:
            The job under a lease; None if nothing is due.

        Raises:
            InvalidArgument: an argument is bad, or a type's codec isn't enabled on this queue.
            StorageUnavailable: the storage can't be reached. What the call took all the same, if
                anything, is given to the next call for its type.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        checked_duration("lease", lease, least=_SHORTEST_LEASE)
        types = job_types_of(jobs)
        handle = await next_handle(self.session, self.payloads, self._settle, types, lease)
        if handle is not None and self.session.bus.active:
            self.session.bus.emit(
                Event(
                    EventKind.STARTED,
                    self.name,
                    handle.id,
                    handle.job_type,
                    retries=handle.retries,
                )
            )
        return handle

    # --- within -------------------------------------------------------------------------------

    async def _schedule(self, request: JobRequest[Any], transaction: object | None) -> UUID:
        self.session.storage  # noqa: B018 (as above)
        job = new_job(request, self.payloads, self.session.now)
        if transaction is None:
            await self._storing.store([job])
        else:
            await self._storing.store_within(transaction, job)
        return job.id

    async def _send_outcomes(self, outcomes: Sequence[Settlement]) -> Sequence[LeaseResult]:
        return await self.session.call(
            lambda storage: storage.settle(self.name, outcomes, now=self.session.now)
        )
