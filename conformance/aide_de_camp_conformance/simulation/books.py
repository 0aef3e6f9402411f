"""What callers were told, held against what the storage did (clauses LIV-4, CAN-8, OBS-5)."""

from __future__ import annotations

from collections import Counter
from uuid import UUID

from aide_de_camp.spi import DeadReason, Event, EventKind, JobState, SettleKind
from aide_de_camp_conformance.simulation.entry import Entry
from aide_de_camp_conformance.simulation.ledger import Ledger
from aide_de_camp_conformance.simulation.verdict import Broken

_ENDS = {
    EventKind.COMPLETED: SettleKind.COMPLETED,
    EventKind.RETRIED: SettleKind.RETRY,
    EventKind.SNOOZED: SettleKind.SNOOZED,
    EventKind.RELEASED: SettleKind.RELEASED,
    EventKind.DEAD: SettleKind.DEAD,
    EventKind.CANCELLED: SettleKind.CANCELLED,
}


class Books:
    """Keeps what was told to whom.

    Args:
        ledger: what the storage did.

    Attributes:
        doubtful: jobs of which some caller doesn't know what became of a call.
        by_hand: the numbers of home lanes in which jobs are driven by hand.
        silent: the numbers of home lanes that may have had no time to tell of an end.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._acknowledged: set[UUID] = set()
        self._cancels: Counter[UUID] = Counter()
        self._requeues: Counter[UUID] = Counter()
        self._events: Counter[tuple[UUID, SettleKind, int]] = Counter()
        self.doubtful: set[UUID] = set()
        self.by_hand: set[int] = set()
        self.silent: set[int] = set()

    # --- told at once ---------------------------------------------------------------------------

    def acknowledged(self, job_id: UUID) -> None:
        """Be told that a caller was given a job's id."""
        self._acknowledged.add(job_id)
        self._hold(job_id in self._ledger.entries, "ENQ-1", "acknowledged and not stored", job_id)

    def refused(self, job_id: UUID) -> None:
        """Be told that a caller learnt that its job isn't stored."""
        self._hold(job_id not in self._ledger.entries, "ENQ-8", "stored, and told not", job_id)

    def cancelled(self, job_id: UUID) -> None:
        """Be told that a caller was told that its cancel won."""
        self._cancels[job_id] += 1
        entry = self._entry(job_id)
        self._hold(
            entry.gone is not None
            or (entry.followed and entry.cancels > 0)
            or (entry.state is JobState.CANCELLED and entry.cancelled_by is not None),
            "CAN-1",
            f"told cancelled, and it is {entry.state.value}",
            job_id,
        )

    def running(self, job_id: UUID, since: float) -> None:
        """Be told that a caller, who asked at a time, was told that the job runs."""
        entry = self._entry(job_id)
        ran = entry.state is JobState.RUNNING or entry.ran_until >= since
        self._hold(ran, "CAN-2", "told running, and it wasn't", job_id)

    def not_live(self, job_id: UUID, since: float) -> None:
        """Be told that a caller, who asked at a time, was told that there is no such live job."""
        entry = self._ledger.entries.get(job_id)
        was_live = entry is not None and entry.live and entry.revived_at < since
        self._hold(not was_live, "CAN-3", "told not live, and it was", job_id)

    def requeued(self, job_id: UUID) -> None:
        """Be told that a caller was told that its requeue was done."""
        self._requeues[job_id] += 1
        told, done = self._requeues[job_id], self._entry(job_id).requeued
        self._hold(told <= done, "RET-4", f"told requeued {told} times, was {done} times", job_id)

    def deleted(self, job_id: UUID) -> None:
        """Be told that a caller was told that its deletion was done."""
        self._hold(
            self._entry(job_id).gone == "deleted", "RET-4", "told deleted, and is there", job_id
        )

    def settled(self, job_id: UUID, token: int, kind: SettleKind | None) -> None:
        """Be told that whoever drove a job by hand was told how it ended; None is a lost lease."""
        entry = self._entry(job_id)
        applied = entry.applied.get(token)
        done = None if applied is None or (kind is None and entry.forgotten) else applied[0]
        self._hold(done is kind, "LIV-4", f"told it ended {kind}, and it ended {done}", job_id)

    def event(self, event: Event, job_id: UUID, home: int) -> None:
        """Be told of an event about a job, and of the lane that told of it."""
        ends = _ENDS.get(event.kind)
        if event.reason == DeadReason.LEASE:
            entry = self._entry(job_id)
            self._hold(bool(entry.lost), "OBS-5", f"{event.kind}, and no lease was lost", job_id)
        elif ends is not None:
            self._events[job_id, ends, home] += 1

    # --- at the end -----------------------------------------------------------------------------

    def close(self) -> None:
        """Judge what can be judged at the end alone."""
        for job_id in self._acknowledged:
            entry = self._entry(job_id)
            self._hold(not entry.live, "OBS-5", "it never came to an end", job_id)
        for entry in self._ledger.entries.values():
            self._judge_cancels(entry)
            self._judge_events(entry)

    def _judge_cancels(self, entry: Entry) -> None:
        told, done = self._cancels[entry.id], entry.cancels
        self._hold(told <= done, "CAN-8", f"{told} cancels won, {done} took effect", entry.id)
        self._hold(
            told == done or entry.id in self.doubtful or entry.canceller in self.silent,
            "LIV-4",
            "a cancel took effect, and nobody was told",
            entry.id,
        )

    def _judge_events(self, entry: Entry) -> None:
        done = Counter((kind, home) for kind, home in entry.applied.values())
        told: Counter[tuple[SettleKind, int]] = Counter()
        for (job_id, kind, home), number in self._events.items():
            if job_id == entry.id:
                told[kind, home] += number
        for (kind, home), number in told.items():
            if kind is SettleKind.CANCELLED and entry.cancels:
                continue
            self._hold(
                number <= done[kind, home],
                "OBS-5",
                f"{number} events say {kind.value}, {done[kind, home]} took effect",
                entry.id,
            )
        for (kind, home), number in done.items():
            # By hand: what a claim took whose caller gave up goes back without a word; and whose
            # poll met what can't be decoded, and then no storage, isn't told of that job.
            unheard = kind is SettleKind.RELEASED or entry.rotten
            quiet = unheard and home in self.by_hand
            excused = quiet or home in self.silent or entry.id in self.doubtful or entry.forgotten
            self._hold(
                told[kind, home] == number or excused,
                "OBS-5",
                f"it ended {kind.value} {number} times in lane {home}, and "
                f"{told[kind, home]} events say so",
                entry.id,
            )

    def _entry(self, job_id: UUID) -> Entry:
        entry = self._ledger.entries.get(job_id)
        if entry is None:
            raise Broken("OBS-5", "told of a job that never was", job_id)
        return entry

    def _hold(self, claim: object, clause: str, what: str, job_id: UUID) -> None:
        self._ledger.holds(claim, clause, what, job_id)
