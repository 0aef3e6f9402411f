"""The floor on PostgreSQL: asyncpg, a pool of ten connections for those who schedule."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
from floor import LEASE, LIMIT, QUEUE, TYPE, FloorPeer, Held, main, new_job
from protocol import URL, Payload

from aide_de_camp import new_job_id
from aide_de_camp_backends.postgresql.changing import (
    ENQUEUE,
    ENQUEUE_ONE,
    enqueue_values,
    values_of,
)
from aide_de_camp_backends.postgresql.claiming import Asked, claim_text
from aide_de_camp_backends.postgresql.database import PLANNED_ONCE, SEARCHED
from aide_de_camp_backends.postgresql.plugin import connect
from aide_de_camp_backends.postgresql.settling import COMPLETE
from aide_de_camp_backends.postgresql.sizes import size_of
from aide_de_camp_backends.postgresql.statement import Layout, prepare

LAYOUT = Layout("public", "adc_")
PRESENT = {"given": None, "latest": -(2**63)}


async def _begin(connection: Any) -> None:
    await connection.execute(f"{PLANNED_ONCE}; {SEARCHED}")


async def _nothing(_: Any) -> None:
    pass


class PostgresqlFloor(FloorPeer):
    distributions = ("asyncpg",)
    module = "floor_postgresql"

    async def open(self) -> None:
        # Without the pool's own reset, which is another round trip per call.
        self.pool: Any = await asyncpg.create_pool(
            URL, min_size=1, max_size=10, init=_begin, reset=_nothing
        )
        self.claiming = prepare(claim_text(size_of(LIMIT), Asked.ONE), LAYOUT)
        self.ending = prepare(COMPLETE, LAYOUT)
        self.storing = prepare(ENQUEUE, LAYOUT)
        self.storing_one = prepare(ENQUEUE_ONE, LAYOUT)

    async def close(self) -> None:
        await self.pool.close()

    async def prepare(self) -> None:
        await connect(URL, {"schema": LAYOUT.schema})().migrate()

    async def enqueue(self, jobs: Sequence[Payload]) -> None:
        made = [new_job(job) for job in jobs]
        if len(made) == 1:
            statement, values = self.storing_one, values_of(QUEUE, made[0])
        else:
            statement, values = self.storing, enqueue_values(QUEUE, made)
        await self.pool.fetch(statement.sql, *statement.arguments(values | PRESENT))

    async def claim(self) -> Sequence[Held]:
        values: dict[str, Any] = {
            **PRESENT,
            "queue": QUEUE,
            "request_id": new_job_id(),
            "reaped": False,
            "type": TYPE,
            "limit": LIMIT,
            "lease": LEASE,
            "limit_types": [],
            "limits": [],
            "max_retries": 5,
            "worker": "floor",
        }
        rows = await self.pool.fetch(self.claiming.sql, *self.claiming.arguments(values))
        return [(row["id"], row["token"], row["payload"]) for row in rows if row["id"] is not None]

    async def finish(self, held: Sequence[Held]) -> None:
        values: dict[str, Any] = {
            **PRESENT,
            "queue": QUEUE,
            "ids": [job_id for job_id, _, _ in held],
            "tokens": [token for _, token, _ in held],
        }
        await self.pool.fetch(self.ending.sql, *self.ending.arguments(values))

    async def pending(self) -> int:
        query = f"SELECT count(*) FROM {LAYOUT.table('job')} WHERE state IN (0, 1)"
        return int(await self.pool.fetchval(query))


PEER = PostgresqlFloor()
if __name__ == "__main__":
    main(PEER)
