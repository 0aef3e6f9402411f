"""Faults planted in the core and in the memory backend, for the simulation to find."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pkgutil import resolve_name
from typing import Any
from unittest import mock

from attrs import evolve, frozen

from aide_de_camp.spi import (
    CancelResult,
    CancelStatus,
    DeadReason,
    EnqueueResult,
    JobState,
    SettleKind,
    StorageUnavailable,
)

Replace = Callable[[Any], Any]


@frozen
class Planted:
    """A fault: what is replaced, by what, and what must be found of it.

    Attributes:
        target: the dotted name of what is replaced.
        replace: from what stands there to what is to stand there.
        clauses: what is found is one of these.
    """

    target: str
    replace: Replace
    clauses: frozenset[str]

    @contextmanager
    def there(self) -> Iterator[None]:
        """Have it there during the block."""
        with mock.patch(self.target, self.replace(resolve_name(self.target))):
            yield


PLANTED: dict[str, Planted] = {}


def planted(target: str, *clauses: str) -> Callable[[Replace], Replace]:
    def add(replace: Replace) -> Replace:
        PLANTED[replace.__name__] = Planted(target, replace, frozenset(clauses))
        return replace

    return add


CORE = "aide_de_camp"
MEMORY = "aide_de_camp_backends.memory.jobs.Jobs"


@planted(f"{MEMORY}.settle", "LEA-3")
def a_settle_without_a_token(original):
    def settle(self, settlement, now):
        job = self.by_id.get(settlement.id)
        if job is not None and job.state is JobState.RUNNING:
            settlement = evolve(settlement, token=job.token)
        return original(self, settlement, now)

    return settle


@planted(f"{MEMORY}.settle", "RET-1", "OBS-1")
def a_retry_counted_twice_where_its_reply_was_lost(original):
    def settle(self, settlement, now):
        job = self.by_id.get(settlement.id)
        if job is not None and (settlement.token, SettleKind.RETRY) in job.settled:
            job.retries += 1
        return original(self, settlement, now)

    return settle


@planted(f"{MEMORY}.held_under", "LIV-4", "PRI-2")
def a_claim_repeated_hands_out_other_jobs(original):
    return lambda self, request_id: ()


@planted(f"{CORE}.runner.claims.Claims.finish", "LIV-1")
def a_claim_answered_after_a_stop_is_not_given_back(original):
    async def finish(self):
        return

    return finish


@planted(f"{CORE}.runner.claims.Claims._still_unanswered", "LIV-4")
def a_claim_whose_reply_was_lost_is_forgotten(original):
    return lambda self: None


@planted(f"{CORE}.runner.heartbeat.Pulse.beat", "LEA-5", "LEA-6")
def a_heartbeat_that_stops_after_one_failure(original):
    async def beat(self, storage, clock):
        if hasattr(self.held, "failed"):
            return
        try:
            await original(self, storage, clock)
        except BaseException:
            self.held.failed = True
            raise

    return beat


@planted(f"{CORE}.runner.heartbeat.Pulse.complain", "LEA-5", "LEA-6")
def a_heartbeat_that_ends_with_a_failure(original):
    def complain(self, error):
        raise error

    return complain


@planted(f"{CORE}.runner.settler.Settler._send", "LIV-2", "LIV-1", "OBS-5")
def a_settler_that_drops_what_it_cannot_store_at_once(original):
    async def send(self, batch):
        outcomes = [outcome for _, outcome in batch]
        try:
            results = await self._session.storage.settle(self._session.queue, outcomes, now=None)
        except StorageUnavailable:
            return
        self._settled(batch, results)

    return send


@planted(f"{CORE}.cancelling._cancel", "CAN-1", "CAN-8")
def a_cancel_told_true_where_it_failed(original):
    async def cancel(session, wanted, job_type=None):
        try:
            return await original(session, wanted, job_type)
        except StorageUnavailable:
            return CancelResult(CancelStatus.CANCELLED)

    return cancel


@planted(f"{CORE}.runner.work.Work._lose", "LEA-6")
def a_handler_goes_on_after_its_lease_was_lost(original):
    return lambda self, job_id: None


@planted(f"{CORE}.runner.work.Work._rest_after", "LIV-2")
def a_runner_that_ends_where_it_cannot_claim(original):
    async def rest_after(self, error, failures):
        raise error

    return rest_after


@planted(f"{CORE}.storing.Storing._send", "ENQ-1", "ENQ-8")
def a_schedule_acknowledged_where_it_failed(original):
    async def send(self, jobs):
        try:
            return await original(self, jobs)
        except StorageUnavailable:
            return [EnqueueResult.STORED for _ in jobs]

    return send


@planted(f"{CORE}.runner.slots.as_undecodable", "DEC-2")
def a_retry_used_for_what_cannot_be_decoded(original):
    from aide_de_camp.settling import as_failed

    return lambda job, job_type, error: as_failed(job, job_type, error, DeadReason.DECODE)


@planted(f"{CORE}.runner.work.Work.release", "LIV-1")
def what_outlives_the_shutdown_is_not_given_back(original):
    return lambda self: None


@planted(f"{CORE}.runner.slots.Slots.feed", "PRI-7")
def a_job_begun_twice_under_one_claim(original):
    def feed(self, attempt):
        original(self, attempt)
        original(self, attempt)

    return feed


@planted(f"{CORE}.runner.telling.end_event", "OBS-5")
def an_event_that_says_completed_whatever_happened(original):
    def end_event(queue, job, outcome, result, **more):
        return original(queue, job, evolve(outcome, kind=SettleKind.COMPLETED), result, **more)

    return end_event


@planted(f"{CORE}.repeats.Repeats._remember", "LIV-4")
def the_name_of_a_request_in_doubt_is_forgotten(original):
    return lambda self, verb, request_id, job_id: None


@planted(f"{CORE}.runner.work.Work.stop", "LIV-1")
def a_stop_that_is_not_heeded(original):
    return lambda self: None
