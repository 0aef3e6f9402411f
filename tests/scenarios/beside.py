"""A PostgreSQL database seen from beside: statements of our own, and who is connected."""

from __future__ import annotations

from typing import Any

import asyncpg

from aide_de_camp import JobRouter, JobType, Queue

from .trouble import until

NUMBER = JobType("number", int)

OURS = "datname = current_database() AND application_name = 'aide-de-camp'"
LISTENERS = f"SELECT pid FROM pg_stat_activity WHERE {OURS} AND query ~ '^(LISTEN|SELECT 1$)'"
TERMINATE = "SELECT pg_terminate_backend(pid, 10000) FROM unnest($1::integer[]) AS pid"


async def sql(url: str, statement: str, *arguments: Any) -> list[tuple[Any, ...]]:
    """Run a statement beside all storages, and give its rows."""
    # Even where the database's own setting has all others only read.
    settings = {"default_transaction_read_only": "off"}
    connection: Any = await asyncpg.connect(url.partition("?")[0], server_settings=settings)
    try:
        return [tuple(row) for row in await connection.fetch(statement, *arguments)]
    finally:
        await connection.close()


async def listeners(url: str) -> list[int]:
    """Give the sessions that listen for new work."""
    return [pid for (pid,) in await sql(url, LISTENERS)]


def numbers(ran: list[int]) -> JobRouter:
    """A router that keeps the numbers it is given."""
    router = JobRouter()

    @router.job("number", max_retries=20)
    async def number(payload: int) -> None:
        ran.append(payload)

    return router


async def pushes_work(producer: Queue, ran: list[int]) -> None:
    """Have a few jobs run, each scheduled once the last one ran, by a runner that doesn't poll.

    One may be found by the look that listening begins with, another by the repeat of a claim
    whose connection was broken; the rest only because the runner is told of them.
    """
    for _ in range(5):
        known = len(ran)
        await producer.schedule(NUMBER, known)
        await until(lambda: len(ran) > known, "a job that the runner is told of")  # noqa: B023
        assert ran[known:] == [known]
