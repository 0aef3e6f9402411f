"""The floor: what is left of this project when all but its statements is taken away.

The raw driver sends what this project's backend sends, in the same batches: claims by 100, ends
by 100, one after the other; what overlaps them may be faster. A payload is decoded by msgspec, and
a job is one awaited coroutine. No checks, no tasks, no leases kept up, no retries, no errors
translated. Where nothing is due it asks again after a millisecond, instead of being told.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from typing import Any

import msgspec
import tally
import uvloop
from protocol import Payload, Peer, payload, python

from aide_de_camp import new_job_id
from aide_de_camp.spi import ClaimRequest, NewJob, RetryLimits

QUEUE = "default"
TYPE = "noop"
LIMIT = 100
LEASE = 60_000_000
IDLE_S = 0.001
Held = tuple[Any, int, bytes]
"""What a claim gives of a job: its id, its token and its payload."""
encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(dict[str, int | str]).decode


def new_job(job: Payload) -> NewJob:
    return NewJob(id=new_job_id(), job_type=TYPE, payload=encode(job), codec="json")


def request() -> ClaimRequest:
    return ClaimRequest((TYPE,), LIMIT, LEASE, RetryLimits(), "floor", new_job_id())


async def handler(job: Payload) -> None:
    tally.done(job)


class FloorPeer(Peer):
    """A floor; ``module`` is the script's name."""

    module = ""

    async def enqueue(self, jobs: Sequence[Payload]) -> None:
        raise NotImplementedError  # each floor writes its own

    async def claim(self) -> Sequence[Held]:
        raise NotImplementedError  # each floor writes its own

    async def finish(self, held: Sequence[Held]) -> None:
        raise NotImplementedError  # each floor writes its own

    async def schedule(self, job: Payload) -> None:
        await self.enqueue((job,))

    async def schedule_many(self, jobs: list[Payload]) -> None:
        await self.enqueue(jobs)

    async def concurrent(self, n: int, tasks: int) -> float:
        """By batches of ``tasks``: calls made at the same time are stored together here."""
        start = time.perf_counter()
        for first in range(0, n, tasks):
            await self.enqueue([payload(k) for k in range(first, min(first + tasks, n))])
        return time.perf_counter() - start

    async def steady(self, n: int, rate: float) -> float:
        """Store together what is to be scheduled by now: as above."""
        start, began = time.perf_counter(), time.monotonic_ns()
        number = 0
        while number < n:
            late = int((time.monotonic_ns() - began) / 1e9 * rate) + 1
            due = range(number, min(n, max(number, late)))
            if due:
                await self.enqueue([payload(k, began + int(k / rate * 1e9)) for k in due])
                number = due.stop
            else:
                await asyncio.sleep((number / rate) - (time.monotonic_ns() - began) / 1e9)
        return time.perf_counter() - start

    def worker(self) -> list[str]:
        return python(f"{self.module}.py", "worker")

    async def work(self) -> None:
        await self.open()
        while True:
            held = await self.claim()
            for _, _, body in held:
                await handler(decode(body))
            if held:
                await self.finish(held)
            else:
                await asyncio.sleep(IDLE_S)


def main(peer: FloorPeer) -> None:
    if sys.argv[1:] == ["worker"]:
        # On the loop that this project's worker has.
        uvloop.run(peer.work())
