"""How every contestant is driven: one JSON object per line on stdin, one per line on stdout.

An adapter is a script with a class that says how its project schedules a job; all measuring loops
are here, so that they are the same for all. What it is asked::

    {"do": "hello"}                 -> {"version": ..., "worker": [words of a command]}
    {"do": "prepare"}               -> {}            empty tables, queues declared
    {"do": "schedule_one", "n": 9}  -> {"seconds": ...}
    {"do": "bulk", "n": 9}          -> {"seconds": ...}, or {"unsupported": why}
    {"do": "concurrent", "n": 9, "tasks": 50} -> {"seconds": ...}
    {"do": "fill", "n": 9}          -> {"seconds": ...}   as fast as it can
    {"do": "latency", "n": 9, "every": 0.1}  -> {"seconds": ...}   one by one, stamped
    {"do": "steady", "n": 9, "rate": 100}     -> {"seconds": ...}   stamped, at a rate
    {"do": "pending"}               -> {"pending": ...}   what isn't finished, or null: can't say
    {"do": "quit"}

A command that fails is answered by ``{"error": ...}``. Workers are processes that the suite
starts, by the command that ``hello`` gives. Only the standard library is used.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any, TextIO

URL = os.environ.get("ADC_BENCH_URL", "")
"""Where the jobs are stored."""
BATCH = 1_000
TASKS = 50
PADDING = "x" * 72
"""Makes a payload about 100 bytes of JSON."""
Payload = dict[str, Any]


class Unsupported(Exception):
    """The project has no such call."""


def payload(number: int, stamp: int = 0) -> Payload:
    return {"n": number, "t": stamp, "s": PADDING}


def stamped(number: int) -> Payload:
    return payload(number, time.monotonic_ns())


def python(*words: str) -> list[str]:
    """Give a command of the contestant's own Python."""
    return [sys.executable, *words]


def program(name: str, *words: str) -> list[str]:
    """Give a command of a program that the contestant's environment has."""
    return [os.path.join(os.path.dirname(sys.executable), name), *words]  # noqa: PTH118, PTH120 (a link stays a link)


class Peer:
    """One project. What is async here may be awaited in one event loop, which the adapter has."""

    distributions: tuple[str, ...] = ()
    """The packages whose versions are told."""
    one_at_once = False
    """Whether concurrent calls must not be made on one client: they wait for each other then."""

    async def open(self) -> None:
        """Connect; called before everything else."""

    async def close(self) -> None:
        """Disconnect."""

    async def prepare(self) -> None:
        """Make what the project needs before its first job."""

    async def schedule(self, job: Payload) -> None:
        raise NotImplementedError  # each adapter writes its own

    async def schedule_many(self, jobs: list[Payload]) -> None:
        raise Unsupported("it has no call for many jobs at once")

    async def pending(self) -> int | None:
        """Say how many jobs aren't finished, by the storage; None if that can't be told."""
        return None

    def worker(self) -> list[str]:
        """Give the command of one worker process."""
        raise NotImplementedError  # each adapter writes its own

    # --- the loops, the same for all ----------------------------------------------------------

    async def schedule_one(self, n: int) -> float:
        start = time.perf_counter()
        for number in range(n):
            await self.schedule(payload(number))
        return time.perf_counter() - start

    async def bulk(self, n: int) -> float:
        start = time.perf_counter()
        for first in range(0, n, BATCH):
            await self.schedule_many([payload(k) for k in range(first, min(first + BATCH, n))])
        return time.perf_counter() - start

    async def concurrent(self, n: int, tasks: int) -> float:
        numbers = iter(range(n))

        async def producer() -> None:
            for number in numbers:
                await self.schedule(payload(number))

        start = time.perf_counter()
        await asyncio.gather(*(producer() for _ in range(tasks)))
        return time.perf_counter() - start

    async def fill(self, n: int) -> float:
        try:
            return await self.bulk(n)
        except Unsupported:
            return await self.concurrent(n, TASKS)

    async def latency(self, n: int, every: float) -> float:
        """Schedule one after the other with pauses that differ, the same ones for all.

        Pauses of one length could keep step with somebody's period of polling or telling.
        """
        pauses = random.Random(1)  # noqa: S311 (no secret)
        start = time.perf_counter()
        for number in range(n):
            await self.schedule(stamped(number))
            await asyncio.sleep(every * pauses.uniform(0.5, 1.5))
        return time.perf_counter() - start

    async def steady(self, n: int, rate: float) -> float:
        """Schedule at a rate, whatever becomes of the jobs: the wait counts from when each was to
        be scheduled, so that a call that stalls doesn't hide the waits behind it."""
        start, began = time.perf_counter(), time.monotonic_ns()
        due = ((number, began + int(number / rate * 1e9)) for number in range(n))

        async def producer() -> None:
            for number, at in due:
                left = (at - time.monotonic_ns()) / 1e9
                if left > 0:
                    await asyncio.sleep(left)
                await self.schedule(payload(number, at))

        await asyncio.gather(*(producer() for _ in range(TASKS)))
        return time.perf_counter() - start


class SyncPeer(Peer):
    """One project whose calls block; concurrent ones are made from threads."""

    def schedule_now(self, job: Payload) -> None:
        raise NotImplementedError  # each adapter writes its own

    def schedule_many_now(self, jobs: list[Payload]) -> None:
        raise Unsupported("it has no call for many jobs at once")

    async def schedule(self, job: Payload) -> None:
        self.schedule_now(job)

    async def schedule_many(self, jobs: list[Payload]) -> None:
        self.schedule_many_now(jobs)

    async def concurrent(self, n: int, tasks: int) -> float:
        def one(number: int) -> None:
            self.schedule_now(payload(number))

        return self._threads(one, iter(range(n)), tasks)

    async def steady(self, n: int, rate: float) -> float:
        began = time.monotonic_ns()

        def one(number: int) -> None:
            at = began + int(number / rate * 1e9)
            time.sleep(max(0, at - time.monotonic_ns()) / 1e9)
            self.schedule_now(payload(number, at))

        return self._threads(one, iter(range(n)), TASKS)

    def _threads(self, one: Callable[[int], None], numbers: Iterator[int], count: int) -> float:
        def producer() -> None:
            for number in numbers:
                one(number)

        with ThreadPoolExecutor(count) as pool:
            start = time.perf_counter()
            for each in [pool.submit(producer) for _ in range(count)]:
                each.result()
            return time.perf_counter() - start


async def answer(peer: Peer, asked: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked."""
    what = asked.pop("do")
    if what == "hello":
        return {
            "version": ", ".join(f"{name} {version(name)}" for name in peer.distributions),
            "python": sys.version.split()[0],
            "worker": peer.worker(),
        }
    if what == "prepare":
        await peer.prepare()
        return {}
    if what == "pending":
        return {"pending": await peer.pending()}
    if what in ("schedule_one", "bulk", "concurrent", "fill", "latency", "steady"):
        try:
            return {"seconds": await getattr(peer, what)(**asked)}
        except Unsupported as reason:
            return {"unsupported": str(reason)}
    raise ValueError(f"nobody knows what {what} is")


async def serve(peer: Peer, stdin: TextIO, stdout: TextIO) -> None:
    loop = asyncio.get_running_loop()
    opened = False
    while line := await loop.run_in_executor(None, stdin.readline):
        asked = json.loads(line)
        if asked["do"] == "quit":
            break
        try:
            if not opened and asked["do"] != "hello":
                await peer.open()
                opened = True
            reply = await answer(peer, asked)
        except Exception as error:  # noqa: BLE001 (whatever a peer raises is a finding)
            traceback.print_exc()
            reply = {"error": f"{type(error).__name__}: {error}"[:500]}
        stdout.write(json.dumps(reply) + "\n")
        stdout.flush()
    if opened:
        await peer.close()


def main(peer: Peer, *, run: Callable[..., Any] = asyncio.run) -> None:
    """Serve the suite on stdin and stdout; whatever else is printed goes to stderr."""
    with os.fdopen(os.dup(1), "w") as stdout:
        os.dup2(2, 1)
        run(serve(peer, sys.stdin, stdout))
