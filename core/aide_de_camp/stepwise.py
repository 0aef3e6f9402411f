"""Acting on all jobs that match, in steps, each of which is one call (CAN-1, RET-4, LIV-4).

A step whose reply was lost is asked for again by the next call of the same kind and filter: its
jobs match no more, so that nothing else would find, count or tell of what it did.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from uuid import UUID

from attrs import frozen

from aide_de_camp.answers import one_each
from aide_de_camp.paging import page_of
from aide_de_camp.repeats import Request
from aide_de_camp.session import Session
from aide_de_camp.spi import BATCH_BYTES, BATCH_JOBS, JobFilter, JobRecord, JobState, Storage
from aide_de_camp.views import JobView

Act = Callable[[Sequence[JobView], Request], Awaitable[int]]
"""Does one step, under the request given; says for how many jobs it was done. Where the request is
repeated, what became of a job since must be left alone: it may match no more."""


@frozen
class Steps:
    """What is done with all jobs that match.

    Attributes:
        session: whose queue.
        verb: what is done, by which a repeat is known.
        where: which jobs.
        act: does a step.
    """

    session: Session
    verb: str
    where: JobFilter
    act: Act

    async def all(self) -> int:
        """Do it.

        Returns:
            For how many it was done; by a lost step of an earlier call too, which told nobody.

        Raises:
            StorageUnavailable: it can't be reached; the steps before took effect.
        """
        done, cursor = 0, None
        present = self.session.clock.monotonic()
        lost = self.session.repeats.lost_step(self.verb, self.where, present)
        if lost is not None:
            request_id, jobs = lost
            done += await self._one(jobs, Request(request_id, repeated=True))
        while True:
            page = await page_of(self.session, self.where, BATCH_JOBS, cursor, newest_first=False)
            if page.jobs:
                done += await self._one(page.jobs, Request())
            cursor = page.cursor
            if cursor is None:
                return done

    async def _one(self, jobs: Sequence[JobView], request: Request) -> int:
        request.sent = True
        try:
            return await self.act(jobs, request)
        except BaseException as error:
            if request.in_doubt(error):
                present = self.session.clock.monotonic()
                self.session.repeats.remember_step(self.verb, self.where, request.id, jobs, present)
            raise


async def standing(
    session: Session, jobs: Sequence[JobView]
) -> dict[UUID, tuple[JobState, int] | None]:
    """Look again at jobs that were listed: at state and token of each, or None if it is gone."""
    found: dict[UUID, tuple[JobState, int] | None] = {}
    for ids in _of_bounded_size(jobs):
        records = await session.call(partial(_read, queue=session.queue, ids=ids))
        for job_id, record in zip(ids, one_each(records, len(ids), "read jobs"), strict=True):
            found[job_id] = None if record is None else (record.state, record.token)
    return found


async def _read(storage: Storage, *, queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
    return await storage.get(queue, ids)


def _of_bounded_size(jobs: Sequence[JobView]) -> Iterator[list[UUID]]:
    """Cut jobs into groups whose payloads, which are read along, are of a bounded size."""
    ids: list[UUID] = []
    size = 0
    for job in jobs:
        if ids and size + job.payload_size > BATCH_BYTES:
            yield ids
            ids, size = [], 0
        ids.append(job.id)
        size += job.payload_size
    if ids:
        yield ids
