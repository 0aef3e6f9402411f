"""The storage's side: a storage in memory by a clock of its own, and the books of what it did."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from aide_de_camp.spi import (
    Cancellation,
    CancelResult,
    ClaimRequest,
    ClaimResult,
    DeadStatus,
    EnqueueResult,
    Lease,
    LeaseResult,
    NewJob,
    ReapedJob,
    Requeue,
    Settlement,
    Storage,
)
from aide_de_camp_conformance.faults import Passing
from aide_de_camp_conformance.simulation.acts import Acts
from aide_de_camp_conformance.simulation.clock import SimulatedClock
from aide_de_camp_conformance.simulation.ledger import Ledger
from aide_de_camp_conformance.simulation.loop import SimulatedLoop
from aide_de_camp_conformance.simulation.trace import Trace
from aide_de_camp_conformance.simulation.verdict import Broken


class Server(Passing):
    """Makes each call by the storage's own clock, and has it judged at once.

    Args:
        inner: the storage.
        clock: what its clock shows; it never goes back for a storage, though the clock may.
        loop: ends with the first answer that the contract doesn't allow.
        trace: is told of what happens.
    """

    def __init__(
        self, inner: Storage, clock: SimulatedClock, loop: SimulatedLoop, trace: Trace
    ) -> None:
        super().__init__(inner)
        self._clock = clock
        self._loop = loop
        self._latest = 0
        self.ledger = Ledger(loop.time, trace)
        self.acts = Acts(self.ledger, trace)

    def _now(self) -> int:
        self._latest = max(self._latest, self._clock.now())
        return self._latest

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue`."""
        present = self._now()
        answers = await self.inner.enqueue(queue, jobs, now=present)
        with self._judging():
            self.ledger.enqueued(jobs, answers, present)
        return answers

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """See :meth:`Storage.claim`."""
        present = self._now()
        answer = await self.inner.claim(queue, request, now=present)
        with self._judging():
            self.ledger.claimed(request, answer, present)
        return answer

    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.extend`."""
        present = self._now()
        answers = await self.inner.extend(queue, leases, lease, now=present)
        with self._judging():
            self.ledger.extended(leases, answers, lease, present)
        return answers

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.settle`."""
        present = self._now()
        answers = await self.inner.settle(queue, settlements, now=present)
        with self._judging():
            self.ledger.settled(settlements, answers, present)
        return answers

    async def cancel(
        self, queue: str, cancellations: Sequence[Cancellation], *, now: int | None
    ) -> Sequence[CancelResult]:
        """See :meth:`Storage.cancel`."""
        present = self._now()
        answers = await self.inner.cancel(queue, cancellations, now=present)
        with self._judging():
            self.acts.cancelled(cancellations, answers, present)
        return answers

    async def requeue(
        self, queue: str, requests: Sequence[Requeue], *, now: int | None
    ) -> Sequence[DeadStatus]:
        """See :meth:`Storage.requeue`."""
        answers = await self.inner.requeue(queue, requests, now=self._now())
        with self._judging():
            self.acts.requeued(requests, answers, self._loop.time())
        return answers

    async def delete(self, queue: str, ids: Sequence[UUID]) -> Sequence[DeadStatus]:
        """See :meth:`Storage.delete`."""
        answers = await self.inner.delete(queue, ids)
        with self._judging():
            self.acts.deleted(ids, answers)
        return answers

    async def reap(self, queue: str, limit: int, *, now: int | None) -> Sequence[ReapedJob]:
        """See :meth:`Storage.reap`."""
        present = self._now()
        jobs = await self.inner.reap(queue, limit, now=present)
        with self._judging():
            self.ledger.reaped(jobs, present)
        return jobs

    async def prune(self, queue: str, keep: int, limit: int, *, now: int | None) -> int:
        """See :meth:`Storage.prune`."""
        present = self._now()
        count = await self.inner.prune(queue, keep, limit, now=present)
        if count:
            ids = self.acts.prunable()
            found = await self.inner.get(queue, ids)
            gone = [job_id for job_id, record in zip(ids, found, strict=True) if record is None]
            with self._judging():
                self.acts.pruned(gone, count, present - keep)
        return count

    def _judging(self) -> _Judging:
        return _Judging(self._loop)


class _Judging:
    """Ends the run with what was found: whoever made the call would only be told of an error."""

    def __init__(self, loop: SimulatedLoop) -> None:
        self._loop = loop

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> None:
        if isinstance(error, Broken) and self._loop.failure is None:
            self._loop.failure = error
