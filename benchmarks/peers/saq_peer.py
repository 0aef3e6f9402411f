"""saq, on Redis and on PostgreSQL: its command, 100 at once, under uvloop, no results kept."""

from __future__ import annotations

import asyncio
from typing import Any

import tally
import uvloop
from protocol import URL, Payload, Peer, program
from saq import Queue

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
run = uvloop.run
NO_RESULT = -1


async def noop(_: Any, *, n: int, t: int, s: str) -> None:
    tally.done({"n": n, "t": t, "s": s})


def settings() -> dict[str, Any]:
    """What ``saq saq_peer.settings`` runs."""
    return {"queue": Queue.from_url(URL), "functions": [("noop", noop)], "concurrency": 100}


class SaqPeer(Peer):
    distributions = ("saq", "redis", "psycopg", "uvloop")

    async def open(self) -> None:
        self.queue = Queue.from_url(URL)
        await self.queue.connect()

    async def close(self) -> None:
        await self.queue.disconnect()

    async def prepare(self) -> None:
        """Connecting has made the tables."""

    async def schedule(self, job: Payload) -> None:
        await self.queue.enqueue("noop", ttl=NO_RESULT, **job)

    async def pending(self) -> int:
        return int(await self.queue.count("incomplete"))

    def worker(self) -> list[str]:
        return program("saq", "saq_peer.settings", "--quiet")


PEER = SaqPeer()
