"""procrastinate: its command with --concurrency, LISTEN on, finished jobs deleted."""

from __future__ import annotations

import procrastinate
import tally
from protocol import URL, Payload, Peer, program

app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=URL))


@app.task(name="noop")
async def noop(n: int, t: int, s: str) -> None:
    tally.done({"n": n, "t": t, "s": s})


class ProcrastinatePeer(Peer):
    distributions = ("procrastinate", "psycopg")

    async def open(self) -> None:
        await app.open_async()

    async def close(self) -> None:
        await app.close_async()

    async def prepare(self) -> None:
        await app.schema_manager.apply_schema_async()

    async def schedule(self, job: Payload) -> None:
        await noop.defer_async(**job)

    async def schedule_many(self, jobs: list[Payload]) -> None:
        await noop.batch_defer_async(*jobs)

    async def pending(self) -> int:
        row = await app.connector.execute_query_one_async(
            "SELECT count(*) AS unfinished FROM procrastinate_jobs "
            "WHERE status IN ('todo', 'doing')"
        )
        return int(row["unfinished"])

    def worker(self) -> list[str]:
        options = ["--concurrency", "10", "--delete-jobs", "successful"]
        return program("procrastinate", "--app", "procrastinate_peer.app", "worker", *options)


PEER = ProcrastinatePeer()
