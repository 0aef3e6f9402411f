"""Heartbeats: leases are extended while their process lives, whatever its loop is doing (LEA-5).

In production they run on a thread with an event loop and a storage of its own, on which only
``extend`` is called. Under a test's clock they are a task, so that moving the clock moves them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import threading
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any, Final, Protocol

from attrs import frozen

from aide_de_camp.clock import Clock
from aide_de_camp.runner.held import HeldLease, HeldLeases
from aide_de_camp.runner.turning import LoopWatch
from aide_de_camp.session import Session
from aide_de_camp.spi import BATCH_JOBS, LeaseResult, Storage

_log = logging.getLogger("aide_de_camp.leases")

_FIRST_BEAT: Final = 4
"""A lease is extended once a quarter of it has passed: shorter jobs cost no beat at all."""
_LOOKS: Final = 12
"""Looks per lease; together, at least three extensions in the length of one lease."""
_LEAST_BLOCK: Final = 5.0
"""Seconds for which a loop that doesn't turn is never worth a warning."""
_STOP_SECONDS: Final = 2.0
"""Seconds that a heartbeat has to end, and that a call under way, or its last one, may take."""
_LAST_SECONDS: Final = 1.0
"""Seconds that it has to end once its call under way was cancelled."""


class HeartbeatDriver(Protocol):
    """What makes a pulse beat."""

    def start(self) -> None:
        """Begin; called in the runner's loop."""
        ...

    async def stop(self) -> None:
        """End, and let go of everything."""
        ...


@frozen
class Pulse:
    """One look at the leases held.

    Attributes:
        session: the runner's; its opener makes the heartbeat's own storage.
        held: the leases.
        length: of a lease.
        lost: told of a lease that is lost, or that could not be extended for its whole length.
        blocked: told, in the heartbeat's thread, for how many seconds the loop hasn't turned.
        log_errors: whether the words of unexpected exceptions are logged.
    """

    session: Session
    held: HeldLeases
    length: timedelta
    lost: Callable[[HeldLease], None]
    blocked: Callable[[float], None]
    log_errors: bool = False

    @property
    def interval(self) -> float:
        """Seconds between two looks."""
        return self.length.total_seconds() / _LOOKS

    @property
    def patience(self) -> float:
        """Seconds that the storage has to answer: one that hangs must not hide a lost lease."""
        return self.length.total_seconds() / _FIRST_BEAT

    def pressing(self, clock: Clock) -> bool:
        """Say whether any lease is to be extended now."""
        return bool(self._due(clock))

    def _due(self, clock: Clock) -> list[HeldLease]:
        return self.held.older_than(clock.monotonic() - self.length.total_seconds() / _FIRST_BEAT)

    async def look(self, reach: Callable[[], Awaitable[Storage | None]], clock: Clock) -> None:
        """Extend what is to be extended, and give up what couldn't be; whatever the storage does.

        Args:
            reach: gives the storage to use; None where it can't be reached just now.
            clock: tells what is due.
        """
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (for the type checker: a coroutine runs in a task)
        try:
            if self.pressing(clock):
                storage = await reach()
                if storage is not None:
                    await self.beat(storage, clock)
        except asyncio.CancelledError as error:
            if task.cancelling():
                raise
            self.complain(error)  # the storage's own: nobody has cancelled this
        except Exception as error:  # noqa: BLE001 (no failure whatever may end the heartbeat)
            self.complain(error)
        try:
            self.fence(clock)
        except Exception as error:  # noqa: BLE001 (as above)
            self.complain(error)

    async def beat(self, storage: Storage, clock: Clock) -> None:
        """Extend what is due to be extended, as many at a time as one call takes.

        Raises:
            Exception: a call failed, or its answer can't be read; the others were made all the
                same.
        """
        due = self._due(clock)
        failure: Exception | None = None
        loop = asyncio.get_running_loop()
        end = loop.time() + self.patience
        async with asyncio.timeout_at(end):
            for start in range(0, len(due), BATCH_JOBS):
                try:
                    await self._extend(storage, clock, due[start : start + BATCH_JOBS])
                except Exception as error:  # noqa: BLE001 (raised below)
                    failure = error
                    if loop.time() >= end:
                        break
        if failure is not None:
            raise failure

    async def _extend(self, storage: Storage, clock: Clock, due: Sequence[HeldLease]) -> None:
        sent = clock.monotonic()
        results = await storage.extend(
            self.session.queue,
            [held.lease for held in due],
            self.length // timedelta(microseconds=1),
            now=clock.now(),
        )
        if len(results) != len(due):
            raise ValueError(f"extend answered {len(results)} results for {len(due)} leases")
        for held, result in zip(due, results, strict=True):
            # Anything else leaves it unknown: time tells (clause LEA-6).
            if result is LeaseResult.APPLIED:
                self.held.extended(held, sent)
            elif result is LeaseResult.LOST:
                self.lost(held)

    def complain(self, error: BaseException) -> None:
        """Log that a look failed: by default the exception's class alone (clause DEC-6)."""
        _log.warning(
            "heartbeat failed, will try again: %s",
            type(error).__name__,
            exc_info=error if self.log_errors else None,
        )

    def fence(self, clock: Clock) -> None:
        """Give up what could not be extended for the length of a lease (clause LEA-6)."""
        for held in self.held.older_than(clock.monotonic() - self.length.total_seconds()):
            self.lost(held)


class HeartbeatTask:
    """A pulse driven by the queue's clock, in the runner's loop: for tests."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    def start(self) -> None:
        """See :meth:`HeartbeatDriver.start`."""
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """See :meth:`HeartbeatDriver.stop`."""
        # A storage may swallow the cancellation, so that it isn't enough.
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=_STOP_SECONDS)

    async def _run(self) -> None:
        session = self._pulse.session
        while not self._stopping:
            await session.clock.sleep(self._pulse.interval)
            await self._pulse.look(self._storage, session.clock)

    async def _storage(self) -> Storage:
        return self._pulse.session.storage


class HeartbeatThread:
    """A pulse in a thread of its own: for production."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._thread = threading.Thread(target=self._main, name="adc-heartbeat", daemon=True)
        self._stopping = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._opening: asyncio.Task[Storage] | None = None
        self._under_way: tuple[asyncio.AbstractEventLoop, asyncio.Task[None]] | None = None
        self._hurried = False
        patience = max(_LEAST_BLOCK, pulse.length.total_seconds() / 6)
        self._watch = LoopWatch(self._loop, patience, pulse.blocked)

    def start(self) -> None:
        """See :meth:`HeartbeatDriver.start`."""
        self._thread.start()

    async def stop(self) -> None:
        """See :meth:`HeartbeatDriver.stop`.

        A call under way is given a short time, then cancelled; a thread that doesn't end even so
        is left to itself: its leases were given back before, so that nothing depends on it.
        """
        self._stopping.set()
        if self._thread.ident is None:
            return
        # Not joined in the loop's own pool of threads: handlers may have filled that for good.
        await asyncio.wait([self._ended], timeout=_STOP_SECONDS)
        if not self._ended.done():
            self._abandon()
            await asyncio.wait([self._ended], timeout=_LAST_SECONDS)
        if self._ended.done():
            self._thread.join()
        else:
            _log.warning("heartbeat doesn't stop: its thread is left to itself")

    def _abandon(self) -> None:
        self._hurried = True
        under_way = self._under_way
        if under_way is not None:
            loop, task = under_way
            with contextlib.suppress(RuntimeError):  # it has just ended
                loop.call_soon_threadsafe(task.cancel)

    def _main(self) -> None:
        pause = self._pulse.interval
        try:
            with asyncio.Runner() as runner:
                while not self._stopping.wait(pause * (0.9 + 0.1 * random.random())):  # noqa: S311
                    if self._loop.is_closed():
                        # The runner's loop was dropped: what nobody runs must not stay held.
                        break
                    self._do(runner, self._look())
                self._do(runner, self._close())
        finally:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._ended.cancel)

    def _do(self, runner: asyncio.Runner, work: Coroutine[Any, Any, None]) -> None:
        async def watched() -> None:
            task = asyncio.current_task()
            assert task is not None  # noqa: S101 (for the type checker: it runs in a task)
            self._under_way = runner.get_loop(), task
            try:
                await work
            finally:
                self._under_way = None

        with contextlib.suppress(asyncio.CancelledError):  # by _abandon
            runner.run(watched())

    async def _look(self) -> None:
        try:
            self._watch.look()
        except Exception as error:  # noqa: BLE001 (a watch that fails must not end the heartbeat)
            self._pulse.complain(error)
        await self._pulse.look(self._reached, self._pulse.session.clock)

    async def _reached(self) -> Storage | None:
        """Open the storage when it is first needed: where all jobs are short it never is."""
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        await asyncio.wait([self._opening], timeout=self._pulse.patience)
        if not self._opening.done():
            _log.warning("heartbeat can't reach the storage: TimeoutError")
            return None
        if self._opened():
            return self._opening.result()
        opening, self._opening = self._opening, None
        opening.result()  # it raises why
        return None

    def _opened(self) -> bool:
        task = self._opening
        return (
            task is not None and task.done() and not task.cancelled() and task.exception() is None
        )

    async def _open(self) -> Storage:
        storage = self._pulse.session.opener()
        await storage.open()
        return storage

    async def _close(self) -> None:
        if self._opening is None or not self._opened():
            return
        seconds = min(self._pulse.patience, _LAST_SECONDS / 2 if self._hurried else _STOP_SECONDS)
        try:
            async with asyncio.timeout(seconds):
                await self._opening.result().close()
        except Exception as error:  # noqa: BLE001 (its leases are given back: nothing is lost)
            _log.warning("heartbeat couldn't close its storage: %s", type(error).__name__)
