"""Handing out due jobs in order (clauses PRI-2 to PRI-7, LIV-4).

A *level* is one priority. Scheduled jobs, due or not, stand in one index in the order of the
contract. A claim seeks the next level that exists; if its first job is due it takes what is due of
it, which stands side by side in the index, and goes on to the next level until it has enough. So
neither jobs that aren't due nor jobs of other types are ever stepped over one by one, and what a
claim costs depends on how many levels and types it passes, never on how many jobs wait.

Rows that another claim has locked are skipped, not waited for. FORCE INDEX keeps the optimiser
from anything else than the range that is meant; the tests look at its plans.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from attrs import define, evolve, field

from adc_mariadb.call import CLOCK, Call, Row
from adc_mariadb.codes import RUNNING, SCHEDULED
from adc_mariadb.leases import take_back
from aide_de_camp.spi import REAP_JOBS, ClaimedJob, ClaimRequest, ClaimResult, ReapedJob, later

_ANY: Final = f"FROM {{job}} FORCE INDEX (due) WHERE queue = :queue AND state = {SCHEDULED}"
_TYPED: Final = (
    f"FROM {{job}} FORCE INDEX (due_type) WHERE queue = :queue AND state = {SCHEDULED} "
    "AND job_type = :type_%d"
)
_HEAD: Final = (
    "SELECT place, scheduled_at %s AND place > :place ORDER BY place, scheduled_at LIMIT 1"
)
"""The first job of the next level."""
_DUE: Final = (
    "SELECT scheduled_at, id %s AND place = :place AND {} ORDER BY scheduled_at, id LIMIT :limit"
)
_FIRST: Final = _DUE.format("scheduled_at <= :now")
_FOLLOWING: Final = _DUE.format(
    "((scheduled_at = :at AND id > :id) OR (scheduled_at > :at AND scheduled_at <= :now))"
)
_NEXT: Final = (
    "SELECT scheduled_at %s AND place = :place AND scheduled_at > :now "
    "ORDER BY scheduled_at LIMIT 1"
)
_TYPES_AT_ONCE: Final = 50
_BEFORE_ALL: Final = -1_000

_COLUMNS: Final = (
    "id, job_type, payload, codec, place, scheduled_at, enqueued_at, token, claims, retries, "
    "snoozes, max_retries, lease_max_retries, lease_until"
)
_TAKE: Final = f"""
SELECT {_COLUMNS} FROM {{job}} FORCE INDEX (PRIMARY)
WHERE queue = :queue AND id IN :ids AND state = {SCHEDULED} AND place = :place
  AND scheduled_at <= :now
FOR UPDATE SKIP LOCKED
"""
_LOOK: Final = f"""
SELECT {CLOCK}, (
  SELECT lease_until FROM {{job}} FORCE INDEX (lease) WHERE queue = :queue AND state = {RUNNING}
  ORDER BY lease_until LIMIT 1
) AS first_end, EXISTS (
  SELECT 1 FROM {{job}} FORCE INDEX (request)
  WHERE queue = :queue AND request_id = :request AND state = {RUNNING}
) AS repeated
"""
"""The present, when the first lease ends, and whether this very claim was made before.

Every computed column has a name: else its own text would be its name, bytes of parameters
included, and the driver would fail to read that as UTF-8."""
_HELD: Final = f"""
SELECT {_COLUMNS} FROM {{job}} FORCE INDEX (request)
WHERE queue = :queue AND request_id = :request AND state = {RUNNING}
"""
_LEASE: Final = f"""
UPDATE {{job}} FORCE INDEX (PRIMARY) SET
  state = {RUNNING}, token = GREATEST(token + 1, :now), claims = claims + 1, started_at = :now,
  lease_until = :until, lease_max_retries = COALESCE(max_retries, :most), worker = :worker,
  request_id = :request
WHERE queue = :queue AND id IN :ids
"""


async def claim(call: Call, queue: str, request: ClaimRequest, given: int | None) -> ClaimResult:
    """Take expired leases back, then hand out due jobs. See :meth:`Storage.claim`."""
    values = {"queue": queue.encode(), "request": request.request_id.bytes}
    ((clock, floor, first_end, repeated),) = await call.rows(_LOOK, given=given, **values)
    now = call.saw(clock, floor)
    if request.types is not None and not request.types:
        return ClaimResult((), now)
    if repeated:
        # Its reply was lost: it gets what the first one took and still holds.
        held = await call.rows(_HELD, **values)
        return ClaimResult(tuple(sorted(map(_claimed, held), key=_order)), now)
    reaped: tuple[ReapedJob, ...] = ()
    if first_end is not None and first_end <= now:
        reaped = await take_back(call, queue, REAP_JOBS, now)
    walk = _Walk(call, queue, request, now)
    jobs = await _lease(call, queue, await walk.due(), request, now)
    return ClaimResult(jobs, now, await walk.next_due(), reaped)


@define
class _Walk:
    """One walk down the levels."""

    call: Call
    queue: str
    request: ClaimRequest
    now: int
    emptied: list[int] = field(factory=list[int], init=False)
    heads: list[int] = field(factory=list[int], init=False)
    enough: bool = field(default=False, init=False)

    async def due(self) -> list[Row]:
        """Choose and lock up to ``limit`` due jobs, in the order of PRI-2."""
        found: list[Row] = []
        place = _BEFORE_ALL
        while levels := await self._rows(_HEAD, place=place):
            place, head = min((row[0], row[1]) for row in levels)
            if head > self.now:
                self.heads.append(head)
                continue
            found += await self._due_of(place, self.request.limit - len(found))
            if len(found) == self.request.limit:
                self.enough = True
                break
            self.emptied.append(place)
        return found

    async def _due_of(self, place: int, limit: int) -> list[Row]:
        """Choose and lock due jobs of one level.

        First the index is read without a lock, then exactly those jobs are locked by their ids. A
        read that locks would lock the first job behind its range too, for a moment, and another
        claim would pass that one over (clause PRI-7).
        """
        found: list[Row] = []
        values: dict[str, Any] = {"place": place, "now": self.now}
        statement = _FIRST
        while len(found) < limit:
            left = limit - len(found)
            # Of several types each gives as many as are wanted; the best of all are taken.
            best = sorted(tuple(row) for row in await self._rows(statement, **values, limit=left))
            best = best[:left]
            if best:
                ids = [job_id for _, job_id in best]
                found += await self.call.rows(
                    _TAKE, queue=self.queue.encode(), ids=ids, place=place, now=self.now
                )
            if len(best) < left:
                break
            # Others were faster with some of these: go on behind them.
            statement, (values["at"], values["id"]) = _FOLLOWING, best[-1]
        return found

    async def next_due(self) -> int | None:
        """Give the time of the next job, where fewer than wanted were found."""
        if self.enough:
            return None
        for place in self.emptied:
            rows = await self._rows(_NEXT, place=place, now=self.now)
            self.heads += [row[0] for row in rows]
        return min(self.heads, default=None)

    async def _rows(self, statement: str, **values: Any) -> list[Row]:
        """Run a statement for all types, or for each of those asked for."""
        values["queue"] = self.queue.encode()
        if self.request.types is None:
            return list(await self.call.rows(statement % _ANY, **values))
        types = list(dict.fromkeys(self.request.types))
        rows: list[Row] = []
        for start in range(0, len(types), _TYPES_AT_ONCE):
            part = types[start : start + _TYPES_AT_ONCE]
            each = [f"({statement % (_TYPED % number)})" for number in range(len(part))]
            names = {f"type_{number}": name.encode() for number, name in enumerate(part)}
            rows += await self.call.rows(" UNION ALL ".join(each), **values, **names)
        return rows


async def _lease(
    call: Call, queue: str, due: Sequence[Row], request: ClaimRequest, now: int
) -> tuple[ClaimedJob, ...]:
    """Put jobs, locked before, under leases."""
    limits = request.retry_limits
    until = later(now, request.lease)
    by_limit: defaultdict[int, list[bytes]] = defaultdict(list)
    for row in due:
        by_limit[limits.of(row[1].decode())].append(row[0])
    for most, ids in by_limit.items():
        await call.execute(
            _LEASE,
            queue=queue.encode(),
            ids=ids,
            now=now,
            until=until,
            most=most,
            worker=request.worker.encode(),
            request=request.request_id.bytes,
        )
    # What the statement has just stored, so that nothing need be read again.
    leased = [
        evolve(
            job := _claimed(row),
            token=max(job.token + 1, now),
            claims=job.claims + 1,
            max_retries=limits.of(job.job_type) if row[11] is None else row[11],
            lease_until=until,
        )
        for row in due
    ]
    return tuple(sorted(leased, key=_order))


def _order(job: ClaimedJob) -> tuple[int, int, bytes]:
    return (-job.priority, job.scheduled_at, job.id.bytes)


def _claimed(row: Row) -> ClaimedJob:
    """Make what is handed out of a row, as that stands."""
    (job_id, job_type, payload, codec, place, scheduled_at, enqueued_at, *rest) = row
    (token, claims, retries, snoozes, _, lease_max_retries, lease_until) = rest
    return ClaimedJob(
        id=UUID(bytes=job_id),
        job_type=job_type.decode(),
        payload=payload,
        codec=codec.decode(),
        priority=-place,
        scheduled_at=scheduled_at,
        enqueued_at=enqueued_at,
        token=token,
        claims=claims,
        retries=retries,
        snoozes=snoozes,
        max_retries=lease_max_retries,
        lease_until=lease_until or 0,
    )
