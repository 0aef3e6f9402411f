"""Peers' reports about cancellation.

Left out, since a running job can't be aborted yet (clause ABT-1): P12 and P13. Of P09, P10, P11
and P14 the part that CAN-2 decides is here: a cancel of a running job changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import pytest

from aide_de_camp import (
    ConstantBackoff,
    EventKind,
    JobAlreadyStarted,
    JobContext,
    JobNotFound,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    LeaseLost,
    ManualClock,
    Queue,
    Snooze,
    new_job_id,
    open_queue,
)

from .conftest import Run
from .support import (
    MINUTE,
    ORDER,
    SECOND,
    Order,
    listening,
    refused,
    state_of,
    take,
)

HOUR = timedelta(hours=1)


# --- P08: ids that aren't live -------------------------------------------------------------------


def test_p08_a_cancel_of_an_unknown_id_leaves_no_standing_order(queue_url: str, run: Run) -> None:
    """CAN-3: no trace stays, so that a job scheduled afterwards with that id runs."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            wanted = new_job_id()
            for _ in range(3):
                assert await refused(queue, wanted) is None
            assert (await queue.count_jobs()).total == 0
            assert await queue.schedule(ORDER, Order(1), job_id=wanted) == wanted
            handle = await take(queue)
            assert handle.id == wanted
            await handle.complete()
            assert await state_of(queue, wanted) is JobState.COMPLETED

    run(scenario())


@pytest.mark.parametrize("end", ["completed", "cancelled", "dead", "cancelled by its handler"])
def test_p08_a_finished_job_is_not_found_and_its_state_is_named(
    queue_url: str, run: Run, end: str
) -> None:
    """CAN-3; and ENQ-8: while the record is kept, the id is taken, afterwards it is a new job."""

    async def scenario() -> None:
        clock = ManualClock()
        async with open_queue(queue_url, clock=clock, keep_finished=MINUTE) as queue:
            wanted = await queue.schedule(ORDER, Order(1))
            if end == "cancelled":
                assert await queue.cancel_job(wanted) is True
            else:
                handle = await take(queue)
                acts = {
                    "completed": handle.complete,
                    "dead": handle.dead_queue,
                    "cancelled by its handler": handle.cancel,
                }
                await acts[end]()
            before = await queue.get_job(wanted)
            assert await refused(queue, wanted) is JobState(end.split(maxsplit=1)[0])
            assert await queue.get_job(wanted) == before

            assert await queue.schedule(ORDER, Order(2), job_id=wanted) == wanted
            assert await queue.get_job(wanted) == before
            assert await queue.poll_next(ORDER) is None

            clock.advance(MINUTE)
            pruned = await queue.prune()
            if end == "dead":
                assert pruned == 0
                await queue.dead.delete(wanted)
            else:
                assert pruned == 1
            assert await refused(queue, wanted) is None
            await queue.schedule(ORDER, Order(3), job_id=wanted)
            assert (await take(queue)).payload == Order(3)

    run(scenario())


def test_p08_a_cancelled_job_never_runs_and_a_new_one_does(queue_url: str, run: Run) -> None:
    """CAN-1: due, not due, retried, snoozed or released, it is gone at once and for good."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:

            async def waiting(kind: str) -> UUID:
                if kind == "not due":
                    return await queue.schedule_in(ORDER, Order(1), SECOND)
                job_id = await queue.schedule(ORDER, Order(1), priority=9)
                if kind != "due":
                    handle = await take(queue)
                    assert handle.id == job_id
                    if kind == "retry":
                        await handle.fail(RuntimeError("no"))
                    elif kind == "snooze":
                        await handle.snooze(SECOND)
                    else:
                        await handle.release()
                return job_id

            for kind in ("due", "not due", "retry", "snooze", "released"):
                gone = await waiting(kind)
                assert await queue.cancel_job(gone) is True
                back = await waiting(kind)
                assert await queue.unschedule_job(back, ORDER) == Order(1)
                clock.advance(HOUR)
                assert await queue.poll_next(ORDER) is None
                for job_id in (gone, back):
                    job = await queue.get_job(job_id)
                    assert job.state is JobState.CANCELLED
                    assert job.finished_at is not None
                    assert job.lease_until is None

    run(scenario())


# --- P09 to P11, P14: jobs that run --------------------------------------------------------------


@pytest.mark.parametrize("sync", [False, True])
def test_p09_a_job_cancelled_while_it_runs_goes_on(queue_url: str, run: Run, sync: bool) -> None:
    """CAN-2, CAN-7 decide: the cancel is refused, there is one end, and the runner goes on."""

    async def scenario() -> None:
        router = JobRouter()
        registry, ear = listening()
        answers: list[object] = []
        async with open_queue(queue_url, clock=ManualClock(), registry=registry) as queue:

            async def cancel(job: JobContext) -> None:
                answers.append(job.token.cancelled)
                answers.append(await queue.cancel_job(job.id))
                try:
                    await queue.unschedule_job(job.id, order)
                except JobAlreadyStarted as error:
                    answers.append(error.job_id == job.id)
                answers.append(job.token.cancelled)

            async def work_async(payload: Order, job: JobContext) -> None:
                await cancel(job)

            def work(payload: Order, job: JobContext) -> None:
                job.run(cancel(job))

            order = router.job("order")(work if sync else work_async)
            first, second = [await queue.schedule(order, Order(each)) for each in range(2)]
            assert await JobRunner(queue, router, concurrency=1).drain() == 2
            assert answers == [False, False, True, False] * 2
            for job_id in (first, second):
                assert await state_of(queue, job_id) is JobState.COMPLETED
                assert ear.kinds(job_id) == [
                    EventKind.SCHEDULED,
                    EventKind.STARTED,
                    EventKind.COMPLETED,
                ]

    run(scenario())


def test_p10_p11_a_job_whose_worker_vanished_can_be_cancelled_once_taken_back(
    queue_url: str, run: Run
) -> None:
    """CAN-9 and LEA-2 decide: it is running until a claim or the reaper takes it back.

    Then it is scheduled, the cancel stands, and the frozen worker's late word is refused.
    """

    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            job_id = await queue.schedule(ORDER, Order(1))
            frozen = await take(queue)
            assert await queue.cancel_job(job_id) is False
            clock.advance(HOUR)
            assert await queue.cancel_job(job_id) is False
            with pytest.raises(JobAlreadyStarted):
                await queue.unschedule_job(job_id, ORDER)

            (reaped,) = await queue.storage.reap(queue.name, 10, now=clock.now())
            assert (reaped.id, reaped.state) == (job_id, JobState.SCHEDULED)
            assert await queue.cancel_job(job_id) is True
            before = await queue.get_job(job_id)
            for late in (frozen.complete, frozen.extend):
                with pytest.raises(LeaseLost):
                    await late()
            assert await queue.get_job(job_id) == before
            assert before.state is JobState.CANCELLED
            assert await queue.poll_next(ORDER) is None
            assert await refused(queue, job_id) is JobState.CANCELLED

    run(scenario())


@pytest.mark.parametrize("late", ["complete", "fail", "dead_queue", "release", "cancel", "snooze"])
def test_p11_every_late_word_of_a_frozen_worker_is_refused(
    queue_url: str, run: Run, late: str
) -> None:
    """LEA-3, for a job that was cancelled and for one that another worker holds."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            for cancelled in (True, False):
                job_id = await queue.schedule(ORDER, Order(1))
                frozen = await take(queue)
                clock.advance(HOUR)
                await queue.storage.reap(queue.name, 10, now=clock.now())
                other = None
                if cancelled:
                    assert await queue.cancel_job(job_id) is True
                else:
                    other = await take(queue)
                    assert other.token > frozen.token
                before = await queue.get_job(job_id)
                act = getattr(frozen, late)
                for _ in range(2):
                    with pytest.raises(LeaseLost, match=str(job_id)):
                        await (act(SECOND) if late == "snooze" else act())
                assert await queue.get_job(job_id) == before
                if other is not None:
                    await other.complete()
                    assert await state_of(queue, job_id) is JobState.COMPLETED

    run(scenario())


@pytest.mark.parametrize("end", ["success", "failure", "later"])
def test_p14_a_cancel_that_meets_the_end_agrees_with_the_state(
    queue_url: str, run: Run, end: str
) -> None:
    """CAN-2 decides: False means that it ran on, True that it was waiting and never runs again."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            answers: set[bool | None] = set()
            for turn in range(120):
                job_id = await queue.schedule(ORDER, Order(turn))
                handle = await take(queue)
                ways: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
                    "success": handle.complete,
                    "failure": partial(handle.fail, RuntimeError("no")),
                    "later": partial(handle.snooze, SECOND),
                }
                calls = [ways[end](), _answer(queue, job_id)]
                if turn % 2:
                    calls.reverse()
                results = await asyncio.gather(*calls)
                answer = results[0 if turn % 2 else 1]
                answers.add(answer)
                state = await state_of(queue, job_id)
                if answer is True:
                    assert end != "success"
                    assert state is JobState.CANCELLED
                elif end == "success":
                    assert state is JobState.COMPLETED
                else:
                    assert answer is False
                    assert state is JobState.SCHEDULED
                    assert await queue.cancel_job(job_id) is True
                clock.advance(HOUR)
                assert await queue.poll_next(ORDER) is None
            assert answers <= {True, False, None}

    async def _answer(queue: Queue, job_id: UUID) -> bool | None:
        try:
            return await queue.cancel_job(job_id)
        except JobNotFound as error:
            return None if error.state is JobState.COMPLETED else pytest.fail("not found")

    run(scenario())


def test_p14_what_a_handler_asks_for_is_stored_once_while_others_cancel(
    queue_url: str, run: Run
) -> None:
    """A runner and a canceller at work on the same jobs: counts add up, nothing runs when gone."""

    async def scenario() -> None:
        router, ran = JobRouter(), list[UUID]()

        @router.job("order", backoff=ConstantBackoff(timedelta(0)), max_retries=2)
        async def order(payload: Order, job: JobContext) -> Snooze | None:
            ran.append(job.id)
            await asyncio.sleep(0)
            if payload.number % 3 == 1:
                raise RuntimeError("no")
            return Snooze(timedelta(0)) if payload.number % 3 == 2 and job.claims < 3 else None

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            ids = await queue.schedule_many([JobRequest(order, Order(each)) for each in range(150)])
            gone: dict[UUID, int] = {}

            async def cancel_all() -> None:
                for job_id in reversed(ids):
                    try:
                        if await queue.cancel_job(job_id):
                            gone[job_id] = ran.count(job_id)
                    except JobNotFound:
                        pass
                    await asyncio.sleep(0)

            await asyncio.gather(JobRunner(queue, router, concurrency=4).drain(), cancel_all())
            assert gone
            for job_id in ids:
                state = await state_of(queue, job_id)
                assert (state is JobState.CANCELLED) == (job_id in gone)
                assert not state.live
                if job_id in gone:
                    assert ran.count(job_id) == gone[job_id]

    run(scenario())
