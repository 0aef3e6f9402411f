"""Faults that only the end of a server shows, on a memory backend that stands in for one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from aide_de_camp.spi import Capability, JobState, Storage, StorageUnavailable
from aide_de_camp_backends.memory.jobs import Jobs
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_backends.memory.world import World
from aide_de_camp_conformance.faults import Outage, Passing
from aide_de_camp_conformance.mutants.mutant import broken_server

T = TypeVar("T")


class ServedStorage(MemoryStorage):
    """The memory backend, as it would be in a server of its own that keeps everything."""

    @property
    def capabilities(self) -> frozenset[Capability]:
        """As memory, and DUR-1."""
        return super().capabilities | {Capability.SURVIVES_KILL}


class ServedPlace:
    """Makes storages on one world, and is the server that they reach it by."""

    def __init__(self) -> None:
        self.world = World()
        self._outage = Outage()

    def __call__(self) -> Storage:
        """Make a storage."""
        return self._outage.around(ServedStorage(self.world))

    def kill(self) -> None:
        """Have nothing be reached any more, and nobody wait."""
        self._outage.on = True
        with self.world.lock:
            self.end(self.world.queues)
            self.world.changed()

    def start(self) -> None:
        """Let it be reached again."""
        self._outage.on = False

    def end(self, queues: dict[str, Jobs]) -> None:
        """Do to the queues what a server's end does to them: nothing."""


@broken_server("DUR-1.server", "LIV-2.restart")
class ForgetsAtItsEnd(ServedPlace):
    """What is acknowledged is in the server's memory alone."""

    def end(self, queues: dict[str, Jobs]) -> None:
        """Forget all."""
        queues.clear()


@broken_server("DUR-1.server")
class UndoesCancels(ServedPlace):
    """A server that comes back has every job scheduled that had been cancelled."""

    def end(self, queues: dict[str, Jobs]) -> None:
        """Undo them."""
        for jobs in queues.values():
            for job in jobs.by_id.values():
                if job.state is JobState.CANCELLED:
                    job.state = JobState.SCHEDULED
                    jobs.waiting.add(job.job_type, job.place)


@broken_server("DUR-1.server", "LIV-2.restart")
class UndoesSettlements(ServedPlace):
    """A server that comes back has every job running that had been completed."""

    def end(self, queues: dict[str, Jobs]) -> None:
        """Undo them."""
        for jobs in queues.values():
            for job in jobs.by_id.values():
                if job.state is JobState.COMPLETED:
                    job.state, job.lease_until = JobState.RUNNING, job.finished_at
                    jobs.running[job.id] = job


@broken_server("DUR-1.server", "LIV-2.restart")
class FreesLeases(ServedPlace):
    """A server that comes back hands out again what was running, whose lease still holds."""

    def end(self, queues: dict[str, Jobs]) -> None:
        """Release it."""
        for jobs in queues.values():
            while jobs.running:
                _, job = jobs.running.popitem()
                job.state, job.lease_until = JobState.SCHEDULED, None
                jobs.waiting.add(job.job_type, job.place)


class _GivenUp(Passing):
    given_up = False

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call, unless an earlier one found the server away."""
        if self.given_up:
            raise StorageUnavailable("the server was given up", outcome_unknown=False)
        try:
            return await call()
        except StorageUnavailable:
            self.given_up = True
            raise


@broken_server("LIV-2.restart")
class NeverReconnects(ServedPlace):
    """A storage whose server was away once never reaches it again."""

    def __call__(self) -> Storage:
        """Make a storage."""
        return _GivenUp(super().__call__())
