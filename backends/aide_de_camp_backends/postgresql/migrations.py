"""The stored layout, as numbered steps. The text of a released step never changes."""

from __future__ import annotations

import re
import secrets
from typing import Final

from aide_de_camp.spi import SchemaError
from aide_de_camp_backends.postgresql.connection import Connection
from aide_de_camp_backends.postgresql.driver import driver
from aide_de_camp_backends.postgresql.statement import Layout, prepare, quoted
from aide_de_camp_backends.postgresql.transaction import transaction

STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """
        CREATE TABLE adc_meta (
          name text NOT NULL PRIMARY KEY,
          value bigint NOT NULL
        )
        """,
        """
        INSERT INTO adc_meta (name, value) VALUES
          ('schema_version', 0), ('now_floor', -9223372036854775808),
          ('storage_id',
           ('x' || right(replace(gen_random_uuid()::text, '-', ''), 16))::bit(64)::bigint)
        """,
        # No CHECK on the state: an older version must be able to show what a newer one wrote.
        """
        CREATE TABLE adc_job (
          queue text NOT NULL,
          id uuid NOT NULL,
          state smallint NOT NULL,
          priority smallint NOT NULL,
          scheduled_at bigint NOT NULL,
          enqueued_at bigint NOT NULL,
          token bigint NOT NULL,
          claims bigint NOT NULL,
          retries bigint NOT NULL,
          snoozes bigint NOT NULL,
          max_retries bigint,
          lease_max_retries bigint NOT NULL,
          lease_until bigint,
          started_at bigint,
          finished_at bigint,
          settled_token bigint,
          settled_kind smallint,
          settled_before text,
          request_id uuid,
          requeued_by uuid,
          job_type text NOT NULL,
          codec text NOT NULL,
          worker text,
          reason text,
          error_at bigint,
          error text,
          error_detail text,
          payload bytea NOT NULL,
          PRIMARY KEY (queue, id)
        ) WITH (
          fillfactor = 80,
          autovacuum_vacuum_scale_factor = 0.02,
          autovacuum_vacuum_threshold = 1000,
          autovacuum_analyze_scale_factor = 0.05
        )
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
        "CREATE INDEX adc_job_lease ON adc_job (queue, lease_until, id) WHERE state = 1",
        """
        CREATE INDEX adc_job_finished ON adc_job (queue, state, finished_at, job_type)
        WHERE finished_at IS NOT NULL
        """,
        "CREATE INDEX adc_job_dead ON adc_job (queue, id) WHERE state = 4",
        "CREATE INDEX adc_job_held ON adc_job (queue, id, job_type) WHERE state = 5",
    ),
)
LATEST: Final = len(STEPS)

ROWS: Final = (
    ("schema_version", LATEST),
    ("now_floor", -(2**63)),
    ("storage_id", secrets.randbits(63)),
)
"""What the table ``meta`` holds in a new database: names and values. The last one is drawn anew in
each process, and tells one database from another of the same name."""

_HINT: Final = "ALTER TABLE adc_job ALTER COLUMN queue SET (n_distinct = 2)"
"""From a handful of jobs the server would conclude that there are thousands of queues, and so few
jobs in each that it might as well read all of them."""
_INDEX: Final = re.compile(r" adc_(job_\w+)")
_LOCK: Final = 0x6164_6331
_LONGEST_WAIT: Final = 5_000
"""Milliseconds that a step waits for those at work: others wait behind it meanwhile."""
_THERE: Final = "SELECT to_regclass($1) IS NOT NULL"
_META: Final = "SELECT name, value FROM adc_meta"
_ID: Final = "SELECT value FROM adc_meta WHERE name = 'storage_id'"
_TRIES: Final = 10


async def schema_version(connection: Connection, layout: Layout) -> int:
    """Read the version of the stored layout; 0 where there are no tables of ours.

    Raises:
        SchemaError: the tables are there, but not what must be in them from the beginning.
        Exception: whatever the driver raises.
    """
    if not await connection.fetchval(_THERE, layout.table("meta")):
        return 0
    found = {
        row["name"]: row["value"] for row in await connection.fetch(prepare(_META, layout).sql)
    }
    missing = [name for name, _ in ROWS if name not in found]
    if missing:
        raise SchemaError(
            f"{layout.table('meta')} has no row {' and no row '.join(missing)}: have your own "
            "migration insert what aide_de_camp_backends.postgresql.migrations.ROWS holds"
        )
    return int(found["schema_version"])


async def storage_id(connection: Connection, layout: Layout) -> int:
    """Read what tells these tables from all others.

    Raises:
        Exception: whatever the driver raises.
    """
    return int(await connection.fetchval(prepare(_ID, layout).sql))


async def migrate(connection: Connection, layout: Layout) -> tuple[int, int]:
    """Bring the stored layout to this code's version.

    Whoever gets the lock first does it, as one transaction; the others find it done.

    Returns:
        The version found and the one left.

    Raises:
        SchemaError: the layout is newer than this code.
        Exception: whatever the driver raises.
    """
    for left in reversed(range(_TRIES)):
        try:
            return await _migrate(connection, layout)
        except (
            driver.UniqueViolationError,
            driver.DuplicateTableError,
            driver.DuplicateSchemaError,
            driver.SerializationError,
            driver.DeadlockDetectedError,
        ):
            # Where advisory locks do nothing, as in some databases that speak this protocol,
            # somebody else may have been faster; and those at work may be in the way.
            if not left:
                raise
    raise AssertionError


async def _migrate(connection: Connection, layout: Layout) -> tuple[int, int]:
    found = await schema_version(connection, layout)
    if found == LATEST:
        return (found, found)
    async with transaction(connection):
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
        await connection.execute(f"SET LOCAL lock_timeout = {_LONGEST_WAIT}")
        found = await schema_version(connection, layout)
        refuse_newer(found, layout)
        if not found and not await connection.fetchval(
            "SELECT 1 FROM pg_namespace WHERE nspname = $1", layout.schema
        ):
            await connection.execute(f"CREATE SCHEMA {quoted(layout.schema)}")
        for statement in (each for step in STEPS[found:] for each in step):
            await connection.execute(_named(statement, layout))
        if not found:
            await _hint(connection, layout)
        await connection.execute(
            layout.placed("UPDATE adc_meta SET value = $1 WHERE name = 'schema_version'"), LATEST
        )
    return (found, LATEST)


async def _hint(connection: Connection, layout: Layout) -> None:
    """Tell the planner; what only speaks PostgreSQL may not understand it, and goes without."""
    await connection.execute("SAVEPOINT hint")
    try:
        await connection.execute(layout.placed(_HINT))
    except driver.PostgresError:
        await connection.execute("ROLLBACK TO SAVEPOINT hint")
    await connection.execute("RELEASE SAVEPOINT hint")


def _named(statement: str, layout: Layout) -> str:
    named = _INDEX.sub(lambda found: f" {quoted(layout.prefix + found[1])}", statement)
    return layout.placed(named)


def refuse_newer(found: int, layout: Layout) -> None:
    """Refuse a layout that only a newer version understands.

    Raises:
        SchemaError: it is newer.
    """
    if found > LATEST:
        raise SchemaError(
            f"{layout.table('meta')} has schema version {found} and this aide-de-camp knows up "
            f"to {LATEST}: upgrade aide-de-camp"
        )


def refuse_older(found: int, layout: Layout) -> None:
    """Refuse a layout that must be migrated first.

    Raises:
        SchemaError: it is older.
    """
    if found < LATEST:
        raise SchemaError(
            f"{layout.table('meta')} has schema version {found} and this aide-de-camp needs "
            f"{LATEST}: run 'adc migrate' with this URL"
        )
