"""Peers' reports about the connection that listens for new work (theme T12), on PostgreSQL.

No runner here polls within an hour (WAK-1): what it runs it was told of.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from random import Random

import pytest

from aide_de_camp import StorageUnavailable, open_queue
from aide_de_camp_backends.postgresql import listening

from ..servers import PostgresServer, Proxy
from ..servers.fixtures import ProxyTo
from ..servers.proxy_connection import Traffic
from .beside import NUMBER, TERMINATE, listeners, numbers, pushes_work, sql
from .conftest import Run
from .trouble import be_hasty, running, until, until_async

HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    be_hasty(monkeypatch)


@pytest.fixture
def proxy(postgresql_server: PostgresServer, proxy_to: ProxyTo) -> Proxy:
    return proxy_to(postgresql_server.port)


@pytest.mark.parametrize("trouble", ["restart", "kill", "session"])
def test_p90_wake_ups_come_back(trouble: str, run: Run, caplog: pytest.LogCaptureFixture) -> None:
    """WAK-1: after a restart of the server, or the end of the one session; twice in a row.

    There is no event about it in the contract: the log tells of the loss and of the return.
    """
    ran: list[int] = []

    async def scenario(server: PostgresServer) -> None:
        url = server.create_database()

        async def break_it() -> None:
            if trouble == "session":
                await sql(url, TERMINATE, await listeners(url))
                return
            await asyncio.to_thread(server.kill if trouble == "kill" else server.stop)
            await asyncio.to_thread(server.start)

        async with (
            open_queue(f"{url}?listen=on") as producer,
            open_queue(url) as queue,
            running(queue, numbers(ran), poll_interval=HOUR),
        ):
            await pushes_work(producer, ran)
            for _ in range(2):
                await break_it()
                await pushes_work(producer, ran)
                assert len(await listeners(url)) == 1

    with PostgresServer() as server, caplog.at_level(logging.INFO, listening.__name__):
        run(scenario(server))
    told = [(each.levelno, each.getMessage()) for each in caplog.records]
    assert (logging.INFO, "listening for new work again") in told
    assert any(level == logging.WARNING and "polling until" in text for level, text in told)


def test_p91_a_listener_that_is_cut_off_again_and_again_leaks_no_session(
    postgresql_url: str, proxy: Proxy, run: Run
) -> None:
    """40 cuts, of all connections or of the listening session, wherever it stands just then."""
    random, ran, most = Random(91), list[int](), 2 + 1  # those for calls, and the one that listens

    async def scenario() -> None:
        through = f"{proxy.through(postgresql_url)}?pool_size=2"
        async with (
            open_queue(f"{postgresql_url}?pool_size=1") as producer,
            open_queue(through) as queue,
            running(queue, numbers(ran), poll_interval=HOUR),
        ):
            for n in range(40):
                await asyncio.sleep(random.uniform(0, 0.03))
                if random.random() < 0.5:
                    proxy.cut()
                else:
                    await sql(postgresql_url, TERMINATE, await listeners(postgresql_url))
                await until(lambda: proxy.connections <= most)
                if n % 10 == 0:
                    known = len(ran)
                    await producer.schedule(NUMBER, known)
                    await until(lambda: len(ran) > known)  # noqa: B023 (used at once)
            await pushes_work(producer, ran)
            await until(lambda: proxy.connections <= most)

            async def one_listens() -> bool:
                return len(await listeners(postgresql_url)) == 1

            await until_async(one_listens)
        await until(lambda: proxy.connections == 0)

    run(scenario())


class StartingUp:
    """A server that takes connections and then says that it isn't ready yet."""

    def __init__(self) -> None:
        self.port = 0
        self.asked = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[StartingUp]:
        server = await asyncio.start_server(self._answer, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            if length == 8:  # it asks for TLS
                await reader.readexactly(4)
                writer.write(b"N")
                (length,) = struct.unpack("!i", await reader.readexactly(4))
            await reader.readexactly(length - 4)
            fields = [b"SFATAL", b"VFATAL", b"C57P03", b"Mthe database system is starting up"]
            body = b"\0".join(fields) + b"\0\0"
            writer.write(b"E" + struct.pack("!i", 4 + len(body)) + body)
            self.asked += 1
            await writer.drain()
        except (OSError, EOFError):
            pass
        finally:
            writer.close()


def test_p92_a_server_that_recovers_in_many_steps(
    postgresql_server: PostgresServer, postgresql_url: str, proxy: Proxy, run: Run
) -> None:
    """WAK-1, LIV-2: it refuses, starts up, takes no changes; each for a while, in any order."""
    random, ran = Random(92), list[int]()
    name = postgresql_url.rpartition("/")[2]
    read_only = f"ALTER DATABASE {name} SET default_transaction_read_only"
    assert listening._LONGEST_PAUSE <= 30  # the longest gap, however long the outage was

    async def scenario() -> None:
        async with (
            StartingUp().serving() as starting,
            open_queue(f"{postgresql_url}?pool_size=1") as producer,
            open_queue(proxy.through(postgresql_url)) as queue,
            running(queue, numbers(ran), poll_interval=HOUR),
        ):

            async def pass_through(state: str) -> None:
                if state == "refusing":
                    proxy.refuse()
                elif state == "starting up":
                    proxy.target = starting.port
                else:
                    await sql(postgresql_url, f"{read_only} = on")
                proxy.cut()
                with pytest.raises(StorageUnavailable):
                    await queue.schedule(NUMBER, -1)
                await asyncio.sleep(random.uniform(0, 0.05))
                proxy.resume()
                proxy.target = postgresql_server.port
                await sql(postgresql_url, f"{read_only} = off")

            await pushes_work(producer, ran)
            for _ in range(8):
                states = ["refusing", "starting up", "read only"]
                random.shuffle(states)
                for state in states[: random.randint(1, 3)]:
                    await pass_through(state)
                proxy.cut()
                await pushes_work(producer, ran)
            assert starting.asked

    run(scenario())


def go_silent(proxy: Proxy) -> None:
    """Have the connections that are there say and take nothing more, unreset; new ones work."""
    proxy.stall()
    proxy._traffic = Traffic()


def test_p93_a_listening_connection_that_falls_silent_is_found_out(
    postgresql_url: str, proxy: Proxy, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WAK-1, LIV-2: within 30 s, and the calls on the others within their own time limit."""
    assert listening._CHECK_EVERY + listening._ANSWER_WITHIN <= 30
    monkeypatch.setattr(listening, "_CHECK_EVERY", 0.1)
    monkeypatch.setattr(listening, "_ANSWER_WITHIN", 0.5)
    ran: list[int] = []

    async def scenario() -> None:
        through = f"{proxy.through(postgresql_url)}?command_timeout=3"
        async with (
            open_queue(postgresql_url) as producer,
            open_queue(through) as queue,
            running(queue, numbers(ran), poll_interval=HOUR),
        ):
            await pushes_work(producer, ran)
            go_silent(proxy)
            await pushes_work(producer, ran)

    run(scenario())
