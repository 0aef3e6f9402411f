"""arq: its command, 1,000 jobs at once (its read limit follows), a look each 10 ms, uvloop."""

from __future__ import annotations

import asyncio
from typing import Any

import tally
import uvloop
from arq import create_pool
from arq.connections import RedisSettings
from arq.worker import func
from protocol import URL, Payload, Peer, program

asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
# Its command takes the loop that is there.
asyncio.set_event_loop(uvloop.new_event_loop())
run = uvloop.run
SETTINGS = RedisSettings.from_dsn(URL)


async def noop(_: Any, job: Payload) -> None:
    tally.done(job)


class WorkerSettings:
    """What ``arq arq_peer.WorkerSettings`` runs."""

    functions = (func(noop, name="noop", keep_result=0),)
    redis_settings = SETTINGS
    max_jobs = 1_000
    poll_delay = 0.01


class ArqPeer(Peer):
    distributions = ("arq", "redis", "uvloop")

    async def open(self) -> None:
        self.pool = await create_pool(SETTINGS)

    async def close(self) -> None:
        await self.pool.aclose()

    async def schedule(self, job: Payload) -> None:
        await self.pool.enqueue_job("noop", job)

    async def pending(self) -> int:
        return int(await self.pool.zcard("arq:queue"))

    def worker(self) -> list[str]:
        return program("arq", "arq_peer.WorkerSettings", "--custom-log-dict", "arq_quiet.CONFIG")


PEER = ArqPeer()
