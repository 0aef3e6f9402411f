"""Peers' reports about PostgreSQL behind a pooler in transaction mode (see pooler.py)."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import pytest

from aide_de_camp import (
    Capability,
    JobRequest,
    JobRunner,
    JobState,
    JobType,
    Queue,
    StorageError,
    open_queue,
)

from ..postgresql.conftest import CHILD, DatabaseBench, outcome
from ..servers import PgBouncer, has_pgbouncer
from .beside import NUMBER, numbers, sql
from .conftest import Run
from .pooler import Pooler

NOTE = JobType("note", str)


@pytest.fixture
def bouncer(postgresql_url: str) -> Iterator[PgBouncer]:
    """A real PgBouncer of two sessions, where the machine has one."""
    if not has_pgbouncer():
        pytest.skip("no pgbouncer on this machine: Debian has a package of it")
    with PgBouncer(postgresql_url, 2) as pooler:
        yield pooler


@pytest.mark.parametrize("prepared", ["auto", "off"])
def test_p96_a_real_pgbouncer(bouncer: PgBouncer, run: Run, prepared: str) -> None:
    """Ten clients on two sessions in transaction mode: as behind the pooler of our own."""

    async def scenario() -> None:
        await ten_clients(f"{bouncer.url}?prepared_statements={prepared}")

    run(scenario())


def test_p97_a_real_pgbouncer_and_four_processes(
    bouncer: PgBouncer, postgresql_url: str, run: Run
) -> None:
    """Each job is claimed once, and no session is left in a transaction."""
    bench = DatabaseBench(postgresql_url)

    async def scenario() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *(bench.job(priority=n % 3) for n in range(200)))
        children = [claimer(bouncer.url) for _ in range(4)]
        printed = await asyncio.gather(*(asyncio.to_thread(outcome, each) for each in children))
        found = [UUID(line) for text in printed for line in text.splitlines()]
        assert len(found) == len(set(found)) == 200
        states = await sql(
            postgresql_url,
            "SELECT DISTINCT state FROM pg_stat_activity WHERE datname = current_database()"
            " AND pid <> pg_backend_pid()",
        )
        assert states == [("idle",)]

    run(scenario())


async def ten_clients(url: str) -> None:
    """Schedule and run 200 jobs by ten clients at once, none of which is woken."""
    ran: list[int] = []
    async with AsyncExitStack() as stack:
        queues = [await stack.enter_async_context(open_queue(url)) for _ in range(10)]
        assert Capability.WAKE_UP not in queues[0].storage.capabilities

        async def use(number: int, queue: Queue) -> None:
            for n in range(number, 200, 10):
                await queue.schedule(NUMBER, n)
            await JobRunner(queue, numbers(ran)).drain()

        await asyncio.gather(*(use(n, queue) for n, queue in enumerate(queues)))
        assert sorted(ran) == list(range(200))
        counts = await queues[0].count_jobs()
        assert counts.by_state[JobState.COMPLETED] == counts.total == 200


@pytest.mark.parametrize("prepared", ["auto", "off"])
def test_p96_two_sessions_for_ten_clients(postgresql_url: str, run: Run, prepared: str) -> None:
    """The pooler is found out, and nothing is left in a session; nor is anybody listened to."""

    async def scenario() -> None:
        async with Pooler(postgresql_url, 2).serving() as pooler:
            await ten_clients(f"{pooler.url}?prepared_statements={prepared}")
            assert pooler.clients >= 10

    run(scenario())


def test_p96_prepared_statements_that_are_insisted_on(postgresql_url: str, run: Run) -> None:
    """ERR-1: it refuses to start, and names the pooler's mode and the option."""

    async def scenario() -> None:
        async with Pooler(postgresql_url, 2).serving() as pooler:
            queue = open_queue(f"{pooler.url}?prepared_statements=on")
            with pytest.raises(StorageError, match=r"transaction mode.*prepared_statements=off"):
                await queue.__aenter__()

    run(scenario())


def claimer(url: str) -> subprocess.Popen[str]:
    """Start a process that claims and completes until nothing is left."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", CHILD, "claim", url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("isolation", ["read committed", "repeatable read"])
def test_p97_no_session_is_left_in_a_failed_transaction(
    postgresql_url: str, run: Run, isolation: str
) -> None:
    """Four workers of default settings; calls that the server refuses are rolled back.

    With the second isolation each call is a transaction of several statements.
    """
    bench = DatabaseBench(postgresql_url)

    async def scenario() -> None:
        name = postgresql_url.rpartition("/")[2]
        await sql(
            postgresql_url,
            f"ALTER DATABASE {name} SET default_transaction_isolation = '{isolation}'",
        )
        async with bench.opened() as storage:
            await bench.put(storage, *(bench.job(priority=n % 3) for n in range(200)))
        await sql(postgresql_url, "ALTER TABLE adc_job ADD CHECK (length(payload) < 99)")
        async with Pooler(postgresql_url, 6).serving() as pooler:
            children = [claimer(pooler.url) for _ in range(4)]
            async with bench.opened(pooler.url) as storage:
                for _ in range(20):
                    refused = [bench.put(storage, bench.job(payload=b"x" * 99)) for _ in range(5)]
                    for answer in await asyncio.gather(*refused, return_exceptions=True):
                        assert isinstance(answer, StorageError)
                        assert "23514" in str(answer)
            printed = await asyncio.gather(*(asyncio.to_thread(outcome, each) for each in children))
            found = [UUID(line) for text in printed for line in text.splitlines()]
            assert len(found) == len(set(found)) == 200
            states = await sql(
                postgresql_url,
                "SELECT state FROM pg_stat_activity WHERE application_name = 'pooler'"
                " AND datname = current_database()",
            )
            assert states == [("idle",)] * 6

    run(scenario())


def test_p97_a_runner_keeps_working_where_every_third_call_is_refused(
    postgresql_url: str, run: Run
) -> None:
    """LIV-2: errors of the server's own cost nothing but the calls that met them."""
    ran: list[int] = []

    async def scenario() -> None:
        async with (
            Pooler(postgresql_url, 2).serving() as pooler,
            open_queue(f"{pooler.url}?pool_size=2") as queue,
        ):
            long = "x" * 200
            await sql(
                postgresql_url,
                "ALTER TABLE adc_job ADD CHECK (length(payload) < 99)",
            )
            for n in range(30):
                if n % 3 == 0:
                    with pytest.raises(StorageError):
                        await queue.schedule_many([JobRequest(NUMBER, n), JobRequest(NOTE, long)])
                await queue.schedule(NUMBER, n)
            runner = JobRunner(queue, numbers(ran), poll_interval=timedelta(seconds=0.1))
            assert await runner.drain() == 30
            assert ran == list(range(30))

    run(scenario())
