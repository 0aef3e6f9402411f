"""pgqueuer: one asyncpg connection, its command under uvloop, by 500 (it has no cap by default)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import tally
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.db import AsyncpgDriver
from pgqueuer.models import Job
from pgqueuer.queries import Queries
from protocol import URL, Payload, Peer, program

BATCH_SIZE = "500"
run = uvloop.run


@asynccontextmanager
async def consumer() -> AsyncIterator[PgQueuer]:
    """Make the worker, for ``pgq run``."""
    queue = PgQueuer(AsyncpgDriver(await asyncpg.connect(URL)))

    @queue.entrypoint("noop")
    async def noop(job: Job) -> None:
        tally.done(json.loads(job.payload))

    yield queue


class PgQueuerPeer(Peer):
    distributions = ("pgqueuer", "asyncpg", "uvloop")

    async def open(self) -> None:
        self.connection = await asyncpg.connect(URL)
        self.queries = Queries(AsyncpgDriver(self.connection))

    async def close(self) -> None:
        await self.connection.close()

    async def prepare(self) -> None:
        await self.queries.install()

    async def schedule(self, job: Payload) -> None:
        await self.queries.enqueue("noop", json.dumps(job).encode(), 0)

    async def schedule_many(self, jobs: list[Payload]) -> None:
        count = len(jobs)
        bodies = [json.dumps(job).encode() for job in jobs]
        await self.queries.enqueue(["noop"] * count, bodies, [0] * count)

    async def pending(self) -> int:
        return sum(row.count for row in await self.queries.queue_size())

    def worker(self) -> list[str]:
        options = ["--batch-size", BATCH_SIZE, "--log-level", "WARNING"]
        return program("pgq", "run", *options, "pgqueuer_peer:consumer")


PEER = PgQueuerPeer()
