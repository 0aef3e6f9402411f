"""What the storage did, call by call, held against the contract by a second reckoning."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from aide_de_camp.spi import (
    SETTLEMENTS_KEPT,
    ClaimedJob,
    ClaimRequest,
    ClaimResult,
    DeadReason,
    EnqueueResult,
    JobState,
    Lease,
    LeaseResult,
    NewJob,
    ReapedJob,
    SettleKind,
    Settlement,
    later,
)
from aide_de_camp_conformance.simulation.entry import PATIENT, Entry
from aide_de_camp_conformance.simulation.lanes import Lane
from aide_de_camp_conformance.simulation.trace import Trace
from aide_de_camp_conformance.simulation.verdict import Broken


class Ledger:
    """Keeps the books of one queue, and refuses what the contract doesn't allow.

    Each method is told of one call in the moment in which it took effect, and raises
    :class:`Broken` where its answer isn't the one that the books give.

    Args:
        time: gives the loop's time.
        trace: is told of every change.

    Attributes:
        entries: every job that was ever stored, by its id.
        running: those that are running.
        scheduled: those that are scheduled.
        sender: the home lane of whoever's call takes effect just now.
        losing: told of each lease that is about to be taken back.
    """

    def __init__(self, time: Callable[[], float], trace: Trace) -> None:
        self._time = time
        self._trace = trace
        self.entries: dict[UUID, Entry] = {}
        self.running: dict[UUID, Entry] = {}
        self.scheduled: dict[UUID, Entry] = {}
        self.sender: Lane | None = None
        self.losing: Callable[[Entry], None] = lambda _entry: None

    @property
    def sender_number(self) -> int:
        """The sender's number; -1 where there is none."""
        return -1 if self.sender is None else self.sender.number

    @property
    def live(self) -> int:
        """How many jobs are scheduled or running."""
        return len(self.running) + len(self.scheduled)

    def holds(self, claim: object, clause: str, what: str, *jobs: UUID) -> None:
        """Insist on something."""
        if not claim:
            raise Broken(clause, what, *jobs)

    # --- scheduling ---------------------------------------------------------------------------

    def enqueued(self, jobs: Sequence[NewJob], answers: Sequence[EnqueueResult], now: int) -> None:
        """Be told of an enqueue."""
        for job, answer in zip(jobs, answers, strict=True):
            entry = self.entries.get(job.id)
            known = entry is not None and entry.gone is None
            expected = EnqueueResult.EXISTS if known else EnqueueResult.STORED
            self.holds(answer is expected, "ENQ-8", f"enqueue answered {answer.value}", job.id)
            if known:
                continue
            due = later(now, job.delay) if job.scheduled_at is None else job.scheduled_at
            before, entry = entry, Entry(job, due, now, self._time())
            if before is not None:
                entry.follow(before)
            self.entries[job.id] = self.scheduled[job.id] = entry
            self._trace.add("storage", "stored", job.id, job.job_type, job.priority)

    # --- claiming -----------------------------------------------------------------------------

    def claimed(self, request: ClaimRequest, answer: ClaimResult, now: int) -> None:
        """Be told of a claim."""
        held = [each for each in self.running.values() if each.request_id == request.request_id]
        if held:
            same = {each.id: each.token for each in held}
            self.holds(
                {job.id: job.token for job in answer.jobs} == same,
                "LIV-4",
                "a claim was repeated and answered otherwise",
                *same,
            )
            self._trace.add("storage", f"claim of {len(held)} repeated")
            return
        self.reaped(answer.reaped, now)
        expired = [each.id for each in self.running.values() if each.lease_until <= now]
        self.holds(not expired, "LEA-2", "a claim left expired leases", *expired)
        due = sorted(
            (
                entry
                for entry in self.scheduled.values()
                if entry.scheduled_at <= now
                and (request.types is None or entry.job.job_type in request.types)
            ),
            key=lambda entry: entry.place,
        )[: request.limit]
        given = [job.id for job in answer.jobs]
        wanted = [entry.id for entry in due]
        self.holds(
            given == wanted,
            "PRI-2",
            f"a claim gave {len(given)} jobs that aren't the first {len(wanted)} due, in order",
            *given,
            *wanted,
        )
        for job, entry in zip(answer.jobs, due, strict=True):
            self._leased(entry, job, request, now)

    def _leased(self, entry: Entry, job: ClaimedJob, request: ClaimRequest, now: int) -> None:
        own = entry.job.max_retries
        limit = request.retry_limits.of(entry.job.job_type) if own is None else own
        self.holds(job.token > entry.token, "LEA-3", "a token didn't grow", job.id)
        self.holds(
            job.retries == entry.retries and job.max_retries == limit,
            "RET-1",
            f"claimed with {job.retries} retries of {job.max_retries}, where {entry.retries} of "
            f"{limit} were used",
            job.id,
        )
        self.holds(
            (job.claims, job.snoozes) == (entry.claims + 1, entry.snoozes),
            "OBS-1",
            f"claimed with {job.claims} claims and {job.snoozes} snoozes",
            job.id,
        )
        self.holds(
            (job.payload, job.codec) == (entry.job.payload, entry.job.codec),
            "ENQ-2",
            "the payload isn't what was scheduled",
            job.id,
        )
        entry.token, entry.claims, entry.limit = job.token, job.claims, limit
        entry.lease_until = now + request.lease
        entry.contact[job.token] = self._time()
        entry.holder = self.sender
        entry.worker, entry.request_id = request.worker, request.request_id
        entry.state = JobState.RUNNING
        self.running[job.id] = self.scheduled.pop(job.id)
        self._trace.add(
            "storage", "claimed", job.id, f"by {self.sender}", f"attempt {job.claims}", job.token
        )

    def extended(
        self, leases: Sequence[Lease], answers: Sequence[LeaseResult], length: int, now: int
    ) -> None:
        """Be told of leases that were presented for extension."""
        for lease, answer in zip(leases, answers, strict=True):
            entry = self.running.get(lease.id)
            valid = entry is not None and entry.token == lease.token
            expected = LeaseResult.APPLIED if valid else LeaseResult.LOST
            self.holds(answer is expected, "LEA-3", f"extend answered {answer.value}", lease.id)
            if entry is not None and valid:
                entry.lease_until = max(entry.lease_until, now + length)
                entry.contact[entry.token] = self._time()

    def reaped(self, jobs: Sequence[ReapedJob], now: int) -> None:
        """Be told of leases that were taken back."""
        for job in jobs:
            entry = self.running.get(job.id)
            if entry is None or entry.lease_until > now:
                raise Broken("LEA-2", "a lease was taken back that hadn't expired", job.id)
            self.losing(entry)
            entry.lost[entry.token] = self._time()
            entry.token += 1
            if entry.retries < entry.limit:
                entry.retries += 1
                self.reschedule(entry, entry.scheduled_at)
            else:
                self.finish(entry, JobState.DEAD, now, DeadReason.LEASE)
            self.holds(
                job.state is entry.state, "RET-8", f"a lost lease made it {job.state}", job.id
            )
            self._trace.add("storage", "lease taken back", job.id, entry.state.value)

    # --- settling -----------------------------------------------------------------------------

    def settled(
        self, settlements: Sequence[Settlement], answers: Sequence[LeaseResult], now: int
    ) -> None:
        """Be told of outcomes that were presented."""
        for each, answer in zip(settlements, answers, strict=True):
            entry = self.entries.get(each.id)
            if entry is None:
                raise Broken("OBS-5", "an outcome of a job that never was", each.id)
            repeated = entry.gone is None and (each.token, each.kind) in entry.settled
            valid = entry.state is JobState.RUNNING and entry.token == each.token
            expected = LeaseResult.APPLIED if repeated or valid else LeaseResult.LOST
            self.holds(answer is expected, "LEA-3", f"settle answered {answer.value}", each.id)
            if expected is LeaseResult.LOST and each.token in entry.applied:
                # Storages keep the last settlements of a job alone.
                entry.forgotten = True
            if valid and not repeated:
                kept = entry.settled[: SETTLEMENTS_KEPT - 1]
                entry.settled = ((each.token, each.kind), *kept)
                entry.applied[each.token] = (each.kind, self.sender_number)
                self._apply(entry, each, now)
            word = "repeated" if repeated else answer.value
            what = f"settle {each.kind.value}"
            self._trace.add("storage", what, each.id, f"by {self.sender}", each.token, word)

    def _apply(self, entry: Entry, outcome: Settlement, now: int) -> None:
        done = (SettleKind.COMPLETED, SettleKind.SNOOZED, SettleKind.CANCELLED)
        decode = outcome.kind is SettleKind.DEAD and outcome.reason == DeadReason.DECODE
        retried = outcome.kind is SettleKind.RETRY and entry.job.job_type != PATIENT
        self.holds(
            not (entry.rotten and retried),
            "DEC-2",
            "a retry was used for a payload that can't be decoded",
            entry.id,
        )
        self.holds(
            not (entry.rotten and outcome.kind in done) and not (decode and not entry.rotten),
            "DEC-1",
            f"it ended {outcome.kind.value}, and its payload can{'not' * entry.rotten} be decoded",
            entry.id,
        )
        match outcome.kind:
            case SettleKind.RETRY:
                self.holds(
                    entry.retries < entry.limit, "RET-2", "retried with no retry left", entry.id
                )
                entry.retries += 1
                self.reschedule(entry, later(now, outcome.delay))
            case SettleKind.SNOOZED:
                entry.snoozes += 1
                self.reschedule(entry, later(now, outcome.delay))
            case SettleKind.RELEASED:
                self.reschedule(entry, entry.scheduled_at)
            case SettleKind.COMPLETED:
                self.finish(entry, JobState.COMPLETED, now)
            case SettleKind.CANCELLED:
                self.finish(entry, JobState.CANCELLED, now, outcome.reason)
            case SettleKind.DEAD:
                early = entry.retries < entry.limit
                self.holds(
                    not (early and outcome.reason in (DeadReason.FAILED, DeadReason.TIMEOUT)),
                    "RET-2",
                    f"dead, reason {outcome.reason}, with {entry.retries} of {entry.limit} retries",
                    entry.id,
                )
                self.finish(entry, JobState.DEAD, now, outcome.reason)

    # --- from one state to another --------------------------------------------------------------

    def reschedule(self, entry: Entry, scheduled_at: int) -> None:
        """Put a job back to scheduled."""
        if self.running.pop(entry.id, None) is not None:
            entry.ran_until = self._time()
        entry.state, entry.scheduled_at, entry.request_id = JobState.SCHEDULED, scheduled_at, None
        self.scheduled[entry.id] = entry

    def finish(self, entry: Entry, state: JobState, now: int, reason: str | None = None) -> None:
        """End a job."""
        self.scheduled.pop(entry.id, None)
        if self.running.pop(entry.id, None) is not None:
            entry.ran_until = self._time()
        entry.state, entry.finished_at, entry.reason = state, now, reason
        entry.request_id = None
