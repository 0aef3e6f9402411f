"""Who starts the processes, makes the trouble, ends it, and waits for rest."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import partial
from typing import Final

from aide_de_camp_conformance.simulation.chance import stream
from aide_de_camp_conformance.simulation.clients import ClientProcess
from aide_de_camp_conformance.simulation.jobs import Jobs
from aide_de_camp_conformance.simulation.network import Ambush
from aide_de_camp_conformance.simulation.processes import Process
from aide_de_camp_conformance.simulation.runners import WINDING_UP, RunnerProcess
from aide_de_camp_conformance.simulation.world import World

_REST: Final = 200
"""Lengths of a lease within which all must have come to rest once the trouble is over."""
_OF_RUNNERS: Final = ("claim", "claim", "settle", "settle", "extend", "reap", "enqueue")
_OF_CLIENTS: Final = ("enqueue", "cancel", "cancel", "requeue", "claim", "settle")


class Director:
    """Directs one run.

    Args:
        world: what it is about.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._chance = stream(world.seed, "director")
        self._jobs = Jobs(world)
        self._runners: list[RunnerProcess] = []
        self._clients: list[ClientProcess] = []
        self._started = 0

    async def direct(self) -> None:
        """Make the run, to its end."""
        plan = self._world.plan
        for _ in range(plan.runners):
            self._start_runner()
        for _ in range(plan.clients):
            self._start_client()
        await self._trouble()
        self._end_trouble()
        await self._rest()
        await self._stop_all()

    def _start_runner(self) -> RunnerProcess:
        self._started += 1
        runner = RunnerProcess(self._world, f"runner-{self._started}", self._jobs)
        self._runners.append(runner)
        runner.start()
        return runner

    def _start_client(self) -> None:
        client = ClientProcess(self._world, len(self._clients) + 1, self._jobs)
        self._clients.append(client)
        client.start()

    # --- trouble --------------------------------------------------------------------------------

    async def _trouble(self) -> None:
        world, plan, chance = self._world, self._world.plan, self._chance
        kinds: dict[str, Callable[[], None]] = {
            "outages": self._outage,
            "leaps": self._leap,
            "kills": self._kill,
            "stops": self._stop,
            "pauses": self._pause,
        }
        present = [act for kind, act in kinds.items() if kind in plan.trouble]
        while world.loop.time() < plan.length:
            left = plan.length - world.loop.time()
            await asyncio.sleep(min(left, chance.expovariate(1.5 / plan.lease)))
            if present and world.loop.time() < plan.length:
                chance.choice(present)()
            self._replace()

    def _end_trouble(self) -> None:
        world = self._world
        world.trace.add("director", "trouble ends")
        world.network.rough = world.network.away = False
        world.network.cut_off.clear()
        world.network.ambushes.clear()
        for process in self._all():
            process.lane.fuse = None
        self._replace()

    def _all(self) -> list[Process]:
        return [each for each in (*self._runners, *self._clients) if each.alive]

    def _replace(self) -> None:
        """Start what was killed or ended anew, as a supervisor does."""
        working = [each for each in self._runners if each.alive and each.stop_asked is None]
        for _ in range(self._world.plan.runners - len(working)):
            self._start_runner()
        # A client that was killed has done its work.

    def _outage(self) -> None:
        chance = self._chance
        seconds = self._world.plan.lease * chance.choice((0.05, 0.3, 1.2, 2.5))
        everybody = self._all()
        if not everybody or chance.random() < 0.3:
            self._cut_off(None, seconds)
            return
        victim = chance.choice(everybody)
        whole = chance.random() < 0.3
        # As a call took effect: its reply is lost, and the tries that follow find nobody.
        self._ambush(victim, partial(self._cut_off, None if whole else victim, seconds))

    def _cut_off(self, victim: Process | None, seconds: float) -> None:
        world = self._world
        home = None if victim is None else victim.lane
        world.network.note(home, seconds)
        who = "storage" if victim is None else victim.name
        world.trace.add(who, "is cut off", None, f"{seconds:.1f} s")
        if home is None:
            world.network.away = True
        else:
            world.network.cut_off.add(home.number)
        world.loop.call_later(seconds, self._reachable, None if home is None else home.number)

    def _reachable(self, number: int | None) -> None:
        network = self._world.network
        if number is None:
            network.away = False
        else:
            network.cut_off.discard(number)

    def _leap(self) -> None:
        world, chance = self._world, self._chance
        seconds = world.plan.lease * chance.choice((-0.2, -0.02, 0.02, 0.3, 1.1, 3.0))
        world.clock.leap += seconds
        world.losses.leapt = world.loop.time()
        world.network.note(None)
        world.trace.add("storage", "its clock leaps", None, f"{seconds:+.1f} s")

    def _kill(self) -> None:
        chance = self._chance
        if not self._all():
            return
        victim = chance.choice(self._all())
        if chance.random() < 0.3:
            victim.lane.fuse = chance.randint(1, 60)
            self._world.loop.killed = self._burnt
        else:
            self._ambush(victim, victim.kill)

    def _burnt(self, lane: object) -> None:
        for process in self._all():
            if process.lane is lane:
                process.kill()

    def _stop(self) -> None:
        chance = self._chance
        running = [each for each in self._runners if each.alive and each.stop_asked is None]
        if not running:
            return
        victim = chance.choice(running)
        if chance.random() < 0.5:
            self._start_runner()  # a deploy: the new one comes before the old one goes
        act = chance.choice((victim.stop, victim.stop, victim.force, victim.cancel))
        if chance.random() < 0.6:
            self._ambush(victim, act)
        else:
            act()
        if chance.random() < 0.2:
            later = self._world.plan.lease * chance.uniform(0, 0.3)
            self._world.loop.call_later(later, chance.choice((victim.force, victim.kill)))

    def _pause(self) -> None:
        chance = self._chance
        if self._all():
            victim = chance.choice(self._all())
            seconds = self._world.plan.lease * chance.choice((0.1, 0.6, 1.3, 2.5))
            self._ambush(victim, partial(victim.pause, seconds))

    def _ambush(self, victim: Process, act: Callable[[], object]) -> None:
        chance: random.Random = self._chance
        verbs = _OF_RUNNERS if isinstance(victim, RunnerProcess) else _OF_CLIENTS
        verb, arrived = chance.choice(verbs), chance.random() < 0.7
        self._world.network.ambushes[victim.lane.number] = Ambush(verb, arrived, act)

    # --- rest -----------------------------------------------------------------------------------

    async def _rest(self) -> None:
        world, lease = self._world, self._world.plan.lease
        end = world.loop.time() + _REST * lease
        while world.ledger.live or any(each.alive for each in self._clients):
            world.holds(
                world.loop.time() < end,
                "LIV-2",
                f"it doesn't come to rest: {world.ledger.live} jobs are live",
                *world.ledger.running,
                *world.ledger.scheduled,
            )
            await asyncio.sleep(lease / 2)
            self._replace()

    async def _stop_all(self) -> None:
        for runner in self._runners:
            runner.stop()
        tasks = [each.task for each in self._runners if each.task is not None and each.alive]
        if tasks:
            standing = max(each.lane.frozen_until for each in self._runners)
            longest = self._world.plan.shutdown + WINDING_UP + 1
            left = max(0.0, standing - self._world.loop.time()) + longest
            _, late = await asyncio.wait(tasks, timeout=left)
            self._world.holds(not late, "LIV-1", f"{len(late)} runners don't stop")
        for process in (*self._runners, *self._clients):
            task = process.task
            if task is not None and task.done() and not task.cancelled():
                error = task.exception()
                if error is not None:
                    raise error
