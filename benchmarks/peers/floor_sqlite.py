"""The floor on SQLite: the standard library's sqlite3 in the loop's own thread, or aiosqlite.

Claims are made for any type, ends of one batch and the next claim are two transactions.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import time
from collections.abc import Sequence
from typing import Any, Protocol

from floor import LEASE, LIMIT, QUEUE, FloorPeer, Held, main, new_job
from protocol import URL, Payload

from aide_de_camp import new_job_id
from aide_de_camp.spi import SettleKind
from aide_de_camp_backends._sql.statements import SETTLE
from aide_de_camp_backends.sqlite import levels
from aide_de_camp_backends.sqlite.changing import INSERT
from aide_de_camp_backends.sqlite.plugin import connect

PATH = URL.removeprefix("sqlite:///")
ASYNC = "aiosqlite" in os.environ.get("ADC_BENCH_VARIANT", "")
PRAGMAS = ("journal_mode = WAL", "synchronous = FULL", "temp_store = MEMORY")
BUSY_S = 30.0


class Line(Protocol):
    """A connection, with its calls awaited."""

    async def rows(self, sql: str, values: Any = ()) -> list[Any]: ...

    async def many(self, sql: str, values: Sequence[Any]) -> None: ...

    async def close(self) -> None: ...


class Blocking:
    def __init__(self) -> None:
        self.connection = sqlite3.connect(PATH, timeout=BUSY_S, isolation_level=None)

    async def rows(self, sql: str, values: Any = ()) -> list[Any]:
        return self.connection.execute(sql, values).fetchall()

    async def many(self, sql: str, values: Sequence[Any]) -> None:
        self.connection.executemany(sql, values)

    async def close(self) -> None:
        self.connection.close()


class Threaded:
    def __init__(self, connection: Any) -> None:
        self.connection = connection

    async def rows(self, sql: str, values: Any = ()) -> list[Any]:
        return list(await self.connection.execute_fetchall(sql, values))

    async def many(self, sql: str, values: Sequence[Any]) -> None:
        await self.connection.executemany(sql, values)

    async def close(self) -> None:
        await self.connection.close()


async def open_line() -> Line:
    if not ASYNC:
        return Blocking()
    import aiosqlite  # noqa: PLC0415 (the other variant does without)

    return Threaded(await aiosqlite.connect(PATH, timeout=BUSY_S, isolation_level=None))


def now() -> int:
    return time.time_ns() // 1_000


class SqliteFloor(FloorPeer):
    distributions = ("aiosqlite",) if ASYNC else ()
    module = "floor_sqlite"

    async def open(self) -> None:
        await connect(URL, {})().migrate()
        self.line = await open_line()
        # One connection has one transaction at a time.
        self.lock = asyncio.Lock()
        for pragma in PRAGMAS:
            await self.line.rows(f"PRAGMA {pragma}")

    async def close(self) -> None:
        await self.line.close()

    async def enqueue(self, jobs: Sequence[Payload]) -> None:
        moment = now()
        values = [
            (
                QUEUE,
                job.id.bytes,
                int(job.priority),
                moment,
                moment,
                None,
                job.job_type,
                job.codec,
                job.payload,
            )
            for job in map(new_job, jobs)
        ]
        async with self.lock:
            await self.line.rows("BEGIN IMMEDIATE")
            await self.line.many(INSERT, values)
            await self.line.rows("COMMIT")

    async def claim(self) -> Sequence[Held]:
        values: dict[str, Any] = {"queue": QUEUE, "now": now(), "limit": LIMIT}
        found: list[Any] = []
        await self.line.rows("BEGIN IMMEDIATE")
        for priority, _ in await self.line.rows(levels.LEVELS, values):
            found += await self.line.rows(levels.DUE, values | {"priority": priority})
        lease = {
            "lease_until": values["now"] + LEASE,
            "max_retries": 5,
            "worker": "floor",
            "request_id": new_job_id().bytes,
            "rows": json.dumps([row[0] for row in found]),
        }
        if found:
            await self.line.rows(levels.LEASE, values | lease)
        await self.line.rows("COMMIT")
        return [(row[1], max(row[8] + 1, values["now"]), row[3]) for row in found]

    async def finish(self, held: Sequence[Held]) -> None:
        moment = now()
        values = [
            {"queue": QUEUE, "id": job_id, "token": token, "now": moment}
            for job_id, token, _ in held
        ]
        await self.line.rows("BEGIN IMMEDIATE")
        await self.line.many(SETTLE[SettleKind.COMPLETED], values)
        await self.line.rows("COMMIT")

    async def pending(self) -> int:
        query = "SELECT count(*) FROM adc_job WHERE state IN (0, 1)"
        return int((await self.line.rows(query))[0][0])


PEER = SqliteFloor()
if __name__ == "__main__":
    main(PEER)
