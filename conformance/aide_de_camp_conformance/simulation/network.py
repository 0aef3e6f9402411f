"""What lies between simulated processes and their storage: latency, losses and outages."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from attrs import frozen

from aide_de_camp.spi import Storage, StorageUnavailable, Wake
from aide_de_camp_conformance.faults import Passing
from aide_de_camp_conformance.simulation.fates import Fate, Fates
from aide_de_camp_conformance.simulation.lanes import LANE, Lane
from aide_de_camp_conformance.simulation.loop import SimulatedLoop
from aide_de_camp_conformance.simulation.plan import Plan
from aide_de_camp_conformance.simulation.trace import Trace

T = TypeVar("T")

_AWAY: Final = "the storage is away"
_BROKE: Final = "the connection broke before the reply came"


@frozen
class Ambush:
    """Something that happens to a process at the worst moment.

    Attributes:
        verb: when it calls this verb.
        arrived: as the call has just taken effect, not as it is sent.
        act: makes it happen.
    """

    verb: str
    arrived: bool
    act: Callable[[], object]


class Network:
    """Carries calls to the storage, which runs in a lane of its own.

    What was sent takes effect though its sender was cancelled or killed meanwhile, as a message
    on a wire does.

    Args:
        loop: whose time it takes.
        plan: which trouble there is.
        chance: decides on each call.
        trace: is told of trouble.

    Attributes:
        away: True during an outage.
        cut_off: the homes of the lanes that can't reach the storage just now.
        rough: True while calls may fail.
        troubled: when last something went wrong for a home lane, by its number; -1 is for all.
        ambushes: what happens next to whoever makes a call of some verb, by the home's number.
        sender: told whose call takes effect.
    """

    def __init__(
        self, loop: SimulatedLoop, plan: Plan, chance: random.Random, trace: Trace
    ) -> None:
        self._loop = loop
        self._plan = plan
        self._chance = chance
        self._trace = trace
        self._fates = Fates(plan, chance)
        self._server = loop.lane("storage")
        self.away = False
        self.cut_off: set[int] = set()
        self.rough = True
        self.troubled: dict[int, float] = {}
        self.ambushes: dict[int, Ambush] = {}
        self.sender: Callable[[Lane], None] = lambda _home: None

    def fate(self, lane: Lane) -> Fate:
        """Decide what becomes of a call."""
        if self._unreachable(lane):
            return self._fates.away()
        if self.rough:
            return self._fates.rough()
        return self._fates.fine()

    def _unreachable(self, lane: Lane) -> bool:
        return self.away or lane.home.number in self.cut_off

    async def carry(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """Carry one call there, and its answer back."""
        loop, lane = self._loop, LANE.get(self._loop.root)
        fate = self.fate(lane)
        if fate.word:
            self._trace.add(lane.name, f"{verb} {fate.word}")
            self.note(lane.home, fate.there + fate.back)
        answer: asyncio.Future[T] = loop.create_future()
        self._spring(verb, lane, arrived=False)
        context = self._server.context.copy()
        context.run(loop.call_later, fate.there, self._arrive, verb, call, fate, answer, lane)
        return await answer

    def _spring(self, verb: str, lane: Lane, *, arrived: bool) -> None:
        ambush = self.ambushes.get(lane.home.number)
        if ambush is not None and ambush.verb == verb and ambush.arrived is arrived:
            del self.ambushes[lane.home.number]
            ambush.act()

    def note(self, home: Lane | None, seconds: float = 0.0) -> None:
        """Note that something goes wrong for a process, or for all, for some seconds."""
        number = -1 if home is None else home.number
        until = self._loop.time() + seconds
        self.troubled[number] = max(until, self.troubled.get(number, 0.0))

    def well_since(self, home: Lane) -> float:
        """Say since when nothing has gone wrong for a process."""
        return max(self.troubled.get(home.number, 0.0), self.troubled.get(-1, 0.0))

    def _arrive(
        self,
        verb: str,
        call: Callable[[], Awaitable[Any]],
        fate: Fate,
        answer: asyncio.Future[Any],
        lane: Lane,
    ) -> None:
        result: Any = None
        error: Exception | None = None
        if fate.arrives:
            self.sender(lane.home)
            try:
                result = at_once(call())
            except Exception as raised:  # noqa: BLE001 (the caller gets it, whatever it is)
                error = raised
            self._spring(verb, lane, arrived=True)
        if not fate.answered:
            error = StorageUnavailable(
                _BROKE if fate.unknown else _AWAY, outcome_unknown=fate.unknown
            )
        self._loop.call_later(fate.back, self._reply, lane, answer, result, error)

    def _reply(
        self, lane: Lane, answer: asyncio.Future[Any], result: Any, error: Exception | None
    ) -> None:
        if answer.done() or lane.dead:
            return
        if error is None and self._unreachable(lane):
            error = StorageUnavailable(_BROKE, outcome_unknown=True)
        if error is None:
            answer.set_result(result)
        else:
            answer.set_exception(error)

    def behind(self, storage: Storage) -> Storage:
        """Put a storage at the far end."""
        return _Wired(storage, self)

    async def wait(self, storage: Storage, queue: str, ticket: int, timeout: float) -> Wake:
        """Wait for work; what wakes the runner may get lost, and the connection break."""
        lane = LANE.get(self._loop.root)
        if self.away or lane.home.number in self.cut_off:
            await asyncio.sleep(min(timeout, self._chance.uniform(0, 1)))
            raise StorageUnavailable(_AWAY, outcome_unknown=False)
        if self.rough and "deaf" in self._plan.trouble and self._chance.random() < 0.5:
            await asyncio.sleep(timeout)
            return Wake.TIMEOUT
        return await storage.wait(queue, ticket, timeout)


class _Wired(Passing):
    def __init__(self, inner: Storage, network: Network) -> None:
        super().__init__(inner)
        self._network = network

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        return await self._network.carry(verb, call)

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        return await self._network.wait(self.inner, queue, ticket, timeout)


def at_once(work: Awaitable[T]) -> T:
    """Run what never has to wait, as the verbs of a storage in memory don't.

    Raises:
        AssertionError: it waits.
    """
    steps = work.__await__()
    try:
        next(steps)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("a storage in memory had to wait")
