"""Running one seed to its end, and judging what is left."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from aide_de_camp_conformance.simulation.chance import seeded
from aide_de_camp_conformance.simulation.clock import START
from aide_de_camp_conformance.simulation.director import Director
from aide_de_camp_conformance.simulation.logs import watched
from aide_de_camp_conformance.simulation.network import at_once
from aide_de_camp_conformance.simulation.plan import Plan
from aide_de_camp_conformance.simulation.trace import Trace
from aide_de_camp_conformance.simulation.verdict import Broken
from aide_de_camp_conformance.simulation.world import World

_MOST_AWAITS: Final = 100


@frozen
class Run:
    """One seed's run.

    Attributes:
        seed: which.
        plan: what it made of it.
        trace: what happened.
        broken: the first thing that the contract doesn't allow; None where all held.
        seconds: how much time passed in it.
        steps: how many callbacks its loop made.
        jobs: how many jobs it had.
    """

    seed: int
    plan: Plan
    trace: Trace
    broken: BaseException | None
    seconds: float
    steps: int
    jobs: int

    @property
    def concerned(self) -> frozenset[UUID]:
        """The jobs that what was found is about."""
        return self.broken.jobs if isinstance(self.broken, Broken) else frozenset()

    @property
    def digest(self) -> str:
        """A hash of all that happened: equal for equal runs."""
        return self.trace.digest()


def simulate(seed: int) -> Run:
    """Run one seed, in this thread, without sleeping.

    Args:
        seed: any integer: it alone decides what happens.

    Returns:
        What happened; whatever was raised is in it.
    """
    world = World(seed)
    broken: BaseException | None = None
    with seeded(seed, lambda: START + world.loop.time()), watched(world):
        try:
            world.loop.run_until_complete(Director(world).direct())
            _judge(world)
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 (whatever it is, it is the answer)
            broken = world.loop.failure or error
        world.trace.close()
        steps = world.loop.steps
        _bury(world)
    return Run(
        seed=seed,
        plan=world.plan,
        trace=world.trace,
        broken=broken,
        seconds=world.loop.time(),
        steps=steps,
        jobs=len(world.ledger.entries),
    )


def _judge(world: World) -> None:
    world.books.close()
    for context in world.loop.unexpected:
        error = context.get("exception")
        world.holds(False, "ERR-1", f"nobody caught this: {context['message']}: {error!r}")
    left = [task for task in _tasks(world) if not task.done()]
    names = sorted(getattr(task.get_coro(), "__qualname__", "?") for task in left)
    world.holds(not left, "LIV-1", f"tasks are left over: {', '.join(names)}")
    entries = [entry for entry in world.ledger.entries.values() if entry.gone is None]
    records = at_once(world.server.inner.get("default", [entry.id for entry in entries]))
    for entry, record in zip(entries, records, strict=True):
        kept = record is not None and (
            record.state,
            record.claims,
            record.retries,
            record.snoozes,
            record.token,
            record.payload,
            record.codec,
            record.reason,
        )
        reckoned = (
            entry.state,
            entry.claims,
            entry.retries,
            entry.snoozes,
            entry.token,
            entry.job.payload,
            entry.job.codec,
            entry.reason,
        )
        world.holds(kept == reckoned, "OBS-1", "its record isn't what the books say", entry.id)


def _tasks(world: World) -> list[asyncio.Task[Any]]:
    dead = set(map(id, world.loop.graveyard))
    return [task for task in asyncio.all_tasks(world.loop) if id(task) not in dead]


def _bury(world: World) -> None:
    """Let go of what was killed, so that nothing of it speaks up later."""
    loop = world.loop
    with warnings.catch_warnings():
        # What a dead process would still have awaited is nobody's fault.
        warnings.simplefilter("ignore")
        loop.bury(_end)
    loop.close()


def _end(task: asyncio.Task[Any]) -> None:
    setattr(task, "_log_destroy_pending", False)  # noqa: B010 (no public name says it)
    coroutine: Any = task.get_coro()
    for _ in range(_MOST_AWAITS):
        try:
            # Not close(): where a ``finally`` awaits, it leaves the coroutines within as they are.
            coroutine.throw(_BuriedError())
        except BaseException:  # noqa: BLE001 (it is dead: nobody asks)
            return


class _BuriedError(BaseException):
    pass
