"""Who holds an old snapshot open, so that no row that is done with can be removed.

Each job leaves dead rows and index entries behind, which vacuum removes; while somebody's snapshot
might still see them it can't, and each claim passes over more of them. Nothing fails, all just
becomes slower, so that the one who causes it must be named.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from attrs import frozen

from aide_de_camp.spi import QueueClosed, StorageError, StorageUnavailable
from aide_de_camp_backends.postgresql.call import Call
from aide_de_camp_backends.postgresql.database import Database

_log = logging.getLogger("aide_de_camp.postgresql")

OLD_S: Final = 60
"""Seconds from which a snapshot is old."""
DEAD_ROWS: Final = 10_000
"""Dead rows from which claims suffer."""
_PATIENCE_S: Final = 5.0
_LOOK_S: Final = 60.0
_REPEAT_S: Final = 600.0

_SESSIONS: Final = """
SELECT 'session ' || pid || coalesce(' of ' || quote_ident(usename), '')
    || coalesce(', application ' || quote_literal(nullif(application_name, '')), '')
    || coalesce(', from ' || host(client_addr), '') || coalesce(', ' || state, '') AS who,
  extract(epoch FROM clock_timestamp() - xact_start)::bigint AS seconds
FROM pg_stat_activity
WHERE (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL) AND pid <> pg_backend_pid()
  AND backend_type <> 'autovacuum worker' AND query NOT ILIKE 'vacuum%'
  AND (datname = current_database() OR datname IS NULL)
  AND xact_start < clock_timestamp() - make_interval(secs => :old::bigint)
"""
_PREPARED: Final = """
SELECT 'prepared transaction ' || quote_literal(gid) || ' of ' || quote_ident(owner) AS who,
  extract(epoch FROM clock_timestamp() - prepared)::bigint AS seconds
FROM pg_prepared_xacts
WHERE database = current_database()
  AND prepared < clock_timestamp() - make_interval(secs => :old::bigint)
"""
LOOK: Final = f"""
WITH held AS ({_SESSIONS} UNION ALL {_PREPARED})
SELECT held.who, held.seconds, jobs.n_dead_tup AS dead
FROM held, pg_stat_user_tables AS jobs
WHERE jobs.relid = to_regclass(:jobs::text) AND jobs.n_dead_tup >= :dead::bigint
ORDER BY held.seconds DESC LIMIT 1
"""


@frozen
class Holder:
    """Who holds the oldest snapshot.

    Attributes:
        who: a session or a prepared transaction, for people to read; never its statement.
        seconds: for how long it has held it.
        dead: how many dead rows there are among the jobs, as the server estimates.
    """

    who: str
    seconds: int
    dead: int


async def look(call: Call, *, jobs: str, old: int, dead: int) -> Holder | None:
    """Find the holder of the oldest snapshot, where it does harm.

    What a role may not see (``pg_stat_activity`` of others, without ``pg_read_all_stats``) isn't
    found.

    Args:
        call: on the database of the jobs.
        jobs: the quoted and qualified name of their table.
        old: seconds from which a snapshot is old.
        dead: dead rows from which it does harm.
    """
    rows: Any = await call.rows(LOOK, {"jobs": jobs, "old": old, "dead": dead})
    if not rows:
        return None
    return Holder(rows[0]["who"], rows[0]["seconds"], rows[0]["dead"])


class HolderWatch:
    """Looks at most once a minute, and warns of one holder at most every ten minutes.

    Args:
        monotonic: gives the seconds between looks.
        old: seconds from which a snapshot is old.
        dead: dead rows from which it does harm.
    """

    def __init__(
        self,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        old: int = OLD_S,
        dead: int = DEAD_ROWS,
    ) -> None:
        self._monotonic = monotonic
        self._old = old
        self._dead = dead
        self._looked = float("-inf")
        self._told: tuple[str, float] = ("", float("-inf"))

    async def look(self, database: Database) -> None:
        """Look, if it is time, and warn; nothing that goes wrong here is anybody's trouble."""
        present = self._monotonic()
        if present - self._looked < _LOOK_S:
            return
        self._looked = present
        verb = partial(look, jobs=database.layout.table("job"), old=self._old, dead=self._dead)
        try:
            async with asyncio.timeout(_PATIENCE_S):
                holder = await database.run(verb, writes=False)
        except (StorageUnavailable, QueueClosed, TimeoutError):
            return
        except StorageError as error:
            # What merely speaks PostgreSQL's language may know nothing of these views.
            self._looked = float("inf")
            _log.debug("can't see who holds old snapshots: %s", error)
            return
        if holder is None or (holder.who == self._told[0] and present - self._told[1] < _REPEAT_S):
            return
        self._told = (holder.who, present)
        _log.warning(
            "an old snapshot makes claims slower and slower: %s has held it for %d s, so that "
            "vacuum can remove none of about %d dead rows of jobs; end that transaction",
            holder.who,
            holder.seconds,
            holder.dead,
        )
