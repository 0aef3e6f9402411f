"""Comparing what a storage says of jobs with what the model says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import attrs

from aide_de_camp.spi import ClaimedJob, JobRecord

J = TypeVar("J", JobRecord, ClaimedJob)


def same_jobs(got: Sequence[J | None], wanted: Sequence[J | None], what: str) -> None:
    """Assert that jobs are the same, in the same order; say where they begin to differ.

    Args:
        got: what the storage gave.
        wanted: what the model gave.
        what: what they are, for the message.
    """
    ids = [str(job and job.id) for job in wanted]
    shown_ids = [str(job and job.id) for job in got]
    assert ids == shown_ids, f"{what}: expected the jobs {ids}, got {shown_ids}"
    for one, other in zip(got, wanted, strict=True):
        if one is not None and other is not None and one != other:
            ours, theirs = (attrs.asdict(each, recurse=False) for each in (one, other))
            names = [name for name in ours if ours[name] != theirs[name]]
            raise AssertionError(
                f"{what}, job {one.id}: "
                + ", ".join(f"{n}: expected {theirs[n]!r}, got {ours[n]!r}" for n in names)
            )


def shown(record: JobRecord) -> JobRecord:
    """Leave out what a listing may leave out."""
    if record.error is None:
        return record
    return attrs.evolve(record, error=attrs.evolve(record.error, traceback=None, detail=None))
