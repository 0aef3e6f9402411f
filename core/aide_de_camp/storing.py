"""Storing what is scheduled: in natural batches, in steps, or in a user's own transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from aide_de_camp.batching import Batcher
from aide_de_camp.scheduling import steps
from aide_de_camp.session import Session
from aide_de_camp.spi import (
    BATCH_BYTES,
    BATCH_JOBS,
    BulkInterrupted,
    EnqueueResult,
    Event,
    EventKind,
    NewJob,
    StorageUnavailable,
)


class Storing:
    """Stores the jobs of one queue. What is scheduled during one call goes together in the next.

    Args:
        session: the queue's.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._batcher = Batcher[NewJob, EnqueueResult](
            self._send,
            what="store jobs",
            most_items=BATCH_JOBS,
            most_weight=BATCH_BYTES,
            weigh=lambda job: len(job.payload),
        )

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        await self._batcher.settled()

    async def store(self, jobs: Sequence[NewJob]) -> None:
        """Store jobs, all or none (clause ENQ-4), and tell of those that are new.

        Raises:
            StorageUnavailable: the storage can't be reached; carries the ids (clause ENQ-8).
        """

        def tell(results: Sequence[EnqueueResult]) -> None:
            bus = self._session.bus
            if bus.active:
                for job, result in zip(jobs, results, strict=True):
                    if result is EnqueueResult.STORED:
                        queue = self._session.queue
                        bus.emit(Event(EventKind.SCHEDULED, queue, job.id, job.job_type))

        try:
            await self._batcher.submit(jobs, tell)
        except StorageUnavailable as error:
            raise _about(jobs, error) from error

    async def store_within(self, transaction: object, job: NewJob) -> None:
        """Store one job within a user's own transaction (clause TXN-1).

        Raises:
            StorageUnavailable: as :meth:`store`.
            CapabilityNotSupported: the storage can't.
            InvalidArgument: the transaction is none that it knows.
        """
        session = self._session
        try:
            await session.storage.enqueue_in(transaction, session.queue, [job], now=session.now)
        except StorageUnavailable as error:
            raise _about([job], error) from error

    async def store_in_steps(self, jobs: Sequence[NewJob]) -> None:
        """Store any number of jobs, in steps that are each all or none (clause ENQ-4).

        Raises:
            BulkInterrupted: a step failed; it says how far this got.
        """
        ids: list[UUID] = [job.id for job in jobs]
        done = 0
        for step in steps(jobs):
            so_far = f"{done:,} of {len(ids):,} jobs are stored"
            try:
                await self.store(step)
            except asyncio.CancelledError as error:
                error.add_note(
                    f"schedule_bulk: {so_far}, and the next {len(step):,} may yet be: repeat the "
                    "call with the same ids to store the rest"
                )
                raise
            except Exception as error:
                raise BulkInterrupted(
                    f"{so_far}, then came {type(error).__name__}: repeat the call with the same "
                    "ids to store the rest",
                    scheduled=ids[:done],
                    remaining=ids[done:],
                ) from error
            done += len(step)

    async def _send(self, jobs: Sequence[NewJob]) -> Sequence[EnqueueResult]:
        session = self._session
        return await session.call(
            lambda storage: storage.enqueue(session.queue, jobs, now=session.now)
        )


def _about(jobs: Sequence[NewJob], error: StorageUnavailable) -> StorageUnavailable:
    """Name the jobs that couldn't be stored (clause ENQ-8)."""
    return StorageUnavailable(
        str(error),
        outcome_unknown=error.outcome_unknown,
        job_ids=[job.id for job in jobs],
    )
