"""From what a statement stored to the answer of each job."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from aide_de_camp.spi import EnqueueResult, JobRecord, NewJob


def results_of(jobs: Sequence[NewJob | JobRecord], stored: set[UUID]) -> list[EnqueueResult]:
    """Say which were stored: of an id that stands twice, the first."""
    results: list[EnqueueResult] = []
    left = set(stored)
    for job in jobs:
        results.append(EnqueueResult.STORED if job.id in left else EnqueueResult.EXISTS)
        left.discard(job.id)
    return results
