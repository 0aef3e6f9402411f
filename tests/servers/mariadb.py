"""A private MariaDB server."""

from __future__ import annotations

import functools
import itertools
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from .account import hand_over, unprivileged
from .debian import UNPACKED, Program, program
from .errors import ServerFailed, ServerMissing
from .folders import make_folder, remove_folder
from .ports import ReservedPort
from .process import Process

USER = "adc"
NAMES = ("mariadbd", "mariadb", "mariadb-install-db")
HELP = (
    "These tests need a MariaDB server, and none was found. Install Debian's mariadb-server-core "
    "and mariadb-client-core, which start no service; in CI 'python3 run.py test' gets them."
)
ON_THE_DISK = 1
PROTOCOL = 10
"""The first byte of what a server says that takes connections."""


def has_mariadb() -> bool:
    """Say whether the server's programs were found."""
    return all(program(name) is not None for name in NAMES)


class MariadbServer:
    """A MariaDB server on a port and in a folder of its own.

    Args:
        flush: ``innodb_flush_log_at_trx_commit``: 0 writes a commit within a second, 1 has it on
            the disk, 2 has it in the file, which outlives any killed process. Only with 1 is the
            disk waited for at all.
        settings: More settings, as the server's options are named.
    """

    host = "127.0.0.1"

    def __init__(self, *, flush: int = 2, settings: Mapping[str, str | int] | None = None) -> None:
        self._account = unprivileged()
        self._server, self._client, install = _programs()
        self._reserved = ReservedPort()
        self.port = self._reserved.number
        self.folder = make_folder("mariadb")
        self._names = itertools.count(1)
        hand_over(self.folder, self._account)
        self.data = self.folder / "data"
        self._install(install)
        chosen: dict[str, str | int] = {
            "datadir": str(self.data),
            "socket": str(self._socket),
            "pid-file": str(self.folder / "pid"),
            "port": self.port,
            "bind-address": self.host,
            "lc-messages-dir": str(self._server.root / "usr/share/mysql"),
            "character-sets-dir": str(self._server.root / "usr/share/mysql/charsets"),
            "innodb-flush-log-at-trx-commit": flush,
            "innodb-buffer-pool-size": "64M",
            "max-allowed-packet": "64M",
            "max-connections": 300,
        }
        if flush != ON_THE_DISK:
            chosen |= {"innodb-flush-method": "nosync", "innodb-doublewrite": "OFF"}
        chosen |= dict(settings or {})
        options = [f"--{name}={value}" for name, value in chosen.items()]
        self.process = Process(
            [*self._server.command, "--no-defaults", "--skip-name-resolve", *options],
            self.folder,
            end_signal=signal.SIGTERM,
            last_signal=signal.SIGKILL,
            account=self._account,
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
        """Start it, and wait until it takes connections; also after ``stop`` and ``kill``.

        Raises:
            ServerFailed: It doesn't start.
        """
        self.process.start(self._is_ready)
        self.sql(f"CREATE USER IF NOT EXISTS '{USER}'@'{self.host}' IDENTIFIED BY ''")
        self.sql(f"GRANT ALL ON *.* TO '{USER}'@'{self.host}'")

    def stop(self) -> None:
        """Stop it tidily."""
        self.process.stop()

    def kill(self) -> None:
        """End it with SIGKILL."""
        self.process.kill()

    def restart(self) -> None:
        """Start it again on the same port and data; it is stopped first if it runs."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it, and remove what it had."""
        self.process.kill()
        self._reserved.release()
        remove_folder(self.folder)

    def url(self, database: str) -> str:
        """Give a database's address over TCP."""
        return f"mariadb://{USER}@{self.host}:{self.port}/{database}"

    def create_database(self) -> str:
        """Make an empty database, and give its address."""
        name = f"adc_{next(self._names)}"
        self.sql(f"CREATE DATABASE {name}")
        return self.url(name)

    def sql(self, statement: str, database: str = "mysql") -> list[tuple[str, ...]]:
        """Run a statement from outside, as the superuser, whatever the test's driver does.

        Returns:
            The rows, each value as text.

        Raises:
            ServerFailed: The server refused; its words are in the message.
        """
        options = ["--no-defaults", "--batch", "--skip-column-names", f"--socket={self._socket}"]
        login = ["--user=root", f"--database={database}", f"--execute={statement}"]
        done = subprocess.run(
            [*self._client.command, *options, *login],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise ServerFailed(f"{statement}: {done.stderr.strip()}")
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]

    @property
    def _socket(self) -> Path:
        return self.folder / "socket"

    def _install(self, install: Program) -> None:
        """Make the server's own tables; they take it a second or two."""
        words = [
            "--no-defaults",
            f"--basedir={install.root / 'usr'}",
            f"--datadir={self.data}",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            "--skip-name-resolve",
            "--innodb-log-file-size=16M",
        ]
        done = subprocess.run(
            [*install.command, *words],
            capture_output=True,
            text=True,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            **self._account,
        )
        if done.returncode:
            raise ServerFailed(f"mariadb-install-db failed:\n{done.stdout}{done.stderr}")

    def _is_ready(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as line:
                greeting = line.recv(5)
        except OSError:
            return False
        return greeting[4:] == bytes([PROTOCOL])


@functools.cache
def _programs() -> tuple[Program, Program, Program]:
    """Give the server, its client and what makes its tables, where the account can run them.

    Raises:
        ServerMissing: Not all of them are there.
    """
    found = [program(name) for name in NAMES]
    server, client, install = found
    if server is None or client is None or install is None:
        raise ServerMissing(HELP)
    account = unprivileged()
    if server.root != UNPACKED or _runs(server, account):
        return server, client, install
    # Unpacked in a folder that the account may not enter.
    place = make_folder("mariadb-programs")
    place.chmod(0o755)
    shutil.copytree(UNPACKED / "usr", place / "usr", symlinks=True)
    moved = [Program(place / each.path.relative_to(UNPACKED), place) for each in found if each]
    return moved[0], moved[1], moved[2]


def _runs(server: Program, account: Mapping[str, Any]) -> bool:
    try:
        done = subprocess.run(
            [*server.command, "--no-defaults", "--version"], capture_output=True, cwd="/", **account
        )
    except OSError:
        return False
    return done.returncode == 0
