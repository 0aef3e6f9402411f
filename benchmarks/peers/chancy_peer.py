"""chancy: the async executor, 1,000 at once, eager polling; its Worker as its guide starts it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import tally
from chancy import Chancy, Queue, Worker, job
from protocol import URL, Payload, Peer, python

QUEUE = Queue(
    "default",
    concurrency=1_000,
    executor=Chancy.Executor.Async,
    polling_interval=1,
    eager_polling=True,
)


@job()
async def noop(*, n: int, t: int, s: str) -> None:
    tally.done({"n": n, "t": t, "s": s})


class ChancyPeer(Peer):
    distributions = ("chancy", "psycopg")

    async def open(self) -> None:
        self.stack = AsyncExitStack()
        self.chancy = await self.stack.enter_async_context(Chancy(URL))

    async def close(self) -> None:
        await self.stack.aclose()

    async def prepare(self) -> None:
        await self.chancy.migrate()
        await self.chancy.declare(QUEUE, upsert=True)

    async def schedule(self, job: Payload) -> None:
        await self.chancy.push(noop.job.with_kwargs(**job))

    async def schedule_many(self, jobs: list[Payload]) -> None:
        wanted = [noop.job.with_kwargs(**each) for each in jobs]
        async for _ in self.chancy.push_many(wanted):
            pass

    async def pending(self) -> int:
        query = "SELECT count(*) AS n FROM chancy_jobs WHERE state NOT IN ('succeeded', 'failed')"
        async with self.chancy.pool.connection() as connection:
            row = await (await connection.execute(query)).fetchone()
            values = row.values() if isinstance(row, dict) else row
            return int(next(iter(values)))

    def worker(self) -> list[str]:
        return python("chancy_peer.py")


PEER = ChancyPeer()


async def work() -> None:
    async with Chancy(URL) as chancy, Worker(chancy) as worker:
        await worker.wait_for_shutdown()


if __name__ == "__main__":
    asyncio.run(work())
