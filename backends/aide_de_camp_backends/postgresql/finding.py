"""Locking the jobs that were named, each by a search of its own in the primary key.

As a join it would be the planner's to choose which side it begins with, and how. A plan that was
made while few jobs were there begins with the jobs, all of them, and is kept; what an index knows
of their state misleads it, too. A subquery with a limit stays where it stands, and ``state + 0`` is
in no index.
"""

from __future__ import annotations


def found(condition: str, *, lock: bool = True) -> str:
    """Give what stands behind ``FROM given`` to keep the rows whose job is there.

    Args:
        condition: what must hold for ``job``, the job of the id in ``given``.
        lock: whether the jobs are locked, in the order in which ``given`` comes.
    """
    locking = " FOR UPDATE" if lock else ""
    return f"""
CROSS JOIN LATERAL (
  SELECT job.id AS job_id FROM adc_job AS job
  WHERE job.queue = :queue AND job.id = given.id AND {condition} LIMIT 1{locking}
) AS named
"""
