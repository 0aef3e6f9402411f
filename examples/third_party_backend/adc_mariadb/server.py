"""What the server says of itself, and what that lets this backend declare."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

from adc_mariadb.call import Call
from aide_de_camp.spi import Capability, ConfigurationError

_VARIABLES: Final = (
    "innodb_doublewrite",
    "innodb_flush_log_at_trx_commit",
    "innodb_flush_method",
    "innodb_version",
    "max_allowed_packet",
    "version",
)
_OLDEST: Final = {"MariaDB": (10, 6), "MySQL": (8, 0)}
"""The first with SKIP LOCKED: without it claimers would wait for each other."""
_SMALLEST_PACKET: Final = 4 * 1024 * 1024
_IN_THE_FILE: Final = frozenset({"1", "2", "3"})
"""A commit is written to the log's file when it returns: that outlives a killed server."""
_ON_THE_DISK: Final = frozenset({"1", "3"})
"""And the disk has confirmed it."""
_UNSAFE_FLUSH: Final = frozenset({"nosync", "littlesync"})


@frozen
class Server:
    """One server.

    Attributes:
        text: product, version and the setting that matters, for people to read.
        capabilities: what holds with its settings.
        max_packet: the longest statement that it takes, in bytes.
    """

    text: str
    capabilities: frozenset[Capability]
    max_packet: int


async def look(call: Call) -> Server:
    """Ask the server.

    Raises:
        ConfigurationError: it is too old, or can't hold a job of the usual size.
    """
    rows = await call.rows(
        f"SHOW GLOBAL VARIABLES WHERE variable_name IN {_VARIABLES}"  # constants of this module
    )
    found = {str(name).lower(): str(value) for name, value in rows}
    product = "MariaDB" if "mariadb" in found["version"].lower() else "MySQL"
    match = re.match(r"(\d+)\.(\d+)", found["version"])
    number = (int(match[1]), int(match[2])) if match else (0, 0)
    oldest = _OLDEST[product]
    if number < oldest:
        raise ConfigurationError(
            "url",
            f"the server is {product} {found['version']}; it must be {product} "
            f"{oldest[0]}.{oldest[1]} or newer, for SKIP LOCKED",
        )
    max_packet = int(found["max_allowed_packet"])
    if max_packet < _SMALLEST_PACKET:
        raise ConfigurationError(
            "url",
            f"the server's max_allowed_packet is {max_packet}; it must be {_SMALLEST_PACKET} or "
            "more, so that a payload of 1 MiB fits in whatever bytes it has",
        )
    flush = found["innodb_flush_log_at_trx_commit"]
    return Server(
        text=f"{product} {found['version']}, innodb_flush_log_at_trx_commit={flush}",
        capabilities=_capabilities(flush, found),
        max_packet=max_packet,
    )


def _capabilities(flush: str, found: dict[str, str]) -> frozenset[Capability]:
    holds = {Capability.SHARED}
    if flush in _IN_THE_FILE:
        holds.add(Capability.SURVIVES_KILL)
    doublewrite = found.get("innodb_doublewrite", "OFF").upper() != "OFF"
    synced = found.get("innodb_flush_method", "").lower() not in _UNSAFE_FLUSH
    if flush in _ON_THE_DISK and doublewrite and synced:
        holds.add(Capability.SURVIVES_POWER_LOSS)
    return frozenset(holds)
