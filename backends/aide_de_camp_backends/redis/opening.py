"""What is looked at before a storage is used: the servers, and the stored layout."""

from __future__ import annotations

import logging
from typing import Any, Final

from aide_de_camp.spi import SchemaError, StorageError, StorageUnavailable
from aide_de_camp_backends.redis.inspection import SETTINGS, Server
from aide_de_camp_backends.redis.keys import layout_key
from aide_de_camp_backends.redis.link import Link
from aide_de_camp_backends.redis.options import Kind, Options

_LOG: Final = logging.getLogger("aide_de_camp.redis")
LAYOUT: Final = 1
"""The layout that this version reads and writes."""


async def inspect(link: Link, options: Options, told: set[str]) -> list[Server]:
    """Ask every server that takes writes what it is, and warn of what endangers jobs.

    Args:
        link: the way to the servers.
        options: how they are found.
        told: the warnings given already; each is given once.

    Raises:
        ConfigurationError: a server is too old.
        AideDeCampError: it can't be asked.
    """
    servers: list[Server] = []
    for node in await link.place.masters():
        info = await link.at(node, "INFO")
        try:
            config: Any = await link.at(node, "CONFIG", "GET", *SETTINGS)
        except StorageUnavailable:
            raise
        except StorageError:
            config = None  # a managed server forbids it
        server = Server.read(info, config, guarded=options.kind is Kind.SENTINEL)
        server.check()
        for warning in server.warnings:
            told_now = f"Redis at {node} keeps jobs badly: {warning}"
            if told_now not in told:
                told.add(told_now)
                _LOG.warning("%s", told_now)
        servers.append(server)
    return servers


async def check_layout(link: Link, prefix: str) -> int:
    """Refuse what a newer version wrote, and mark what is new.

    Returns:
        The layout found; 0 where nothing was there.

    Raises:
        SchemaError: it isn't one that this version knows.
        AideDeCampError: it can't be read.
    """
    key = layout_key(prefix)
    found: Any = await link.command(key, "GET", key)
    if found is None:
        await link.command(key, "SET", key, LAYOUT, "NX", writes=True)
        return 0
    if found != str(LAYOUT).encode():
        raise SchemaError(
            f"what is stored under the prefix {prefix!r} has a layout that this version doesn't "
            f"know (it knows {LAYOUT}): upgrade aide-de-camp, or use another prefix"
        )
    return LAYOUT
