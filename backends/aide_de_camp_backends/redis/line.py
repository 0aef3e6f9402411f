"""One connection to one server, which knows whether it is in the middle of something."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, cast

from redis.asyncio.connection import Connection, SSLConnection
from redis.exceptions import ResponseError

from aide_de_camp_backends.redis.options import Address, Options

Word = bytes | str | int


class Line:
    """A connection. The driver's own repeats and time limits are off: ours are seen and bounded.

    Args:
        address: where to connect.
        options: how.
        to_sentinel: whether a sentinel answers there, which has its own names and passwords.
    """

    def __init__(self, address: Address, options: Options, *, to_sentinel: bool = False) -> None:
        given: dict[str, Any] = {
            "host": address[0],
            "port": address[1],
            "db": 0 if to_sentinel else options.database,
            "username": options.sentinel_username if to_sentinel else options.username,
            "password": options.sentinel_password if to_sentinel else options.password,
            "socket_timeout": None,
            "socket_connect_timeout": options.connect_timeout,
            "protocol": 2,
        }
        if options.tls is not None:
            given |= {
                "ssl_ca_certs": options.tls.ca,
                "ssl_certfile": options.tls.cert,
                "ssl_keyfile": options.tls.key,
                "ssl_check_hostname": options.tls.check_host,
            }
        kind = _Plain if options.tls is None else _Encrypted
        self._timeout = options.connect_timeout
        self._driver = cast("_Driver", kind(**given))
        self._busy = False
        self._loop = asyncio.get_running_loop()

    @property
    def usable(self) -> bool:
        """True while it is connected, as far as can be seen, and owes no answer."""
        return not self._busy and self._driver.is_open

    async def connect(self) -> None:
        """Connect, log in and choose the database.

        Raises:
            RedisError, OSError, TimeoutError: it didn't work.
        """
        try:
            async with asyncio.timeout(self._timeout):
                await self._driver.connect()
        except BaseException:
            # Cancelled half-way, the next reply would be taken for another call's.
            self.drop()
            raise

    async def ask(self, *words: Word) -> Any:
        """Send one command and read its answer.

        Cancelled or failed in between, the connection is of no more use: an answer may be on its
        way that would be taken for the next command's.

        Raises:
            RedisError, OSError: it didn't work, or the server refused.
        """
        self._busy = True
        try:
            await self._driver.send_command(*words)
            answer = await self._driver.read_response()
        except ResponseError:
            self._busy = False  # an error is an answer too
            raise
        self._busy = False
        return answer

    async def send(self, *words: Word) -> None:
        """Send a command whose answers are read by :meth:`read`."""
        await self._driver.send_command(*words)

    async def read(self) -> Any:
        """Read the next answer or message, however long it takes."""
        return await self._driver.read_response()

    async def close(self) -> None:
        """Close it, and wait until it is closed; where its loop is gone there is no waiting."""
        if self._loop is asyncio.get_running_loop():
            await self._driver.disconnect()
        else:
            self.drop()

    def drop(self) -> None:
        """Close it, without waiting."""
        self._driver.cut()


class _Driver(Protocol):
    """What is used of the driver's connections, which have few types of their own."""

    @property
    def is_open(self) -> bool: ...

    async def connect(self) -> None: ...

    async def send_command(self, *words: Word) -> None: ...

    async def read_response(self) -> Any: ...

    async def disconnect(self) -> None: ...

    def cut(self) -> None: ...


class _Cuttable(Connection):
    """Shows what the driver keeps to itself: whether the other end is there, and a plain cut."""

    @property
    def is_open(self) -> bool:
        """True unless it was never connected, or was closed or reset since."""
        reader = self._reader
        return reader is not None and not reader.at_eof() and reader.exception() is None

    def cut(self) -> None:
        """Close at once; safe while a task is being cancelled."""
        driver_step: Any = self._parser.on_disconnect
        driver_step()
        writer, self._reader, self._writer = self._writer, None, None
        if writer is None:
            return
        try:
            writer.close()
        except RuntimeError:
            # The loop was torn down with the connection open. What it would do next is to close
            # the socket; without that the socket is only closed with a warning, by the collector.
            finish: Any = getattr(writer.transport, "_call_connection_lost", None)
            if finish is not None:
                finish(None)


class _Plain(_Cuttable):
    """By TCP."""


class _Encrypted(_Cuttable, SSLConnection):
    """By TLS."""
