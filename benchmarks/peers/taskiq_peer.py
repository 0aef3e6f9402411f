"""taskiq with taskiq-redis: the list broker (its fastest), its command with one process."""

from __future__ import annotations

import tally
import uvloop
from protocol import URL, Payload, Peer, program
from redis.asyncio import Redis
from taskiq_redis import ListQueueBroker

run = uvloop.run
broker = ListQueueBroker(url=URL, queue_name="bench")


@broker.task(task_name="noop")
async def noop(job: Payload) -> None:
    tally.done(job)


class TaskiqPeer(Peer):
    distributions = ("taskiq", "taskiq-redis", "redis", "uvloop")

    async def open(self) -> None:
        await broker.startup()
        self.redis = Redis.from_url(URL)

    async def close(self) -> None:
        await self.redis.aclose()
        await broker.shutdown()

    async def schedule(self, job: Payload) -> None:
        await noop.kiq(job)

    async def pending(self) -> int:
        return int(await self.redis.llen("bench"))

    def worker(self) -> list[str]:
        options = ["--workers", "1", "--max-async-tasks", "100", "--log-level", "WARNING"]
        return program("taskiq", "worker", *options, "taskiq_peer:broker")


PEER = TaskiqPeer()
