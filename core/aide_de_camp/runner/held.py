"""The leases that a runner holds, seen from its loop and from the heartbeat's thread."""

from __future__ import annotations

import threading
from uuid import UUID

from attrs import evolve, frozen

from aide_de_camp.spi import Lease


@frozen
class HeldLease:
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
        self._leases: dict[UUID, HeldLease] = {}

    def add(self, job_id: UUID, token: int, since: float) -> None:
        """Note a lease that was just claimed."""
        with self._lock:
            self._leases[job_id] = HeldLease(job_id, token, since)

    def extended(self, held: HeldLease, since: float) -> None:
        """Note that a lease was extended, if it is still held."""
        with self._lock:
            if self._same(held):
                self._leases[held.id] = evolve(held, since=since)

    def remove(self, job_id: UUID, token: int) -> None:
        """Forget a lease, unless the job is held under a newer one."""
        with self._lock:
            held = self._leases.get(job_id)
            if held is not None and held.token == token:
                del self._leases[job_id]

    def older_than(self, moment: float) -> list[HeldLease]:
        """Give the leases that began at or before a monotonic moment."""
        with self._lock:
            return [held for held in self._leases.values() if held.since <= moment]

    def _same(self, held: HeldLease) -> bool:
        present = self._leases.get(held.id)
        return present is not None and present.token == held.token
