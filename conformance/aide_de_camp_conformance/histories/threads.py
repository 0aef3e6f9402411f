"""A run by threads, for what only this process can reach: answers lost, held back, never heard."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import TypeVar
from uuid import UUID

from attrs import define, field

from aide_de_camp.spi import LEASE_MIN, JobRecord, Storage, StorageOpener, StorageUnavailable
from aide_de_camp_conformance.faults import Passing
from aide_de_camp_conformance.histories.call import calls_of
from aide_de_camp_conformance.histories.recorder import Recorder, read
from aide_de_camp_conformance.histories.recording import Recording
from aide_de_camp_conformance.histories.roles import ROLES, Stop, drain
from aide_de_camp_conformance.histories.run import PATIENCE, PEOPLE, QUIET, Run, dice, everything

T = TypeVar("T")
_STOPPED = LEASE_MIN / 1_000_000 * 1.3
_END = 30.0
_LONGEST = 20
"""So many times as long as it should, at most, a run goes on for want of calls."""


@define
class Trouble:
    """What befalls calls while it is on.

    Attributes:
        on: whether anything does.
        count: how often what did.
    """

    on: bool = False
    count: Counter[str] = field(factory=Counter[str])


class Troubled(Passing):
    """Loses requests and answers, and holds answers back past the lease, by draws."""

    def __init__(self, inner: Storage, trouble: Trouble, random: Random) -> None:
        super().__init__(inner)
        self._trouble = trouble
        self._random = random

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        """Make the call, or not, and answer, or not."""
        draw = self._random.random() if self._trouble.on and verb != "open" else 1.0
        if draw < 0.01:
            self._trouble.count["requests lost"] += 1
            raise StorageUnavailable("the request was lost", outcome_unknown=True)
        if draw < 0.02:
            self._trouble.count["refusals"] += 1
            raise StorageUnavailable("the storage is away", outcome_unknown=False)
        answer = await call()
        if draw < 0.04:
            self._trouble.count["answers lost"] += 1
            raise StorageUnavailable("the answer was lost", outcome_unknown=True)
        if draw < 0.05:
            self._trouble.count["stops"] += 1
            await asyncio.sleep(_STOPPED)
        return answer


class _Person:
    """A thread with an event loop, in which one role is played."""

    def __init__(
        self, opener: StorageOpener, folder: Path, name: str, seed: int, trouble: Trouble
    ) -> None:
        self.name = name
        self.error: BaseException | None = None
        self._made = opener, Recorder(folder / f"{name}.history", name), seed, trouble
        self._stop = Stop()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name=name)
        self._thread.start()

    def _run(self) -> None:
        try:
            with suppress(asyncio.CancelledError):
                asyncio.run(self._play())
        except BaseException as error:  # noqa: BLE001 (who waits for the thread raises it)
            self.error = error

    async def _play(self) -> None:
        opener, recorder, seed, trouble = self._made
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        storage = opener()
        await storage.open()
        try:
            around = Troubled(storage, trouble, dice(seed, f"{self.name}/trouble"))
            role = ROLES[self.name.partition("-")[0]]
            await role(Recording(around, recorder), dice(seed, self.name), self._stop)
        finally:
            recorder.close()
            await storage.close()

    @property
    def calls(self) -> int:
        """How many calls it has begun."""
        return self._made[1].calls

    def kill(self) -> None:
        """Cancel it wherever it is."""
        if self._loop is not None and self._task is not None and self._thread.is_alive():
            with suppress(RuntimeError):  # it was about to end
                self._loop.call_soon_threadsafe(self._task.cancel)

    def end(self) -> None:
        """Have it come to its end, and raise what it raised."""
        self._stop.ask()
        self._thread.join(_END)
        if self.error is not None:
            raise self.error


def run_threads(
    opener: StorageOpener, folder: Path, *, seed: int, seconds: float, calls: int = 0
) -> Run:
    """Have producers, workers and a keeper at a storage, in threads, and do harm to them.

    Args:
        opener: makes storages on the place; its queue ``history`` is empty.
        folder: an empty one, for the histories.
        seed: what is drawn by; threads are threads, so the same seed isn't the same run.
        seconds: how long they are at it, before what is left is drained.
        calls: how many they make at least: on a busy machine they are at it for longer.
    """
    random, trouble = dice(seed, "faults"), Trouble()
    everybody: list[_Person] = []

    def start(role: str) -> None:
        name = f"{role}-{len(everybody)}"
        everybody.append(_Person(opener, folder, name, seed, trouble))

    began = time.monotonic()
    try:
        for role in PEOPLE:
            start(role)
        alive = list(everybody)
        while (spent := time.monotonic() - began) < seconds or (
            spent < _LONGEST * seconds and sum(person.calls for person in everybody) < calls
        ):
            time.sleep(random.uniform(0.05, 0.3))
            trouble.on = spent >= seconds * QUIET
            if trouble.on:
                victim = random.choice(alive)
                victim.kill()
                trouble.count["cancelled"] += 1
                start(victim.name.partition("-")[0])
                alive[alive.index(victim)] = everybody[-1]
    finally:
        trouble.on = False
        for person in everybody:
            person.end()

    async def finish() -> tuple[bool, dict[UUID, JobRecord]]:
        storage = opener()
        await storage.open()
        recorder = Recorder(folder / "drain.history", "drain")
        try:
            drained = await drain(Recording(storage, recorder), PATIENCE)
            return drained, await everything(storage)
        finally:
            recorder.close()
            await storage.close()

    drained, final = asyncio.run(finish())
    return Run(seed, calls_of(read(folder.glob("*.history"))), final, drained, trouble.count)
