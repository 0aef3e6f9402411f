"""P63 and P125 on PostgreSQL: servers that restart, and addresses that lead nowhere."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aide_de_camp import (
    AideDeCampError,
    ConfigurationError,
    ManualClock,
    StorageUnavailable,
    open_queue,
)

from ..servers import PostgresServer, Servers
from .beside import NUMBER, TERMINATE, numbers, sql
from .conftest import Run
from .support import SECOND
from .trouble import be_hasty, running, until

PASSWORD = "s3cr3t"
APP = """
from aide_de_camp import JobRouter
router = JobRouter()
@router.job("number")
async def number(payload: int) -> None: ...
"""


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    be_hasty(monkeypatch)


@pytest.mark.parametrize("way", ["stop", "kill"])
def test_p63_a_job_that_falls_due_after_a_restart_of_the_server(way: str, run: Run) -> None:
    """LIV-2, DUR-1: restarted at 3 s, due at 10 s; and once more with the job due in between."""
    ran: list[int] = []

    async def scenario(server: PostgresServer) -> None:
        clock = ManualClock()
        end = server.kill if way == "kill" else server.stop

        async def sleeps_by_the_clock() -> None:
            await until(lambda: clock._sleepers, "the runner to sleep")

        hour = timedelta(hours=1)
        async with open_queue(server.create_database(), clock=clock) as queue:
            await queue.schedule_in(NUMBER, 1, 10 * SECOND)
            await queue.schedule_in(NUMBER, 2, 20 * SECOND)
            async with running(queue, numbers(ran), poll_interval=hour):
                await sleeps_by_the_clock()
                clock.advance(3)
                await asyncio.to_thread(end)
                await asyncio.to_thread(server.start)
                assert ran == []
                clock.advance(7)
                await until(lambda: ran == [1])
                await sleeps_by_the_clock()
                await asyncio.to_thread(end)
                clock.advance(10)
                await asyncio.to_thread(server.start)
                # The pause after a failed claim is by real time: nothing more is to be moved.
                await until(lambda: ran == [1, 2])

    with PostgresServer() as server:
        run(scenario(server))


@pytest.fixture(scope="module")
def guarded(servers: Servers) -> PostgresServer:
    """A server that asks for a password."""
    return servers.postgresql(password=PASSWORD)


@pytest.fixture
def nobody_s_port() -> Iterator[int]:
    """A port that is taken, and at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture(params=["port", "password", "user", "host", "database"])
def wrong(request: pytest.FixtureRequest, guarded: PostgresServer, nobody_s_port: int) -> str:
    """An address with one thing wrong."""
    url = guarded.url()
    return {
        "port": url.replace(f":{guarded.port}/", f":{nobody_s_port}/"),
        "password": url.replace(PASSWORD, f"{PASSWORD}x"),
        "user": url.replace("adc:", "nobody:"),
        "host": url.replace(guarded.host, "nowhere.invalid"),
        "database": url.replace("/postgres", "/nowhere"),
    }[request.node.callspec.params["wrong"]]


def test_p125_a_wrong_address_is_told_of_at_once(wrong: str, run: Run) -> None:
    """ERR-1, LIV-2: opening fails with one error that says what is wrong, not the password."""

    async def scenario() -> AideDeCampError:
        with pytest.raises(AideDeCampError) as caught:
            await open_queue(wrong).__aenter__()
        return caught.value

    error = run(scenario())
    kinds = {StorageUnavailable: "can't be reached", ConfigurationError: "url"}
    assert kinds[type(error)] in str(error)
    assert PASSWORD not in f"{error} {error!r} {error.__cause__}"
    assert error.__cause__ is not None


def test_p125_a_worker_with_a_wrong_address_ends_with_one_line(wrong: str, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    done = subprocess.run(
        [sys.executable, "-m", "aide_de_camp", "worker", "app:router", "--queue", wrong],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("adc: error: ")
    assert "postgresql://" in done.stderr or "error: url: " in done.stderr
    assert PASSWORD not in done.stderr


def test_p125_a_password_that_stops_being_right(
    guarded: PostgresServer, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """LIV-2: the runner says so once, not at each try, and goes on when it is right again.

    How seldom it tries is shown of P95; its pauses are cut short here.
    """
    ran: list[int] = []
    role = "rotated"

    def password(text: str) -> None:
        guarded.sql(f"ALTER ROLE {role} PASSWORD '{text}'")

    async def scenario(url: str) -> None:
        own = url.replace(f"adc:{PASSWORD}", f"{role}:{PASSWORD}")
        sessions = f"SELECT pid FROM pg_stat_activity WHERE usename = '{role}'"
        async with (
            open_queue(own) as queue,
            running(queue, numbers(ran), poll_interval=timedelta(seconds=0.01)),
        ):
            await queue.schedule(NUMBER, 1)
            await until(lambda: ran == [1])
            password(f"{PASSWORD}-other")
            await sql(url, TERMINATE, [pid for (pid,) in await sql(url, sessions)])
            await until(lambda: complaints(caplog, logging.ERROR))
            for _ in range(20):
                with pytest.raises(StorageUnavailable, match="refused the user or its password"):
                    await queue.schedule(NUMBER, 0)
            password(PASSWORD)
            await queue.schedule(NUMBER, 2)
            await until(lambda: ran == [1, 2])

    url = guarded.create_database()
    guarded.sql(f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    try:
        with caplog.at_level(logging.WARNING):
            run(scenario(url))
    finally:
        guarded.drop_database(url)
        guarded.sql(f"DROP ROLE {role}")
    claims = [each for each in complaints(caplog, logging.ERROR) if "can't claim" in each]
    assert len(claims) == 1
    assert len(complaints(caplog, logging.WARNING)) <= 5
    assert not any(PASSWORD in each for each in complaints(caplog, logging.WARNING))


def complaints(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= level]
