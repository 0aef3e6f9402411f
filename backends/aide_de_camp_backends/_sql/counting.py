"""The statement that counts: as text, since every worker counts once, and needs nothing built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from aide_de_camp.spi import CountFilter, JobState
from aide_de_camp_backends._sql.codes import HELD, RUNNING, SCHEDULED, STATE_CODES

Among = Callable[[str, list[str]], tuple[str, dict[str, Any]]]
"""Given a column and values, writes the condition in its dialect; gives its parameters, too."""

_UNFINISHED: Final = (SCHEDULED, RUNNING, HELD)
_COUNT: Final = """
SELECT {code} AS code, job_type, count(*) AS number FROM adc_job
WHERE queue = :queue AND state = {code}{conditions} GROUP BY job_type
"""


def counting(queue: str, where: CountFilter, among: Among) -> tuple[str, dict[str, Any]] | None:
    """Build the statement that counts by state and type, and its values by name.

    Its rows are (state's code, job type, count).

    Args:
        queue: the queue's name.
        where: which jobs.
        among: writes the condition that a column has one of some values.

    Returns:
        None where nothing can match.
    """
    values: dict[str, Any] = {"queue": queue}
    named = ""
    for column, given in (("job_type", where.job_types), ("reason", where.reasons)):
        if given is not None:
            condition, more = among(column, sorted(given))
            named += f" AND {condition}"
            values |= more
    states = frozenset(JobState) if where.states is None else where.states
    # Each state stands as a literal, so that its own index may serve.
    parts = [
        _COUNT.format(
            code=code,
            conditions=("" if code in _UNFINISHED else " AND finished_at IS NOT NULL") + named,
        )
        for code in sorted(STATE_CODES[state] for state in states)
    ]
    return (" UNION ALL ".join(parts), values) if parts else None
