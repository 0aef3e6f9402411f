"""The stored layout, as numbered steps. The text of a released step never changes."""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from aide_de_camp.spi import SchemaError
from aide_de_camp_backends.sqlite.connection import patiently
from aide_de_camp_backends.sqlite.options import Options

STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """
        CREATE TABLE adc_meta (
          name TEXT NOT NULL PRIMARY KEY,
          value INTEGER NOT NULL
        ) STRICT
        """,
        """
        INSERT INTO adc_meta (name, value) VALUES
          ('schema_version', 0), ('now_floor', -9223372036854775808)
        """,
        # No CHECK on the state: an older version must be able to show what a newer one wrote.
        """
        CREATE TABLE adc_job (
          queue TEXT NOT NULL,
          id BLOB NOT NULL CHECK (length(id) = 16),
          state INTEGER NOT NULL,
          priority INTEGER NOT NULL,
          scheduled_at INTEGER NOT NULL,
          enqueued_at INTEGER NOT NULL,
          token INTEGER NOT NULL,
          claims INTEGER NOT NULL,
          retries INTEGER NOT NULL,
          snoozes INTEGER NOT NULL,
          max_retries INTEGER,
          lease_max_retries INTEGER NOT NULL,
          lease_until INTEGER,
          started_at INTEGER,
          finished_at INTEGER,
          settled_token INTEGER,
          settled_kind INTEGER,
          settled_before TEXT,
          request_id BLOB,
          requeued_by BLOB,
          job_type TEXT NOT NULL,
          codec TEXT NOT NULL,
          worker TEXT,
          reason TEXT,
          error_at INTEGER,
          error TEXT,
          error_detail TEXT,
          payload BLOB NOT NULL,
          PRIMARY KEY (queue, id)
        ) STRICT
        """,
        """
        CREATE INDEX adc_job_due ON adc_job (queue, priority DESC, scheduled_at, id)
        WHERE state = 0
        """,
        """
        CREATE INDEX adc_job_due_type
        ON adc_job (queue, job_type, priority DESC, scheduled_at, id) WHERE state = 0
        """,
        "CREATE INDEX adc_job_running ON adc_job (queue, request_id) WHERE state = 1",
        """
        CREATE INDEX adc_job_finished ON adc_job (queue, state, finished_at, job_type)
        WHERE finished_at IS NOT NULL
        """,
        "CREATE INDEX adc_job_dead ON adc_job (queue, id) WHERE state = 4",
        "CREATE INDEX adc_job_held ON adc_job (queue, id, job_type) WHERE state = 5",
    ),
)
LATEST: Final = len(STEPS)


def schema_version(connection: sqlite3.Connection) -> int:
    """Read the version of the stored layout; 0 for a file without tables of ours."""
    there = connection.execute(
        "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'adc_meta'"
    ).fetchone()
    if there is None:
        return 0
    row = connection.execute("SELECT value FROM adc_meta WHERE name = 'schema_version'").fetchone()
    return 0 if row is None else int(row[0])


def migrate(connection: sqlite3.Connection, options: Options) -> tuple[int, int]:
    """Bring the stored layout to this code's version.

    Whoever gets the write lock first does it, as one transaction; the others find it done.

    Returns:
        The version found and the one left.

    Raises:
        SchemaError: the layout is newer than this code.
        sqlite3.Error: the lock was held for too long, or the driver failed.
    """
    found = schema_version(connection)
    if found == LATEST:
        return (found, found)
    deadline = time.monotonic() + options.busy_timeout
    patiently(lambda: connection.execute("BEGIN IMMEDIATE"), deadline)
    try:
        found = schema_version(connection)
        refuse_newer(found, options)
        for statement in (each for step in STEPS[found:] for each in step):
            connection.execute(statement)
        connection.execute("UPDATE adc_meta SET value = ? WHERE name = 'schema_version'", (LATEST,))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return (found, LATEST)


def refuse_newer(found: int, options: Options) -> None:
    """Refuse a layout that only a newer version understands.

    Raises:
        SchemaError: it is newer.
    """
    if found > LATEST:
        raise SchemaError(
            f"{options.path} has schema version {found} and this aide-de-camp knows up to "
            f"{LATEST}: upgrade aide-de-camp"
        )


def refuse_older(found: int, options: Options) -> None:
    """Refuse a layout that must be migrated first.

    Raises:
        SchemaError: it is older.
    """
    if found < LATEST:
        raise SchemaError(
            f"{options.path} has schema version {found} and this aide-de-camp needs {LATEST}: "
            f"run 'adc migrate --queue sqlite:///{options.path}'"
        )
