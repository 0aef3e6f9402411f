"""The stored layout, as numbered steps. The text of a released step never changes.

Three choices are worth a word:

* Names are VARBINARY: every collation of text folds something (case, accents, spaces at the end),
  and to the contract "a" and "a " are two names.
* Times are BIGINT microseconds: DATETIME ends at year 9999 too, but begins at year 1000.
* ``place`` is the priority with its sign turned, so that one ascending index holds the order of
  PRI-2: priority (highest first), scheduled_at, id. Descending indexes are younger than MariaDB
  10.6, and there is no partial index: the state leads instead.
"""

from __future__ import annotations

import hashlib
from typing import Final

from adc_mariadb.call import Call
from aide_de_camp.spi import TIME_MIN, SchemaError, StorageUnavailable

STEPS: Final[tuple[tuple[str, ...], ...]] = (
    (
        """
        CREATE TABLE IF NOT EXISTS {job} (
          queue VARBINARY(512) NOT NULL,
          id BINARY(16) NOT NULL,
          state TINYINT NOT NULL,
          place SMALLINT NOT NULL,
          scheduled_at BIGINT NOT NULL,
          enqueued_at BIGINT NOT NULL,
          token BIGINT NOT NULL,
          claims BIGINT NOT NULL,
          retries BIGINT NOT NULL,
          snoozes BIGINT NOT NULL,
          max_retries BIGINT,
          lease_max_retries BIGINT NOT NULL,
          lease_until BIGINT,
          started_at BIGINT,
          finished_at BIGINT,
          settled_token BIGINT,
          settled_kind TINYINT,
          settled_before VARBINARY(180),
          request_id BINARY(16),
          requeued_by BINARY(16),
          job_type VARBINARY(512) NOT NULL,
          codec VARBINARY(512) NOT NULL,
          worker VARBINARY(512),
          reason MEDIUMBLOB,
          error_at BIGINT,
          error MEDIUMBLOB,
          error_detail MEDIUMBLOB,
          payload_size BIGINT NOT NULL,
          payload LONGBLOB NOT NULL,
          PRIMARY KEY (queue, id),
          KEY due (queue, state, place, scheduled_at, id),
          KEY due_type (queue, state, job_type, place, scheduled_at, id),
          KEY lease (queue, state, lease_until, id),
          KEY request (queue, request_id),
          KEY finished (queue, state, finished_at, id)
        ) ENGINE=InnoDB
        """,
    ),
)
LATEST: Final = len(STEPS)

_META: Final = """
CREATE TABLE {meta} (
  name VARBINARY(64) NOT NULL PRIMARY KEY, value BIGINT NOT NULL
) ENGINE=InnoDB
"""
_META_ROWS: Final = f"""
INSERT INTO {{meta}} (name, value) VALUES ('schema_version', 0), ('now_floor', {TIME_MIN})
ON DUPLICATE KEY UPDATE value = value
"""
_TABLES: Final = """
SELECT COUNT(*) FROM information_schema.tables
WHERE table_schema = DATABASE() AND table_name = :table
"""


async def version(call: Call) -> int:
    """Read the version of the stored layout; 0 where there are no tables of ours."""
    if not await _is_there(call):
        return 0
    rows = await call.rows("SELECT value FROM {meta} WHERE name = 'schema_version'")
    return int(rows[0][0]) if rows else 0


async def _is_there(call: Call) -> bool:
    ((there,),) = await call.rows(_TABLES, table=f"{call.prefix}meta")
    return bool(there)


async def migrate(call: Call, patience: float) -> tuple[int, int]:
    """Bring the stored layout to this code's version; the first who comes does it.

    A statement that makes a table is a transaction of its own here. So each one of a step must
    bear to be repeated: where a step is cut off, the next ``migrate`` does it again.

    Args:
        call: a connection.
        patience: how long to wait for another who migrates, in whole seconds.

    Returns:
        The version found and the one left.

    Raises:
        SchemaError: the layout is newer than this code.
        StorageUnavailable: somebody else has been migrating for too long.
    """
    found = await version(call)
    check(found, newest=True)
    if found == LATEST:
        return (found, found)
    # Names of locks are the whole server's, and short.
    ((database,),) = await call.rows("SELECT DATABASE()")
    name = hashlib.sha256(f"{database}/{call.prefix}".encode()).hexdigest()[:40]
    ((locked,),) = await call.rows(
        "SELECT GET_LOCK(:name, :patience) AS locked", name=name, patience=patience
    )
    if locked != 1:
        raise StorageUnavailable(
            "another process has been migrating the tables for too long; nothing was changed: "
            "try again",
            outcome_unknown=False,
        )
    try:
        if not await _is_there(call):
            await call.execute(_META)
        await call.execute(_META_ROWS)
        found = await version(call)
        check(found, newest=True)
        for step, statements in enumerate(STEPS[found:], start=found + 1):
            for statement in statements:
                await call.execute(statement)
            await call.execute(
                "UPDATE {meta} SET value = :step WHERE name = 'schema_version'", step=step
            )
            await call.commit()
    finally:
        await call.rows("SELECT RELEASE_LOCK(:name)", name=name)
    return (found, LATEST)


def check(found: int, *, newest: bool = False) -> None:
    """Refuse a layout that this code can't use.

    Args:
        found: its version.
        newest: True where an older one is about to be upgraded.

    Raises:
        SchemaError: it is newer, or it is older and stays so.
    """
    if found > LATEST:
        raise SchemaError(
            f"the tables have schema version {found} and this adc-mariadb knows up to {LATEST}: "
            "upgrade adc-mariadb"
        )
    if found < LATEST and not newest:
        raise SchemaError(
            f"the tables have schema version {found} and this adc-mariadb needs {LATEST}: "
            "run 'adc migrate', or open without migrate=off"
        )
