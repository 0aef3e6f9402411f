"""A run by processes: killed, stopped past their leases, and whatever else a caller does."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from uuid import UUID

from attrs import define, field

from aide_de_camp import Registry
from aide_de_camp.spi import LEASE_MIN, JobRecord
from aide_de_camp_conformance.histories.call import calls_of
from aide_de_camp_conformance.histories.recorder import Recorder, read
from aide_de_camp_conformance.histories.recording import Recording
from aide_de_camp_conformance.histories.roles import drain
from aide_de_camp_conformance.histories.run import PATIENCE, PEOPLE, QUIET, Run, dice, everything

_START = 60.0
"""Seconds that a process may take to begin."""
_END = 30.0
"""Seconds that a process may take to end."""
_STOPPED = LEASE_MIN / 1_000_000 * 1.3
"""Seconds for which a process is stopped: longer than its leases hold."""


@define
class _People:
    """The processes that are alive, and those that were."""

    url: str
    folder: Path
    random: Random
    alive: dict[str, subprocess.Popen[bytes]] = field(factory=dict[str, "subprocess.Popen[bytes]"])
    stopped: dict[str, float] = field(factory=dict[str, float])
    count: int = 0

    def start(self, role: str) -> str:
        self.count += 1
        name = f"{role}-{self.count}"
        path, words = self._history(name), self.folder / f"{name}.words"
        arguments = (role, self.url, str(path), name, str(self.random.randrange(2**32)))
        with words.open("wb") as file:
            self.alive[name] = subprocess.Popen(  # noqa: S603 (it is this very package)
                [sys.executable, "-m", "aide_de_camp_conformance.histories.process", *arguments],
                stderr=file,
            )
        return name

    def _history(self, name: str) -> Path:
        return self.folder / f"{name}.history"

    def wait_for(self, names: Sequence[str]) -> None:
        """Wait until some have begun."""
        end = time.monotonic() + _START
        while not all(self._history(name).exists() for name in names):
            self.look()
            if time.monotonic() > end:
                raise RuntimeError(f"of {', '.join(names)} not all begin")
            time.sleep(0.02)

    def look(self) -> None:
        """See that nobody ended by themselves."""
        for name, process in self.alive.items():
            if process.poll() is not None:
                raise RuntimeError(f"{name} ended by itself: {self._words(name)}")

    def _words(self, name: str) -> str:
        return (self.folder / f"{name}.words").read_text("utf-8", "replace")[-2_000:]

    def kill(self, name: str) -> None:
        """Kill one, whatever it is about, and start another in its place."""
        process = self.alive.pop(name)
        self.stopped.pop(name, None)
        process.kill()
        process.wait(_END)
        self.start(name.partition("-")[0])

    def stop(self, name: str) -> None:
        """Stop one for longer than its leases hold."""
        self.alive[name].send_signal(signal.SIGSTOP)
        self.stopped[name] = time.monotonic() + _STOPPED

    def wake(self, *, all_of_them: bool = False) -> None:
        """Let those go on that were stopped for long enough."""
        for name, until in list(self.stopped.items()):
            if all_of_them or time.monotonic() >= until:
                del self.stopped[name]
                self.alive[name].send_signal(signal.SIGCONT)

    def end(self) -> None:
        """Have everybody come to their end."""
        self.wake(all_of_them=True)
        # A signal that comes before its handler is there would be the end, and no tidy one.
        self.wait_for(list(self.alive))
        for process in self.alive.values():
            process.terminate()
        for name, process in self.alive.items():
            if process.wait(_END) != 0:
                raise RuntimeError(f"{name} ended with {process.returncode}: {self._words(name)}")
        self.alive.clear()

    def close(self) -> None:
        """End everybody who is left."""
        for process in self.alive.values():
            process.kill()
            process.wait(_END)


def run_processes(
    url: str,
    folder: Path,
    *,
    seed: int,
    seconds: float,
    direct: str | None = None,
    faults: Mapping[str, Callable[[], None]] | None = None,
) -> Run:
    """Have producers, workers and a keeper at a storage, and do harm to them.

    Args:
        url: what they open; its queue ``history`` is empty, and nobody else touches it.
        folder: an empty one, for their histories.
        seed: what is drawn by; processes are processes, so the same seed isn't the same run.
        seconds: how long they are at it, before what is left is drained.
        direct: the URL for draining and reading; None takes ``url``.
        faults: by name, what else is to be done now and then, beside killing and stopping.

    Raises:
        RuntimeError: a process ended by itself, or doesn't begin or end.
    """
    random = dice(seed, "faults")
    people = _People(url, folder, dice(seed, "people"))
    done: Counter[str] = Counter()
    try:
        people.wait_for([people.start(role) for role in PEOPLE])
        began = time.monotonic()
        while (spent := time.monotonic() - began) < seconds:
            time.sleep(random.uniform(0.1, 0.4))
            people.look()
            people.wake()
            if spent >= seconds * QUIET:
                done[_harm(people, random, faults or {})] += 1
        people.end()
    finally:
        people.close()
    drained, final = asyncio.run(_finish(direct or url, folder / "drain.history"))
    calls = calls_of(read(folder.glob("*.history")))
    return Run(seed, calls, final, drained, done)


def _harm(people: _People, random: Random, faults: Mapping[str, Callable[[], None]]) -> str:
    what = random.choice(["kills of workers", "kills of producers", "stops", *sorted(faults) * 2])
    if what in faults:
        faults[what]()
        return what
    role = "produce" if "producers" in what else "work"
    awake = [n for n in people.alive if n.startswith(role) and n not in people.stopped]
    name = random.choice(sorted(awake)) if awake else random.choice(sorted(people.alive))
    if what == "stops" and awake:
        people.stop(name)
        return "stops"
    people.kill(name)
    return "kills"


async def _finish(url: str, path: Path) -> tuple[bool, dict[UUID, JobRecord]]:
    storage = Registry().storage(url)()
    await storage.open()
    recorder = Recorder(path, "drain")
    try:
        drained = await drain(Recording(storage, recorder), PATIENCE)
        return drained, await everything(storage)
    finally:
        recorder.close()
        await storage.close()
