"""The statements by which a claim walks the levels of what is scheduled.

A *level* is one priority. Scheduled jobs, due or not, stand in one order; a claim seeks the next
level that exists, looks at its head, takes what is due of it, and goes on until it has enough. So
neither jobs that aren't due nor jobs of other types are ever stepped over one by one (clauses
PRI-3, PRI-4), however many there are. Each statement names its index, so that no planner can
choose another.
"""

from __future__ import annotations

from functools import cache
from typing import Final

from aide_de_camp_backends._sql.codes import RUNNING, SCHEDULED

TYPES_TOGETHER: Final = 256
"""SQLite merges at most 500 sorted searches in one statement."""

JOB_COLUMNS: Final = (
    "job.rowid, job.id, job.job_type, job.payload, job.codec, job.priority, job.scheduled_at, "
    "job.enqueued_at, job.token, job.claims, job.retries, job.snoozes, job.max_retries"
)
"""What a claimed job is made of."""

_ANY: Final = (
    "FROM adc_job AS job INDEXED BY adc_job_due "
    f"WHERE job.queue = :queue AND job.state = {SCHEDULED}"
)
_TYPED: Final = (
    "FROM adc_job AS job INDEXED BY adc_job_due_type "
    f"WHERE job.queue = :queue AND job.state = {SCHEDULED} AND job.job_type"
)
_KINDS: Final = "FROM json_each(:types) AS kind"

LEVELS: Final = f"""
WITH RECURSIVE level(priority) AS (
  SELECT (SELECT job.priority {_ANY} ORDER BY job.priority DESC LIMIT 1)
  UNION ALL
  SELECT (SELECT job.priority {_ANY} AND job.priority < level.priority
          ORDER BY job.priority DESC LIMIT 1)
  FROM level WHERE level.priority IS NOT NULL
)
SELECT level.priority,
  (SELECT job.scheduled_at {_ANY} AND job.priority = level.priority
   ORDER BY job.scheduled_at LIMIT 1)
FROM level WHERE level.priority IS NOT NULL
"""
"""Every level from the highest down, with the earliest time in it; read only as far as needed."""

LEVELS_OF_TYPES: Final = f"""
WITH RECURSIVE level(priority) AS (
  SELECT (SELECT max((SELECT job.priority {_TYPED} = kind.value
                      ORDER BY job.priority DESC LIMIT 1)) {_KINDS})
  UNION ALL
  SELECT (SELECT max((SELECT job.priority {_TYPED} = kind.value
                      AND job.priority < level.priority
                      ORDER BY job.priority DESC LIMIT 1)) {_KINDS})
  FROM level WHERE level.priority IS NOT NULL
)
SELECT level.priority,
  (SELECT min((SELECT job.scheduled_at {_TYPED} = kind.value AND job.priority = level.priority
               ORDER BY job.scheduled_at LIMIT 1)) {_KINDS})
FROM level WHERE level.priority IS NOT NULL
"""
"""The same for some types only, given as a JSON array."""

DUE: Final = f"""
SELECT {JOB_COLUMNS} {_ANY} AND job.priority = :priority AND job.scheduled_at <= :now
ORDER BY job.scheduled_at, job.id LIMIT :limit
"""
"""What is due of one level, in order."""

NEXT: Final = f"""
SELECT job.scheduled_at {_ANY} AND job.priority = :priority AND job.scheduled_at > :now
ORDER BY job.scheduled_at LIMIT 1
"""
"""When the next of one level falls due."""

NEXT_OF_TYPES: Final = f"""
SELECT min((SELECT job.scheduled_at {_TYPED} = kind.value AND job.priority = :priority
            AND job.scheduled_at > :now ORDER BY job.scheduled_at LIMIT 1)) {_KINDS}
"""
"""The same for some types only."""

HELD: Final = f"""
SELECT {JOB_COLUMNS}, job.lease_max_retries, job.lease_until
FROM adc_job AS job INDEXED BY adc_job_running
WHERE job.queue = :queue AND job.state = {RUNNING} AND job.request_id = :request_id
"""
"""What an earlier claim of the same request took and still holds."""

LEASE: Final = f"""
UPDATE adc_job SET
  state = {RUNNING}, token = max(token + 1, :now), claims = claims + 1, started_at = :now,
  lease_until = :lease_until, lease_max_retries = coalesce(max_retries, :max_retries),
  worker = :worker, request_id = :request_id
WHERE rowid IN (SELECT value FROM json_each(:rows))
"""
"""Put jobs under a lease. The transaction holds the write lock since it chose them."""


@cache
def due_of_types(count: int) -> str:
    """Give the statement for what is due of one level and of ``count`` types, in order.

    Each type's search is sorted by its index, and SQLite merges them only as far as the limit.
    The types are the parameters ``type_0``, ``type_1`` and so on.

    Args:
        count: a power of two up to :data:`TYPES_TOGETHER`, so that few statements are prepared.
    """
    searches = " UNION ALL ".join(
        f"SELECT job.scheduled_at, job.id, job.rowid {_TYPED} = :type_{index} "
        "AND job.priority = :priority AND job.scheduled_at <= :now"
        for index in range(count)
    )
    return f"""
    WITH due(scheduled_at, id, row) AS ({searches} ORDER BY 1, 2 LIMIT :limit)
    SELECT {JOB_COLUMNS} FROM due CROSS JOIN adc_job AS job ON job.rowid = due.row
    """
