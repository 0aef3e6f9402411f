"""What a server is, and what its settings mean for the jobs in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from aide_de_camp.spi import Capability, ConfigurationError

OLDEST_REDIS: Final = (7, 0)
"""Scripts that say by flags what they may do while memory is full, and sharded channels."""
_DURABLE: Final = frozenset({Capability.SURVIVES_KILL, Capability.SURVIVES_POWER_LOSS})
_SETTINGS: Final = ("appendonly", "appendfsync", "no-appendfsync-on-rewrite", "save")
SETTINGS: Final = _SETTINGS


@frozen
class Server:
    """What one server says of itself.

    Attributes:
        product: ``Redis``, ``Valkey`` or another's own name.
        version: as it says.
        compatible: the version of Redis that it is compatible with.
        policy: its ``maxmemory-policy``; None if it doesn't say.
        settings: of :data:`SETTINGS`, by name; None where asking is forbidden.
        aof: whether an append-only file is written; None if it doesn't say.
        has_replicas: whether a replica follows it, or it is one, or one might be promoted.
    """

    product: str
    version: str
    compatible: tuple[int, ...]
    policy: str | None
    settings: Mapping[str, str] | None
    aof: bool | None
    has_replicas: bool

    @classmethod
    def read(cls, info: bytes, config: list[bytes] | None, *, guarded: bool) -> Server:
        """Read what INFO and CONFIG GET gave.

        Args:
            info: the text of INFO.
            config: names and values in turn; None where CONFIG is forbidden.
            guarded: whether somebody, such as a sentinel, may promote a replica.
        """
        lines = (line.partition(":") for line in info.decode("utf-8", "replace").splitlines())
        said = {name: value for name, colon, value in lines if colon}
        name = said.get("server_name", "redis")
        product = {"redis": "Redis", "valkey": "Valkey"}.get(name, name)
        version = said.get(f"{name}_version", said.get("redis_version", "unknown"))
        settings = None if config is None else _pairs(config)
        aof = said.get("aof_enabled")
        return cls(
            product=product,
            version=version,
            compatible=tuple(map(int, re.findall(r"\d+", said.get("redis_version", "0"))[:3])),
            policy=said.get("maxmemory_policy"),
            settings=settings,
            aof=None if aof is None else aof == "1",
            has_replicas=guarded
            or said.get("role", "master") != "master"
            or said.get("connected_slaves", "0") != "0",
        )

    def check(self) -> None:
        """Refuse a server that is too old.

        Raises:
            ConfigurationError: it is; the message names its version.
        """
        if self.compatible < OLDEST_REDIS:
            raise ConfigurationError(
                "url",
                f"the server is {self.product} {self.version}, which is too old: this backend "
                f"needs Redis {'.'.join(map(str, OLDEST_REDIS))} or Valkey 7.2, or newer",
            )

    @property
    def persistence(self) -> str:
        """How it keeps its data, in a few words."""
        if self.aof:
            fsync = None if self.settings is None else self.settings.get("appendfsync")
            return f"appendfsync={fsync}" if fsync else "append-only file"
        if self.settings is None:
            return "persistence unknown"
        return "snapshots" if self.settings.get("save") else "nothing persisted"

    @property
    def durability(self) -> frozenset[Capability]:
        """What it keeps of what was acknowledged, for certain."""
        settings = self.settings
        if settings is None or self.has_replicas:
            return frozenset()
        always = settings.get("appendonly") == "yes" and settings.get("appendfsync") == "always"
        if not always:
            return frozenset()
        if settings.get("no-appendfsync-on-rewrite") != "no":
            return _DURABLE - {Capability.SURVIVES_POWER_LOSS}
        return _DURABLE

    @property
    def warnings(self) -> list[str]:
        """What somebody should know who keeps jobs there."""
        found: list[str] = []
        if self.policy is not None and self.policy.startswith("allkeys"):
            found.append(
                f"its maxmemory-policy is {self.policy}, so it may throw jobs away when its "
                "memory is full: set noeviction"
            )
        if self.persistence == "nothing persisted":
            found.append(
                "it persists nothing, so all jobs are lost when it restarts: set appendonly yes"
            )
        return found

    def __str__(self) -> str:
        policy = self.policy or "unknown"
        return f"{self.product} {self.version}, {self.persistence}, maxmemory-policy={policy}"


def _pairs(flat: list[Any]) -> dict[str, str]:
    words = [word.decode("utf-8", "replace") for word in flat]
    return dict(zip(words[::2], words[1::2], strict=False))
