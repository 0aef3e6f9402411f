"""What a server says of itself, and what that lets this backend declare."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from aide_de_camp.spi import Capability, ConfigurationError
from aide_de_camp_backends.postgresql.connection import Connection
from aide_de_camp_backends.postgresql.options import Options

_OLDEST: Final = 130_000

_PROBE: Final = """
SELECT version() AS version,
  current_setting('server_version_num', true) AS number,
  current_setting('fsync', true) AS fsync,
  current_setting('synchronous_commit', true) AS synchronous_commit,
  current_setting('full_page_writes', true) AS full_page_writes,
  current_setting('default_transaction_isolation', true) AS isolation,
  pg_backend_pid() AS pid,
  current_schema() AS schema,
  current_database() AS database
"""


@frozen
class Server:
    """A server's version and the settings that matter.

    Attributes:
        version: its own words, cut to the product and its number.
        fsync: whether what is committed reaches the disk.
        synchronous_commit: the setting; None where the server doesn't know it.
        full_page_writes: whether pages torn by a loss of power can be mended.
        isolation: what transactions begin with by default.
        pooled: True if a pooler stands between, so that a session isn't ours alone.
        schema: the first schema of the search path that is there; None if there is none.
        database: the database's name.
    """

    version: str
    fsync: str | None
    synchronous_commit: str | None
    full_page_writes: str | None
    isolation: str | None
    pooled: bool
    schema: str | None
    database: str

    @property
    def read_committed(self) -> bool:
        """Whether a statement by itself is a transaction of the kind that is wanted."""
        return self.isolation in (None, "read committed")

    @property
    def text(self) -> str:
        """All of it, for people to read."""
        settings = {
            "fsync": self.fsync,
            "synchronous_commit": self.synchronous_commit,
            "full_page_writes": self.full_page_writes,
        }
        told = [self.version, *(f"{name}={value}" for name, value in settings.items() if value)]
        return ", ".join([*told, "behind a pooler"] if self.pooled else told)

    def capabilities(self, *, listens: bool) -> frozenset[Capability]:
        """Say what holds with these settings.

        Args:
            listens: whether wake-ups work.
        """
        found = {Capability.SHARED, Capability.MOVE, Capability.TRANSACTIONAL_ENQUEUE}
        if listens:
            found.add(Capability.WAKE_UP)
        if self.synchronous_commit not in (None, "off"):
            # Written to the operating system at least, which outlives the server's processes.
            found.add(Capability.SURVIVES_KILL)
            if self.fsync == "on" and self.full_page_writes == "on":
                found.add(Capability.SURVIVES_POWER_LOSS)
        return frozenset(found)


async def look_at(connection: Connection) -> Server:
    """Ask a server.

    Raises:
        ConfigurationError: its version can't be used.
        Exception: whatever the driver raises.
    """
    row = await connection.fetchrow(_PROBE)
    assert row is not None  # noqa: S101  (it has no condition)
    number = int(row["number"] or 0)
    version = " ".join(str(row["version"]).split(" ")[:2])
    if 0 < number < _OLDEST:
        raise ConfigurationError("url", f"{version} is too old: PostgreSQL 13 or later is needed")
    return Server(
        version=version,
        fsync=row["fsync"],
        synchronous_commit=row["synchronous_commit"],
        full_page_writes=row["full_page_writes"],
        isolation=row["isolation"],
        # A pooler makes up the number that it tells its clients.
        pooled=row["pid"] != connection.get_server_pid(),
        schema=row["schema"],
        database=row["database"],
    )


def schema_of(options: Options, server: Server) -> str:
    """Say in which schema the tables are.

    Raises:
        ConfigurationError: none was named, and the search path leads to none.
    """
    schema = options.schema or server.schema
    if schema is None:
        raise ConfigurationError("schema", "the connection's search path is empty: name a schema")
    return schema
