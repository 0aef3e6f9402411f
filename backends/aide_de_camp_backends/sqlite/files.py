"""Opening the file as a storage does: connection, version and schema, within a bounded time."""

from __future__ import annotations

import sqlite3
import time

from aide_de_camp.spi import SchemaError
from aide_de_camp_backends.sqlite.connection import check_version, open_connection, patiently
from aide_de_camp_backends.sqlite.failures import translate
from aide_de_camp_backends.sqlite.migrations import (
    migrate,
    refuse_newer,
    refuse_older,
    schema_version,
)
from aide_de_camp_backends.sqlite.options import Options


def open_file(options: Options) -> sqlite3.Connection:
    """Open the file for the first time, migrating it where that is allowed.

    Raises:
        ConfigurationError: this SQLite is too old, or the file can't have a write-ahead log.
        SchemaError: the layout is newer, or older and ``migrate=false``.
        StorageUnavailable: the file can't be opened, or is locked for too long.
    """
    check_version(sqlite3.sqlite_version_info)
    if not options.migrate and not options.path.exists():
        raise SchemaError(
            f"{options.path} doesn't exist and may not be created here: "
            f"run 'adc migrate --queue sqlite:///{options.path}'"
        )
    try:
        return _open(options, create=options.migrate, upgrade=options.migrate)
    except sqlite3.Error as error:
        raise translate(error) from error


def reopen_file(options: Options) -> sqlite3.Connection:
    """Open the file again after a failure. It is neither created nor migrated.

    Raises:
        SchemaError: it isn't the layout that this code knows.
        sqlite3.Error: it can't be opened.
    """
    return _open(options, create=False, upgrade=False)


def migrate_file(options: Options) -> tuple[int, int]:
    """Migrate the file, creating it if need be, whatever the option ``migrate`` says.

    Returns:
        The schema version found and the one left.

    Raises:
        As :func:`open_file`.
    """
    check_version(sqlite3.sqlite_version_info)
    deadline = time.monotonic() + options.busy_timeout
    try:
        connection = patiently(lambda: open_connection(options, create=True), deadline)
        try:
            refuse_newer(schema_version(connection), options)
            return migrate(connection, options)
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise translate(error) from error


def _open(options: Options, *, create: bool, upgrade: bool) -> sqlite3.Connection:
    deadline = time.monotonic() + options.busy_timeout
    connection = patiently(lambda: open_connection(options, create=create), deadline)
    try:
        found = patiently(lambda: schema_version(connection), deadline)
        refuse_newer(found, options)
        if upgrade:
            migrate(connection, options)
        else:
            refuse_older(found, options)
    except BaseException:
        connection.close()
        raise
    return connection
