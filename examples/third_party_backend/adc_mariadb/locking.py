"""Jobs locked by their ids: what a verb decides on can't change until its transaction ends.

The contract asks that a change be conditional on id, token and state within the storage. A row
that is locked first, and then looked at, is that: nobody else can write it in between. Rows are
locked in the order of their ids, so that two calls never wait for each other crosswise.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from attrs import frozen

from adc_mariadb.call import Call

_LOCK: Final = """
SELECT id, state, token, scheduled_at, started_at, settled_token, settled_kind,
  settled_before, request_id, requeued_by
FROM {job} FORCE INDEX (PRIMARY) WHERE queue = :queue AND id IN :ids ORDER BY id FOR UPDATE
"""


@frozen
class Locked:
    """What verbs decide by."""

    id: bytes
    state: int
    token: int
    scheduled_at: int
    started_at: int | None
    settled_token: int | None
    settled_kind: int | None
    settled_before: bytes | None
    request_id: bytes | None
    requeued_by: bytes | None

    @property
    def once_due(self) -> bool:
        """True if its last claim found it due, so that it has to stay due."""
        return self.started_at is not None and self.scheduled_at <= self.started_at


async def lock(call: Call, queue: str, ids: Iterable[UUID]) -> dict[UUID, Locked]:
    """Lock jobs, and give those that are there."""
    wanted = sorted(job_id.bytes for job_id in ids)
    if not wanted:
        return {}
    rows = await call.rows(_LOCK, queue=queue.encode(), ids=wanted)
    return {UUID(bytes=row[0]): Locked(*row) for row in rows}
