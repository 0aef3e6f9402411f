"""One server, and the connections to it."""

from __future__ import annotations

import asyncio

from aide_de_camp.spi import StorageUnavailable
from aide_de_camp_backends.redis.line import Line
from aide_de_camp_backends.redis.options import Address, Options


class Node:
    """A server by its address. At most ``pool_size`` connections are in use at once."""

    def __init__(self, address: Address, options: Options) -> None:
        self.address = address
        self._options = options
        self._free: list[Line] = []
        self._places = asyncio.Semaphore(options.pool_size)
        self._closed = False

    def __str__(self) -> str:
        host, port = self.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def take(self) -> Line:
        """Take a connected line; give it back by :meth:`give_back`, whatever happens.

        Raises:
            StorageUnavailable: all are in use, for longer than ``pool_timeout``.
            RedisError, OSError, TimeoutError: it can't be connected.
        """
        try:
            async with asyncio.timeout(self._options.pool_timeout):
                await self._places.acquire()
        except TimeoutError as error:
            raise StorageUnavailable(
                f"all {self._options.pool_size} connections to Redis at {self} are in use: raise "
                "pool_size, or make fewer calls at once",
                outcome_unknown=False,
            ) from error
        try:
            while self._free:
                line = self._free.pop()
                if line.usable:
                    return line
                line.drop()
            line = Line(self.address, self._options)
            await line.connect()
        except BaseException:
            # A caller that is cancelled must not keep the place either.
            self._places.release()
            raise
        return line

    def give_back(self, line: Line) -> None:
        """Give a line back; one that is in the middle of something is closed."""
        self._places.release()
        if line.usable and not self._closed:
            self._free.append(line)
        else:
            line.drop()

    def drop_free(self) -> None:
        """Close the lines that nobody uses: whoever answers there may be another server now."""
        while self._free:
            self._free.pop().drop()

    async def close(self) -> None:
        """Close every line, those in use when they are given back."""
        self._closed = True
        while self._free:
            await self._free.pop().close()
