"""Short ways to use a storage in a test: jobs with growing ids, claims, settlements."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from aide_de_camp.spi import (
    ClaimedJob,
    ClaimRequest,
    ClaimResult,
    LeaseResult,
    NewJob,
    RetryLimits,
    SettleKind,
    Settlement,
    Storage,
)

SECOND = 1_000_000
START = 1_700_000_000 * SECOND


class Calls:
    """Calls on one queue of any storage, by the clock of a test."""

    queue = "q"
    now = START

    def __init__(self) -> None:
        self._ids = itertools.count(1)

    def job(self, **fields: Any) -> NewJob:
        given: dict[str, Any] = {
            "id": UUID(int=(0x0190 << 112) | next(self._ids)),
            "job_type": "t",
            "payload": b"{}",
            "codec": "json",
        }
        return NewJob(**(given | fields))

    def request(
        self, types: Sequence[str] | None = None, limit: int = 10, **fields: Any
    ) -> ClaimRequest:
        given: dict[str, Any] = {
            "types": None if types is None else tuple(types),
            "limit": limit,
            "lease": 60 * SECOND,
            "retry_limits": RetryLimits(),
            "worker": "w",
            "request_id": uuid4(),
        }
        return ClaimRequest(**(given | fields))

    async def put(self, storage: Storage, *jobs: NewJob, now: int = START) -> list[UUID]:
        await storage.enqueue(self.queue, jobs, now=now)
        return [job.id for job in jobs]

    async def claim(
        self,
        storage: Storage,
        types: Sequence[str] | None = None,
        limit: int = 10,
        *,
        now: int = START,
        **fields: Any,
    ) -> ClaimResult:
        return await storage.claim(self.queue, self.request(types, limit, **fields), now=now)

    async def settle(
        self,
        storage: Storage,
        job: ClaimedJob,
        kind: SettleKind = SettleKind.COMPLETED,
        *,
        now: int = START,
        **fields: Any,
    ) -> LeaseResult:
        settlement = Settlement(job.id, job.token, kind, **fields)
        (result,) = await storage.settle(self.queue, [settlement], now=now)
        return result
