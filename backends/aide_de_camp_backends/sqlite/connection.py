"""Opening a connection on the file, with the settings that everything else relies on."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import quote

from aide_de_camp.spi import ConfigurationError
from aide_de_camp_backends.sqlite.failures import is_busy
from aide_de_camp_backends.sqlite.options import Options

OLDEST_SQLITE: Final = (3, 38, 0)
"""STRICT tables came with 3.37, JSON that is always there with 3.38."""

_JOURNAL_SIZE_LIMIT: Final = 64 * 1024 * 1024
_STATEMENTS: Final = 256
FIRST_PAUSE: Final = 0.001
"""Seconds before the first new try where the file is locked."""
_LONGEST_PAUSE: Final = 0.05

T = TypeVar("T")


def check_version(version: tuple[int, int, int]) -> None:
    """Refuse an SQLite that is too old.

    Raises:
        ConfigurationError: it is; the message names the version needed.
    """
    if version < OLDEST_SQLITE:
        has, needs = (".".join(map(str, each)) for each in (version, OLDEST_SQLITE))
        raise ConfigurationError(
            "url", f"SQLite {needs} or newer is needed and this Python has {has}: upgrade it"
        )


def file_uri(path: Path, mode: str) -> str:
    """Spell a file as SQLite's URI, whatever characters its name has."""
    return f"file:{quote(str(path))}?mode={mode}"


def open_connection(options: Options, *, create: bool) -> sqlite3.Connection:
    """Open the file for writing; every wait for a lock is left to :func:`patiently`.

    Args:
        options: which file, and how.
        create: whether a file that isn't there may be created.

    Raises:
        ConfigurationError: the file can't have a write-ahead log where it lies.
        sqlite3.Error: anything else.
    """
    connection = sqlite3.connect(
        file_uri(options.path, "rwc" if create else "rw"),
        uri=True,
        timeout=0,
        isolation_level=None,
        cached_statements=_STATEMENTS,
    )
    try:
        _set_up(connection, options)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_up(connection: sqlite3.Connection, options: Options) -> None:
    for name, value in (
        ("synchronous", "FULL" if options.full else "NORMAL"),
        ("foreign_keys", "OFF"),
        ("temp_store", "MEMORY"),
        ("journal_size_limit", _JOURNAL_SIZE_LIMIT),
    ):
        connection.execute(f"PRAGMA {name} = {value}").fetchall()
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if mode != "wal":
        raise ConfigurationError(
            "url",
            f"{options.path} can't have a write-ahead log (its journal mode stays {mode}): "
            "put it on a local disk that can be written",
        )


def patiently(action: Callable[[], T], deadline: float) -> T:
    """Repeat an action while somebody else's lock is in the way.

    Args:
        action: what to do; it raises the driver's error when the lock is held.
        deadline: until when, by ``time.monotonic``. It is tried at least once.

    Raises:
        sqlite3.Error: the lock was held up to the deadline, or anything else went wrong.
    """
    pause = FIRST_PAUSE
    while True:
        try:
            return action()
        except sqlite3.Error as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
        pause = rest(pause, deadline)


def rest(pause: float, deadline: float) -> float:
    """Sleep a random share of ``pause``, not past the deadline, and give the next pause."""
    # Spread, so that processes waiting for one lock don't keep meeting. Not a secret.
    share = pause * random.uniform(0.5, 1.5)  # noqa: S311  (see above)
    time.sleep(max(0.0, min(share, deadline - time.monotonic())))
    return min(pause * 1.5, _LONGEST_PAUSE)
