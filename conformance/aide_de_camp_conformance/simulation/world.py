"""What all parts of one simulated run share."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from aide_de_camp import Queue, open_queue
from aide_de_camp.spi import Event, StorageOpener, hookimpl
from aide_de_camp_backends.memory.storage import MemoryStorage
from aide_de_camp_backends.memory.world import World as MemoryWorld
from aide_de_camp_conformance.place import EventLog, door
from aide_de_camp_conformance.simulation.books import Books
from aide_de_camp_conformance.simulation.chance import stream
from aide_de_camp_conformance.simulation.clock import SimulatedClock
from aide_de_camp_conformance.simulation.lanes import LANE, Lane
from aide_de_camp_conformance.simulation.ledger import Ledger
from aide_de_camp_conformance.simulation.loop import simulated_loop
from aide_de_camp_conformance.simulation.losses import Losses
from aide_de_camp_conformance.simulation.network import Network
from aide_de_camp_conformance.simulation.plan import Plan
from aide_de_camp_conformance.simulation.server import Server
from aide_de_camp_conformance.simulation.trace import Trace
from aide_de_camp_conformance.simulation.verdict import Broken


class World:
    """One run's loop, storage, network and books.

    Args:
        seed: makes all of it.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.plan = Plan.draw(stream(seed, "plan"))
        self.loop = simulated_loop(stream(seed, "order"))
        self.trace = Trace(self.loop.time)
        self.clock = SimulatedClock(self.loop)
        self.network = Network(self.loop, self.plan, stream(seed, "network"), self.trace)
        self.server = Server(MemoryStorage(MemoryWorld()), self.clock, self.loop, self.trace)
        self.ledger: Ledger = self.server.ledger
        self.books = Books(self.ledger)
        self.network.sender = self._note_sender
        self.losses = Losses(self.loop.time, self.network, self.plan, self.books.silent)
        self.ledger.losing = self.losses.judge
        self._door = door(_Listener(self))

    def queue(self, **options: Any) -> Queue:
        """Make a queue, not yet open, on the run's one storage."""
        opener: StorageOpener = lambda: self.network.behind(self.server)  # noqa: E731 (typed by its name)
        return open_queue(
            self._door.places.url_of(opener),
            registry=self._door.registry,
            clock=self.clock,
            **options,
        )

    def holds(self, claim: object, clause: str, what: str, *jobs: UUID) -> None:
        """Insist on something; the run ends where it doesn't hold."""
        if not claim:
            self.fail(Broken(clause, what, *jobs))

    def fail(self, error: Broken) -> None:
        """End the run, whoever would catch the error."""
        if self.loop.failure is None:
            self.loop.failure = error
        raise error

    def _note_sender(self, home: Lane) -> None:
        self.ledger.sender = home


class _Listener(EventLog):
    """Hears the events of every queue."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    @hookimpl
    def adc_event(self, event: Event) -> None:
        """Have it written down."""
        lane = LANE.get(self._world.loop.root)
        self._world.trace.add(lane.name, f"says {event.kind.value}", event.job_id)
        if event.job_id is not None:
            self._world.books.event(event, event.job_id, lane.home.number)
