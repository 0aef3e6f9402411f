"""Which server has a queue's keys: always the same one, or the one that sentinels name."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from aide_de_camp.spi import StorageUnavailable
from aide_de_camp_backends.redis.failures import DRIVER_ERRORS
from aide_de_camp_backends.redis.line import Line, Word
from aide_de_camp_backends.redis.node import Node
from aide_de_camp_backends.redis.options import Address, Options


class Place(Protocol):
    """Finds servers."""

    one_for_all: bool
    """True where one server has all queues."""
    fixed: bool
    """True where no other server can take its place."""

    async def node(self, tag: str) -> Node:
        """Give the server that has the keys with this hash tag.

        Raises:
            StorageUnavailable: nobody could tell.
        """
        ...

    async def masters(self) -> list[Node]:
        """Give every server that takes writes.

        Raises:
            StorageUnavailable: nobody could tell.
        """
        ...

    def at(self, address: Address) -> Node:
        """Give the server at an address that another one has named."""
        ...

    def doubt(self, node: Node | None) -> None:
        """Note that a server failed, or is no longer what it was: look again at the next call."""
        ...

    async def close(self) -> None:
        """Close every connection."""
        ...


class Nodes:
    """The servers met so far."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._by_address: dict[Address, Node] = {}

    def at(self, address: Address) -> Node:
        """Give the server at an address."""
        node = self._by_address.get(address)
        if node is None:
            node = self._by_address[address] = Node(address, self._options)
        return node

    async def close(self) -> None:
        """Close every connection."""
        for node in self._by_address.values():
            await node.close()


class SinglePlace(Nodes):
    """One server."""

    one_for_all = True
    fixed = True

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._node = self.at(options.addresses[0])

    async def node(self, tag: str) -> Node:
        """Give the one server."""
        return self._node

    async def masters(self) -> list[Node]:
        """Give the one server."""
        return [self._node]

    def doubt(self, node: Node | None) -> None:
        """Close what is idle: behind the address there may be another server by now."""
        self._node.drop_free()


class SentinelPlace(Nodes):
    """The server that sentinels name as the master of a service."""

    one_for_all = True
    fixed = False

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._master: Node | None = None
        self._asking = asyncio.Lock()

    async def node(self, tag: str) -> Node:
        """Give the master."""
        async with self._asking:
            if self._master is None:
                self._master = self.at(await self._ask())
            return self._master

    async def masters(self) -> list[Node]:
        """Give the master."""
        return [await self.node("")]

    def doubt(self, node: Node | None) -> None:
        """Ask the sentinels again at the next call."""
        if node is not None:
            node.drop_free()
        if node is None or node is self._master:
            self._master = None

    async def _ask(self) -> Address:
        service = self._options.service
        known = False
        for address in self._options.addresses:
            try:
                answer = await ask_once(
                    Line(address, self._options, to_sentinel=True),
                    self._options,
                    "SENTINEL",
                    "GET-MASTER-ADDR-BY-NAME",
                    service,
                )
            except DRIVER_ERRORS:
                continue
            known = True
            if answer:
                return (answer[0].decode(), int(answer[1]))
        why = (
            f"know no master of the service {service!r}: check its name"
            if known
            else "can't be reached: check that they run"
        )
        raise StorageUnavailable(f"the sentinels {why}", outcome_unknown=False)


async def ask_once(line: Line, options: Options, *words: Word) -> Any:
    """Connect, ask one thing and hang up.

    Raises:
        RedisError, OSError, TimeoutError: it didn't work.
    """
    await line.connect()
    try:
        async with asyncio.timeout(options.timeout):
            return await line.ask(*words)
    finally:
        line.drop()
