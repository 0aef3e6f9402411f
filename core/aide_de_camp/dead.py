"""The dead queue: where jobs are kept that can't go on, until someone acts (clause RET-4)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final
from uuid import UUID

from aide_de_camp.answers import one_each
from aide_de_camp.checks import checked_id
from aide_de_camp.paging import page_of
from aide_de_camp.repeats import Request
from aide_de_camp.session import Session, Tries
from aide_de_camp.spi import (
    DeadStatus,
    Event,
    EventKind,
    JobNotFound,
    JobState,
    Requeue,
)
from aide_de_camp.stepwise import Steps, standing
from aide_de_camp.views import JobPage, JobView, count_filter, job_filter

_DEAD: Final = (JobState.DEAD,)
_Act = Callable[[Sequence[UUID], Request], Awaitable[Sequence[DeadStatus]]]
_StepAct = Callable[[Sequence[JobView], Request], Awaitable[Sequence[DeadStatus]]]


class DeadQueue:
    """The dead jobs of one queue; ``queue.dead`` gives it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(
        self,
        *,
        job_types: Iterable[str] | None = None,
        reasons: Iterable[str] | None = None,
        limit: int = 100,
        cursor: str | None = None,
        newest_first: bool = False,
    ) -> JobPage:
        """List dead jobs in the order of their ids.

        Args:
            job_types: only of these types.
            reasons: only those that died for one of these: ``failed``, ``timeout``, ``decode``,
                ``lease`` or a reason of your own.
            limit: how many at most, 1 to 1,000.
            cursor: what the page before gave.
            newest_first: the job scheduled last comes first.

        Raises:
            InvalidArgument: an argument is bad.
            StorageUnavailable: the storage can't be reached.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        where = job_filter(states=_DEAD, job_types=job_types, reasons=reasons)
        return await page_of(self._session, where, limit, cursor, newest_first=newest_first)

    async def count(
        self, *, job_types: Iterable[str] | None = None, reasons: Iterable[str] | None = None
    ) -> int:
        """Count dead jobs.

        Args:
            job_types: only of these types.
            reasons: only those that died for one of these.

        Raises:
            InvalidArgument: an argument is bad.
            StorageUnavailable: the storage can't be reached.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        where = count_filter(states=_DEAD, job_types=job_types, reasons=reasons)
        session = self._session
        rows = await session.call(lambda storage: storage.count(session.queue, where))
        return sum(row.count for row in rows)

    async def requeue(self, job_id: UUID) -> None:
        """Schedule a dead job again, at its old place, with its very bytes and no retry used.

        Raises:
            JobNotFound: no dead job has this id; where it is in another state, the error names it.
            InvalidArgument: the id isn't a UUID.
            StorageUnavailable: the storage can't be reached: repeat the call.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        await self._one(checked_id(job_id), self._requeue, "requeued")

    async def delete(self, job_id: UUID) -> None:
        """Remove a dead job for good.

        Raises:
            JobNotFound: no dead job has this id; where it is in another state, the error names it.
            InvalidArgument: the id isn't a UUID.
            StorageUnavailable: the storage can't be reached: repeat the call.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        await self._one(checked_id(job_id), self._delete, "deleted")

    async def requeue_all(
        self, *, job_types: Iterable[str] | None = None, reasons: Iterable[str] | None = None
    ) -> int:
        """Schedule all dead jobs again that match, in steps; safe to repeat.

        Args:
            job_types: only of these types; None means all.
            reasons: only those that died for one of these; None means any.

        Returns:
            How many were. Where the last such call lost a reply, those of that step are counted
            too, for ten minutes; not those of its steps before, which took effect.

        Raises:
            InvalidArgument: an argument is bad.
            StorageUnavailable: the storage can't be reached: repeat the call to go on.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        return await self._all("requeue", self._requeue_step, job_types, reasons)

    async def delete_all(
        self, *, job_types: Iterable[str] | None = None, reasons: Iterable[str] | None = None
    ) -> int:
        """Remove all dead jobs for good that match, in steps; safe to repeat.

        Args:
            job_types: only of these types; None means all.
            reasons: only those that died for one of these; None means any.

        Returns:
            How many were. Where the last such call lost a reply, those of that step are counted
            too, for ten minutes; not those of its steps before, which took effect.

        Raises:
            InvalidArgument: an argument is bad.
            StorageUnavailable: the storage can't be reached: repeat the call to go on.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        return await self._all("delete", self._delete_step, job_types, reasons)

    async def _requeue(self, ids: Sequence[UUID], request: Request) -> Sequence[DeadStatus]:
        session = self._session
        requests = [Requeue(job_id, request.id) for job_id in ids]
        statuses = await session.call(
            lambda storage: storage.requeue(session.queue, requests, now=session.now)
        )
        statuses = one_each(statuses, len(ids), "requeue jobs")
        self._tell(EventKind.REQUEUED, ids, statuses)
        return statuses

    async def _delete(self, ids: Sequence[UUID], request: Request) -> Sequence[DeadStatus]:
        session, tries = self._session, Tries(unknown=request.repeated)
        statuses = await session.call(lambda storage: storage.delete(session.queue, ids), tries)
        statuses = one_each(statuses, len(ids), "delete jobs")
        if tries.unknown:
            # They were all seen dead before: what is gone now, the lost try removed.
            gone = DeadStatus.NOT_FOUND
            statuses = [DeadStatus.DONE if each is gone else each for each in statuses]
        self._tell(EventKind.DELETED, ids, statuses)
        return statuses

    def _tell(self, kind: EventKind, ids: Sequence[UUID], statuses: Sequence[DeadStatus]) -> None:
        bus = self._session.bus
        if bus.active:
            for job_id, status in zip(ids, statuses, strict=True):
                if status is DeadStatus.DONE:
                    bus.emit(Event(kind, self._session.queue, job_id))

    async def _one(self, job_id: UUID, act: _Act, done: str) -> None:
        with self._session.repeats.request(done, job_id) as request:
            await self._one_by(job_id, act, done, request)

    async def _one_by(self, job_id: UUID, act: _Act, done: str, request: Request) -> None:
        session = self._session

        async def state_now() -> JobState | None:
            found = await session.call(lambda storage: storage.get(session.queue, [job_id]))
            (record,) = one_each(found, 1, "read a job")
            return record.state if record else None

        state = await state_now()
        if state is JobState.DEAD and request.repeated:
            # The first never took effect, or it died again since: either way it is to be done.
            request.renew()
        if state is JobState.DEAD or request.repeated:
            request.sent = True
            (status,) = await act([job_id], request)
            if status is DeadStatus.DONE:
                return
            state = await state_now()
        what = f"it is {state}" if state else "no job has this id"
        raise JobNotFound(
            f"job {job_id} can't be {done} from the dead queue: {what}",
            job_id=job_id,
            state=state,
        )

    async def _all(
        self,
        verb: str,
        act: _StepAct,
        job_types: Iterable[str] | None,
        reasons: Iterable[str] | None,
    ) -> int:
        where = job_filter(states=_DEAD, job_types=job_types, reasons=reasons)

        async def step(jobs: Sequence[JobView], request: Request) -> int:
            return list(await act(jobs, request)).count(DeadStatus.DONE)

        return await Steps(self._session, verb, where, step).all()

    async def _requeue_step(
        self, jobs: Sequence[JobView], request: Request
    ) -> Sequence[DeadStatus]:
        if request.repeated:
            # What died again since is another matter: it may match no more.
            found = await standing(self._session, jobs)
            jobs = [
                job
                for job in jobs
                if (now := found[job.id]) and (now[0] is not JobState.DEAD or now[1] == job.token)
            ]
        return await self._requeue([job.id for job in jobs], request) if jobs else []

    async def _delete_step(self, jobs: Sequence[JobView], request: Request) -> Sequence[DeadStatus]:
        ids = [job.id for job in jobs]
        if not request.repeated:
            return await self._delete(ids, request)
        # A deletion isn't sent again: what died again since is another matter, and what is dead as
        # it was is listed anew.
        found = await standing(self._session, jobs)
        statuses = [DeadStatus.DONE if found[each] is None else DeadStatus.NOT_DEAD for each in ids]
        self._tell(EventKind.DELETED, ids, statuses)
        return statuses
