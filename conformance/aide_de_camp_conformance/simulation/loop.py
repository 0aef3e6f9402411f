"""An event loop whose time is a number, and whose order of things comes from a seed."""

from __future__ import annotations

import asyncio
import heapq
import random
from bisect import insort
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import contextmanager
from contextvars import Context, copy_context
from itertools import count
from typing import Any, Final, TypeVar, TypeVarTuple

from aide_de_camp_conformance.simulation.lanes import LANE, Lane
from aide_de_camp_conformance.simulation.verdict import Broken

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_MOST_AT_ONCE: Final = 50_000
"""Steps without time passing: more is a loop that spins."""
_LATEST: Final = 0.2
"""Seconds that a timer fires late at most; most fire much sooner."""


class SimulatedLoop(asyncio.AbstractEventLoop):
    """Runs callbacks of many lanes, one at a time; time passes only when none is ready.

    Fair, because nothing happens that an operating system couldn't do: callbacks of one lane
    keep their order, lanes of different processes and threads are independent of each other, and
    a timer never fires early.

    Args:
        chance: decides which lane goes on, and how late timers fire.

    Attributes:
        root: the lane of whoever runs the loop.
        steps: callbacks made so far.
        failure: raised instead of the next step.
        unexpected: what was handed to the loop's exception handler.
        killed: told of a lane whose fuse burnt down.
    """

    def __init__(self, chance: random.Random) -> None:
        self._random = chance.random
        self._now = 0.0
        self._numbers = count()
        self._lanes = count(1)
        self._timers: list[tuple[float, int, asyncio.TimerHandle | None, Lane]] = []
        self._awake: list[tuple[int, Lane]] = []
        self._closed = False
        self._at_once = 0
        self.root = Lane(0, "director")
        self.steps = 0
        self.failure: BaseException | None = None
        self.unexpected: list[dict[str, Any]] = []
        self.graveyard: list[asyncio.Task[Any]] = []
        self.killed: Callable[[Lane], None] = self.kill

    # --- lanes --------------------------------------------------------------------------------

    def lane(self, name: str, home: Lane | None = None) -> Lane:
        """Open a lane; see :class:`Lane`."""
        return Lane(next(self._lanes), name, home)

    def kill(self, lane: Lane) -> None:
        """End a lane as kill -9 does: nothing of it ever runs again, no ``finally`` even."""
        lane.dead = True
        # Kept, since a task that is collected would run its ``finally`` after all; and first, for
        # what is ready may be all that still holds it.
        self.graveyard.extend(task for task in lane.tasks if not task.done())
        lane.ready.clear()
        self._sleeps(lane)

    def freeze(self, lane: Lane, seconds: float) -> None:
        """Have a lane stand still; what becomes ready meanwhile waits."""
        until = lane.frozen_until = max(lane.frozen_until, self._now + seconds)
        self._sleeps(lane)
        heapq.heappush(self._timers, (until, next(self._numbers), None, lane))

    def bury(self, end: Callable[[asyncio.Task[Any]], None]) -> None:
        """End every task that is left, once nothing is to run any more.

        Args:
            end: ends one; what it begins meanwhile is ended too.
        """
        with self._running():
            self.root.dead = True
            buried: set[asyncio.Task[Any]] = set()
            while left := asyncio.all_tasks(self) - buried:
                buried |= left
                for task in left:
                    self.root.run(end, task)
        self.graveyard.clear()
        self.unexpected.clear()

    def spawn(self, lane: Lane, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a task in a lane."""
        return lane.run(self.create_task, work)

    def _push(self, lane: Lane, handle: asyncio.Handle) -> None:
        if lane.dead:
            return
        if not lane.ready and lane.frozen_until <= self._now:
            insort(self._awake, (lane.number, lane))
        lane.ready.append(handle)

    def _sleeps(self, lane: Lane) -> None:
        self._awake = [each for each in self._awake if each[1] is not lane]

    # --- running ------------------------------------------------------------------------------

    def run_until_complete(self, future: Awaitable[T]) -> T:  # type: ignore[override]
        """Run until something is done, in the root lane; see the standard library's."""
        with self._running():
            waited = self.root.run(lambda: asyncio.ensure_future(future, loop=self))
            while not waited.done():
                self._step()
        return waited.result()

    @contextmanager
    def _running(self) -> Generator[None]:
        # Documented for whoever writes a loop, its name notwithstanding.
        asyncio._set_running_loop(self)  # noqa: SLF001 (as above)
        try:
            yield
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001 (as above)

    def _step(self) -> None:
        if self.failure is not None:
            raise self.failure
        awake = self._awake
        if not awake:
            self._pass_time()
            return
        index = int(self._random() * len(awake)) if len(awake) > 1 else 0
        lane = awake[index][1]
        handle = lane.ready.popleft()
        if not lane.ready:
            del awake[index]
        if handle.cancelled():
            return
        self.steps += 1
        self._at_once += 1
        if self._at_once > _MOST_AT_ONCE:
            raise Broken("LIV-2", f"{lane} spins: time stands still at {self._now:.3f} s")
        handle._run()  # noqa: SLF001 (it is for loops to call)
        if lane.fuse is not None:
            lane.fuse -= 1
            if lane.fuse <= 0:
                lane.fuse = None
                self.killed(lane)

    def _pass_time(self) -> None:
        timers = self._timers
        while timers and _is_void(timers[0]):
            heapq.heappop(timers)
        if not timers:
            raise Broken("LIV-2", "nothing will ever happen again, and somebody waits")
        self._at_once = 0
        # Loops wake late: what falls due in between is then found ready together.
        self._now = max(self._now, timers[0][0]) + _LATEST * self._random() ** 12
        while timers and timers[0][0] <= self._now:
            _, _, handle, lane = heapq.heappop(timers)
            if handle is not None:
                if not handle.cancelled():
                    self._push(lane, handle)
            elif lane.frozen_until <= self._now and lane.ready and not lane.dead:
                self._sleeps(lane)
                insort(self._awake, (lane.number, lane))

    # --- what asyncio asks of a loop ----------------------------------------------------------

    def time(self) -> float:
        """Give the loop's time: seconds since its beginning."""
        return self._now

    def call_soon(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Have something called in its context's lane."""
        context = copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        self._push(context.get(LANE, self.root), handle)
        return handle

    def call_soon_threadsafe(
        self,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        """Have something called by the loop to which the caller's thread belongs."""
        context = copy_context() if context is None else context
        handle = asyncio.Handle(callback, args, self, context)
        self._push(context.get(LANE, self.root).home, handle)
        return handle

    def call_later(
        self,
        delay: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Have something called after a number of seconds."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """Have something called at a time."""
        context = copy_context() if context is None else context
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        lane = context.get(LANE, self.root)
        heapq.heappush(self._timers, (when, next(self._numbers), handle, lane))
        return handle

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It is passed over when its time comes."""

    def create_future(self) -> asyncio.Future[Any]:
        """Make a future of this loop."""
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Any, *, name: str | None = None, context: Context | None = None
    ) -> asyncio.Task[Any]:
        """Begin a task, in the lane of its context."""
        context = copy_context() if context is None else context
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        context.get(LANE, self.root).tasks.add(task)
        return task

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what nobody caught."""
        self.unexpected.append(context)

    def get_debug(self) -> bool:
        """Say that this isn't asyncio's debug mode."""
        return False

    def is_running(self) -> bool:
        """Say that it runs: nobody asks while it doesn't."""
        return not self._closed

    def is_closed(self) -> bool:
        """Say whether it was closed."""
        return self._closed

    def close(self) -> None:
        """Let go of what would still be called."""
        self._closed = True
        self._timers.clear()
        self._awake.clear()


def simulated_loop(chance: random.Random) -> SimulatedLoop:
    """Make a loop.

    Its class counts as abstract, for it has no sockets, signals, threads or processes: whoever
    asks for any gets asyncio's NotImplementedError.
    """
    make: Any = SimulatedLoop
    loop: SimulatedLoop = make(chance)
    return loop


def _is_void(timer: tuple[float, int, asyncio.TimerHandle | None, Lane]) -> bool:
    handle, lane = timer[2], timer[3]
    return lane.dead or (handle is not None and handle.cancelled())
