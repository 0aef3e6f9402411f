"""The runner, as its users call it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Final
from uuid import UUID

from aide_de_camp.claiming import default_worker_name
from aide_de_camp.queue import DEFAULT_LEASE, Queue
from aide_de_camp.router import JobRouter
from aide_de_camp.runner.claims import await_last
from aide_de_camp.runner.heartbeat import (
    HeartbeatDriver,
    HeartbeatTask,
    HeartbeatThread,
    Pulse,
)
from aide_de_camp.runner.options import RunnerOptions
from aide_de_camp.runner.signals import stop_signals
from aide_de_camp.runner.upkeep import Upkeep
from aide_de_camp.runner.work import Work
from aide_de_camp.spi import ConfigurationError, InvalidArgument, QueueMisused

_log = logging.getLogger("aide_de_camp.runner")

_SETTLE_SECONDS: Final = 10.0
"""How long a runner that stops tries to store the last outcomes."""
_FORCED_GRACE: Final = 1.0
"""Seconds that handlers have to clean up after they were cancelled at the end."""


class JobRunner:
    """Runs the jobs of one queue by the handlers of a router, until it is stopped.

    Args:
        queue: an open queue.
        router: the handlers; jobs of other types stay scheduled (clause OBS-4).
        concurrency: how many handlers run at once, 1 to 10,000.
        prefetch: how many jobs may be claimed before a slot is free for them, and so be
            overtaken by nothing; 0 keeps the order of priorities exact (clause PRI-8).
        lease: how long a job stays this runner's without a heartbeat, 1 s or more: after a
            crash its jobs come back within that and the next poll. It must be several times as
            long as the storage takes to answer: what is handed out later than that is given back.
        poll_interval: how long to sleep at most where nothing wakes the runner sooner.
        shutdown_timeout: how long handlers may go on after a stop was asked for (LIV-1). Storing
            how the last of them ended may then take ten seconds more, and so may giving back
            what a last claim took.
        log_errors: also log what exceptions say, with their tracebacks. They may quote payloads,
            which no log line holds else (clause DEC-6).
        worker: the runner's name, for people to read; host and process id by default.
        heartbeat: makes what drives the heartbeats; a thread by default, a task under a
            clock that a test moves.

    Attributes:
        interrupted: the jobs whose handlers were told to end, when the last run ended, before
            they had: their types by id. What such a handler waited for in a thread may go on.
        left_behind: those of them whose handlers went on all the same, and hold up the end of
            the process unless it is ended by ``os._exit``.

    Raises:
        ConfigurationError: the router has no jobs, or one's codec isn't enabled.
        UnsupportedPayload: a payload type can't be carried by its codec.
        InvalidArgument: another argument is bad.
    """

    def __init__(
        self,
        queue: Queue,
        router: JobRouter,
        *,
        concurrency: int = 10,
        prefetch: int = 0,
        lease: timedelta = DEFAULT_LEASE,
        poll_interval: timedelta = timedelta(seconds=5),
        shutdown_timeout: timedelta = timedelta(seconds=30),
        log_errors: bool = False,
        worker: str | None = None,
        heartbeat: Callable[[Pulse], HeartbeatDriver] | None = None,
    ) -> None:
        if not isinstance(queue, Queue):
            raise InvalidArgument("queue", "must be a Queue")
        if not isinstance(router, JobRouter):
            raise InvalidArgument("router", "must be a JobRouter")
        if heartbeat is not None and not callable(heartbeat):
            raise InvalidArgument("heartbeat", "must be a function")
        self._options = RunnerOptions(
            worker=default_worker_name() if worker is None else worker,
            concurrency=concurrency,
            prefetch=prefetch,
            lease=lease,
            poll_interval=poll_interval,
            shutdown_timeout=shutdown_timeout,
            log_errors=log_errors,
        )
        if not router.types:
            raise ConfigurationError("router", "has no jobs: register a handler first")
        for route in router.routes.values():
            queue.payloads.register(route.job_type)
        self._queue = queue
        self._router = router
        moved_clock = queue.clock.now() is not None
        default = HeartbeatTask if moved_clock else HeartbeatThread
        self._heartbeat = heartbeat or default
        self._work: Work | None = None
        self._stop_asked = False
        self.interrupted: Mapping[UUID, str] = {}
        self.left_behind: Mapping[UUID, str] = {}

    @property
    def running(self) -> int:
        """How many jobs it holds just now."""
        return 0 if self._work is None else self._work.outstanding

    def shutdown(self) -> None:
        """Ask it to stop: nothing more is claimed, and each job's token fires (clause LIV-1)."""
        self._stop_asked = True
        if self._work is not None:
            self._work.stop()

    def kill(self) -> None:
        """Stop now: handlers are cancelled, and their jobs released, no retry used."""
        if self._work is not None:
            self._work.force()
        self.shutdown()

    async def run(self, *, install_signal_handlers: bool = False) -> None:
        """Run jobs until :meth:`shutdown`, a signal, or the cancellation of this call.

        An outage of the storage doesn't end it (clause LIV-2).

        Args:
            install_signal_handlers: have SIGINT and SIGTERM stop it; a second one forces it.

        Raises:
            QueueClosed: the queue isn't open.
            QueueMisused: it is running already, or the queue is another loop's.
        """
        signals = stop_signals(self.shutdown, self.kill) if install_signal_handlers else None
        with signals or nullcontext():
            async with self._working() as work:
                upkeep = asyncio.create_task(self._upkeep(work).run())
                try:
                    await work.run()
                finally:
                    upkeep.cancel()
                    await asyncio.wait([upkeep])

    async def drain(self) -> int:
        """Run what is due until nothing is due and nothing runs: for tests and batch jobs.

        What its jobs schedule meanwhile is run too, if it is due; what isn't due yet is left.
        Where attempts end and the storage doesn't take their outcomes, it goes on trying while
        claims work, and up to the length of a lease once nothing runs. :meth:`shutdown` and
        :meth:`kill` end it as they end :meth:`run`.

        Returns:
            How many attempts were made.

        Raises:
            StorageUnavailable: the storage can't be reached; or it hands out jobs, again and
                again, later than their lease holds, so that none can be begun; or outcomes are
                left that it didn't take: ``job_ids`` names the jobs, which run again once their
                leases expire.
            QueueClosed: as :meth:`run`.
            QueueMisused: as :meth:`run`.
        """
        async with self._working() as work:
            await work.unless_stopped(self._upkeep(work).once())
            attempts = await work.drain()
        if work.settler.waiting or work.settler.given_up:
            raise work.settler.not_stored()
        return attempts

    def _upkeep(self, work: Work) -> Upkeep:
        return Upkeep(self._queue, self._options, lambda: work.expecting)

    @asynccontextmanager
    async def _working(self) -> AsyncGenerator[Work]:
        if self._work is not None:
            raise QueueMisused("this runner is running already: make another one")
        session = self._queue.session
        work = self._work = Work(self._queue, self._router, self._options)
        heartbeat: HeartbeatDriver | None = None
        try:
            heartbeat = self._heartbeat(
                Pulse(
                    session,
                    work.held,
                    self._options.lease,
                    work.lease_lost_threadsafe,
                    work.loop_blocked,
                    self._options.log_errors,
                )
            )
            heartbeat.start()
            work.teller.runner_started()
            if self._stop_asked:
                work.stop()
            yield work
        except asyncio.CancelledError:
            work.force()
            raise
        finally:
            try:
                await self._wound_up(work, heartbeat)
            finally:
                self._work = None
                self._stop_asked = False
                self.interrupted, self.left_behind = work.interrupted, work.left_behind
                work.teller.runner_stopped(work.left_behind)

    async def _wound_up(self, work: Work, heartbeat: HeartbeatDriver | None) -> None:
        """Wind up to the end: a cancellation meanwhile hastens it, and is raised afterwards."""
        winding = asyncio.create_task(self._wind_up(work, heartbeat))
        cancelled: asyncio.CancelledError | None = None
        while not winding.done():
            try:
                await asyncio.wait([winding])
            except asyncio.CancelledError as error:
                cancelled = error
                work.force()
        if cancelled is not None:
            raise cancelled
        winding.result()

    async def _wind_up(self, work: Work, heartbeat: HeartbeatDriver | None) -> None:
        finishing = asyncio.create_task(work.claims.finish())
        async with AsyncExitStack() as steps:
            # From the last to the first, so that each is made whatever became of those before it.
            if heartbeat is not None:
                # What still runs keeps its lease until it was given back.
                steps.push_async_callback(heartbeat.stop)
            steps.push_async_callback(work.close, _FORCED_GRACE)
            steps.push_async_callback(work.settler.finish, _SETTLE_SECONDS)
            steps.push_async_callback(await_last, finishing)
            steps.callback(work.release)
            steps.push_async_callback(work.ended, _FORCED_GRACE, forced=True)
            steps.callback(work.interrupt)
            steps.push_async_callback(work.ended, self._options.shutdown_timeout.total_seconds())
            work.stop()
