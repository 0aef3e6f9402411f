"""Peers' reports about retry counters and back-off, and odd ends of an attempt."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from aide_de_camp import (
    Backoff,
    ConfigurationError,
    ConstantBackoff,
    ExponentialBackoff,
    InvalidSchedule,
    JobContext,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    LinearBackoff,
    ManualClock,
    Snooze,
    StorageUnavailable,
    open_queue,
)
from aide_de_camp.runner import settler, work
from aide_de_camp.spi import ClaimRequest, ClaimResult

from .conftest import Run
from .support import (
    AT_ONCE,
    MINUTE,
    SECOND,
    Order,
    instant,
    state_of,
)

HOUR = timedelta(hours=1)
YEAR = timedelta(days=365)


# --- P50: delays that overflow -------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy, cap",
    [
        (ExponentialBackoff(), HOUR),
        (ExponentialBackoff(jitter=False), HOUR),
        (ExponentialBackoff(factor=1e9), HOUR),
        (ExponentialBackoff(factor=sys.float_info.max, cap=YEAR), YEAR),
        (ExponentialBackoff(factor=1, cap=SECOND), SECOND),
        (ExponentialBackoff(base=YEAR, cap=timedelta(microseconds=1)), timedelta(microseconds=1)),
        (ExponentialBackoff(base=timedelta(microseconds=1), cap=YEAR, jitter=False), YEAR),
        (LinearBackoff(SECOND), HOUR),
        (LinearBackoff(timedelta(microseconds=1), cap=YEAR), YEAR),
        (LinearBackoff(YEAR, cap=SECOND), SECOND),
        (ConstantBackoff(timedelta(0)), timedelta(0)),
        (ConstantBackoff(YEAR), YEAR),
    ],
    ids=repr,
)
def test_p50_a_delay_is_always_within_its_cap(policy: Backoff, cap: timedelta) -> None:
    """RET-7: for any number of retries and any draw."""
    draws: list[Callable[[], float]] = [lambda: 0.0, lambda: 0.5, lambda: math.nextafter(1, 0)]
    for retries in [*range(5_001), 10**6, 2**31, 2**63, 10**400]:
        for draw in draws:
            delay = policy.delay(retries, draw)
            assert isinstance(delay, timedelta)
            assert timedelta(0) <= delay <= cap, retries


def test_p50_delays_without_jitter_grow_to_the_cap() -> None:
    policy = ExponentialBackoff(jitter=False)
    delays = [policy.delay(retries) for retries in range(5_000)]
    assert delays[:5] == [SECOND * 2**each for each in range(5)]
    assert delays == sorted(delays)
    assert set(delays[12:]) == {HOUR}


NO_DELAYS: list[Any] = [timedelta(0), -SECOND, YEAR + SECOND, 1, 1.0, "1", None, True]


@pytest.mark.parametrize("value", NO_DELAYS, ids=repr)
@pytest.mark.parametrize(
    "make",
    [
        lambda value: ExponentialBackoff(base=value),
        lambda value: ExponentialBackoff(cap=value),
        LinearBackoff,
        lambda value: LinearBackoff(SECOND, cap=value),
        lambda value: ConstantBackoff(-SECOND if value == timedelta(0) else value),
    ],
    ids=["base", "cap", "step", "linear cap", "constant"],
)
def test_p50_bad_delays_are_refused_at_once(make: Callable[[Any], object], value: object) -> None:
    """ERR-2: as a ConfigurationError, whatever they are."""
    with pytest.raises(ConfigurationError):
        make(value)


@pytest.mark.parametrize(
    "factor", [0, 0.5, -1, math.nan, math.inf, -math.inf, "2", None, 10**400], ids=str
)
def test_p50_bad_factors_are_refused_at_once(factor: Any) -> None:
    with pytest.raises(ConfigurationError, match="factor"):
        ExponentialBackoff(factor=factor)


def test_p50_a_job_that_always_fails_keeps_its_chain_to_the_end(queue_url: str, run: Run) -> None:
    """RET-1, RET-2, RET-7: 300 retries by a policy that would overflow, each at its time."""

    async def scenario() -> None:
        router = JobRouter()
        policy = ExponentialBackoff(factor=1e9, jitter=False)

        @router.job("order", max_retries=300, backoff=policy)
        async def order(payload: Order, job: JobContext) -> None:
            raise RuntimeError(str(job.retries))

        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            job_id = await queue.schedule(order, Order(1))
            runner = JobRunner(queue, router)
            for retries in range(300):
                assert await runner.drain() == 1
                job = await queue.get_job(job_id)
                assert (job.state, job.retries) == (JobState.SCHEDULED, retries + 1)
                delay = SECOND if retries == 0 else HOUR
                assert job.scheduled_at == instant(clock) + delay
                clock.set(job.scheduled_at)
            assert await runner.drain() == 1
            job = await queue.get_job(job_id)
            assert (job.state, job.reason, job.retries) == (JobState.DEAD, "failed", 300)
            assert job.claims == 301
            assert job.error is not None
            assert job.error.message == "300"

    run(scenario())


class Breaks:
    """A policy that raises."""

    def delay(self, retries: int, draw: Any = None) -> timedelta:
        raise ZeroDivisionError


class Wrong:
    """A policy that gives anything."""

    def __init__(self, given: Any) -> None:
        self.given = given

    def delay(self, retries: int, draw: Any = None) -> timedelta:
        given: timedelta = self.given
        return given


@pytest.mark.parametrize(
    "policy",
    [Breaks(), *(Wrong(each) for each in (None, 5, math.nan, timedelta.max, timedelta.min, "x"))],
    ids=lambda policy: repr(policy.given) if isinstance(policy, Wrong) else "raises",
)
def test_p50_a_policy_of_one_s_own_that_breaks_strands_no_job(
    queue_url: str, run: Run, policy: Backoff
) -> None:
    """RET-7: the job has a legal next time and goes on."""

    async def scenario() -> None:
        router, claims = JobRouter(), list[int]()

        @router.job("order", max_retries=2, backoff=policy)
        async def order(payload: Order, job: JobContext) -> None:
            claims.append(job.claims)
            raise RuntimeError

        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            job_id = await queue.schedule(order, Order(1))
            for _ in range(3):
                await JobRunner(queue, router).drain()
                clock.set(max(instant(clock), (await queue.get_job(job_id)).scheduled_at))
            assert claims == [1, 2, 3]
            assert await state_of(queue, job_id) is JobState.DEAD

    run(scenario())


# --- P51: reconnecting for ever ------------------------------------------------------------------


@pytest.mark.parametrize("policy", [work._PAUSES, settler._PAUSES])
def test_p51_pauses_between_tries_never_overflow(policy: ExponentialBackoff) -> None:
    pauses = [policy.delay(tries) for tries in [*range(2_000), 10**6, 10**12]]
    assert pauses == sorted(pauses)
    assert pauses[0] > timedelta(0)
    assert pauses[-1] == policy.cap <= MINUTE


def test_p51_a_runner_survives_two_thousand_failed_tries(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LIV-2: claims that fail, by an outage or by anything else, end no runner."""
    monkeypatch.setattr("aide_de_camp.session._PAUSES", ())
    shortest = ExponentialBackoff(timedelta(microseconds=1), cap=timedelta(microseconds=1))
    monkeypatch.setattr(work, "_PAUSES", shortest)

    async def scenario() -> None:
        router, done, tries = JobRouter(), asyncio.Event(), 0

        @router.job("order")
        async def order(payload: Order) -> None:
            done.set()

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            claim = queue.storage.claim

            async def down(name: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
                nonlocal tries
                tries += 1
                if tries > 2_000:
                    return await claim(name, request, now=now)
                if tries % 2:
                    raise StorageUnavailable("down", outcome_unknown=bool(tries % 3))
                raise OSError("down")

            monkeypatch.setattr(queue.storage, "claim", down)
            job_id = await queue.schedule(order, Order(1))
            runner = JobRunner(queue, router)
            running = asyncio.create_task(runner.run())
            await done.wait()
            runner.shutdown()
            await running
            assert tries > 2_000
            assert await state_of(queue, job_id) is JobState.COMPLETED

    run(scenario())


# --- P52: postponing is no failure ---------------------------------------------------------------


def test_p52_postponing_never_enters_the_backoff(queue_url: str, run: Run) -> None:
    """RET-1, RET-6: after 1,200 snoozes the first failure waits as a first failure does."""

    async def scenario() -> None:
        router = JobRouter()

        @router.job("order", max_retries=3, backoff=ExponentialBackoff(jitter=False))
        async def order(payload: Order, job: JobContext) -> Snooze:
            if job.claims > 1_200:
                raise RuntimeError(str(job.retries))
            return Snooze(timedelta(0))

        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            job_id = await queue.schedule(order, Order(1))
            runner = JobRunner(queue, router, concurrency=1)
            assert await runner.drain() == 1_201
            job = await queue.get_job(job_id)
            assert (job.retries, job.snoozes, job.claims) == (1, 1_200, 1_201)
            assert job.scheduled_at == instant(clock) + SECOND
            assert job.error is not None
            assert job.error.message == "0"
            clock.advance(1)
            assert await runner.drain() == 1
            job = await queue.get_job(job_id)
            assert (job.retries, job.snoozes) == (2, 1_200)
            assert job.scheduled_at == instant(clock) + 2 * SECOND

    run(scenario())


@pytest.mark.parametrize(
    "delay", [-SECOND, timedelta.max, timedelta(days=10_001), 5, 5.0, None, "5"], ids=repr
)
def test_p52_a_bad_snooze_is_a_failure(queue_url: str, run: Run, delay: Any) -> None:
    """RET-6; and a handle refuses it, changing nothing."""

    async def scenario() -> None:
        router = JobRouter()

        @router.job("order", max_retries=0)
        async def order(payload: Order) -> Snooze:
            return Snooze(delay)

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            job_id = await queue.schedule(order, Order(1))
            await JobRunner(queue, router).drain()
            job = await queue.get_job(job_id)
            assert (job.state, job.reason, job.snoozes) == (JobState.DEAD, "failed", 0)
            assert job.error is not None
            assert job.error.type == "InvalidHandlerResult"

            await queue.schedule(order, Order(2))
            handle = await queue.poll_next(order)
            assert handle is not None
            with pytest.raises(InvalidSchedule):
                await handle.snooze(delay)
            if delay is not None:
                with pytest.raises(InvalidSchedule):
                    await handle.fail(delay=delay)
            await handle.complete()

    run(scenario())


# --- P53: counters of a job that is brought back -------------------------------------------------


def test_p53_a_job_that_died_of_lost_workers_runs_once_requeued(queue_url: str, run: Run) -> None:
    """LEA-2, RET-4, RET-8: its retries start at 0 again, its history of claims is kept."""

    async def scenario() -> None:
        clock, router, retries = ManualClock(), JobRouter(), list[int]()

        @router.job("order", max_retries=2, backoff=AT_ONCE)
        async def order(payload: Order, job: JobContext) -> None:
            retries.append(job.retries)
            if job.retries < 2:
                raise RuntimeError

        async with open_queue(queue_url, clock=clock) as queue:
            job_id = await queue.schedule(order, Order(1), priority=5)
            born = await queue.get_job(job_id)
            tokens: list[int] = []
            for lost in range(3):
                handle = await queue.poll_next(order)
                assert handle is not None
                assert handle.retries == lost
                tokens.append(handle.token)
                clock.advance(61)
            assert await queue.poll_next(order) is None
            job = await queue.get_job(job_id)
            assert (job.state, job.reason, job.retries) == (JobState.DEAD, "lease", 2)
            assert (job.claims, job.lease_until) == (3, None)
            assert await queue.dead.count(reasons=["lease"]) == 1

            await queue.dead.requeue(job_id)
            job = await queue.get_job(job_id)
            assert (job.state, job.retries, job.reason) == (JobState.SCHEDULED, 0, None)
            assert (job.claims, job.finished_at) == (3, None)
            assert (job.priority, job.scheduled_at, job.enqueued_at) == (
                5,
                born.scheduled_at,
                born.enqueued_at,
            )
            assert job.token >= tokens[-1]
            assert await JobRunner(queue, router).drain() == 3
            assert retries == [0, 1, 2]
            job = await queue.get_job(job_id)
            assert (job.state, job.claims) == (JobState.COMPLETED, 6)

    run(scenario())


@pytest.mark.parametrize("own, typed, left", [(0, None, 0), (None, 0, 0), (1, 0, 1), (0, 9, 0)])
def test_p53_at_most_once_means_dead_when_a_worker_is_lost(
    queue_url: str, run: Run, own: int | None, typed: int | None, left: int
) -> None:
    """RET-8: the value given when scheduling wins, and it is kept with the lease."""

    async def scenario() -> None:
        job_type = JobType("order", Order, max_retries=typed)
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            job_id = await queue.schedule(job_type, Order(1), max_retries=own)
            for _ in range(left + 1):
                assert await queue.poll_next(job_type) is not None
                clock.advance(61)
            # Whoever takes it back knows nothing of its type.
            await queue.storage.reap(queue.name, 10, now=clock.now())
            job = await queue.get_job(job_id)
            assert (job.state, job.reason, job.retries) == (JobState.DEAD, "lease", left)

    run(scenario())
