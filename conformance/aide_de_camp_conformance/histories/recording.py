"""A storage that works, and a recorder beside it: whatever drives it leaves a history."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from uuid import UUID

from aide_de_camp.spi import (
    AideDeCampError,
    Cancellation,
    CancelResult,
    ClaimRequest,
    ClaimResult,
    DeadStatus,
    EnqueueResult,
    HoldStatus,
    JobRecord,
    Lease,
    LeaseResult,
    NewJob,
    ReapedJob,
    Requeue,
    Settlement,
    Storage,
    StorageUnavailable,
)
from aide_de_camp_conformance.faults import Passing
from aide_de_camp_conformance.histories.event import Item, Operation, Phase
from aide_de_camp_conformance.histories.recorder import Recorder, digest

T = TypeVar("T")


class Recording(Passing):
    """Records every call that changes something; the others are passed on.

    Args:
        inner: the storage.
        recorder: of this process.
    """

    def __init__(self, inner: Storage, recorder: Recorder) -> None:
        super().__init__(inner)
        self._recorder = recorder

    async def _recorded(
        self,
        operation: Operation,
        asked: Mapping[str, Any],
        call: Callable[[], Awaitable[T]],
        told: Callable[[T], Mapping[str, Any]],
    ) -> T:
        number = self._recorder.begin(operation, **asked)
        try:
            answer = await call()
        except BaseException as error:
            phase, words = _phase_of(error), type(error).__name__
            self._recorder.end(number, operation, phase, words=words)
            raise
        self._recorder.end(number, operation, Phase.OK, **told(answer))
        return answer

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue`."""
        return await self._recorded(
            Operation.ENQUEUE,
            {"items": tuple(_new(job) for job in jobs)},
            lambda: self.inner.enqueue(queue, jobs, now=now),
            lambda results: {"items": _told([job.id for job in jobs], results)},
        )

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """See :meth:`Storage.claim`."""
        return await self._recorded(
            Operation.CLAIM,
            {"request": request.request_id, "types": request.types, "number": request.limit},
            lambda: self.inner.claim(queue, request, now=now),
            _claimed,
        )

    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.extend`."""
        items = tuple(Item(each.id, token=each.token) for each in leases)
        return await self._recorded(
            Operation.EXTEND,
            {"items": items, "number": lease},
            lambda: self.inner.extend(queue, leases, lease, now=now),
            lambda results: {"items": _told([each.id for each in leases], results)},
        )

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.settle`."""
        items = tuple(Item(each.id, each.kind.value, each.token) for each in settlements)
        return await self._recorded(
            Operation.SETTLE,
            {"items": items},
            lambda: self.inner.settle(queue, settlements, now=now),
            lambda results: {"items": _told([each.id for each in settlements], results)},
        )

    async def cancel(
        self, queue: str, cancellations: Sequence[Cancellation], *, now: int | None
    ) -> Sequence[CancelResult]:
        """See :meth:`Storage.cancel`."""
        items = tuple(Item(each.id, request=each.request_id) for each in cancellations)
        return await self._recorded(
            Operation.CANCEL,
            {"items": items},
            lambda: self.inner.cancel(queue, cancellations, now=now),
            lambda results: {
                "items": _told([each.id for each in cancellations], [r.status for r in results])
            },
        )

    async def requeue(
        self, queue: str, requests: Sequence[Requeue], *, now: int | None
    ) -> Sequence[DeadStatus]:
        """See :meth:`Storage.requeue`."""
        items = tuple(Item(each.id, request=each.request_id) for each in requests)
        return await self._recorded(
            Operation.REQUEUE,
            {"items": items},
            lambda: self.inner.requeue(queue, requests, now=now),
            lambda results: {"items": _told([each.id for each in requests], results)},
        )

    async def reap(self, queue: str, limit: int, *, now: int | None) -> Sequence[ReapedJob]:
        """See :meth:`Storage.reap`."""
        return await self._recorded(
            Operation.REAP,
            {"number": limit},
            lambda: self.inner.reap(queue, limit, now=now),
            lambda reaped: {"taken_back": _reaped(reaped)},
        )

    async def prune(self, queue: str, keep: int, limit: int, *, now: int | None) -> int:
        """See :meth:`Storage.prune`."""
        return await self._recorded(
            Operation.PRUNE,
            {"number": limit},
            lambda: self.inner.prune(queue, keep, limit, now=now),
            lambda removed: {"number": removed},
        )

    async def delete(self, queue: str, ids: Sequence[UUID]) -> Sequence[DeadStatus]:
        """See :meth:`Storage.delete`."""
        return await self._named(Operation.DELETE, ids, lambda: self.inner.delete(queue, ids))

    async def unhold(
        self, queue: str, ids: Sequence[UUID], *, now: int | None
    ) -> Sequence[HoldStatus]:
        """See :meth:`Storage.unhold`."""
        return await self._named(
            Operation.UNHOLD, ids, lambda: self.inner.unhold(queue, ids, now=now)
        )

    async def discard(self, queue: str, ids: Sequence[UUID]) -> Sequence[HoldStatus]:
        """See :meth:`Storage.discard`."""
        return await self._named(Operation.DISCARD, ids, lambda: self.inner.discard(queue, ids))

    async def hold(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.hold`."""
        return await self._recorded(
            Operation.HOLD,
            {"items": _told(ids, [None] * len(ids))},
            lambda: self.inner.hold(queue, ids),
            lambda found: {"items": tuple(Item(each.id, "held") for each in found if each)},
        )

    async def import_jobs(
        self, queue: str, records: Sequence[JobRecord]
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.import_jobs`."""
        return await self._recorded(
            Operation.IMPORT,
            {"items": tuple(item_of(record) for record in records)},
            lambda: self.inner.import_jobs(queue, records),
            lambda results: {"items": _told([each.id for each in records], results)},
        )

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue_in`: what becomes of it isn't known here."""
        call = self._recorder.begin(Operation.ENQUEUE, items=tuple(_new(job) for job in jobs))
        results = await self.inner.enqueue_in(transaction, queue, jobs, now=now)
        self._recorder.end(call, Operation.ENQUEUE, Phase.UNKNOWN, words="in a transaction")
        return results

    async def _named(
        self, operation: Operation, ids: Sequence[UUID], call: Callable[[], Awaitable[Sequence[T]]]
    ) -> Sequence[T]:
        return await self._recorded(
            operation,
            {"items": _told(ids, [None] * len(ids))},
            call,
            lambda results: {"items": _told(ids, results)},
        )


def _phase_of(error: BaseException) -> Phase:
    """Say what is known of a call by how it ended."""
    if isinstance(error, StorageUnavailable):
        return Phase.UNKNOWN if error.outcome_unknown else Phase.FAIL
    # What isn't the framework's own, a cancellation above all, says nothing of the effect.
    return Phase.FAIL if isinstance(error, AideDeCampError) else Phase.UNKNOWN


def _new(job: NewJob) -> Item:
    return Item(
        job.id,
        digest(job.payload),
        job_type=job.job_type,
        priority=job.priority,
        scheduled_at=job.scheduled_at,
        max_retries=job.max_retries,
    )


def item_of(record: JobRecord) -> Item:
    """Give what a history keeps of a whole record; ``value`` is its payload's digest."""
    return Item(
        record.id,
        digest(record.payload or b""),
        token=record.token,
        job_type=record.job_type,
        priority=record.priority,
        scheduled_at=record.scheduled_at,
        claims=record.claims,
        retries=record.retries,
        max_retries=record.max_retries,
    )


def _claimed(result: ClaimResult) -> Mapping[str, Any]:
    items = tuple(
        Item(
            job.id,
            digest(job.payload),
            token=job.token,
            job_type=job.job_type,
            priority=job.priority,
            scheduled_at=job.scheduled_at,
            lease_until=job.lease_until,
            claims=job.claims,
            retries=job.retries,
            max_retries=job.max_retries,
        )
        for job in result.jobs
    )
    return {"items": items, "now": result.now, "taken_back": _reaped(result.reaped)}


def _reaped(jobs: Iterable[ReapedJob]) -> tuple[Item, ...]:
    return tuple(Item(each.id, each.state.value) for each in jobs)


def _told(ids: Iterable[UUID], results: Iterable[Any]) -> tuple[Item, ...]:
    return tuple(
        Item(job_id, None if result is None else str(result.value))
        for job_id, result in zip(ids, results, strict=True)
    )
