"""What a simulation finds: a clause of the contract that didn't hold, and of which jobs."""

from __future__ import annotations

from uuid import UUID


class Broken(AssertionError):
    """A clause didn't hold.

    Args:
        clause: its id in the contract.
        what: what happened.
        jobs: the jobs concerned.
    """

    def __init__(self, clause: str, what: str, *jobs: UUID) -> None:
        super().__init__(f"{clause}: {what}")
        self.clause = clause
        self.jobs = frozenset(jobs)
