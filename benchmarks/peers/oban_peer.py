"""oban: its command under uvloop, a queue limit of 500."""

from __future__ import annotations

import tally
import uvloop
from oban import Oban, worker
from oban.schema import install
from protocol import URL, Payload, Peer, program

run = uvloop.run


@worker(queue="default")
class Noop:
    async def process(self, job: object) -> None:
        tally.done(job.args)  # type: ignore[attr-defined]


class ObanPeer(Peer):
    distributions = ("oban", "psycopg", "uvloop")

    async def open(self) -> None:
        self.pool = await Oban.create_pool(dsn=URL)
        self.oban = Oban(pool=self.pool)
        self.started = False

    async def close(self) -> None:
        if self.started:
            await self.oban.stop()
        await self.pool.close()

    async def prepare(self) -> None:
        await install(self.pool)
        await self.oban.start()
        self.started = True

    async def schedule(self, job: Payload) -> None:
        await self.oban.enqueue(Noop.new(job))

    async def schedule_many(self, jobs: list[Payload]) -> None:
        await self.oban.enqueue_many([Noop.new(job) for job in jobs])

    async def pending(self) -> int:
        query = "SELECT count(*) FROM oban_jobs WHERE state <> 'completed'"
        async with self.pool.connection() as connection:
            row = await (await connection.execute(query)).fetchone()
            values = row.values() if isinstance(row, dict) else row
            return int(next(iter(values)))

    def worker(self) -> list[str]:
        return program("oban", "start", "--dsn", URL, "--queues", "default:500")


PEER = ObanPeer()
