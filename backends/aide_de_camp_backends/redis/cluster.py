"""Which node of a cluster has a queue's keys."""

from __future__ import annotations

import asyncio
from typing import Any

from redis.crc import key_slot

from aide_de_camp.spi import StorageUnavailable
from aide_de_camp_backends.redis.failures import DRIVER_ERRORS
from aide_de_camp_backends.redis.line import Line
from aide_de_camp_backends.redis.node import Node
from aide_de_camp_backends.redis.options import Address, Options
from aide_de_camp_backends.redis.places import Nodes, ask_once


class ClusterPlace(Nodes):
    """The masters of a cluster, by the slots that they have."""

    one_for_all = False
    fixed = False

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self._spans: list[tuple[int, int, Address]] = []
        self._asking = asyncio.Lock()

    async def node(self, tag: str) -> Node:
        """Give the master that has a hash tag's slot."""
        slot = key_slot(tag.encode("utf-8", "surrogatepass"))
        for first, last, address in await self._known():
            if first <= slot <= last:
                return self.at(address)
        self._spans = []
        raise StorageUnavailable(
            f"no node of the cluster has the slot {slot}: look at the cluster's state",
            outcome_unknown=False,
        )

    async def masters(self) -> list[Node]:
        """Give every master that has slots."""
        addresses = dict.fromkeys(address for _, _, address in await self._known())
        return [self.at(address) for address in addresses]

    def doubt(self, node: Node | None) -> None:
        """Ask for the slots again at the next call."""
        if node is not None:
            node.drop_free()
        self._spans = []

    async def _known(self) -> list[tuple[int, int, Address]]:
        async with self._asking:
            if not self._spans:
                self._spans = await self._ask()
            return self._spans

    async def _ask(self) -> list[tuple[int, int, Address]]:
        # The nodes that the URL names first: the others may have been of another cluster since.
        for address in dict.fromkeys([*self._options.addresses, *self._by_address]):
            try:
                answer = await ask_once(
                    Line(address, self._options), self._options, "CLUSTER", "SLOTS"
                )
            except DRIVER_ERRORS:
                continue
            spans = _spans(answer, address)
            if spans:
                return spans
        raise StorageUnavailable(
            "no node of the cluster could be asked for its slots: check that they run, and that "
            "the cluster is set up",
            outcome_unknown=False,
        )


def _spans(answer: Any, asked: Address) -> list[tuple[int, int, Address]]:
    spans: list[tuple[int, int, Address]] = []
    for first, last, (host, port, *_), *_ in answer:
        # An empty host means the one that was asked; '?' one that isn't known.
        name = host.decode() if host else asked[0]
        if name != "?":
            spans.append((int(first), int(last), (name, int(port))))
    return spans
