"""Peers' reports about dead letters.

Left out: P55, an entry of a lease without its job, which no storage here can hold. Of P56, jobs
that expire before they start: there are none. P140's progress display is the command line's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from aide_de_camp import (
    Cancel,
    ConstantBackoff,
    EventKind,
    JobContext,
    JobNotFound,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    Queue,
    StorageError,
    StorageUnavailable,
    new_job_id,
    open_queue,
)
from aide_de_camp.spi import LeaseResult, Settlement

from .conftest import Run
from .support import (
    MINUTE,
    SECOND,
    Order,
    all_jobs,
    instant,
    listening,
    state_of,
    store_raw,
)

TICK = timedelta(milliseconds=1)


# --- P54: the storage fails while the failure is stored ------------------------------------------


class Flaky:
    """Stands before a storage's ``settle`` and breaks it for a number of calls."""

    def __init__(
        self, queue: Queue, patch: pytest.MonkeyPatch, error: Exception, *, after: bool
    ) -> None:
        self._settle = queue.storage.settle
        self._error = error
        self._after = after
        self.left = 0
        self.calls = 0
        patch.setattr(queue.storage, "settle", self.settle)

    async def settle(
        self, name: str, settlements: Sequence[Settlement], *, now: int | None
    ) -> Sequence[LeaseResult]:
        self.calls += 1
        if self.left <= 0:
            return await self._settle(name, settlements, now=now)
        self.left -= 1
        if self._after:  # it took effect, and the reply was lost
            await self._settle(name, settlements, now=now)
        raise self._error


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeats without their pauses."""
    monkeypatch.setattr("aide_de_camp.session._PAUSES", (0.0, 0.0))
    monkeypatch.setattr("aide_de_camp.runner.settler._PAUSES", ConstantBackoff(timedelta(0)))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("times", [1, 3, 40])
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("retries", [0, 1], ids=["dead", "retried"])
def test_p54_a_failure_is_stored_once_the_storage_is_back(
    queue_url: str,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    times: int,
    after: bool,
    retries: int,
) -> None:
    """LIV-2, LIV-4, RET-3: however often the call fails, before or after it took effect."""

    async def scenario() -> None:
        router = JobRouter()
        registry, ear = listening()

        @router.job("order", max_retries=retries, backoff=ConstantBackoff(SECOND))
        async def order(payload: Order) -> None:
            raise RuntimeError("no")

        clock = ManualClock()
        async with open_queue(queue_url, clock=clock, registry=registry) as queue:
            ids = [await queue.schedule(order, Order(each)) for each in range(3)]
            down = StorageUnavailable("down", outcome_unknown=after)
            flaky = Flaky(queue, monkeypatch, down, after=after)
            flaky.left = times
            assert await JobRunner(queue, router).drain() == 3
            assert flaky.calls == times + 1
            for job_id in ids:
                job = await queue.get_job(job_id)
                assert job.claims == 1
                assert job.retries == retries
                assert job.error is not None
                if retries:
                    assert job.state is JobState.SCHEDULED
                    assert job.scheduled_at == instant(clock) + SECOND
                else:
                    assert (job.state, job.reason) == (JobState.DEAD, "failed")
                assert ear.kinds(job_id) == [
                    EventKind.SCHEDULED,
                    EventKind.STARTED,
                    EventKind.RETRIED if retries else EventKind.DEAD,
                ]

    run(scenario())


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("error", [StorageError("refused"), OSError("broken")])
def test_p54_an_outcome_that_is_refused_for_good_leaves_the_job_to_its_lease(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """The job is never acknowledged: its lease runs out, and it is retried (LEA-2)."""

    async def scenario() -> None:
        router, claims = JobRouter(), list[int]()

        @router.job("order", max_retries=1)
        async def order(payload: Order, job: JobContext) -> None:
            claims.append(job.claims)

        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            job_id = await queue.schedule(order, Order(1))
            flaky = Flaky(queue, monkeypatch, error, after=False)
            flaky.left = 1
            runner = JobRunner(queue, router)
            with pytest.raises(StorageUnavailable) as told:
                await runner.drain()
            assert told.value.job_ids == (job_id,)
            job = await queue.get_job(job_id)
            assert (job.state, job.claims) == (JobState.RUNNING, 1)
            clock.advance(61)
            assert await runner.drain() == 1
            assert claims == [1, 2]
            job = await queue.get_job(job_id)
            assert (job.state, job.retries) == (JobState.COMPLETED, 1)

    run(scenario())


@pytest.mark.usefixtures("quick")
def test_p54_a_storage_that_never_comes_back_loses_no_job(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A runner that has to stop with an outcome not stored leaves the job to its lease."""
    monkeypatch.setattr("aide_de_camp.runner.runner._SETTLE_SECONDS", 0.05)

    async def scenario() -> None:
        router, begun = JobRouter(), asyncio.Event()

        @router.job("order", max_retries=3)
        async def order(payload: Order, job: JobContext) -> None:
            begun.set()
            if job.claims == 1:
                raise RuntimeError

        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            job_id = await queue.schedule(order, Order(1))
            down = StorageUnavailable("down", outcome_unknown=False)
            flaky = Flaky(queue, monkeypatch, down, after=False)
            flaky.left = 10**9
            runner = JobRunner(queue, router)
            running = asyncio.create_task(runner.run())
            await begun.wait()
            runner.shutdown()
            await running
            assert await state_of(queue, job_id) is JobState.RUNNING
            flaky.left = 0
            clock.advance(61)
            assert await runner.drain() == 1
            job = await queue.get_job(job_id)
            assert (job.state, job.retries, job.claims) == (JobState.COMPLETED, 1, 2)

    run(scenario())


# --- P56, P57: every way to die ------------------------------------------------------------------


async def one_of_each(queue: Queue, clock: ManualClock) -> dict[str, UUID]:
    """Have one job die in each way, by a runner where that is how it dies."""
    router = JobRouter()

    @router.job("fails", max_retries=0)
    async def fails(payload: Order) -> None:
        raise LookupError("hidden")

    @router.job("slow", max_retries=0, time_limit=TICK)
    async def slow(payload: Order) -> None:
        await asyncio.Event().wait()

    @router.job("cancels")
    async def cancels(payload: Order) -> Cancel:
        return Cancel("of no use")

    @router.job("order")
    async def order(payload: Order) -> None:
        raise AssertionError

    lost = JobType("lost", Order, max_retries=0)
    found = {"lease": await queue.schedule(lost, Order(0))}
    assert await queue.poll_next(lost) is not None
    clock.advance(61)
    found["failed"] = await queue.schedule(fails, Order(1))
    found["timeout"] = await queue.schedule(slow, Order(2))
    found["decode"] = await store_raw(queue, b"not json")
    found["of no use"] = await queue.schedule(cancels, Order(3))
    found["my own"] = await queue.schedule(lost, Order(4))
    found["cancelled"] = await queue.schedule(lost, Order(5))
    assert await queue.cancel_job(found["cancelled"]) is True
    handle = await queue.poll_next(lost)
    assert handle is not None
    await handle.dead_queue(ValueError("hidden"), reason="my own")
    found["nobody's"] = await queue.schedule(JobType("nobody", Order), Order(6), max_retries=0)
    assert await JobRunner(queue, router).drain() == 4
    return found


DEATHS = ("lease", "failed", "timeout", "decode", "my own")
CANCELS = ("of no use", "cancelled")


def test_p56_every_end_is_listed_counted_and_can_be_undone(queue_url: str, run: Run) -> None:
    """RET-4, OBS-1 to OBS-3, KEP-1."""

    async def scenario() -> None:
        clock = ManualClock()
        async with open_queue(queue_url, clock=clock, keep_finished=MINUTE) as queue:
            jobs = await one_of_each(queue, clock)
            counts = await queue.count_jobs()
            assert counts.by_state == {
                JobState.SCHEDULED: 1,
                JobState.RUNNING: 0,
                JobState.COMPLETED: 0,
                JobState.CANCELLED: 2,
                JobState.DEAD: 5,
                JobState.HELD: 0,
            }
            assert {job.id for job in (await queue.dead.list()).jobs} == {
                jobs[each] for each in DEATHS
            }
            for reason in DEATHS:
                page = await queue.dead.list(reasons=[reason])
                assert [job.id for job in page.jobs] == [jobs[reason]]
                assert page.jobs[0].reason == reason
                assert page.jobs[0].finished_at is not None
                assert await queue.dead.count(reasons=[reason]) == 1
            for job_id in (jobs["cancelled"], jobs["nobody's"], new_job_id()):
                for act in (queue.dead.requeue, queue.dead.delete):
                    with pytest.raises(JobNotFound, match=str(job_id)):
                        await act(job_id)
            assert (await queue.get_job(jobs["of no use"])).reason == "of no use"

            clock.advance(timedelta(days=300))
            assert await queue.prune() == len(CANCELS)
            assert await queue.dead.count() == 5
            for reason in DEATHS[:3]:
                await queue.dead.requeue(jobs[reason])
                job = await queue.get_job(jobs[reason])
                assert (job.state, job.retries, job.reason) == (JobState.SCHEDULED, 0, None)
                with pytest.raises(JobNotFound) as raised:
                    await queue.dead.requeue(jobs[reason])
                assert raised.value.state is JobState.SCHEDULED
            assert await queue.dead.delete_all(reasons=["decode"]) == 1
            await queue.dead.delete(jobs["my own"])
            assert await queue.dead.count() == 0
            assert {job.id for job in await all_jobs(queue)} == {
                jobs[each] for each in (*DEATHS[:3], "nobody's")
            }

    run(scenario())


def test_p57_each_dead_letter_says_why_once(
    queue_url: str, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """RET-3, DEC-6, OBS-4: a stored reason and one log line for each, one event, no secrets.

    A job that nobody handles is no dead letter: it stays scheduled.
    """

    async def scenario() -> dict[str, UUID]:
        registry, ear = listening()
        clock = ManualClock()
        async with open_queue(queue_url, clock=clock, registry=registry) as queue:
            jobs = await one_of_each(queue, clock)
            for reason in DEATHS:
                dead = [e for e in ear.events if e.job_id == jobs[reason] and e.kind == "dead"]
                if reason != "my own":  # whoever drives a handle knows what it does
                    assert [event.reason for event in dead] == [reason]
            assert EventKind.DEAD not in ear.kinds(jobs["nobody's"])
            assert await state_of(queue, jobs["nobody's"]) is JobState.SCHEDULED
            return jobs

    with caplog.at_level(logging.WARNING):
        jobs = run(scenario())
    for reason in ("lease", "failed", "timeout", "decode"):
        lines = [each.getMessage() for each in caplog.records if str(jobs[reason]) in each.message]
        assert len(lines) == 1, reason
        assert reason in lines[0]
        assert "dead" in lines[0]
    assert str(jobs["nobody's"]) not in caplog.text
    assert "hidden" not in caplog.text


def test_p57_a_restart_kills_no_job(queue_url: str, run: Run) -> None:
    """Old jobs, and jobs with no retries left, run as ever after a long rest: age is no reason."""

    async def scenario() -> None:
        router, seen = JobRouter(), list[int]()

        @router.job("order", max_retries=0)
        async def order(payload: Order) -> None:
            seen.append(payload.number)

        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            await queue.schedule_many([JobRequest(order, Order(each)) for each in range(20)])
            handle = await queue.poll_next(order)
            assert handle is not None
            await handle.release()
            clock.advance(timedelta(days=3_650))
            for _ in range(3):
                await JobRunner(queue, router, concurrency=1).drain()
            assert seen == list(range(20))
            assert await queue.dead.count() == 0

    run(scenario())
