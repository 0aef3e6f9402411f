"""Storages that fail on purpose, around one that works."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import TypeVar
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
    ReapedJob,
    RecordPage,
    Requeue,
    Settlement,
    Storage,
    StorageError,
    StorageUnavailable,
    Wake,
)

T = TypeVar("T")


class Passing:
    """Hands every call on; a subclass's ``around`` may do more.

    Args:
        inner: the storage that works.
    """

    def __init__(self, inner: Storage) -> None:
        self.inner = inner

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make one call.

        Args:
            verb: the method's name.
            call: makes it on the storage that works.
        """
        return await call()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Those of the storage that works."""
        return self.inner.capabilities

    @property
    def server(self) -> str:
        """That of the storage that works."""
        return self.inner.server

    async def open(self) -> None:
        """See :meth:`Storage.open`."""
        await self.around("open", self.inner.open)

    async def close(self) -> None:
        """See :meth:`Storage.close`: never fails."""
        await self.inner.close()

    async def migrate(self) -> tuple[int, int]:
        """See :meth:`Storage.migrate`."""
        return await self.around("migrate", self.inner.migrate)

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue`."""
        return await self.around("enqueue", lambda: self.inner.enqueue(queue, jobs, now=now))

    async def enqueue_in(
        self, transaction: object, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.enqueue_in`."""
        return await self.around(
            "enqueue_in", lambda: self.inner.enqueue_in(transaction, queue, jobs, now=now)
        )

    async def claim(self, queue: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
        """See :meth:`Storage.claim`."""
        return await self.around("claim", lambda: self.inner.claim(queue, request, now=now))

    async def extend(
        self, queue: str, leases: Sequence[Lease], lease: int, *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.extend`."""
        return await self.around("extend", lambda: self.inner.extend(queue, leases, lease, now=now))

    async def settle(
        self, queue: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        """See :meth:`Storage.settle`."""
        return await self.around("settle", lambda: self.inner.settle(queue, settlements, now=now))

    async def cancel(
        self, queue: str, cancellations: Sequence[Cancellation], *, now: int | None
    ) -> Sequence[CancelResult]:
        """See :meth:`Storage.cancel`."""
        return await self.around("cancel", lambda: self.inner.cancel(queue, cancellations, now=now))

    async def get(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.get`."""
        return await self.around("get", lambda: self.inner.get(queue, ids))

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
        return await self.around(
            "list",
            lambda: self.inner.list(
                queue, where, limit=limit, after=after, newest_first=newest_first
            ),
        )

    async def count(self, queue: str, where: CountFilter) -> Sequence[CountRow]:
        """See :meth:`Storage.count`."""
        return await self.around("count", lambda: self.inner.count(queue, where))

    async def queues(self) -> Sequence[str]:
        """See :meth:`Storage.queues`."""
        return await self.around("queues", self.inner.queues)

    async def requeue(
        self, queue: str, requests: Sequence[Requeue], *, now: int | None
    ) -> Sequence[DeadStatus]:
        """See :meth:`Storage.requeue`."""
        return await self.around("requeue", lambda: self.inner.requeue(queue, requests, now=now))

    async def delete(self, queue: str, ids: Sequence[UUID]) -> Sequence[DeadStatus]:
        """See :meth:`Storage.delete`."""
        return await self.around("delete", lambda: self.inner.delete(queue, ids))

    async def reap(self, queue: str, limit: int, *, now: int | None) -> Sequence[ReapedJob]:
        """See :meth:`Storage.reap`."""
        return await self.around("reap", lambda: self.inner.reap(queue, limit, now=now))

    async def prune(self, queue: str, keep: int, limit: int, *, now: int | None) -> int:
        """See :meth:`Storage.prune`."""
        return await self.around("prune", lambda: self.inner.prune(queue, keep, limit, now=now))

    async def hold(self, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
        """See :meth:`Storage.hold`."""
        return await self.around("hold", lambda: self.inner.hold(queue, ids))

    async def import_jobs(
        self, queue: str, records: Sequence[JobRecord]
    ) -> Sequence[EnqueueResult]:
        """See :meth:`Storage.import_jobs`."""
        return await self.around("import_jobs", lambda: self.inner.import_jobs(queue, records))

    async def unhold(
        self, queue: str, ids: Sequence[UUID], *, now: int | None
    ) -> Sequence[HoldStatus]:
        """See :meth:`Storage.unhold`."""
        return await self.around("unhold", lambda: self.inner.unhold(queue, ids, now=now))

    async def discard(self, queue: str, ids: Sequence[UUID]) -> Sequence[HoldStatus]:
        """See :meth:`Storage.discard`."""
        return await self.around("discard", lambda: self.inner.discard(queue, ids))

    def ticket(self, queue: str) -> int:
        """See :meth:`Storage.ticket`."""
        return self.inner.ticket(queue)

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """See :meth:`Storage.wait`."""
        return await self.around("wait", lambda: self.inner.wait(queue, ticket, timeout))


class LosesReplies(Passing):
    """Makes the call and loses its answer: the caller can't know.

    Args:
        inner: the storage that works.
        verb: whose replies are lost.
        times: how many in a row are.
        then_refused: how many calls after those have no effect, as while a server restarts.
    """

    def __init__(self, inner: Storage, verb: str, *, times: int = 1, then_refused: int = 0) -> None:
        super().__init__(inner)
        self.verb = verb
        self.left = times
        self.refusals = then_refused

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call, and lose the reply while any is to be lost."""
        if verb == self.verb and self.left <= 0 < self.refusals:
            self.refusals -= 1
            raise StorageUnavailable("the storage is away", outcome_unknown=False)
        answer = await call()
        if verb == self.verb and self.left > 0:
            self.left -= 1
            raise StorageUnavailable(
                "the connection broke before the reply came", outcome_unknown=True
            )
        return answer


class FailsAt(Passing):
    """Breaks down, once, in a way that a repeat of the call at once doesn't mend.

    Args:
        inner: the storage that works.
        verb: which verb breaks.
        turn: at which of its calls, from 1.
    """

    def __init__(self, inner: Storage, verb: str, turn: int) -> None:
        super().__init__(inner)
        self._verb = verb
        self._left = turn

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call, unless its turn to break has come."""
        if verb == self._verb:
            self._left -= 1
            if self._left == 0:
                raise StorageError("the storage broke down")
        return await call()


class Outage:
    """A switch for several storages: while it is on, none can be reached.

    Attributes:
        on: True while nothing can be reached.
        verbs: which verbs fail; None is all.
        refused: how many calls were refused so far.
    """

    def __init__(self, verbs: Collection[str] | None = None, *, on: bool = False) -> None:
        self.on = on
        self.verbs = verbs
        self.refused = 0

    def around(self, inner: Storage) -> Storage:
        """Put a storage behind the switch."""
        return _Unreachable(inner, self)


class _Unreachable(Passing):
    def __init__(self, inner: Storage, outage: Outage) -> None:
        super().__init__(inner)
        self._outage = outage

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        outage = self._outage
        if outage.on and (outage.verbs is None or verb in outage.verbs):
            outage.refused += 1
            raise StorageUnavailable("the storage is away", outcome_unknown=False)
        return await call()


class RefusesJobs(Passing):
    """Refuses every ``enqueue`` that holds a job of the type ``poison``, whole.

    Attributes:
        sizes: how many jobs each call held.
    """

    def __init__(self, inner: Storage) -> None:
        super().__init__(inner)
        self.sizes: list[int] = []

    async def enqueue(
        self, queue: str, jobs: Sequence[NewJob], *, now: int | None
    ) -> Sequence[EnqueueResult]:
        """Store jobs, unless one is poison."""
        self.sizes.append(len(jobs))
        if any(job.job_type == "poison" for job in jobs):
            raise StorageError("one of these jobs is refused")
        return await self.inner.enqueue(queue, jobs, now=now)


class KillPoint:
    """Kills whoever makes the n-th call, on any of several storages.

    Args:
        turn: at which call, from 1.
        after: whether the call took effect.
    """

    def __init__(self, turn: int, *, after: bool) -> None:
        self.left = turn
        self.after = after

    def around(self, inner: Storage) -> Storage:
        """Put it around a storage."""
        return _Killed(inner, self)


class KilledError(BaseException):
    """Stands for the end of the process: nothing catches it."""


class _Killed(Passing):
    def __init__(self, inner: Storage, point: KillPoint) -> None:
        super().__init__(inner)
        self._point = point

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        if verb in ("open", "close"):
            return await call()
        self._point.left -= 1
        if self._point.left < 0 or (self._point.left == 0 and not self._point.after):
            raise KilledError
        answer = await call()
        if self._point.left == 0:
            raise KilledError
        return answer


class Pauses:
    """Has each call of some storages come a few turns of the loop late, drawn from a seed.

    Args:
        seed: of the draws.
    """

    def __init__(self, seed: int) -> None:
        self.draws = random.Random(seed)  # noqa: S311 (drawn alike again)

    def around(self, inner: Storage) -> Storage:
        """Put it around a storage."""
        return _Paused(inner, self)


class _Paused(Passing):
    def __init__(self, inner: Storage, pauses: Pauses) -> None:
        super().__init__(inner)
        self._pauses = pauses

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        for _ in range(self._pauses.draws.randrange(6)):
            await asyncio.sleep(0)
        answer = await call()
        for _ in range(self._pauses.draws.randrange(6)):
            await asyncio.sleep(0)
        return answer
