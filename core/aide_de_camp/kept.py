"""What is kept of a queue's jobs: looking at it, and removing it in the end (OBS-1 to 3, KEP-1)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from aide_de_camp.answers import one_each
from aide_de_camp.checks import checked_id
from aide_de_camp.mark_kinds import is_job
from aide_de_camp.paging import page_of
from aide_de_camp.session import Session
from aide_de_camp.spi import Event, EventKind, JobNotFound, JobState
from aide_de_camp.views import (
    JobCounts,
    JobPage,
    JobView,
    count_filter,
    counts_of,
    job_filter,
    view_of,
)

LEAST_KEPT: Final = timedelta(minutes=1)
"""How long finished jobs are kept at least: a call whose answer was lost is repeated, and is
answered by what the record says. Without the record, the job that a repeated ``schedule`` stored
before would be stored and run again, and a repeated ``complete`` be told that its lease was lost.
"""
_PRUNE_STEP: Final = 1_000


class Records:
    """The part of a :class:`Queue` that is about what is kept.

    Attributes:
        name: the queue's name.
        session: the open storage.
        keep_finished: how long completed and cancelled jobs are kept.
    """

    name: str
    session: Session
    keep_finished: timedelta

    async def get_job(self, job_id: UUID) -> JobView:
        """Look at one job, in any state that is kept (clause OBS-1).

        Raises:
            JobNotFound: no record has this id.
            InvalidArgument: the id isn't a UUID.
            StorageUnavailable: the storage can't be reached.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        wanted = checked_id(job_id)
        records = await self.session.call(lambda storage: storage.get(self.name, [wanted]))
        (record,) = one_each(records, 1, "read jobs")
        if record is None or not is_job(record):
            raise JobNotFound(
                f"job {job_id} isn't in queue {self.name!r}: it never was, or its record is no "
                "longer kept",
                job_id=job_id,
            )
        return view_of(record)

    async def list_jobs(
        self,
        *,
        states: Iterable[JobState] | None = None,
        job_types: Iterable[str] | None = None,
        reasons: Iterable[str] | None = None,
        scheduled_from: datetime | None = None,
        scheduled_to: datetime | None = None,
        enqueued_from: datetime | None = None,
        enqueued_to: datetime | None = None,
        finished_from: datetime | None = None,
        finished_to: datetime | None = None,
        limit: int = 100,
        cursor: str | None = None,
        newest_first: bool = False,
    ) -> JobPage:
        """List jobs in the order of their ids, without payloads (clause OBS-2).

        Every condition given must hold; ``*_from`` is inclusive, ``*_to`` exclusive.

        Args:
            states: only in these.
            job_types: only of these types.
            reasons: only dead or cancelled for one of these; any strings.
            scheduled_from: due then or later.
            scheduled_to: due before.
            enqueued_from: scheduled then or later.
            enqueued_to: scheduled before.
            finished_from: finished then or later.
            finished_to: finished before.
            limit: how many at most, 1 to 1,000.
            cursor: what the page before gave.
            newest_first: the job scheduled last comes first.

        Raises:
            InvalidArgument: an argument is bad.
            StorageUnavailable: the storage can't be reached.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        where = job_filter(
            states=states,
            job_types=job_types,
            reasons=reasons,
            scheduled_from=scheduled_from,
            scheduled_to=scheduled_to,
            enqueued_from=enqueued_from,
            enqueued_to=enqueued_to,
            finished_from=finished_from,
            finished_to=finished_to,
        )
        return await page_of(self.session, where, limit, cursor, newest_first=bool(newest_first))

    async def count_jobs(
        self,
        *,
        states: Iterable[JobState] | None = None,
        job_types: Iterable[str] | None = None,
    ) -> JobCounts:
        """Count jobs by state and type (clause OBS-3).

        Args:
            states: only in these.
            job_types: only of these types.

        Raises:
            InvalidArgument: an argument is bad.
            StorageUnavailable: the storage can't be reached.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        where = count_filter(states=states, job_types=job_types)
        rows = await self.session.call(lambda storage: storage.count(self.name, where))
        return counts_of(rows)

    async def prune(self) -> int:
        """Remove completed and cancelled jobs that were kept long enough (clause KEP-1).

        That is ``keep_finished``, and :data:`LEAST_KEPT`, a minute, at least. Runners do it about
        once a minute; call it where there is none. It goes in steps, each told of by an event.

        Returns:
            How many were removed.

        Raises:
            StorageUnavailable: the storage can't be reached; what earlier steps removed is gone.
            QueueClosed: the queue isn't open.
            QueueMisused: this is another event loop, or a forked child.
        """
        keep = max(self.keep_finished, LEAST_KEPT) // timedelta(microseconds=1)
        removed = 0
        while True:
            step = await self.session.call(
                lambda storage: storage.prune(self.name, keep, _PRUNE_STEP, now=self.session.now)
            )
            removed += step
            if step and self.session.bus.active:
                self.session.bus.emit(Event(EventKind.PRUNED, self.name, count=step))
            if step < _PRUNE_STEP:
                return removed
            await asyncio.sleep(0)  # a storage in memory answers at once, and others wait
