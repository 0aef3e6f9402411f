"""Faults that only a server's end shows, each on a server of its own."""

from __future__ import annotations

from unittest.mock import PropertyMock, patch

from redis.exceptions import NoScriptError

from aide_de_camp.spi import Capability, StorageUnavailable
from aide_de_camp_backends.postgresql import server as postgresql_server
from aide_de_camp_backends.postgresql.pool import Pool
from aide_de_camp_backends.redis import inspection, scripts
from aide_de_camp_backends.redis.line import Line
from aide_de_camp_backends.redis.scripts import Script
from aide_de_camp_backends.redis.storage import RedisStorage

from ...servers import PostgresServer, RedisServer
from .mutant import Patches, broken


def _lazy() -> PostgresServer:
    return PostgresServer(settings={"synchronous_commit": "off", "wal_writer_delay": "10s"})


@broken("postgresql", "DUR-1.server", may=("LIV-2.restart",), server=_lazy)
def takes_any_server_for_durable() -> Patches:
    """DUR-1 is declared of a server that acknowledges before it writes."""
    original = postgresql_server.Server.capabilities

    def capabilities(self, *, listens: bool) -> frozenset[Capability]:
        return original(self, listens=listens) | {Capability.SURVIVES_KILL}

    return [patch.object(postgresql_server.Server, "capabilities", capabilities)]


@broken("redis", "DUR-1.server", "LIV-2.restart", server=RedisServer)
def takes_any_server_for_durable_too() -> Patches:
    """DUR-1 is declared of a server that keeps nothing."""
    durable = PropertyMock(return_value=frozenset({Capability.SURVIVES_KILL}))
    return [patch.object(inspection.Server, "durability", durable)]


@broken("postgresql", "LIV-2.restart", server=PostgresServer)
def gives_a_server_up() -> Patches:
    """A pool whose server refused a connection once never connects again."""
    connect = Pool._connect

    async def connected(self):
        if vars(self).get("given_up"):
            raise StorageUnavailable("the server was given up", outcome_unknown=False)
        try:
            return await connect(self)
        except OSError:
            self.given_up = True
            raise

    return [patch.object(Pool, "_connect", connected)]


def _durable() -> RedisServer:
    return RedisServer(persistence="always")


@broken("redis", "LIV-2.restart", server=_durable)
def loads_scripts_as_it_opens() -> Patches:
    """Scripts are loaded when a storage opens, and no more after that."""
    ask, opened = Line.ask, RedisStorage.open

    async def asked(self, *words):
        if words[0] == "EVAL":
            raise NoScriptError("No matching script")
        return await ask(self, *words)

    async def opens(self) -> None:
        await opened(self)
        for script in [each for each in vars(scripts).values() if isinstance(each, Script)]:
            await self._link().command("", "SCRIPT", "LOAD", script.text)

    return [patch.object(Line, "ask", asked), patch.object(RedisStorage, "open", opens)]
