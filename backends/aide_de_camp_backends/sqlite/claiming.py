"""Handing out due jobs in order (clauses PRI-2 to PRI-7, LIV-4)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Generator, Sequence
from contextlib import closing
from typing import Any

from attrs import define, field

from aide_de_camp.spi import ClaimedJob, ClaimRequest, ClaimResult, later
from aide_de_camp_backends._sql.ids import ids_of
from aide_de_camp_backends.sqlite import levels
from aide_de_camp_backends.sqlite.leases import reap_expired
from aide_de_camp_backends.sqlite.transaction import Transaction

Row = tuple[Any, ...]


def claim(tx: Transaction, queue: str, request: ClaimRequest, given: int | None) -> ClaimResult:
    """Take expired leases back, then hand out due jobs. See :meth:`Storage.claim`."""
    now = tx.now(given)
    if request.types is not None and not request.types:
        return ClaimResult((), now)
    held = _held(tx, queue, request)
    if held:
        return ClaimResult(held, now)
    reaped = reap_expired(tx, queue, now)
    walk = _Walk(tx, queue, request, now)
    rows = walk.due()
    jobs = _lease(tx, rows, request, now)
    if rows:
        tx.found_due(max(job.scheduled_at for job in jobs))
    next_due = walk.next_due() if len(rows) < request.limit else None
    return ClaimResult(jobs, now, next_due, reaped)


@define
class _Walk:
    """One walk down the levels."""

    tx: Transaction
    queue: str
    request: ClaimRequest
    now: int
    types: tuple[str, ...] | None = field(init=False)
    values: dict[str, Any] = field(init=False)
    emptied: list[int] = field(factory=list[int], init=False)
    heads: list[int] = field(factory=list[int], init=False)

    def __attrs_post_init__(self) -> None:
        asked = self.request.types
        self.types = None if asked is None else tuple(dict.fromkeys(asked))
        self.values = {"queue": self.queue, "now": self.now}
        if self.types is not None:
            self.values["types"] = json.dumps(self.types)

    def due(self) -> list[Row]:
        """Choose up to ``limit`` due jobs, in the order of PRI-2."""
        found: list[Row] = []
        with closing(self._levels()) as walk:
            for priority, head in walk:
                if head > self.now:
                    self.heads.append(head)
                    continue
                found += self._due_of(priority, self.request.limit - len(found))
                if len(found) == self.request.limit:
                    break
                self.emptied.append(priority)
        return found

    def next_due(self) -> int | None:
        """Give the time of the next job, after a walk down to the last level."""
        statement = levels.NEXT if self.types is None else levels.NEXT_OF_TYPES
        for priority in self.emptied:
            row = self.tx.execute(statement, self.values | {"priority": priority}).fetchone()
            if row is not None and row[0] is not None:
                self.heads.append(row[0])
        return min(self.heads, default=None)

    def _levels(self) -> Generator[tuple[int, int], None, None]:
        statement = levels.LEVELS if self.types is None else levels.LEVELS_OF_TYPES
        with closing(self.tx.execute(statement, self.values)) as cursor:
            yield from cursor

    def _due_of(self, priority: int, limit: int) -> list[Row]:
        values = self.values | {"priority": priority, "limit": limit}
        if self.types is None:
            return self.tx.execute(levels.DUE, values).fetchall()
        rows: list[Row] = []
        for start in range(0, len(self.types), levels.TYPES_TOGETHER):
            rows += self._due_of_types(self.types[start : start + levels.TYPES_TOGETHER], values)
        rows.sort(key=lambda row: (row[6], row[1]))
        return rows[:limit]

    def _due_of_types(self, types: Sequence[str], values: dict[str, Any]) -> list[Row]:
        count = 1 << (len(types) - 1).bit_length()
        # What pads the types to a power of two is NULL, which no job's type equals.
        names: dict[str, str | None] = {f"type_{i}": None for i in range(count)}
        names |= {f"type_{i}": name for i, name in enumerate(types)}
        return self.tx.execute(levels.due_of_types(count), values | names).fetchall()


def _lease(
    tx: Transaction, rows: Sequence[Row], request: ClaimRequest, now: int
) -> tuple[ClaimedJob, ...]:
    lease_until = later(now, request.lease)
    limits = request.retry_limits
    by_limit: defaultdict[int, list[int]] = defaultdict(list)
    for row in rows:
        by_limit[limits.of(row[2])].append(row[0])
    for limit, row_ids in by_limit.items():
        values = {
            "now": now,
            "lease_until": lease_until,
            "max_retries": limit,
            "worker": request.worker,
            "request_id": request.request_id.bytes,
            "rows": json.dumps(row_ids),
        }
        tx.execute(levels.LEASE, values)
    # The fields by place: by name they take half as long again.
    return tuple(
        [
            ClaimedJob(
                job_id,
                row[2],
                row[3],
                row[4],
                row[5],
                row[6],
                row[7],
                max(row[8] + 1, now),
                row[9] + 1,
                row[10],
                row[11],
                limits.of(row[2]) if row[12] is None else row[12],
                lease_until,
            )
            for row, job_id in zip(rows, ids_of([row[1] for row in rows]), strict=True)
        ]
    )


def _held(tx: Transaction, queue: str, request: ClaimRequest) -> tuple[ClaimedJob, ...]:
    values = {"queue": queue, "request_id": request.request_id.bytes}
    rows: list[Row] = tx.execute(levels.HELD, values).fetchall()
    rows.sort(key=lambda row: (-row[5], row[6], row[1]))
    ids = ids_of([row[1] for row in rows])
    return tuple(
        ClaimedJob(job_id, *(*row[2:12], *row[13:15]))
        for row, job_id in zip(rows, ids, strict=True)
    )
