"""A storage driven beside the model: after every step both must say the same of everything."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from attrs import evolve
from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from aide_de_camp.spi import (
    Cancellation,
    ClaimRequest,
    CountFilter,
    ErrorRecord,
    JobFilter,
    JobState,
    Lease,
    Requeue,
    RetryLimits,
    SettleKind,
    Settlement,
)
from aide_de_camp_conformance.expect import same
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.model import strategies as some
from aide_de_camp_conformance.model.comparing import same_jobs
from aide_de_camp_conformance.model.driven import QUEUE, Driven, pick


class StorageMachine(Driven):
    """One run; :func:`machine_of` says against which storage."""

    # --- scheduling and claiming --------------------------------------------------------------

    @initialize(drafts=st.lists(some.drafts, min_size=2, max_size=6))
    def begin(self, drafts: list[some.Draft]) -> None:
        """Begin with some jobs, so that there is an order to look at."""
        self.enqueue(drafts, 0)

    @rule(drafts=st.lists(some.drafts, min_size=1, max_size=4), again=st.integers(0, 3))
    def enqueue(self, drafts: list[some.Draft], again: int) -> None:
        """Store jobs, at times under an id that is known."""
        if again == 1 and len(self.known) > 1:
            drafts = [evolve(drafts[0], id=self.known[-1]), *drafts]
        jobs = [draft.job(self.model.now) for draft in drafts]
        self.model.at(self.clock)
        given = self._do(self.storage.enqueue(QUEUE, jobs, now=self.clock))
        same(list(given), self.model.enqueue(jobs), "what enqueue answered")
        self.known += [job.id for job in jobs if job.id not in self.known]

    @rule(types=some.types, limit=st.integers(1, 4), lease=some.leases, limits=some.retry_limits)
    def claim(
        self, types: tuple[str, ...] | None, limit: int, lease: int, limits: RetryLimits
    ) -> None:
        """Claim."""
        self._claim(ClaimRequest(types, limit, lease, limits, "model", self._request()))

    @precondition(lambda self: self.claims)
    @rule(which=some.picks, verb=st.sampled_from(("claim", "cancel", "requeue")))
    def again(self, which: int, verb: str) -> None:
        """Repeat a call by its request, as after a lost reply (clause LIV-4)."""
        if verb == "cancel" and self.cancellations:
            self._cancel(pick(self.cancellations, which))
        elif verb == "requeue" and self.requeues:
            self._requeue([pick(self.requeues, which)])
        else:
            self._claim(pick(self.claims, which))

    def _claim(self, request: ClaimRequest) -> None:
        self.model.at(self.clock)
        expired = [job.id for job in self.model.expired()]
        given = self._do(self.storage.claim(QUEUE, request, now=self.clock))
        tokens = {job.id: job.token for job in given.jobs}
        expected = self.model.claim(request, tokens)
        same_jobs(list(given.jobs), expected, "a claim")
        same(given.now, self.model.now, "the present that a claim told")
        taken_back = {each.id for each in given.reaped}
        states = {each.id: each.state for each in given.reaped}
        now_running = {job.id for job in expected}
        for job_id in taken_back - now_running:
            same(states[job_id], self.model.jobs[job_id].state, "what became of a lost lease")
        still = {job.id for job in self.model.expired()}
        same(sorted(taken_back), sorted(set(expired) - still), "the leases that were taken back")
        due = self.model.next_due(request.types)
        if given.next_due is not None:
            assert len(given.jobs) < request.limit, "a claim that found enough told of the next"
            assert due is None or given.next_due <= due, "the next is due before a claim says"
        if len(expected) > 1:
            event("a claim had an order to keep")
        self.claims.append(request)
        self.leases += [Lease(job.id, job.token) for job in given.jobs]

    # --- what is done with a lease ------------------------------------------------------------

    @rule(which=some.several_picks, held=some.mostly, length=some.leases)
    def extend(self, *, which: list[int], held: bool, length: int) -> None:
        """Extend leases, lost ones among them."""
        leases = self._some_leases(which, held=held)
        self.model.at(self.clock)
        given = self._do(self.storage.extend(QUEUE, leases, length, now=self.clock))
        same(list(given), [self.model.extend(each, length) for each in leases], "extensions")

    @rule(
        which=some.several_picks,
        held=some.mostly,
        kind=some.kinds,
        delay=some.delays,
        reason=some.reasons,
        error=some.errors,
    )
    def settle(
        self,
        *,
        which: list[int],
        held: bool,
        kind: SettleKind,
        delay: int,
        reason: str,
        error: ErrorRecord | None,
    ) -> None:
        """End attempts, some again, some that were lost; all but the first by another kind."""
        kinds = [kind, *SettleKind]
        ends = [
            Settlement(
                lease.id,
                lease.token,
                kinds[turn],
                delay=delay if kinds[turn] in (SettleKind.RETRY, SettleKind.SNOOZED) else 0,
                reason=reason if kinds[turn] in (SettleKind.DEAD, SettleKind.CANCELLED) else None,
                error=error,
            )
            for turn, lease in enumerate(self._some_leases(which, held=held))
        ]
        self._settle(ends)

    def _settle(self, ends: list[Settlement]) -> None:
        self.model.at(self.clock)
        given = self._do(self.storage.settle(QUEUE, ends, now=self.clock))
        expected = [self.model.settle(each) for each in ends]
        same(list(given), expected, "what settlements answered")

    @rule(kind=some.kinds, delay=some.delays, limits=some.retry_limits, error=some.errors)
    def work(
        self, kind: SettleKind, delay: int, limits: RetryLimits, error: ErrorRecord | None
    ) -> None:
        """Claim one job of any type and end it, as a worker does."""
        self.claim(None, 1, some.SECOND, limits)
        self.settle(which=[0], held=True, kind=kind, delay=delay, reason="why", error=error)

    @rule(
        kind=some.kinds,
        types=some.types,
        limits=some.retry_limits,
        theirs=some.retry_limits,
        by=st.sampled_from(("claim", "claim", "reap")),
    )
    def overtake(
        self,
        *,
        kind: SettleKind,
        types: tuple[str, ...] | None,
        limits: RetryLimits,
        theirs: RetryLimits,
        by: str,
    ) -> None:
        """Let a lease end to the microsecond, have it taken back, and then settle under it."""
        self.claim(None, 1, some.SECOND, limits)
        ends = [job.lease_until for job in self._jobs() if job.lease_until is not None]
        self.clock = max(self.clock, min(ends, default=0))
        lease = self.leases[-1]
        if by == "claim":
            self.claim(types, 2, some.SECOND, theirs)
        else:
            self.reap(2)
        self._learn()
        self._settle([Settlement(lease.id, lease.token, kind)])

    @rule(
        error=some.errors,
        reason=some.reasons,
        then=st.lists(
            st.sampled_from(("requeue", "again", "delete", "hold", "unhold")),
            min_size=1,
            max_size=3,
        ),
    )
    def bury(self, error: ErrorRecord | None, reason: str, then: list[str]) -> None:
        """Have a job end in the dead queue, and see what can be done about it."""
        self.claim(None, 1, some.HOUR, RetryLimits())
        lease = self.leases[-1]
        self._settle(
            [Settlement(lease.id, lease.token, SettleKind.DEAD, reason=reason, error=error)]
        )
        for each in then:
            if each == "requeue":
                self._requeue([Requeue(lease.id, self._request())])
            elif each == "again" and self.requeues:
                self._requeue(self.requeues[-1:])
            elif each == "delete":
                self._delete([lease.id])
            elif each == "hold" and self.moves:
                self._hold([lease.id])
            elif each == "unhold" and self.moves:
                self._unhold([lease.id])

    # --- cancelling, and the dead -------------------------------------------------------------

    @rule(
        which=some.picks,
        first=some.wishes,
        guard=st.sampled_from(("none", "none", "right", "wrong")),
    )
    def cancel(self, which: int, first: JobState, guard: str) -> None:
        """Cancel a job, in any state, guarded by its token or not."""
        (job_id,) = self._some_ids([which], first)
        job = self.model.jobs.get(job_id)
        token = None if guard == "none" or job is None else job.token + (guard == "wrong")
        self._cancel(Cancellation(job_id, self._request(), token))

    def _cancel(self, wanted: Cancellation) -> None:
        self.model.at(self.clock)
        (given,) = self._do(self.storage.cancel(QUEUE, [wanted], now=self.clock))
        same(given, self.model.cancel(wanted), "what a cancellation answered")
        self.cancellations.append(wanted)

    @rule(which=some.several_picks, first=some.wishes)
    def requeue(self, which: list[int], first: JobState) -> None:
        """Requeue jobs, dead ones or others."""
        ids = self._some_ids(which, first)
        self._requeue([Requeue(job_id, self._request()) for job_id in ids])

    def _requeue(self, wanted: list[Requeue]) -> None:
        self.model.at(self.clock)
        given = self._do(self.storage.requeue(QUEUE, wanted, now=self.clock))
        same(list(given), [self.model.requeue(each) for each in wanted], "what requeue answered")
        self.requeues += wanted

    @rule(which=some.several_picks, first=some.wishes)
    def delete(self, which: list[int], first: JobState) -> None:
        """Delete jobs, dead ones or others."""
        self._delete(self._some_ids(which, first))

    def _delete(self, ids: list[UUID]) -> None:
        given = self._do(self.storage.delete(QUEUE, ids))
        same(list(given), [self.model.delete(each) for each in ids], "what delete answered")

    # --- time, and what it brings -------------------------------------------------------------

    @rule(to=st.one_of(some.landmarks, some.landmarks, some.moves))
    def move_clock(self, to: str | int) -> None:
        """Move the clock: to the microsecond at which something happens, before it, or back."""
        if isinstance(to, int):
            self.clock += to
            return
        ends = [job.lease_until for job in self._jobs() if job.lease_until is not None]
        dues = [job.scheduled_at for job in self._jobs() if job.state is JobState.SCHEDULED]
        ahead = [each for each in (ends if "lease" in to else dues) if each > self.model.now]
        near = [each for each in ahead if each < some.START + 1_000 * some.HOUR]
        self.clock = min(near) - ("before" in to) if near else self.clock + 1

    @rule(limit=st.integers(1, 3))
    def reap(self, limit: int) -> None:
        """Take expired leases back."""
        self.model.at(self.clock)
        given = self._do(self.storage.reap(QUEUE, limit, now=self.clock))
        fair = self.model.reap(limit, [each.id for each in given])
        assert fair, f"the reaper took back {[each.id for each in given]}"
        for each in given:
            same(each.state, self.model.jobs[each.id].state, "what became of a lost lease")

    @rule(keep=st.sampled_from((0, 1, some.SECOND)), limit=st.integers(1, 3))
    def prune(self, keep: int, limit: int) -> None:
        """Remove old jobs; which of them is seen by what isn't there any more."""
        self.model.at(self.clock)
        given = self._do(self.storage.prune(QUEUE, keep, limit, now=self.clock))
        there = {record.id for record in self._get() if record is not None}
        gone = self.model.jobs.keys() - there
        same(given, len(gone), "how many a pruning said that it removed")
        same(self.model.prune(keep, limit, gone), len(gone), "how many jobs a pruning removed")

    @rule()
    def reopen(self) -> None:
        """Close the storage and open another on the same place; the clock has caught up."""
        self.clock = max(self.clock, self.model.now)
        self._do(self.storage.close())
        self.storage = self._opener()
        self._do(self.storage.open())

    # --- moving -------------------------------------------------------------------------------

    @precondition(lambda self: self.moves)
    @rule(
        which=some.several_picks,
        first=some.wishes,
        verb=st.sampled_from(("hold", "unhold", "discard", "import")),
    )
    def move(self, which: list[int], first: JobState, verb: str) -> None:
        """Hold jobs in any state, put them back, discard them, or bring one back."""
        if verb == "import" and self.records:
            record = pick(self.records, which[0])
            stored = self._do(self.storage.import_jobs(QUEUE, [record]))
            same(list(stored), self.model.import_jobs([record]), "what an import answered")
            return
        ids = self._some_ids(which, first if verb == "hold" else JobState.HELD)
        if verb == "unhold":
            self._unhold(ids)
        elif verb == "discard":
            given = self._do(self.storage.discard(QUEUE, ids))
            same(list(given), [self.model.discard(each) for each in ids], "what discard answered")
        else:
            self._hold(ids)

    def _unhold(self, ids: list[UUID]) -> None:
        self.model.at(self.clock)
        given = self._do(self.storage.unhold(QUEUE, ids, now=self.clock))
        same(list(given), [self.model.unhold(each) for each in ids], "what unhold answered")

    def _hold(self, ids: list[UUID]) -> None:
        given = self._do(self.storage.hold(QUEUE, ids))
        held = [self.model.hold(job_id) for job_id in ids]
        same_jobs(list(given), [self.shown(job) for job in held], "a hold")
        self.records += [record for record in given if record is not None]

    # --- looking ------------------------------------------------------------------------------

    @rule(
        states=some.states,
        job_types=some.some_types,
        reasons=some.some_reasons,
        field=st.sampled_from(("", "scheduled", "enqueued", "finished")),
        which=some.picks,
        limit=st.sampled_from((1, 2, 1_000)),
        newest_first=st.booleans(),
    )
    def look(
        self,
        *,
        states: frozenset[JobState] | None,
        job_types: frozenset[str] | None,
        reasons: frozenset[str] | None,
        field: str,
        which: int,
        limit: int,
        newest_first: bool,
    ) -> None:
        """List and count by filters, page by page from any id on."""
        where = JobFilter(states=states, job_types=job_types, reasons=reasons)
        rows = self._do(self.storage.count(QUEUE, CountFilter(states, job_types, reasons)))
        same(set(rows), self.model.count(where), "what was counted")
        edge = pick([self.model.now, *(job.scheduled_at for job in self._jobs())], which)
        if field:
            span: dict[str, Any] = {f"{field}_from": edge - some.HOUR, f"{field}_to": edge}
            where = evolve(where, **span)
        after = None if which % 2 else pick(self.known, which)
        given = self._list(where, limit, after, newest_first=newest_first)
        same_jobs(given, self._listed(where, after, newest_first=newest_first), "a listing")
        event(f"a listing of {min(len(given), 3)}")
        if self.model.jobs:
            assert QUEUE in self._do(self.storage.queues()), "the queue isn't named"

    @invariant()
    def agree(self) -> None:
        """Everything that is kept is the same; what is listed and counted too, in turns."""
        given = self._learn()
        found = [self.shown(self.model.jobs.get(job_id)) for job_id in self.known]
        same_jobs(given, found, "what was read")
        self._turn += 1
        everything = JobFilter()
        if self._turn % 2:
            listed = self._list(everything, 1_000, None, newest_first=False)
            same_jobs(listed, self._listed(everything, None, newest_first=False), "a listing")
        else:
            rows = self._do(self.storage.count(QUEUE, CountFilter()))
            same(len(rows), len(set(rows)), "rows of a count, and different ones")
            same(set(rows), self.model.count(everything), "what was counted")


def machine_of(harness: Harness) -> type[StorageMachine]:
    """Make the machine that drives what a harness gives."""
    # A subclass, since Hypothesis makes the instances by itself, without arguments.
    return type("StorageMachine", (StorageMachine,), {"harness": harness})
