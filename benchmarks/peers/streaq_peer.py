"""streaq: its command, 100 at once, under uvloop, results not kept."""

from __future__ import annotations

from contextlib import AsyncExitStack

import tally
import uvloop
from protocol import URL, Payload, Peer, program
from streaq import Worker

run = uvloop.run
worker = Worker(redis_url=URL, concurrency=100, anyio_kwargs={"use_uvloop": True})


@worker.task(name="noop", ttl=0)
async def noop(job: Payload) -> None:
    tally.done(job)


class StreaqPeer(Peer):
    distributions = ("streaq", "coredis", "uvloop")

    async def open(self) -> None:
        self.stack = AsyncExitStack()
        await self.stack.enter_async_context(worker)

    async def close(self) -> None:
        await self.stack.aclose()

    async def schedule(self, job: Payload) -> None:
        await noop.enqueue(job)

    async def schedule_many(self, jobs: list[Payload]) -> None:
        await worker.enqueue_many([noop.enqueue(job) for job in jobs])

    async def pending(self) -> int:
        return int(await worker.queue_size())

    def worker(self) -> list[str]:
        return program("streaq", "run", "streaq_peer:worker")


PEER = StreaqPeer()
