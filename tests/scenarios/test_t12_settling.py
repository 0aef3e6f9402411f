"""Outages that only storing outcomes meets: nothing piles up, nothing hangs, nothing is hidden."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from aide_de_camp import (
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    Queue,
    StorageUnavailable,
    new_job_id,
    open_queue,
)
from aide_de_camp.runner import runner as runner_module
from aide_de_camp.runner.attempt import Attempt
from aide_de_camp.runner.settler import Settler
from aide_de_camp.spi import ClaimedJob, LeaseResult, SettleKind, Settlement

from .conftest import Run
from .support import SECOND
from .trouble import Wire, be_hasty, leftovers, running, until

NUMBER = JobType("number", int)
SETTLE_BATCH = 500
MANY = 1_700


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    be_hasty(monkeypatch)


def counting(ran: list[int]) -> JobRouter:
    router = JobRouter()

    @router.job("number")
    async def number(payload: int) -> None:
        ran.append(payload)

    return router


async def schedule(queue: Queue, count: int) -> None:
    for start in range(0, count, 500):
        numbers = range(start, min(count, start + 500))
        await queue.schedule_many([JobRequest(NUMBER, n) for n in numbers])


def failing(*verbs: str) -> Callable[[str], Awaitable[None]]:
    async def away(verb: str) -> None:
        if verb in verbs:
            raise StorageUnavailable("not the primary", outcome_unknown=False)

    return away


def hanging(verb: str) -> tuple[asyncio.Event, Callable[[str], Awaitable[None]]]:
    go = asyncio.Event()

    async def hang(called: str) -> None:
        if called == verb:
            await go.wait()

    return go, hang


async def all_done(queue: Queue, count: int) -> bool:
    return (await queue.count_jobs(states=[JobState.COMPLETED])).total == count


@pytest.mark.parametrize("how", ["fails", "hangs"])
@pytest.mark.parametrize(("concurrency", "prefetch"), [(1, 0), (3, 20)])
def test_what_isnt_stored_doesnt_pile_up(
    queue_url: str, run: Run, how: str, concurrency: int, prefetch: int
) -> None:
    """RET-5, LIV-2: claims end at a bound while settling doesn't work; then all goes on, once.

    Up to the bound no slot waits for it: that is what a storage that answers slowly costs.
    """
    capacity = concurrency + prefetch

    async def scenario() -> None:
        wire, ran = Wire(), list[int]()
        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            await schedule(queue, MANY)
            go, hang = hanging("settle")
            wire.before = failing("settle") if how == "fails" else hang
            options = {"concurrency": concurrency, "prefetch": prefetch}
            async with running(queue, counting(ran), **options) as runner:
                await until(lambda: len(ran) >= SETTLE_BATCH + capacity)
                await until(lambda: runner.running == 0)
                calm, claims = 0, wire.counts["claim"]
                while calm < 50:
                    await asyncio.sleep(0.002)
                    calm = calm + 1 if wire.counts["claim"] == claims else 0
                    claims = wire.counts["claim"]
                assert len(ran) <= 2 * (SETTLE_BATCH + capacity)
                wire.before = None
                go.set()
                await until(lambda: len(ran) == MANY)
            assert sorted(ran) == list(range(MANY))
            assert await all_done(queue, MANY)

    run(scenario())


def test_a_drain_rides_out_an_outage_of_settling(queue_url: str, run: Run) -> None:
    """LIV-2: while claims work it goes on, beyond the bound too."""

    async def scenario() -> None:
        wire, ran = Wire(), list[int]()
        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            await schedule(queue, MANY)
            wire.before = failing("settle")
            task = asyncio.create_task(JobRunner(queue, counting(ran)).drain())
            await until(lambda: len(ran) >= SETTLE_BATCH)
            await until(lambda: wire.counts["settle"] > 20)
            wire.before = None
            assert await task == MANY
            assert await all_done(queue, MANY)

    run(scenario())


def _brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_SETTLE_SECONDS", 0.05)


@pytest.mark.parametrize("count", [1, 3, MANY])
@pytest.mark.parametrize(
    ("how", "end"),
    [
        *(("fails", end) for end in ("claims fail", "shutdown", "kill", "a lease")),
        *(("hangs", end) for end in ("shutdown", "kill")),
    ],
)
def test_a_drain_ends_though_settling_fails_for_ever(
    run: Run, monkeypatch: pytest.MonkeyPatch, how: str, end: str, count: int
) -> None:
    """LIV-2: and says so: each job whose outcome isn't stored is named."""
    _brief(monkeypatch)

    async def scenario() -> None:
        wire, ran, clock = Wire(), list[int](), ManualClock()
        async with wire.lay(open_queue("memory://", clock=clock)) as queue:
            await schedule(queue, count)
            wire.before = failing("settle") if how == "fails" else hanging("settle")[1]
            runner = JobRunner(
                queue, counting(ran), lease=SECOND if end == "a lease" else timedelta(hours=1)
            )
            task = asyncio.create_task(runner.drain())
            await until(lambda: len(ran) >= min(count, SETTLE_BATCH))
            await until(lambda: wire.counts["settle"] >= (1 if how == "hangs" else 9))
            if end == "claims fail":
                wire.before = failing("settle", "claim")
                if count == MANY:
                    runner.shutdown()  # at the bound there is no claim that could fail
            elif end != "a lease":
                runner.shutdown() if end == "shutdown" else runner.kill()
            with pytest.raises(StorageUnavailable) as caught:
                await task
            if end != "claims fail":
                assert caught.value.outcome_unknown
                held = await _in_state(queue, JobState.RUNNING)
                assert set(caught.value.job_ids) == held
                # What was claimed and hadn't begun couldn't be given back either.
                assert len(held) >= len(ran)
            assert runner.running == 0
            assert not leftovers()
            wire.before = None
            clock.advance(timedelta(hours=2))
            await JobRunner(queue, counting(ran)).drain()
            assert await all_done(queue, count)

    run(scenario())


async def _in_state(queue: Queue, state: JobState) -> set[UUID]:
    found, cursor = set[UUID](), None
    while True:
        page = await queue.list_jobs(states=[state], cursor=cursor)
        found |= {job.id for job in page.jobs}
        cursor = page.cursor
        if cursor is None:
            return found


def test_a_drain_that_was_told_to_stop_and_stored_all_returns(queue_url: str, run: Run) -> None:
    async def scenario() -> None:
        wire, ran = Wire(), list[int]()
        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            await schedule(queue, 3)
            wire.before = failing("settle")
            runner = JobRunner(queue, counting(ran))
            task = asyncio.create_task(runner.drain())
            await until(lambda: len(ran) == 3)
            runner.shutdown()
            wire.before = None
            assert await task == 3
            assert await all_done(queue, 3)

    run(scenario())


@pytest.mark.parametrize("meanwhile", ["nothing", "an outage before it"])
def test_a_drain_names_what_the_storage_cant_take(queue_url: str, run: Run, meanwhile: str) -> None:
    """LIV-2: one outcome is refused for good: the others are stored, and its job is named."""

    async def scenario() -> None:
        wire, ran = Wire(), list[int]()
        clock = ManualClock()
        async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
            await schedule(queue, 3)
            poisoned = (await queue.list_jobs()).jobs[1].id
            settle = queue.storage.settle
            left = 4 if meanwhile != "nothing" else 0

            async def refuse(*args: Any, **options: Any) -> Any:
                nonlocal left
                left -= 1
                if left >= 0:
                    raise StorageUnavailable("not the primary", outcome_unknown=False)
                if any(each.id == poisoned for each in args[1]):
                    raise ZeroDivisionError
                return await settle(*args, **options)

            queue.storage.settle = refuse  # type: ignore[method-assign]
            runner = JobRunner(queue, counting(ran), lease=SECOND * 3600)
            with pytest.raises(StorageUnavailable) as caught:
                await runner.drain()
            assert caught.value.job_ids == (poisoned,)
            assert await _in_state(queue, JobState.RUNNING) == {poisoned}
            assert await all_done(queue, 2)
            queue.storage.settle = settle  # type: ignore[method-assign]
            clock.advance(SECOND * 3600)
            assert await runner.drain() == 1
            assert (await queue.get_job(poisoned)).state is JobState.COMPLETED

    run(scenario())


def test_storing_fails_no_more_once_the_storage_has_refused(run: Run) -> None:
    """LIV-2: an outage that ends with a refusal is over: the next one has a lease's time again."""

    async def scenario() -> None:
        async with open_queue("memory://", clock=ManualClock()) as queue:
            seen: list[float | None] = []
            steps = iter([StorageUnavailable("away", outcome_unknown=False)] * 3)

            async def refuse(*_: Any, **__: Any) -> Any:
                seen.append(storing.failing_since)
                raise next(steps, ZeroDivisionError())

            queue.storage.settle = refuse  # type: ignore[method-assign]
            dropped = asyncio.Event()
            storing = Settler(
                queue.session,
                lambda *_: None,
                lambda _: dropped.set(),
                troubled=lambda: None,
            )
            job = ClaimedJob(
                id=new_job_id(),
                job_type="number",
                payload=b"1",
                codec="json",
                priority=0,
                scheduled_at=0,
                enqueued_at=0,
                token=1,
                claims=1,
                retries=0,
                snoozes=0,
                max_retries=0,
                lease_until=0,
            )
            router = counting([])
            attempt = Attempt(job, router.routes["number"])
            storing.add(attempt, Settlement(job.id, job.token, SettleKind.COMPLETED))
            await dropped.wait()
            assert seen[0] is None
            assert seen[-1] is not None
            assert storing.failing_since is None
            assert list(storing.given_up) == [job.id]
            assert storing.not_stored().job_ids == (job.id,)

    run(scenario())


def fails_at_ends(record: logging.LogRecord) -> bool:
    """A filter of the user's own, with a mistake in it."""
    if hasattr(record, "adc_outcome"):
        raise ZeroDivisionError
    return True


def test_a_log_that_fails_costs_no_outcome(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """LIV-2: the batch is accounted for, and what ended meanwhile is stored too."""
    monkeypatch.setattr(logging.getLogger("aide_de_camp.runner"), "filters", [fails_at_ends])

    async def scenario() -> None:
        wire, router = Wire(), JobRouter()
        sent, ended, told = asyncio.Event(), list[int](), list[Any]()
        asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what))

        @router.job("number", max_retries=0)
        async def number(payload: int) -> None:
            if payload:
                await sent.wait()
            ended.append(payload)
            raise KeyError(payload)

        async def after(verb: str) -> None:
            if verb == "settle":
                sent.set()
                await until(lambda: len(ended) == 3)

        async with wire.lay(open_queue("memory://", clock=ManualClock())) as queue:
            await schedule(queue, 3)
            wire.after = after
            assert await JobRunner(queue, router).drain() == 3
            assert len(await _in_state(queue, JobState.DEAD)) == 3
        assert [type(each["exception"]) for each in told] == [ZeroDivisionError] * 3

    run(scenario())


UNREADABLE: dict[str, Callable[[Any], Any]] = {
    "none": lambda _: None,
    "too few": lambda results: results[1:],
    "too many": lambda results: [*results, LeaseResult.APPLIED],
    "of nothing": lambda results: [None] * len(results),
    "a number": lambda _: 3,
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_an_answer_to_settling_that_cant_be_read(
    queue_url: str, run: Run, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    """LIV-2: it ends neither the storing nor the runner, and no slot is lost to it."""

    async def scenario() -> None:
        ran = list[int]()
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            await schedule(queue, 5)
            settle, bad = queue.storage.settle, True

            async def answer(*args: Any, **kwargs: Any) -> Any:
                results = await settle(*args, **kwargs)
                return UNREADABLE[kind](results) if bad else results

            queue.storage.settle = answer  # type: ignore[method-assign]
            async with running(queue, counting(ran), concurrency=2) as runner:
                await until(lambda: len(ran) == 5 and runner.running == 0)
                await until(lambda: "its outcome can't be stored" in caplog.text)
                bad = False
                await schedule(queue, 5)
                await until(lambda: len(ran) == 10)
            assert await all_done(queue, 10)
            assert not leftovers()

    run(scenario())
    assert "its outcome can't be stored" in caplog.text


def test_types_that_are_added_while_it_runs(queue_url: str, run: Run) -> None:
    """RET-8: their limits hold as those of the others do; one that can't be carried is left."""

    async def scenario() -> None:
        ran, router = list[str](), JobRouter()

        @router.job("first", max_retries=1)
        async def first(payload: int) -> None:
            ran.append("first")

        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            async with running(queue, router, poll_interval=SECOND):
                await queue.schedule(first, 1)
                await until(lambda: ran == ["first"])

                @router.job("second", max_retries=0)
                async def second(payload: int) -> None:
                    ran.append("second")
                    raise ValueError

                @router.job("third", max_retries=0, codec="nobody's")
                async def third(payload: int) -> None:
                    ran.append("third")

                job_id = await queue.schedule(JobType("second", int), 1)
                other = await queue.schedule(JobType("third", int), 1)
                while (await queue.get_job(job_id)).state is not JobState.DEAD:
                    clock.advance(1)
                    await asyncio.sleep(0.002)
            after = await queue.get_job(job_id)
            assert (after.claims, after.retries) == (1, 0)
            assert (await queue.get_job(other)).claims == 0
            assert ran == ["first", "second"]

    run(scenario())
