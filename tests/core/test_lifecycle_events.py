"""What extensions are told of jobs that are scheduled and ended without a runner (OBS-5)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from aide_de_camp import (
    CapabilityNotSupported,
    ConstantBackoff,
    EventKind,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    LeaseLost,
    ManualClock,
    Registry,
    Snooze,
    StorageUnavailable,
    new_job_id,
    open_queue,
)
from aide_de_camp.outcomes import Cancel
from aide_de_camp.spi import EnqueueResult, LeaseResult, hookimpl

SECOND = timedelta(seconds=1)
TEXT = JobType("text", str, max_retries=1, backoff=ConstantBackoff(SECOND))


class Ear:
    def __init__(self):
        self.events = []

    @hookimpl
    def adc_event(self, event):
        self.events.append(event)

    @property
    def kinds(self):
        return [event.kind for event in self.events]


def scenario(steps, **options):
    async def main():
        clock, ear, registry = ManualClock(), Ear(), Registry()
        registry.register(ear)
        async with open_queue("memory://", clock=clock, registry=registry, **options) as queue:
            await steps(queue, clock, ear)

    asyncio.run(main())


ENDS = {
    "completed": (lambda handle: handle.complete(), EventKind.COMPLETED, None),
    "failed": (lambda handle: handle.fail(ValueError("x")), EventKind.RETRIED, "ValueError"),
    "failed without": (lambda handle: handle.fail(), EventKind.RETRIED, None),
    "died": (lambda handle: handle.dead_queue(ValueError("x")), EventKind.DEAD, "failed"),
    "died so": (lambda handle: handle.dead_queue(reason="by hand"), EventKind.DEAD, "by hand"),
    "cancelled": (lambda handle: handle.cancel("no need"), EventKind.CANCELLED, "no need"),
    "released": (lambda handle: handle.release(), EventKind.RELEASED, None),
    "snoozed": (lambda handle: handle.snooze(SECOND), EventKind.SNOOZED, None),
}


@pytest.mark.parametrize("end", ENDS)
def test_each_way_to_end_an_attempt_is_told_once(end):
    act, kind, reason = ENDS[end]

    async def steps(queue, clock, ear):
        job_id = await queue.schedule(TEXT, "hello")
        handle = await queue.poll_next(TEXT)
        clock.advance(3)
        await act(handle)
        await act(handle)  # repeated, as after a lost answer
        assert ear.kinds == [EventKind.SCHEDULED, EventKind.STARTED, kind]
        told = ear.events[-1]
        assert (told.queue, told.job_id, told.job_type) == ("default", job_id, "text")
        assert (told.reason, told.retries, told.worker) == (reason, 0, None)
        assert told.seconds == pytest.approx(3)

    scenario(steps)


def test_the_last_failure_is_told_as_death():
    async def steps(queue, clock, ear):
        await queue.schedule(TEXT, "hello", max_retries=0)
        await (await queue.poll_next(TEXT)).fail(ValueError("x"))
        assert (ear.events[-1].kind, ear.events[-1].reason) == (EventKind.DEAD, "failed")

    scenario(steps)


def test_a_lost_lease_is_told_as_that():
    async def steps(queue, clock, ear):
        await queue.schedule(TEXT, "hello")
        handle = await queue.poll_next(TEXT)
        clock.advance(61)
        successor = await queue.poll_next(TEXT)
        ear.events.clear()
        for _ in range(2):
            with pytest.raises(LeaseLost):
                await handle.complete()
        assert ear.kinds == [EventKind.LEASE_LOST]
        await successor.complete()
        assert ear.kinds == [EventKind.LEASE_LOST, EventKind.COMPLETED]

    scenario(steps)


def test_an_end_that_was_not_stored_is_not_told_until_it_is():
    async def steps(queue, clock, ear):
        await queue.schedule(TEXT, "hello")
        handle = await queue.poll_next(TEXT)
        settle = queue.storage.settle

        async def loses(*args, **kwargs):
            await settle(*args, **kwargs)
            raise StorageUnavailable("gone", outcome_unknown=True)

        queue.storage.settle = loses
        with pytest.raises(StorageUnavailable):
            await handle.complete()
        assert EventKind.COMPLETED not in ear.kinds
        queue.storage.settle = settle
        await handle.complete()
        assert ear.kinds.count(EventKind.COMPLETED) == 1

    scenario(steps)


@pytest.mark.parametrize("verb", ["enqueue", "settle"])
def test_what_takes_effect_is_told_though_its_caller_was_cancelled(verb):
    async def steps(queue, clock, ear):
        await queue.schedule(TEXT, "one")
        handle = await queue.poll_next(TEXT)
        ear.events.clear()
        original, gate, reached = getattr(queue.storage, verb), asyncio.Event(), asyncio.Event()

        async def waits(*args, **kwargs):
            reached.set()
            await gate.wait()
            return await original(*args, **kwargs)

        setattr(queue.storage, verb, waits)
        act = queue.schedule(TEXT, "two") if verb == "enqueue" else handle.complete()
        caller = asyncio.create_task(act)
        await reached.wait()
        caller.cancel()
        with pytest.raises(asyncio.CancelledError):
            await caller
        gate.set()
        await queue.close()
        kind = EventKind.SCHEDULED if verb == "enqueue" else EventKind.COMPLETED
        assert ear.kinds == [kind]

    scenario(steps)


@pytest.mark.parametrize("end", [None, ValueError("x"), Snooze(SECOND), Cancel("why")])
def test_a_runner_and_a_handle_tell_alike(end):
    async def steps(queue, clock, ear):
        router = JobRouter()

        @router.job("text", max_retries=1, backoff=ConstantBackoff(SECOND))
        async def work(payload: str):
            if isinstance(end, Exception):
                raise end
            return end

        await queue.schedule(work, "hello")
        await JobRunner(queue, router).drain()
        theirs = [e for e in ear.events if e.job_id is not None]
        ear.events.clear()
        await queue.schedule(work, "hello")
        handle = await queue.poll_next(work)
        if isinstance(end, Exception):
            await handle.fail(end)
        elif isinstance(end, Snooze):
            await handle.snooze(end.delay)
        elif isinstance(end, Cancel):
            await handle.cancel(end.reason)
        else:
            await handle.complete()

        def shape(events):
            return [(e.kind, e.job_type, e.reason, e.retries, e.count) for e in events]

        assert shape(ear.events) == shape(theirs)

    scenario(steps)


# --- a transaction of one's own -------------------------------------------------------------------


def test_a_job_within_a_transaction_is_stored_and_not_told_of():
    async def steps(queue, clock, ear):
        async def enqueue_in(transaction, name, jobs, *, now):
            transaction.extend(jobs)
            return [EnqueueResult.STORED] * len(jobs)

        queue.storage.enqueue_in = enqueue_in
        rows = []
        ids = [
            await queue.schedule(TEXT, "x", transaction=rows),
            await queue.schedule_in(TEXT, "x", SECOND, transaction=rows),
        ]
        assert [row.id for row in rows] == ids
        assert ear.events == []

    scenario(steps)


@pytest.mark.parametrize("unknown", [True, False])
def test_an_outage_within_a_transaction_carries_the_id(unknown):
    async def steps(queue, clock, ear):
        async def enqueue_in(*args, **kwargs):
            raise StorageUnavailable("gone", outcome_unknown=unknown)

        queue.storage.enqueue_in = enqueue_in
        job_id = new_job_id()
        with pytest.raises(StorageUnavailable) as told:
            await queue.schedule(TEXT, "x", job_id=job_id, transaction=object())
        assert (told.value.job_id, told.value.job_ids) == (job_id, (job_id,))
        assert told.value.outcome_unknown is unknown
        assert isinstance(told.value.__cause__, StorageUnavailable)
        assert ear.events == []

    scenario(steps)


def test_a_backend_without_transactions_refuses_one():
    async def steps(queue, clock, ear):
        with pytest.raises(CapabilityNotSupported):
            await queue.schedule(TEXT, "x", transaction=object())
        assert (await queue.count_jobs()).total == 0

    scenario(steps)


# --- pruning --------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep", [timedelta(0), SECOND, timedelta(seconds=59)])
def test_finished_jobs_are_kept_for_a_minute_at_least(keep):
    """So that a call whose answer was lost, and is repeated, is answered as it was before."""

    async def steps(queue, clock, ear):
        job_id = new_job_id()
        await queue.schedule(TEXT, "x", job_id=job_id)
        handle = await queue.poll_next(TEXT)
        await handle.complete()
        cancelled = await queue.schedule(TEXT, "y")
        await queue.cancel_job(cancelled)
        clock.advance(timedelta(minutes=1) - timedelta(microseconds=1))
        assert await queue.prune() == 0
        await handle.complete()
        await queue.schedule(TEXT, "x", job_id=job_id)
        assert (await queue.get_job(job_id)).state is JobState.COMPLETED
        clock.advance(timedelta(microseconds=1))
        assert await queue.prune() == 2
        assert (await queue.count_jobs()).total == 0

    scenario(steps, keep_finished=keep)


def test_each_step_of_pruning_is_told_also_where_a_later_one_fails():
    async def steps(queue, clock, ear):
        answers = iter([1_000, 1_000, 7])

        async def prune(name, keep, limit, *, now):
            assert limit == 1_000
            return next(answers)

        queue.storage.prune = prune
        assert await queue.prune() == 2_007
        assert [(e.kind, e.count) for e in ear.events] == [
            (EventKind.PRUNED, 1_000),
            (EventKind.PRUNED, 1_000),
            (EventKind.PRUNED, 7),
        ]
        ear.events.clear()
        ends = iter([1_000])

        async def fails(name, keep, limit, *, now):
            for end in ends:
                return end
            raise StorageUnavailable("gone", outcome_unknown=False)

        queue.storage.prune = fails
        with pytest.raises(StorageUnavailable):
            await queue.prune()
        assert [(e.kind, e.count) for e in ear.events] == [(EventKind.PRUNED, 1_000)]

    scenario(steps)


def test_pruning_nothing_tells_nothing():
    async def steps(queue, clock, ear):
        assert await queue.prune() == 0
        assert ear.events == []

    scenario(steps)


def test_lost_is_never_told_as_an_end():
    """Whatever the kind of end: what was refused didn't happen."""

    async def steps(queue, clock, ear):
        async def refuses(name, outcomes, *, now):
            return [LeaseResult.LOST] * len(outcomes)

        settle, queue.storage.settle = queue.storage.settle, refuses
        for act, _, _ in ENDS.values():
            await queue.schedule(TEXT, "x")
            handle = await queue.poll_next(TEXT)
            ear.events.clear()
            with pytest.raises(LeaseLost):
                await act(handle)
            assert [(e.kind, e.reason) for e in ear.events] == [(EventKind.LEASE_LOST, None)]
        queue.storage.settle = settle

    scenario(steps)


def test_schedule_many_tells_of_what_it_stored_and_not_of_what_was_there():
    async def steps(queue, clock, ear):
        ids = [new_job_id() for _ in range(3)]
        await queue.schedule(TEXT, "x", job_id=ids[1])
        await queue.schedule_many([JobRequest(TEXT, "x", job_id=each) for each in ids])
        assert [event.job_id for event in ear.events] == [ids[1], ids[0], ids[2]]

    scenario(steps)
