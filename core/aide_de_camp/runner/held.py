"""The leases that a runner holds, seen from its loop and from the heartbeat's thread."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from aide_de_camp.spi import ClaimedJob, Lease


class HeldLease(NamedTuple):
    """A lease, and when it was last known to begin.

    Attributes:
        since: monotonic seconds, taken before the claim or the extension was sent: so the lease
            can't have run out before ``since`` plus its length.
    """

    id: UUID
    token: int
    since: float

    @property
    def lease(self) -> Lease:
        """What the storage is told."""
        return Lease(self.id, self.token)


class HeldLeases:
    """Safe across threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        # By the id's number, whose hash costs a fraction of the id's.
        self._leases: dict[int, HeldLease] = {}

    def add(self, job_id: UUID, token: int, since: float) -> None:
        """Note a lease that was just claimed."""
        with self._lock:
            self._leases[job_id.int] = HeldLease(job_id, token, since)

    def add_all(self, jobs: Iterable[ClaimedJob], since: float) -> None:
        """Note the leases of one claim."""
        with self._lock:
            for job in jobs:
                self._leases[job.id.int] = HeldLease(job.id, job.token, since)

    def extended(self, held: HeldLease, since: float) -> None:
        """Note that a lease was extended, if it is still held."""
        with self._lock:
            present = self._leases.get(held.id.int)
            if present is not None and present.token == held.token:
                self._leases[held.id.int] = held._replace(since=since)

    def remove(self, job_id: UUID, token: int) -> None:
        """Forget a lease, unless the job is held under a newer one."""
        with self._lock:
            self._remove(job_id, token)

    def remove_all(self, jobs: Iterable[ClaimedJob]) -> None:
        """Forget the leases of several."""
        with self._lock:
            for job in jobs:
                self._remove(job.id, job.token)

    def began_after(self, job: ClaimedJob, moment: float) -> bool:
        """Say whether a job's lease is held, and began after a monotonic moment."""
        with self._lock:
            held = self._leases.get(job.id.int)
            return held is not None and held.token == job.token and held.since > moment

    def older_than(self, moment: float) -> list[HeldLease]:
        """Give the leases that began at or before a monotonic moment."""
        with self._lock:
            return [held for held in self._leases.values() if held.since <= moment]

    def _remove(self, job_id: UUID, token: int) -> None:
        held = self._leases.get(job_id.int)
        if held is not None and held.token == token:
            del self._leases[job_id.int]
