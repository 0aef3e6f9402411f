"""Trouble made on purpose: storages that fail, runners in the background, waits with an end."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest

from aide_de_camp import (
    ExponentialBackoff,
    JobRouter,
    JobRunner,
    Queue,
    StorageUnavailable,
    session,
)
from aide_de_camp.runner import settler, work
from aide_de_camp.runner.heartbeat import Pulse
from aide_de_camp.spi import Storage
from aide_de_camp_conformance.faults import Passing

T = TypeVar("T")

PATIENCE_S = 90.0  # what takes longer than this has failed, on however busy a machine
WORKER = Path(__file__).with_name("worker.py")


class Wire:
    """What lies between a queue and its storages: it counts, and can fail, hang or lose replies.

    Attributes:
        counts: calls by verb.
        in_flight: calls under way, waits for work left out.
        before: called before each call; what it raises, the call raises.
        after: called with each call done; what it raises, takes the place of the reply.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.in_flight = 0
        self.before: Callable[[str], Awaitable[None]] | None = None
        self.after: Callable[[str], Awaitable[None]] | None = None

    def lay(self, queue: Queue) -> Queue:
        """Put it behind a queue that isn't open yet."""
        opener = queue.session.opener
        queue.session.opener = lambda: _Wired(opener(), self)
        return queue

    async def quiet(self) -> None:
        """Wait until nothing is on its way, and nothing new goes out."""
        calm = 0
        while calm < 20:
            busy = self.in_flight > 0
            calm = 0 if busy else calm + 1
            await asyncio.sleep(0.001 if busy else 0)

    def fail(self, verbs: Iterable[str], times: int, *, replies: bool) -> None:
        """Have the next calls of some verbs fail, or take effect with their replies lost."""
        wanted, left = frozenset(verbs), times

        async def trouble(verb: str) -> None:
            nonlocal left
            if verb in wanted and left > 0:
                left -= 1
                raise StorageUnavailable("the connection broke", outcome_unknown=replies)

        self.before, self.after = (None, trouble) if replies else (trouble, None)


class _Wired(Passing):
    def __init__(self, inner: Storage, wire: Wire) -> None:
        super().__init__(inner)
        self._wire = wire

    async def close(self) -> None:
        await self.around("close", self.inner.close)

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        wire = self._wire
        wire.counts[verb] += 1
        counted = verb != "wait"
        wire.in_flight += counted
        try:
            if wire.before is not None:
                await wire.before(verb)
            answer = await call()
            if wire.after is not None:
                await wire.after(verb)
            return answer
        finally:
            wire.in_flight -= counted


class NoPulse:
    """A heartbeat that never beats: a process whose heartbeats are frozen."""

    def __init__(self, _pulse: Pulse) -> None:
        pass

    def start(self) -> None:
        """Do nothing."""

    async def stop(self) -> None:
        """Do nothing."""


@asynccontextmanager
async def running(queue: Queue, router: JobRouter, **options: Any) -> AsyncIterator[JobRunner]:
    """Have a runner run meanwhile; it must neither fail nor end by itself."""
    runner = JobRunner(queue, router, **options)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
        assert not task.done(), "the runner ended by itself"
    finally:
        runner.shutdown()
        await task


async def until(condition: Callable[[], object], what: str = "it") -> None:
    """Wait, by real time, for what other threads, processes and tasks bring about."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        await asyncio.sleep(0.005)


async def until_async(condition: Callable[[], Awaitable[object]], what: str = "it") -> None:
    """Wait likewise for what has to be asked of a storage."""
    end = time.monotonic() + PATIENCE_S
    while not await condition():
        assert time.monotonic() < end, f"waited in vain for {what}"
        await asyncio.sleep(0.01)


def be_hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the pauses short that a runner makes before it repeats what failed."""
    pauses = ExponentialBackoff(base=timedelta(milliseconds=1), jitter=False)
    monkeypatch.setattr(session, "_PAUSES", (0.001, 0.001))
    monkeypatch.setattr(settler, "_PAUSES", pauses)
    monkeypatch.setattr(work, "_PAUSES", pauses)


def shared(queue_url: str) -> str:
    """The same storage, in a form that several queues may open; call it once in a test.

    Its name in memory is new each time: a named world lives on while anything still holds it.
    """
    return f"memory://{uuid4().hex}" if queue_url == "memory://" else queue_url


def start_worker(url: str, log: Path, *more: str) -> subprocess.Popen[bytes]:
    """Start a worker in a process of its own; what its handlers do goes to a file."""
    return subprocess.Popen([sys.executable, str(WORKER), url, str(log), *more])


def lines(log: Path) -> list[str]:
    """What the workers' handlers have written so far."""
    return log.read_text().splitlines() if log.exists() else []


def leftovers() -> list[str]:
    """Name the tasks of this loop besides the one that asks, and those of an open storage."""
    own = asyncio.current_task()
    names = [
        getattr(task.get_coro(), "__qualname__", "?")
        for task in asyncio.all_tasks()
        if task is not own and not task.get_name().startswith("aide_de_camp storage")
    ]
    return sorted(name for name in names if "bounded" not in name)


def intact(file: Path) -> bool:
    """Say whether SQLite finds its file sound."""
    connection = sqlite3.connect(file)
    try:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    finally:
        connection.close()
