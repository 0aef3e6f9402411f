"""What a handler is told of its attempt, and what it can do besides (clause LIV-1)."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

from aide_de_camp.cancellation import CancellationToken
from aide_de_camp.job_type import AnyJobType
from aide_de_camp.queue import Queue
from aide_de_camp.spi import ClaimedJob, to_datetime

P = TypeVar("P")
T = TypeVar("T")


class JobContext:
    """One attempt at a job.

    Attributes:
        token: fires when the handler should stop.
    """

    __slots__ = ("_job", "_loop", "_queue", "token")

    def __init__(self, queue: Queue, job: ClaimedJob, token: CancellationToken) -> None:
        self._queue = queue
        self._job = job
        self._loop = asyncio.get_running_loop()
        self.token = token

    @property
    def id(self) -> UUID:
        """The job's id."""
        return self._job.id

    @property
    def job_type(self) -> str:
        """The name of the job's type."""
        return self._job.job_type

    @property
    def queue(self) -> str:
        """The queue's name."""
        return self._queue.name

    @property
    def priority(self) -> int:
        """The job's priority."""
        return self._job.priority

    @property
    def retries(self) -> int:
        """Failures and lost leases before this attempt; 0 on the first (clause RET-1)."""
        return self._job.retries

    @property
    def max_retries(self) -> int:
        """How many retries the job may use."""
        return self._job.max_retries

    @property
    def claims(self) -> int:
        """How many attempts began, this one included."""
        return self._job.claims

    @property
    def scheduled_at(self) -> datetime:
        """When the job fell due, in UTC."""
        return to_datetime(self._job.scheduled_at)

    @property
    def enqueued_at(self) -> datetime:
        """When the job was stored, in UTC."""
        return to_datetime(self._job.enqueued_at)

    @property
    def fencing_token(self) -> int:
        """Grows with every attempt at this job; systems of your own can refuse an older one."""
        return self._job.token

    async def schedule(
        self, job: AnyJobType[P], payload: P, *, priority: int = 0, job_id: UUID | None = None
    ) -> UUID:
        """Schedule another job on the same queue; see :meth:`Queue.schedule`."""
        return await self._queue.schedule(job, payload, priority=priority, job_id=job_id)

    async def schedule_at(
        self,
        job: AnyJobType[P],
        payload: P,
        at: datetime,
        *,
        priority: int = 0,
        job_id: UUID | None = None,
    ) -> UUID:
        """Schedule another job on the same queue; see :meth:`Queue.schedule_at`."""
        return await self._queue.schedule_at(job, payload, at, priority=priority, job_id=job_id)

    async def schedule_in(
        self,
        job: AnyJobType[P],
        payload: P,
        delay: timedelta,
        *,
        priority: int = 0,
        job_id: UUID | None = None,
    ) -> UUID:
        """Schedule another job on the same queue; see :meth:`Queue.schedule_in`."""
        return await self._queue.schedule_in(job, payload, delay, priority=priority, job_id=job_id)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await something from a sync handler: ``job.run(job.schedule(...))``.

        Args:
            work: a coroutine; it runs in the runner's event loop.

        Returns:
            What it returns.

        Raises:
            RuntimeError: called in the runner's event loop, where ``await`` does it.
        """
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        if running is self._loop:
            work.close()
            raise RuntimeError("job.run is for sync handlers: in an async one, await it")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()
