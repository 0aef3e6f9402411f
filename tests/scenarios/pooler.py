"""A pooler in transaction mode: many clients share a few of a server's sessions.

It is as unkind as one may be: no two transactions of a client in a row get the same session, and
prepared statements aren't kept track of.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from asyncio import StreamReader as Reader
from asyncio import StreamWriter as Writer
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

VERSION_3 = 196_608
ENCRYPTION = (80_877_103, 80_877_104)  # TLS and GSS: it has neither
AT_REST = b"I"


class Session:
    """One of the server's sessions."""

    def __init__(self, reader: Reader, writer: Writer) -> None:
        self.reader = reader
        self.writer = writer
        self.awaited = 0  # times that the server is still to say that it is ready


class Pooler:
    """What stands between; ``clients`` tells how many there were."""

    def __init__(self, url: str, sessions: int) -> None:
        self._url = urlsplit(url)
        self._size = sessions
        self._idle: deque[Session] = deque()
        self._free = asyncio.Semaphore(sessions)
        self._settings = b""
        self._clients: set[asyncio.Task[None]] = set()
        self._numbers = itertools.count(1)
        self._port = 0
        self.clients = 0

    @property
    def url(self) -> str:
        """The address of the database by way of the pooler."""
        return urlunsplit(self._url._replace(netloc=f"adc@127.0.0.1:{self._port}"))

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Pooler]:
        """Take clients meanwhile."""
        self._idle.extend([await self._connect() for _ in range(self._size)])
        server = await asyncio.start_server(self._begin, "127.0.0.1", 0)
        self._port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._clients):
                task.cancel()
            await asyncio.gather(*self._clients, return_exceptions=True)
            for session in self._idle:
                session.writer.close()
            await asyncio.sleep(0)  # what is closed is so in the loop's next turn

    async def _connect(self) -> Session:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._url.port)
        wanted = f"user\0adc\0database\0{self._url.path[1:]}\0application_name\0pooler\0\0"
        writer.write(struct.pack("!ii", 8 + len(wanted), VERSION_3) + wanted.encode())
        self._settings = b""
        while True:
            kind, message = await receive(reader)
            if kind == b"S":
                self._settings += message
            if kind == b"Z":
                return Session(reader, writer)
            assert kind != b"E", message

    def _begin(self, reader: Reader, writer: Writer) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._clients.add(task)
        task.add_done_callback(self._clients.discard)
        task.add_done_callback(lambda _: writer.close())  # also where it never began

    async def _serve(self, reader: Reader, writer: Writer) -> None:
        client = _Client(self, writer)
        try:
            if await self._greet(reader, writer):
                self.clients += 1
                while True:
                    kind, message = await receive(reader)
                    if kind == b"X":
                        break
                    await client.send(kind, message)
        except (OSError, EOFError):
            pass
        finally:
            await client.leave()

    async def _greet(self, reader: Reader, writer: Writer) -> bool:
        while True:
            (length,) = struct.unpack("!i", await reader.readexactly(4))
            wish = await reader.readexactly(length - 4)
            (code,) = struct.unpack("!i", wish[:4])
            if code not in ENCRYPTION:
                break
            writer.write(b"N")
        if code != VERSION_3:
            return False  # a request to cancel, of a session that nobody can name
        key = struct.pack("!cii", b"K", 12, next(self._numbers)) + b"none"
        writer.write(struct.pack("!cii", b"R", 8, 0) + self._settings + key + ready(AT_REST))
        return True

    async def take(self) -> Session:
        """Give the session that has rested longest."""
        await self._free.acquire()
        return self._idle.popleft()

    def put(self, session: Session) -> None:
        """Take one back."""
        self._idle.append(session)
        self._free.release()

    async def replace(self, session: Session) -> None:
        """End one that was left in the middle, and have another in its place."""
        session.writer.close()
        self.put(await self._connect())


class _Client:
    def __init__(self, pooler: Pooler, writer: Writer) -> None:
        self._pooler = pooler
        self._writer = writer
        self._session: Session | None = None
        self._relay: asyncio.Task[None] | None = None

    async def send(self, kind: bytes, message: bytes) -> None:
        session = self._session
        if session is None:
            session = self._session = await self._pooler.take()
            self._relay = asyncio.create_task(self._pass_back(session))
        session.awaited += kind in (b"S", b"Q")
        session.writer.write(message)
        await session.writer.drain()

    async def _pass_back(self, session: Session) -> None:
        while True:
            kind, message = await receive(session.reader)
            self._writer.write(message)
            if kind != b"Z":
                continue
            session.awaited -= 1
            if not session.awaited and message == ready(AT_REST):
                self._session = None
                self._pooler.put(session)
                return

    async def leave(self) -> None:
        if self._relay is not None:
            self._relay.cancel()
            await asyncio.gather(self._relay, return_exceptions=True)
        if self._session is not None:
            await self._pooler.replace(self._session)


async def receive(reader: Reader) -> tuple[bytes, bytes]:
    """Give a message's kind, and the whole of it."""
    head = await reader.readexactly(5)
    (length,) = struct.unpack("!i", head[1:])
    return head[:1], head + await reader.readexactly(length - 4)


def ready(state: bytes) -> bytes:
    """Give the server's word that it waits for what is next."""
    return struct.pack("!cic", b"Z", 5, state)
