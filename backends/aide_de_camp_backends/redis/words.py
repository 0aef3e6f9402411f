"""What the scripts are given, and what their answers mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from aide_de_camp.spi import (
    REAP_JOBS,
    Cancellation,
    CancelResult,
    CancelStatus,
    ClaimRequest,
    ClaimResult,
    DeadStatus,
    HoldStatus,
    JobFilter,
    JobRecord,
    JobState,
    Lease,
    LeaseResult,
    NewJob,
    ReapedJob,
    Requeue,
    Settlement,
)
from aide_de_camp_backends._sql.codes import KIND_CODES, STATE_CODES, STATES
from aide_de_camp_backends._sql.errors import error_columns
from aide_de_camp_backends._sql.ids import ids_of
from aide_de_camp_backends.redis.line import Word
from aide_de_camp_backends.redis.wire import (
    claimed,
    error_of,
    head_of,
    held_head_of,
    in_groups,
    number,
    optional_text,
    read_number,
    read_text,
    run_of,
    text,
)

_CANCELLED: Final[tuple[CancelStatus, ...]] = (
    CancelStatus.CANCELLED,
    CancelStatus.RUNNING,
    CancelStatus.NOT_LIVE,
    CancelStatus.CHANGED,
)
_DEAD: Final = (DeadStatus.DONE, DeadStatus.NOT_DEAD, DeadStatus.NOT_FOUND)
_HELD: Final = (HoldStatus.DONE, HoldStatus.NOT_HELD, HoldStatus.NOT_FOUND)


def of_jobs(jobs: Sequence[NewJob]) -> list[Word]:
    """Say which jobs to store."""
    words: list[Word] = []
    for job in jobs:
        delay = number(job.delay) if job.scheduled_at is None else b""
        words += (job.id.bytes, head_of(job), delay, job.payload)
    return words


def of_claim(request: ClaimRequest) -> list[Word]:
    """Say what is claimed."""
    types, limits = request.types, request.retry_limits
    words: list[Word] = [
        request.request_id.bytes,
        request.limit,
        number(request.lease),
        text(request.worker),
        REAP_JOBS,
        limits.default,
        *of_names(None if types is None else dict.fromkeys(types)),
    ]
    for name, most in limits.by_type.items():
        words += (text(name), most)
    return words


def claim_result(answer: Sequence[Any]) -> ClaimResult:
    """Read what a claim gave."""
    moment, next_due, reaped, jobs = answer
    parts = [jobs[start::5] for start in range(5)]
    parts[0] = ids_of(parts[0])
    return ClaimResult(
        jobs=tuple(map(claimed, *parts)),
        now=read_number(moment),
        next_due=read_number(next_due) if next_due else None,
        reaped=reaped_jobs(reaped),
    )


def reaped_jobs(answer: Sequence[Any]) -> tuple[ReapedJob, ...]:
    """Read which jobs were taken back."""
    return tuple(
        ReapedJob(UUID(bytes=job_id), read_text(name), STATES[state])
        for job_id, name, state in in_groups(answer, 3)
    )


def of_leases(leases: Sequence[Lease]) -> list[Word]:
    """Say which leases are presented."""
    words: list[Word] = []
    for held in leases:
        words += (held.id.bytes, number(held.token))
    return words


def of_settlements(settlements: Sequence[Settlement]) -> list[Word]:
    """Say which attempts end, and how."""
    words: list[Word] = []
    for each in settlements:
        shown, detail = error_columns(each.error)
        words += (
            each.id.bytes,
            number(each.token),
            KIND_CODES[each.kind],
            number(each.delay),
            optional_text(each.reason),
            shown or b"",
            detail or b"",
        )
    return words


def lease_results(answer: Sequence[int]) -> list[LeaseResult]:
    """Read what became of leases or settlements."""
    return [LeaseResult.APPLIED if each else LeaseResult.LOST for each in answer]


def of_cancellations(cancellations: Sequence[Cancellation]) -> list[Word]:
    """Say which jobs are to be cancelled."""
    words: list[Word] = []
    for each in cancellations:
        token = b"" if each.token is None else number(each.token)
        words += (each.id.bytes, each.request_id.bytes, token)
    return words


def cancel_results(answer: Sequence[Any]) -> list[CancelResult]:
    """Read what became of cancellations."""
    results: list[CancelResult] = []
    for status, state in in_groups(answer, 2):
        known = None if state < 0 else STATES[state]
        results.append(CancelResult(_CANCELLED[int(status)], known))
    return results


def of_requeues(requests: Sequence[Requeue]) -> list[Word]:
    """Say which dead jobs are to be scheduled again."""
    words: list[Word] = []
    for each in requests:
        words += (each.id.bytes, each.request_id.bytes)
    return words


def dead_results(answer: Sequence[int]) -> list[DeadStatus]:
    """Read what became of dead jobs."""
    return [_DEAD[each] for each in answer]


def of_records(records: Sequence[JobRecord]) -> list[Word]:
    """Say which jobs that another storage holds are to be held here."""
    words: list[Word] = []
    for each in records:
        body = each.payload or b""
        words += (each.id.bytes, held_head_of(each), run_of(each), error_of(each), body)
    return words


def hold_results(answer: Sequence[int]) -> list[HoldStatus]:
    """Read what became of held jobs."""
    return [_HELD[each] for each in answer]


def of_filter(where: JobFilter) -> list[Word]:
    """Say which jobs are meant."""
    states = where.states
    bounds = (
        where.scheduled_from,
        where.scheduled_to,
        where.enqueued_from,
        where.enqueued_to,
        where.finished_from,
        where.finished_to,
    )
    return [
        *of_names(None if states is None else [str(STATE_CODES[state]) for state in states]),
        *of_names(where.job_types),
        *of_names(where.reasons),
        *(b"" if bound is None else number(bound) for bound in bounds),
    ]


def only_dead(where: JobFilter) -> bool:
    """Say whether nothing but dead jobs can match."""
    return where.states is not None and where.states <= {JobState.DEAD}


def of_names(names: Iterable[str] | None) -> list[Word]:
    """Write a set of names, or None for no condition."""
    if names is None:
        return [-1]
    written: list[Word] = [text(name) for name in names]
    return [len(written), *written]
