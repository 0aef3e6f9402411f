"""Comparing the order of claims, so that a failure says what came before what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from aide_de_camp.spi import NewJob
from aide_de_camp_conformance.expect import same

_ORDER = "the order of the claims"


def same_order(got: Sequence[UUID], wanted: Sequence[UUID], jobs: Iterable[NewJob]) -> None:
    """Assert that jobs came in an order; where they didn't, name the first that came too soon.

    Args:
        got: their ids as they came.
        wanted: their ids as the contract orders them.
        jobs: the jobs themselves.
    """
    by_id = {job.id: job for job in jobs}
    for number, (came, due) in enumerate(zip(got, wanted, strict=False), 1):
        assert came == due, (
            f"{_ORDER}: as number {number} of {len(wanted)} came {_words(came, by_id)}; "
            f"before it comes {_words(due, by_id)}"
        )
    same(list(got), list(wanted), _ORDER)


def _words(job_id: UUID, by_id: dict[UUID, NewJob]) -> str:
    job = by_id.get(job_id)
    if job is None:
        return f"{job_id}, which isn't there"
    return (
        f"the job of priority {job.priority}, scheduled_at {job.scheduled_at}, "
        f"type {job.job_type!r}, id {job_id}"
    )
