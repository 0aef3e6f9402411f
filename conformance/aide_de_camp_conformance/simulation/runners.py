"""A process that runs jobs, and how its end is judged (clauses LIV-1, LIV-2)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from aide_de_camp import JobRunner
from aide_de_camp.runner.heartbeat import HeartbeatDriver, HeartbeatTask, Pulse
from aide_de_camp_conformance.simulation.chance import stream
from aide_de_camp_conformance.simulation.jobs import Jobs
from aide_de_camp_conformance.simulation.lanes import Lane
from aide_de_camp_conformance.simulation.processes import Process
from aide_de_camp_conformance.simulation.world import World

WINDING_UP: Final = 45.0
"""Seconds beyond its shutdown timeout that a runner has at most to end."""


class RunnerProcess(Process):
    """One runner in one process, its heartbeat in a thread of its own.

    Args:
        world: what it lives in.
        name: for people to read.
        jobs: the handlers.

    Attributes:
        stop_asked: when it was asked to stop, in seconds of the loop; None before.
    """

    def __init__(self, world: World, name: str, jobs: Jobs) -> None:
        super().__init__(world, name)
        self._jobs = jobs
        self._runner: JobRunner | None = None
        self._heart = world.loop.lane(f"{name}-heart", self.lane)
        self.lane.heart = self._heart
        self.threads.append(self._heart)
        self.stop_asked: float | None = None

    def start(self) -> None:
        """Begin."""
        self.world.trace.add(self.name, "starts")
        self.task = self.world.loop.spawn(self.lane, self._run())

    def stop(self) -> None:
        """Ask it to stop, as SIGTERM does."""
        if self.alive and self.stop_asked is None:
            self.world.trace.add(self.name, "is asked to stop")
            self.stop_asked = self.world.loop.time()
            if self._runner is not None:
                self.call(self._runner.shutdown)
            elif self.task is not None:
                self.call(self.task.cancel)  # it only tries to open its queue

    def force(self) -> None:
        """Ask it to stop now, as a second SIGTERM does."""
        self.stop()
        if self.alive and self._runner is not None:
            self.world.trace.add(self.name, "is forced to stop")
            self.call(self._runner.kill)

    def cancel(self) -> None:
        """Cancel what it does, as a loop that is torn down does."""
        if self.alive and self.task is not None and self._runner is not None:
            self.stop()
            self.world.trace.add(self.name, "is cancelled")
            self.call(self.task.cancel)

    async def _run(self) -> None:
        world, plan = self.world, self.world.plan
        queue = await self.opened(stream(world.seed, self.name))
        self._runner = JobRunner(
            queue,
            self._jobs.router,
            concurrency=plan.concurrency,
            prefetch=plan.prefetch,
            lease=timedelta(seconds=plan.lease),
            poll_interval=timedelta(seconds=plan.poll),
            shutdown_timeout=timedelta(seconds=plan.shutdown),
            worker=self.name,
            heartbeat=lambda pulse: _Heart(pulse, self._heart),
        )
        try:
            await self._runner.run()
        except BaseException as error:
            if self.stop_asked is None:
                world.holds(False, "LIV-2", f"{self.name} ended with {type(error).__name__}")
            raise
        finally:
            self._judge_end()
            await queue.close()

    def _judge_end(self) -> None:
        world, asked = self.world, self.stop_asked
        world.trace.add(self.name, "has ended")
        if asked is None:
            world.holds(False, "LIV-2", f"{self.name} ended by itself")
            return
        took = world.loop.time() - max(asked, self.lane.frozen_until)
        world.holds(
            took <= world.plan.shutdown + WINDING_UP,
            "LIV-1",
            f"{self.name} took {took:.1f} s to stop",
        )
        left = [each for each in world.ledger.running.values() if each.worker == self.name]
        if not left:
            return
        well = world.network.well_since(self.lane) < asked and self.lane.frozen_until < asked
        world.books.silent.add(self.lane.number)
        world.holds(
            not well,
            "LIV-1",
            f"{self.name} stopped, with nothing in its way, and left jobs claimed",
            *(each.id for each in left),
        )


class _Heart:
    """Drives a heartbeat in a lane that goes on while the loop of the handlers is blocked."""

    def __init__(self, pulse: Pulse, lane: Lane) -> None:
        self._driver: HeartbeatDriver = HeartbeatTask(pulse)
        self._lane = lane

    def start(self) -> None:
        self._lane.run(self._driver.start)

    async def stop(self) -> None:
        await self._driver.stop()
