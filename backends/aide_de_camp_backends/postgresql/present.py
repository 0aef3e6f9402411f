"""The present, which never goes back (clauses PRI-3, LEA-3).

Every statement that needs the present reads it once, in its first common table expression: the
server's clock, or the number given by a test, but never less than

* ``:latest``, the highest present that this storage has seen, kept in memory: so it never goes
  back within a storage, and
* the floor, one number in ``adc_meta``: so a job once found due stays due for every process, also
  after a restart or a failover to a server whose clock is behind.

The floor isn't raised by each claim: all claimers would then queue for its row. While a job is
running or finished, nobody asks whether it is due. So it suffices to raise the floor when a job
goes *back* to its old place: by a release, a lost lease or a requeue. And then only if the floor
is below that place: it is raised to the present, so that the next ones find it high enough, or to
that place, should the clock of whoever puts it back be behind. All others only read it, which no
lock of a row stands in the way of. It is the last row that a statement locks, and each statement
is a transaction by itself, so no deadlock comes of it and nobody waits for longer than that.

Tokens need nothing of this: they grow by ``max(last + 1, now)``, from the job's own row.
"""

from __future__ import annotations

from typing import Final

from aide_de_camp.spi import TIME_MAX, TIME_MIN
from aide_de_camp_backends._sql.codes import SCHEDULED

READ: Final = """
SELECT greatest(
  coalesce(:given::bigint, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint),
  :latest::bigint,
  (SELECT value FROM adc_meta WHERE name = 'now_floor')
) AS now
"""
"""The present, as a query."""
CLOCK: Final = f"clock AS MATERIALIZED ({READ})"
"""The present, as the common table expression ``clock``."""

NOW: Final = "(SELECT now FROM clock)"
"""The present, as an expression that is computed once, and can bound the search of an index."""
PRESENT: Final = f"WITH {CLOCK} SELECT now FROM clock"
"""The present, as a statement."""


def later(delay: str) -> str:
    """Add a delay to the present, as :func:`aide_de_camp.spi.later` does."""
    return f"greatest({TIME_MIN}, least({TIME_MAX}, {NOW} + {delay}))"


_WHERE: Final = f"FROM changed WHERE state = {SCHEDULED} AND put_back"
_PLACE: Final = f"(SELECT max(scheduled_at) {_WHERE})"
_ONCE_DUE: Final = f"(SELECT max(scheduled_at) {_WHERE} AND scheduled_at <= started_at)"

RAISED: Final = f"""
raised AS (
  UPDATE adc_meta SET value = greatest(value, {_ONCE_DUE}, {NOW})
  WHERE name = 'now_floor'
    AND (value < {_ONCE_DUE} OR (value < {_PLACE} AND value < {NOW}))
)
"""
"""Raise the floor for what ``changed`` says was put back to its old place.

A job that was moved here from another storage may have a place that was never due: so the floor
goes above the present only for one that had come by the time at which it was last claimed.
"""
RAISED_TO_NOW: Final = f"""
raised AS (
  UPDATE adc_meta SET value = {NOW}
  WHERE name = 'now_floor' AND value < {_PLACE} AND value < {NOW}
)
"""
"""The same for what may come from a storage whose clock is ahead of this one's."""
