"""A private PgBouncer in transaction mode, where the machine has one."""

from __future__ import annotations

import signal
import socket
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from .account import hand_over, unprivileged
from .debian import program
from .errors import ServerMissing
from .folders import make_folder, remove_folder
from .ports import ReservedPort
from .process import Process


def has_pgbouncer() -> bool:
    """Say whether there is one on this machine."""
    return program("pgbouncer") is not None


class PgBouncer:
    """A pooler in front of one database, with few sessions for many clients.

    Args:
        url: The database's address; it lets anybody in.
        sessions: How many of the server's sessions its clients share.
        settings: More lines of its configuration.

    Raises:
        ServerMissing: there is none.
    """

    host = "127.0.0.1"

    def __init__(self, url: str, sessions: int, settings: dict[str, str | int] | None = None):
        found = program("pgbouncer")
        if found is None:
            raise ServerMissing("no pgbouncer on this machine: install Debian's package of it")
        self._to = urlsplit(url)
        account = unprivileged()
        self._reserved = ReservedPort()
        self.port = self._reserved.number
        self.folder = make_folder("pgbouncer")
        users = self.folder / "users.txt"
        users.write_text(f'"{self._to.username}" ""\n')
        lines = {
            "listen_addr": self.host,
            "listen_port": self.port,
            "unix_socket_dir": "",
            "auth_type": "any",
            "auth_file": users,
            "pool_mode": "transaction",
            "default_pool_size": sessions,
            "max_client_conn": 200,
            **(settings or {}),
        }
        name = self._to.path.strip("/")
        to = f"host={self._to.hostname} port={self._to.port} user={self._to.username}"
        text = f"[databases]\n{name} = {to} dbname={name}\n[pgbouncer]\n"
        text += "".join(f"{key} = {value}\n" for key, value in lines.items())
        (self.folder / "pgbouncer.ini").write_text(text)
        hand_over(self.folder, account)
        self._process = Process(
            [*found.command, str(self.folder / "pgbouncer.ini")],
            self.folder,
            end_signal=signal.SIGINT,
            last_signal=signal.SIGKILL,
            account=account,
        )

    @property
    def url(self) -> str:
        """The address of the database by way of it."""
        return urlunsplit(self._to._replace(netloc=f"{self._to.username}@{self.host}:{self.port}"))

    def __enter__(self) -> Self:
        try:
            self._process.start(self._is_ready)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End it, and remove what it had."""
        self._process.stop()
        self._reserved.release()
        remove_folder(self.folder)

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1):
                return True
        except OSError:
            return False
