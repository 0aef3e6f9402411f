"""What clients did to jobs in the storage, held against the contract likewise."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from aide_de_camp.spi import (
    Cancellation,
    CancelResult,
    CancelStatus,
    DeadStatus,
    JobState,
    Requeue,
)
from aide_de_camp_conformance.simulation.entry import Entry
from aide_de_camp_conformance.simulation.ledger import Ledger
from aide_de_camp_conformance.simulation.trace import Trace


class Acts:
    """Keeps the books of cancels, requeues, deletions and prunings.

    Args:
        ledger: whose jobs these are.
        trace: is told of every change.
    """

    def __init__(self, ledger: Ledger, trace: Trace) -> None:
        self._ledger = ledger
        self._trace = trace

    def cancelled(
        self, wanted: Sequence[Cancellation], answers: Sequence[CancelResult], now: int
    ) -> None:
        """Be told of cancellations."""
        for each, answer in zip(wanted, answers, strict=True):
            entry = self._ledger.entries.get(each.id)
            expected = _cancel_status(entry, each)
            self._ledger.holds(
                answer.status is expected,
                "CAN-8",
                f"cancel answered {answer.status.value}, not {expected.value}",
                each.id,
            )
            if entry is None:
                continue
            word = answer.status.value
            if expected is CancelStatus.CANCELLED and entry.state is JobState.SCHEDULED:
                self._ledger.finish(entry, JobState.CANCELLED, now)
                entry.cancelled_by, entry.canceller = each.request_id, self._ledger.sender_number
                entry.cancels += 1
            self._trace.add("storage", "cancel", each.id, f"by {self._ledger.sender}", word)

    def requeued(
        self, wanted: Sequence[Requeue], answers: Sequence[DeadStatus], time: float
    ) -> None:
        """Be told of dead jobs that were to be scheduled again."""
        for each, answer in zip(wanted, answers, strict=True):
            entry = self._ledger.entries.get(each.id)
            known = entry is not None and entry.gone is None
            repeated = known and entry is not None and entry.requeued_by == each.request_id
            expected = DeadStatus.DONE if repeated else _dead_status(entry)
            self._ledger.holds(
                answer is expected, "RET-4", f"requeue answered {answer.value}", each.id
            )
            if entry is not None and answer is DeadStatus.DONE and not repeated:
                entry.requeued_by = each.request_id
                entry.requeued += 1
                entry.retries = entry.snoozes = 0
                entry.finished_at = entry.reason = None
                entry.revived_at = time
                self._ledger.reschedule(entry, entry.scheduled_at)
                self._trace.add("storage", "requeued", each.id, f"by {self._ledger.sender}")

    def deleted(self, ids: Sequence[UUID], answers: Sequence[DeadStatus]) -> None:
        """Be told of dead jobs that were to be removed."""
        for job_id, answer in zip(ids, answers, strict=True):
            entry = self._ledger.entries.get(job_id)
            expected = _dead_status(entry)
            self._ledger.holds(
                answer is expected, "RET-4", f"delete answered {answer.value}", job_id
            )
            if entry is not None and answer is DeadStatus.DONE:
                entry.gone = "deleted"
                self._trace.add("storage", "deleted", job_id)

    def pruned(self, gone: Sequence[UUID], count: int, before: int) -> None:
        """Be told of what a prune removed (clauses KEP-1, OBS-5)."""
        self._ledger.holds(len(gone) == count, "OBS-5", f"{count} pruned, {len(gone)} gone", *gone)
        for job_id in gone:
            entry = self._ledger.entries[job_id]
            kept_long = entry.finished_at is not None and entry.finished_at <= before
            over = entry.state in (JobState.COMPLETED, JobState.CANCELLED)
            self._ledger.holds(
                kept_long and over, "KEP-1", f"pruned while {entry.state.value}", job_id
            )
            entry.gone = "pruned"
            self._trace.add("storage", "pruned", job_id)

    def prunable(self) -> list[UUID]:
        """Give the jobs that a prune may remove."""
        return [
            entry.id
            for entry in self._ledger.entries.values()
            if entry.gone is None and entry.state in (JobState.COMPLETED, JobState.CANCELLED)
        ]


def _cancel_status(entry: Entry | None, wanted: Cancellation) -> CancelStatus:
    if entry is None or entry.gone is not None:
        return CancelStatus.NOT_LIVE
    if entry.state is JobState.RUNNING:
        return CancelStatus.RUNNING
    if entry.state is JobState.CANCELLED and entry.cancelled_by == wanted.request_id:
        return CancelStatus.CANCELLED
    if entry.state is not JobState.SCHEDULED:
        return CancelStatus.NOT_LIVE
    if wanted.token is not None and wanted.token != entry.token:
        return CancelStatus.CHANGED
    return CancelStatus.CANCELLED


def _dead_status(entry: Entry | None) -> DeadStatus:
    if entry is None or entry.gone is not None:
        return DeadStatus.NOT_FOUND
    return DeadStatus.DONE if entry.state is JobState.DEAD else DeadStatus.NOT_DEAD
