"""A way to a server that can be cut: a stranger's backend is put behind it by its URL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit, urlunsplit

from aide_de_camp_conformance.asking import NotAsked

_CHUNK = 65_536


class Lane:
    """Passes connections on to one server.

    Attributes:
        url: leads through here to where the given URL leads.
        connections: how many are open.
        is_shut: whether no connection is let through.
    """

    def __init__(self, host: str, port: int) -> None:
        self.url = ""
        self.is_shut = False
        self._target = (host, port)
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._writers) // 2

    def cut(self) -> int:
        """Break every connection, in the middle of whatever is under way.

        Returns:
            How many there were.
        """
        count = self.connections
        for writer in self._writers:
            writer.transport.abort()
        return count

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on, until either side ends it."""
        if self.is_shut:
            writer.transport.abort()
            return
        try:
            there, back = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, back}
        try:
            pumps = [
                asyncio.create_task(_pump(reader, back)),
                asyncio.create_task(_pump(there, writer)),
            ]
            try:
                await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for pump in pumps:
                    pump.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self._writers -= {writer, back}
            writer.transport.abort()
            back.transport.abort()


@asynccontextmanager
async def lane_to(url: str | None) -> AsyncGenerator[Lane]:
    """Open a way to a storage's server that can be cut.

    Args:
        url: the storage's.

    Yields:
        The way.

    Raises:
        NotAsked: the URL names no one host with its port, so that there is nothing to cut.
    """
    target = target_of(url)
    if url is None or target is None:
        raise NotAsked(
            "the storage's URL names no one host with its port: there are no connections that the "
            "kit could cut"
        )
    lane = Lane(*target)
    tasks: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(lane.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(begin, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    lane.url = urlunsplit(parts._replace(netloc=f"{login}{at}127.0.0.1:{port}"))
    try:
        yield lane
    finally:
        server.close()
        lane.cut()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def target_of(url: str | None) -> tuple[str, int] | None:
    """Give the one host and port that a storage is reached at; None where its URL names none."""
    with suppress(ValueError):
        parts = urlsplit(url or "")
        if parts.hostname and parts.port:
            return (parts.hostname, parts.port)
    return None


def names_hosts(url: str | None) -> bool:
    """Say whether a URL names hosts, one or several, each with its port."""
    address = urlsplit(url or "").netloc.rpartition("@")[2]
    return all(target_of(f"//{each}") is not None for each in address.split(","))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
