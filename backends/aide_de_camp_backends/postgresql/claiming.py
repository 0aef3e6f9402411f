"""Handing out due jobs in order (clauses PRI-2 to PRI-7, LIV-4).

A *level* is one priority. Scheduled jobs, due or not, stand in one order; a claim seeks the next
level that exists, locks what is due of it if its first job is, and goes on until it has enough. So
neither jobs that aren't due nor jobs of other types are ever stepped over one by one (clauses
PRI-3, PRI-4). Rows that another claim has locked are skipped, not waited for.

One statement, and so one round trip, does a claim. It answers what an earlier call of the same
request took and still holds, if there is any. It finds out too whether a lease has expired; it
then takes nothing: those leases are taken back by a statement of their own, and the claim is made
again. What a statement changes, it doesn't see itself; and in one transaction the two would hold
the floor's row locked from one to the other (see :mod:`.present`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import cache
from typing import Any, Final

from aide_de_camp.spi import REAP_JOBS, ClaimedJob, ClaimRequest, ClaimResult, ReapedJob
from aide_de_camp_backends._sql.codes import RUNNING, SCHEDULED
from aide_de_camp_backends.postgresql.call import Call, Row
from aide_de_camp_backends.postgresql.leases import take_back
from aide_de_camp_backends.postgresql.present import CLOCK, NOW, PRESENT, later
from aide_de_camp_backends.postgresql.sizes import size_of

_JOB_COLUMNS: Final = (  # in the order of ClaimedJob's fields
    "id, job_type, payload, codec, priority, scheduled_at, enqueued_at, token, claims, retries, "
    "snoozes, lease_max_retries, lease_until"
)
_ANY: Final = f"FROM adc_job AS job WHERE job.queue = :queue AND job.state = {SCHEDULED}"
_ONE: Final = f"{_ANY} AND job.job_type = :type"
_TYPED: Final = f"{_ANY} AND job.job_type = kind.name"
_KINDS: Final = "FROM unnest(:types::text[]) AS kind(name)"

_HEAD: Final = """
SELECT job.priority, job.scheduled_at {jobs} {below}
ORDER BY job.priority DESC, job.scheduled_at, job.id LIMIT 1
"""
_HEAD_OF_TYPES: Final = f"""
SELECT of_type.priority, of_type.scheduled_at {_KINDS} CROSS JOIN LATERAL (
  SELECT job.priority, job.scheduled_at {_TYPED} {{below}}
  ORDER BY job.priority DESC, job.scheduled_at, job.id LIMIT 1
) AS of_type ORDER BY of_type.priority DESC, of_type.scheduled_at LIMIT 1
"""
"""The first job of the next level: its time says whether anything of that level is due."""

_DUE: Final = f"""
SELECT job.id {{jobs}} AND job.priority = level.priority AND job.scheduled_at <= {NOW}
ORDER BY job.scheduled_at, job.id LIMIT {{size}} FOR UPDATE SKIP LOCKED
"""
_DUE_OF_TYPES: Final = f"""
SELECT of_type.id {_KINDS} CROSS JOIN LATERAL (
  SELECT job.id, job.scheduled_at {_TYPED}
    AND job.priority = level.priority AND job.scheduled_at <= {NOW}
  ORDER BY job.scheduled_at, job.id LIMIT {{size}} FOR UPDATE SKIP LOCKED
) AS of_type
ORDER BY of_type.scheduled_at, of_type.id LIMIT {{size}}
"""
"""Among several types the first are found by a sort, and so all that were sorted are locked until
the claim's end: another claim meanwhile passes over those that aren't taken (PRI-7 has it so). A
claim of one type, or of any, locks what it takes and nothing else.
"""

_LEFT: Final = "job.priority = level.priority AND job.id NOT IN (SELECT picked.id FROM picked)"
_NEXT: Final = f"SELECT job.scheduled_at {{jobs}} AND {_LEFT} ORDER BY job.scheduled_at LIMIT 1"
_NEXT_OF_TYPES: Final = f"""
SELECT of_type.scheduled_at {_KINDS} CROSS JOIN LATERAL (
  SELECT job.scheduled_at {_TYPED} AND {_LEFT} ORDER BY job.scheduled_at LIMIT 1
) AS of_type
"""

_CLAIM: Final = f"""
WITH RECURSIVE {CLOCK}, held AS MATERIALIZED (
  SELECT {_JOB_COLUMNS} FROM adc_job
  WHERE queue = :queue AND state = {RUNNING} AND request_id = :request_id::uuid
), repeat AS MATERIALIZED (SELECT EXISTS (SELECT 1 FROM held) AS repeated
), gate AS MATERIALIZED (
  SELECT repeated, NOT repeated AND NOT :reaped::boolean AND coalesce((
    SELECT lease_until FROM adc_job
    WHERE queue = :queue AND state = {RUNNING} AND lease_until IS NOT NULL
    ORDER BY lease_until LIMIT 1
  ) <= {NOW}, false) AS expired FROM repeat
), level(priority, head) AS (
  SELECT first.* FROM gate CROSS JOIN LATERAL ({{first}}) AS first
  WHERE NOT (gate.repeated OR gate.expired)
  UNION ALL
  SELECT following.* FROM level CROSS JOIN LATERAL ({{following}}) AS following
), picked AS MATERIALIZED (
  SELECT due.id FROM (SELECT priority FROM level WHERE head <= {NOW}) AS level
  CROSS JOIN LATERAL ({{due}}) AS due LIMIT :limit::bigint
), changed AS (
  UPDATE adc_job AS job SET
    state = {RUNNING}, token = greatest(token + 1, {NOW}), claims = claims + 1,
    started_at = {NOW}, lease_until = {later(":lease::bigint")},
    lease_max_retries = coalesce(max_retries, (
      SELECT given.most FROM unnest(:limit_types::text[], :limits::bigint[]) AS given(name, most)
      WHERE given.name = job.job_type LIMIT 1
    ), :max_retries::bigint),
    worker = :worker, request_id = :request_id::uuid
  WHERE queue = :queue AND id = ANY (ARRAY(SELECT picked.id FROM picked))
    AND state + 0 = {SCHEDULED}
  RETURNING {_JOB_COLUMNS}
)
SELECT clock.now, gate.expired, CASE
  WHEN gate.repeated OR gate.expired THEN NULL
  WHEN (SELECT count(*) FROM picked) < :limit::bigint THEN (
    SELECT min(later.at) FROM (
      SELECT level.head AS at FROM level WHERE level.head > {NOW}
      UNION ALL
      SELECT next.scheduled_at FROM (SELECT priority FROM level WHERE head <= {NOW}) AS level
      CROSS JOIN LATERAL ({{next}}) AS next
    ) AS later
  ) END AS next_due, found.*
FROM clock CROSS JOIN gate LEFT JOIN (
  SELECT {_JOB_COLUMNS} FROM changed UNION ALL SELECT {_JOB_COLUMNS} FROM held
) AS found ON true
"""
_BEFORE_JOB: Final = 3
"""Columns that stand before those of a job."""
_BELOW: Final = "AND job.priority < level.priority"


class Asked(Enum):
    """What jobs a claim asks for."""

    ANY = _ANY
    """Those of any type."""
    ONE = _ONE
    """Those of the type ``:type``."""
    SEVERAL = _TYPED
    """Those of the types ``:types``."""


@cache
def claim_text(size: int, asked: Asked) -> str:
    """Give the statement of a claim.

    Args:
        size: as :func:`size_of` gives it.
        asked: what jobs it asks for.
    """
    several = asked is Asked.SEVERAL
    head = _HEAD_OF_TYPES if several else _HEAD
    return _CLAIM.format(
        first=head.format(jobs=asked.value, below=""),
        following=head.format(jobs=asked.value, below=_BELOW),
        due=(_DUE_OF_TYPES if several else _DUE).format(jobs=asked.value, size=size),
        next=(_NEXT_OF_TYPES if several else _NEXT).format(jobs=asked.value),
    )


def asked_by(types: Sequence[str] | None) -> Asked:
    """Say what jobs are asked for by some types, of which there is at least one, or by None."""
    if types is None:
        return Asked.ANY
    return Asked.ONE if len(types) == 1 else Asked.SEVERAL


async def claim(call: Call, queue: str, request: ClaimRequest, given: int | None) -> ClaimResult:
    """Take expired leases back, then hand out due jobs. See :meth:`Storage.claim`."""
    values = _values(call, queue, request, given)
    if request.types is not None and not request.types:
        (row,) = await call.rows(PRESENT, values)
        call.saw(row["now"])
        return ClaimResult((), row["now"])
    text = claim_text(size_of(request.limit), asked_by(values["types"]))
    rows = await call.rows(text, values)
    if not rows[0]["expired"]:
        return _result(call, rows, ())
    reaped = await take_back(call, queue, REAP_JOBS, given)
    # The present of the first statement was only looked at: this one's is the claim's.
    rows = await call.rows(text, values | {"reaped": True, "latest": call.latest})
    return _result(call, rows, reaped)


def _values(call: Call, queue: str, request: ClaimRequest, given: int | None) -> dict[str, Any]:
    limits = request.retry_limits
    types = None if request.types is None else list(dict.fromkeys(request.types))
    named = {
        name: most
        for name, most in limits.by_type.items()
        if most != limits.default and (types is None or name in types)
    }
    return {
        "queue": queue,
        "given": given,
        "latest": call.latest,
        "request_id": request.request_id,
        "reaped": False,
        "types": types,
        "type": types[0] if types else None,
        "limit": request.limit,
        "lease": request.lease,
        "limit_types": list(named),
        "limits": list(named.values()),
        "max_retries": limits.default,
        "worker": request.worker,
    }


def _result(call: Call, rows: Sequence[Row], reaped: tuple[ReapedJob, ...]) -> ClaimResult:
    now = rows[0]["now"]
    call.saw(now)
    # The fields by place, as _JOB_COLUMNS has them: by name they take half as long again.
    jobs = [ClaimedJob(*row[_BEFORE_JOB:]) for row in rows if row["id"] is not None]
    jobs.sort(key=lambda job: (-job.priority, job.scheduled_at, job.id.bytes))
    return ClaimResult(tuple(jobs), now, rows[0]["next_due"], reaped)
