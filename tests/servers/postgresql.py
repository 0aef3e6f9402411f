"""A private PostgreSQL server."""

from __future__ import annotations

import ctypes
import functools
import itertools
import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from .account import hand_over, unprivileged
from .errors import ServerFailed
from .folders import make_folder, remove_folder
from .ports import ReservedPort
from .postgresql_binaries import programs_of, reachable
from .process import Process

USER = "adc"
STILL_ENDING = "pre-existing shared memory block"
"""What a new server says while a killed one's processes aren't all gone."""
ATTEMPTS = 100


class PostgresServer:
    """A PostgreSQL server on a port and in a folder of its own.

    What was committed survives ``kill`` either way; ``durable`` also has it reach the disk, at
    the disk's speed, for tests of what the server says of itself or of the time that takes.

    Args:
        version: Its major version, one of ``versions()``; None means the newest.
        durable: Whether it waits for the disk, as PostgreSQL does by default.
        password: What the user ``adc`` must give over TCP; None means anybody is let in.
        settings: More lines of postgresql.conf, as names and values.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        version: int | None = None,
        durable: bool = False,
        password: str | None = None,
        settings: Mapping[str, str | int] | None = None,
    ) -> None:
        self.version, found = programs_of(version)
        self.password = password
        self._account = unprivileged()
        self._programs, template = _prepared(found)
        self._reserved = ReservedPort()
        self.port = self._reserved.number
        self.folder = make_folder(f"pg{self.version}")
        self._names = itertools.count(1)
        self._killed = False
        hand_over(self.folder, self._account)
        self.data = self.folder / "data"
        subprocess.run(["cp", "-a", template, self.data], check=True, **self._account)
        self._configure(durable=durable, settings=settings or {})
        self.process = Process(
            [str(self._programs / "postgres"), "-D", str(self.data)],
            self.folder,
            end_signal=signal.SIGINT,  # it ends its sessions, and doesn't wait for them
            last_signal=signal.SIGQUIT,  # at once, but with its shared memory given back
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
        for _ in range(ATTEMPTS):
            said = self.process.log.stat().st_size if self.process.log.exists() else 0
            try:
                self.process.start(self._is_ready)
            except ServerFailed:
                if STILL_ENDING not in self.process.log.read_text()[said:]:
                    raise
            else:
                self._killed = False
                break
        else:
            words = self.process.last_words()
            raise ServerFailed(f"A killed server's processes never ended. Its log ends:\n{words}")
        if self.password is not None:
            self.sql(f"ALTER ROLE {USER} PASSWORD '{self.password}'")

    def stop(self) -> None:
        """Stop it tidily; its sessions are ended."""
        self.process.stop()

    def kill(self) -> None:
        """End all of its processes with SIGKILL."""
        self._killed = self._killed or self.running
        self.process.kill()

    def restart(self) -> None:
        """Start it again on the same port and data; it is stopped first if it runs."""
        self.stop()
        self.start()

    def close(self) -> None:
        """End it, and remove what it had."""
        if self._killed and not self.running:
            self._give_shared_memory_back()
        self.process.stop()
        self._reserved.release()
        remove_folder(self.folder)

    def url(self, database: str = "postgres") -> str:
        """Give a database's address over TCP."""
        login = USER if self.password is None else f"{USER}:{self.password}"
        return f"postgresql://{login}@{self.host}:{self.port}/{database}"

    def create_database(self, name: str | None = None, *, template: str = "template1") -> str:
        """Make a database.

        Args:
            name: What to call it; None means a name not given before.
            template: The database it starts as a copy of; nobody may be connected to that.

        Returns:
            Its address.
        """
        name = name or f"adc_{next(self._names)}"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop_database(self, url_or_name: str) -> None:
        """Remove a database, whoever is connected to it."""
        self.sql(f'DROP DATABASE IF EXISTS "{url_or_name.rpartition("/")[2]}" WITH (FORCE)')

    def sql(self, statement: str, database: str = "postgres") -> list[tuple[str, ...]]:
        """Run a statement from outside, as the superuser, whatever the test's driver does.

        Args:
            statement: One statement, or several, which are then one transaction.
            database: The database, by its name or its address.

        Returns:
            The rows, each value as text; null is empty.

        Raises:
            ServerFailed: The server refused; its words are in the message.
        """
        name = database.rpartition("/")[2]
        address = f"host={self.folder} port={self.port} user={USER} dbname={name}"
        options = ["-X", "-q", "-A", "-t", "-F", "\x1f", "-R", "\x1e", "-v", "ON_ERROR_STOP=1"]
        done = subprocess.run(
            [self._programs / "psql", *options, "-d", address, "-c", statement],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise ServerFailed(f"{statement}: {done.stderr.strip()}")
        text = done.stdout.removesuffix("\n")
        return [tuple(row.split("\x1f")) for row in text.split("\x1e")] if text else []

    def _configure(self, *, durable: bool, settings: Mapping[str, str | int]) -> None:
        chosen: dict[str, str | int] = {
            "port": self.port,
            "listen_addresses": self.host,
            "unix_socket_directories": str(self.folder),
            "max_connections": 200,
            "shared_buffers": "64MB",
            # A container's /dev/shm is often too small.
            "dynamic_shared_memory_type": "mmap",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not durable:
            # A commit is still written to the file, which outlives any killed process.
            chosen |= {"fsync": "off", "full_page_writes": "off"}
        with (self.data / "postgresql.conf").open("a") as file:
            for name, value in (chosen | dict(settings)).items():
                file.write(f"{name} = '{value}'\n")
        method = "trust" if self.password is None else "scram-sha-256"
        lines = ["local all all trust", f"host all all {self.host}/32 {method}"]
        (self.data / "pg_hba.conf").write_text("\n".join([*lines, ""]))

    def _status(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def _is_ready(self) -> bool:
        lines = self._status()
        return len(lines) > 7 and lines[0] == str(self.process.pid) and lines[7].strip() == "ready"

    def _give_shared_memory_back(self) -> None:
        """Remove the small segment that a killed server leaves until the next one starts."""
        segment = self._status()[6:7]
        if segment and segment[0].split():
            ctypes.CDLL(None).shmctl(int(segment[0].split()[-1]), 0, None)  # 0 is IPC_RMID


@functools.cache
def _prepared(found: Path) -> tuple[Path, Path]:
    """Give programs that can be run and an empty data folder to copy, both made once."""
    account = unprivileged()
    programs = reachable(found, account)
    folder = make_folder("pg-template")
    hand_over(folder, account)
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "--username", USER]
    options = ["--auth", "trust", "--no-sync", "--encoding", "UTF8", "--locale", "C"]
    environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C"}
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, cwd="/", env=environment, **account
    )
    if done.returncode:
        raise ServerFailed(f"initdb failed:\n{done.stdout}{done.stderr}")
    return programs, folder / "data"
