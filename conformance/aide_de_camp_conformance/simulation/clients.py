"""Processes that schedule, cancel, requeue and drive jobs by hand, and note what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final
from uuid import UUID

from aide_de_camp import (
    DecodeError,
    JobAlreadyStarted,
    JobNotFound,
    JobRequest,
    Queue,
    StorageUnavailable,
    new_job_id,
)
from aide_de_camp.spi import JobState, NewJob
from aide_de_camp_conformance.simulation.chance import stream
from aide_de_camp_conformance.simulation.entry import PATIENT, ROTTEN
from aide_de_camp_conformance.simulation.hands import by_hand
from aide_de_camp_conformance.simulation.jobs import Jobs, Task
from aide_de_camp_conformance.simulation.processes import Process
from aide_de_camp_conformance.simulation.world import World

_TRIES: Final = 5
_NUMBERS: Final = 1_000


class ClientProcess(Process):
    """A process that makes some calls, one after the other, and ends.

    Args:
        world: what it lives in.
        number: no two clients have the same.
        jobs: the job types.
    """

    def __init__(self, world: World, number: int, jobs: Jobs) -> None:
        super().__init__(world, f"client-{number}")
        self._jobs = jobs
        self._chance = stream(world.seed, self.name)
        self._next = number * _NUMBERS * 1_000
        self._left = world.plan.jobs
        world.books.by_hand.add(self.lane.number)

    def start(self) -> None:
        """Begin."""
        self.task = self.world.loop.spawn(self.lane, self._run())

    async def _run(self) -> None:
        chance, plan = self._chance, self.world.plan
        queue = await self.opened(chance)
        acts = (
            *(self._schedule,) * 3,
            *(self._schedule_many, self._rotten, self._cancel, self._cancel, self._unschedule),
            *(self._requeue, self._requeue, self._delete, self._by_hand, self._by_hand),
        )
        pause = plan.length / (plan.jobs * 3)
        while self._left > 0:
            await asyncio.sleep(chance.expovariate(1 / pause))
            await chance.choice(acts)(queue)
        await queue.close()

    def _task(self) -> Task:
        self._left -= 1
        self._next += 1_000
        return Task(self._next)

    def _request(self) -> JobRequest[Task]:
        chance, lease = self._chance, self.world.plan.lease
        delay = chance.choice((0.0, 0.0, chance.uniform(-1, 3) * lease))
        return JobRequest(
            self._jobs.types[chance.choice(("plain", "plain", "plain", "once", "limited"))],
            self._task(),
            priority=chance.choice((0, 0, 0, 1, -1, 127, -128)),
            delay=timedelta(seconds=delay),
            job_id=new_job_id(),
            max_retries=chance.choice((None, None, None, 1)),
        )

    def _any(self, *states: JobState) -> UUID | None:
        found = [
            entry.id
            for entry in self.world.ledger.entries.values()
            if entry.gone is None and (not states or entry.state in states)
        ]
        return self._chance.choice(found) if found else None

    async def _told(self, jobs: list[UUID], call: Callable[[], Awaitable[object]]) -> bool:
        """Make a call, and repeat it while the storage can't be reached.

        Returns:
            True once it was answered; False where its caller gave up, and doesn't know.
        """
        chance = self._chance
        unknown = False
        for _ in range(_TRIES):
            patience = None
            if "gives_up" in self.world.plan.trouble and self.world.network.rough:
                patience = chance.choice((None, None, chance.uniform(0, 0.08)))
            try:
                async with asyncio.timeout(patience):
                    await call()
            except TimeoutError:
                self.world.books.doubtful.update(jobs)
                return False
            except StorageUnavailable as error:
                unknown = unknown or error.outcome_unknown
                await asyncio.sleep(self.world.plan.lease * chance.uniform(0, 0.1))
            else:
                return True
        if unknown:
            self.world.books.doubtful.update(jobs)
        return False

    # --- what it does ---------------------------------------------------------------------------

    async def _schedule(self, queue: Queue) -> None:
        await self._store(queue, [self._request()])

    async def _schedule_many(self, queue: Queue) -> None:
        await self._store(queue, [self._request() for _ in range(self._chance.randint(2, 5))])

    async def _store(self, queue: Queue, requests: list[JobRequest[Task]]) -> None:
        books = self.world.books
        ids = [each.job_id for each in requests if each.job_id is not None]
        doubtful = False

        async def call() -> None:
            nonlocal doubtful
            try:
                stored = await queue.schedule_many(requests)
            except StorageUnavailable as error:
                self.world.holds(
                    list(error.job_ids) == ids, "ENQ-8", "the error doesn't carry the ids", *ids
                )
                doubtful = doubtful or error.outcome_unknown
                if not doubtful:
                    for job_id in ids:
                        books.refused(job_id)
                raise
            except BaseException:  # a kill too leaves its outcome in doubt
                doubtful = True
                raise
            self.world.holds(stored == ids, "ENQ-4", "the ids aren't those given", *ids)
            for job_id in ids:
                books.acknowledged(job_id)

        await self._told(ids, call)

    async def _rotten(self, queue: Queue) -> None:
        """Store what no codec reads, as an older version may have."""
        job = NewJob(
            id=new_job_id(),
            job_type=self._chance.choice(("plain", PATIENT)),
            payload=ROTTEN + str(self._task().number).encode(),
            codec=self._chance.choice(("json", "nobody's")),
            priority=self._chance.randint(-1, 1),
            scheduled_at=None,
        )

        async def call() -> None:
            await queue.storage.enqueue(queue.name, [job], now=None)
            self.world.books.acknowledged(job.id)

        await self._told([job.id], call)

    async def _cancel(self, queue: Queue) -> None:
        job_id = self._any(JobState.SCHEDULED) or self._any()
        if job_id is None:
            return
        since, books = self.world.loop.time(), self.world.books

        async def call() -> None:
            try:
                done = await queue.cancel_job(job_id)
            except JobNotFound:
                books.not_live(job_id, since)
            else:
                if done:
                    books.cancelled(job_id)
                else:
                    books.running(job_id, since)

        await self._told([job_id], call)

    async def _unschedule(self, queue: Queue) -> None:
        job_id = self._any(JobState.SCHEDULED) or self._any()
        if job_id is None:
            return
        since, books = self.world.loop.time(), self.world.books
        entry = self.world.ledger.entries[job_id]

        async def call() -> None:
            try:
                task = await queue.unschedule_job(job_id, self._jobs.types[entry.job.job_type])
            except JobNotFound:
                books.not_live(job_id, since)
            except JobAlreadyStarted:
                books.running(job_id, since)
            except DecodeError:
                self.world.holds(entry.rotten, "CAN-6", "it can be decoded", job_id)
            else:
                self.world.holds(not entry.rotten, "CAN-6", "it can't be decoded", job_id)
                same = str(task.number).encode() in entry.job.payload
                self.world.holds(same, "CAN-4", "another job's payload", job_id)
                books.cancelled(job_id)

        await self._told([job_id], call)

    async def _requeue(self, queue: Queue) -> None:
        job_id = self._any(JobState.DEAD)
        if job_id is None:
            return
        since, books = self.world.loop.time(), self.world.books

        async def call() -> None:
            try:
                await queue.dead.requeue(job_id)
            except JobNotFound:
                entry = self.world.ledger.entries[job_id]
                dead = entry.gone is None and entry.state is JobState.DEAD
                died = max(entry.ran_until, 0.0)
                self.world.holds(not dead or died >= since, "RET-4", "it was dead", job_id)
            else:
                books.requeued(job_id)

        await self._told([job_id], call)

    async def _delete(self, queue: Queue) -> None:
        job_id = self._any(JobState.DEAD)
        if job_id is None or self._chance.random() < 0.5:
            return

        async def call() -> None:
            try:
                await queue.dead.delete(job_id)
            except JobNotFound:
                return
            self.world.books.deleted(job_id)

        await self._told([job_id], call)

    async def _by_hand(self, queue: Queue) -> None:
        await by_hand(self.world, self._jobs, self._chance, queue, self._told)
