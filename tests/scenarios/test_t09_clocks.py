"""Peers' reports about whose clock counts, how often a job runs, and a process that is killed.

Of P63 the restart of a server is an outage of the storage here; test_t13_restarts.py has real ones.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from aide_de_camp import (
    ConstantBackoff,
    JobContext,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    StorageUnavailable,
    open_queue,
)
from aide_de_camp.spi import ClaimRequest, ClaimResult

from .conftest import Run
from .support import (
    MICROSECOND,
    MINUTE,
    ORDER,
    SECOND,
    Order,
    due,
    instant,
    shared,
    state_of,
)

# --- P60, P64: once, not many times --------------------------------------------------------------


def test_p60_p64_a_one_shot_job_runs_once_for_any_number_of_runners(
    queue_url: str, run: Run
) -> None:
    """Three runners on queues of their own, an aware time in another zone, three minutes."""
    url = shared(queue_url)

    async def scenario() -> None:
        clock, router, ran = ManualClock(), JobRouter(), list[int]()

        @router.job("order")
        async def order(payload: Order) -> None:
            ran.append(payload.number)

        async with (
            open_queue(url, clock=clock) as one,
            open_queue(url, clock=clock) as two,
            open_queue(url, clock=clock) as three,
        ):
            at = (instant(clock) + MINUTE).astimezone(ZoneInfo("Europe/Helsinki"))
            await one.schedule_at(order, Order(1), at)
            await one.schedule_at(order, Order(0), at - timedelta(days=1))
            runners = [JobRunner(each, router) for each in (one, two, three)]
            for _ in range(18):
                await asyncio.gather(*(runner.drain() for runner in runners))
                clock.advance(10)
            assert ran == [0, 1]
            assert (await one.count_jobs()).by_state[JobState.COMPLETED] == 2

    run(scenario())


def test_p64_a_runner_that_restarts_sends_nothing_again(queue_url: str, run: Run) -> None:
    url = shared(queue_url)

    async def scenario() -> None:
        clock, router, ran = ManualClock(), JobRouter(), list[int]()

        @router.job("order", max_retries=2, backoff=ConstantBackoff(SECOND))
        async def order(payload: Order, job: JobContext) -> None:
            ran.append(job.claims)
            if job.claims == 1:
                raise RuntimeError

        async with open_queue(url, clock=clock) as keeper:  # a world in memory lives by it
            await keeper.schedule_at(order, Order(1), instant(clock) - timedelta(days=1))
            for _ in range(4):
                async with open_queue(url, clock=clock) as queue:
                    for _ in range(5):
                        await JobRunner(queue, router).drain()
                        clock.advance(10)
            assert ran == [1, 2]

    run(scenario())


# --- P61: whose clock ----------------------------------------------------------------------------


def test_p61_the_storage_s_clock_decides(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In production no verb is told a time, and a delay travels as a delay."""

    async def scenario() -> None:
        router, told = JobRouter(), Counter[tuple[str, object]]()

        @router.job("order", backoff=ConstantBackoff(timedelta(0)), max_retries=1)
        async def order(payload: Order) -> None:
            if payload.number:
                raise RuntimeError

        async with open_queue(queue_url) as queue:
            storage, sent = queue.storage, list[Any]()

            def watched(verb: str) -> Callable[..., Any]:
                call = getattr(storage, verb)

                async def calling(*args: Any, now: int | None) -> Any:
                    told[verb, now] += 1
                    if verb == "enqueue":
                        sent.extend(args[1])
                    return await call(*args, now=now)

                return calling

            for verb in ("enqueue", "claim", "extend", "settle", "cancel", "requeue", "reap"):
                monkeypatch.setattr(storage, verb, watched(verb))
            later = await queue.schedule_in(order, Order(0), timedelta(hours=10))
            await queue.schedule(order, Order(0))
            dies = await queue.schedule(order, Order(1))
            handle = await queue.poll_next(order)
            assert handle is not None
            await handle.extend()
            await handle.complete()
            await JobRunner(queue, router).drain()
            assert await state_of(queue, dies) is JobState.DEAD
            await queue.dead.requeue(dies)
            assert await queue.cancel_job(later) is True
            assert {now for _, now in told} == {None}
            assert {verb for verb, _ in told} >= {"enqueue", "claim", "extend", "settle", "cancel"}
            assert sent[0].scheduled_at is None
            assert sent[0].delay == 10 * 3_600 * 1_000_000
            job = await queue.get_job(later)
            assert job.scheduled_at - job.enqueued_at == timedelta(hours=10)

    run(scenario())


def test_p61_clocks_that_disagree_make_nothing_run_early(queue_url: str, run: Run) -> None:
    """One caller is five minutes ahead, another behind: a job found due stays due for both."""
    url = shared(queue_url)

    async def scenario() -> None:
        true = datetime(2026, 1, 1, 12, tzinfo=UTC)
        ahead, behind = ManualClock(true + 5 * MINUTE), ManualClock(true - 5 * MINUTE)
        async with open_queue(url, clock=ahead) as one, open_queue(url, clock=behind) as other:
            job_id = await one.schedule_in(ORDER, Order(1), 10 * SECOND)
            job = await one.get_job(job_id)
            assert job.scheduled_at == instant(ahead) + 10 * SECOND
            assert await due(other) == []
            ahead.advance(10)
            handle = await one.poll_next(ORDER)
            assert handle is not None
            await handle.release()
            again = await other.poll_next(ORDER)
            assert again is not None
            assert again.token > handle.token
            # Its lease is of the present that both see by now, not of its own clock's.
            assert await one.poll_next(ORDER) is None
            await again.complete()

    run(scenario())


def test_p61_a_clock_that_is_turned_back_undoes_nothing(queue_url: str, run: Run) -> None:
    """A job once due stays due, and no token ever shrinks (LEA-3)."""

    async def scenario() -> None:
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            await queue.schedule_in(ORDER, Order(1), MINUTE)
            clock.advance(60)
            tokens: list[int] = []
            for _ in range(5):
                handle = await queue.poll_next(ORDER)
                assert handle is not None
                tokens.append(handle.token)
                clock.advance(-3_600)
                await handle.release()
            assert tokens == sorted(set(tokens))
            assert await due(queue) == [1]
            later = await queue.schedule_in(ORDER, Order(2), SECOND)
            job = await queue.get_job(later)
            assert job.scheduled_at - job.enqueued_at == SECOND

    run(scenario())


# --- P62: a process that is killed while many jobs are overdue -----------------------------------

WORKER = textwrap.dedent(
    """
    import asyncio, os, sys
    from aide_de_camp import JobRouter, JobRunner, open_queue

    router = JobRouter()
    log = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    @router.job("number", max_retries=20)
    async def number(payload: int) -> None:
        os.write(log, f"{payload}\\n".encode())

    async def main() -> None:
        async with open_queue(sys.argv[1]) as queue:
            await JobRunner(queue, router, concurrency=20).drain()

    asyncio.run(main())
    """
)


def test_p62_a_process_killed_over_many_overdue_jobs_loses_none(run: Run, tmp_path: Path) -> None:
    """LEA-4, DUR-1: all run; twice only those that the killed process held.

    SQLite alone: what is in memory goes with its process.
    """
    url, log = f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path / "log"
    number = JobType("number", int, max_retries=20)
    total, kills, slots = 2_000, 3, 20

    async def fill() -> None:
        past = datetime(2020, 1, 1, tzinfo=UTC)
        async with open_queue(url) as queue:
            await queue.schedule_bulk([JobRequest(number, i, at=past) for i in range(total)])

    run(fill())
    log.touch()
    for kill in range(1, kills + 1):
        worker = subprocess.Popen([sys.executable, "-c", WORKER, url, str(log)])
        while len(log.read_bytes().splitlines()) < kill * 300 and worker.poll() is None:
            time.sleep(0.001)
        worker.send_signal(signal.SIGKILL)
        assert worker.wait(10) in (-signal.SIGKILL, 0)  # 0: it was faster than the signal

    async def finish() -> None:
        # Its leases end a minute from the last claim; what is behind them is claimed by then.
        soon = datetime.now(UTC) + 2 * MINUTE
        async with open_queue(url, clock=ManualClock(soon)) as queue:
            counts = await queue.count_jobs()
            assert counts.total == total
            assert counts.by_state[JobState.RUNNING] <= kills * 2 * slots
            router = JobRouter()

            @router.job("number", max_retries=20)
            def record(payload: int) -> None:
                with log.open("a") as file:
                    file.write(f"{payload}\n")

            await JobRunner(queue, router, concurrency=slots).drain()
            counts = await queue.count_jobs()
            assert counts.by_state[JobState.COMPLETED] == counts.total == total

    run(finish())
    ran = Counter(int(line) for line in log.read_text().splitlines())
    assert set(ran) == set(range(total))
    assert sum(ran.values()) - total <= kills * 2 * slots


# --- P63: an outage before a job is due ----------------------------------------------------------


def test_p63_a_job_that_falls_due_in_an_outage_runs_after_it(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LIV-2: a runner that slept towards a due time tries again, and finds it."""
    monkeypatch.setattr("aide_de_camp.session._PAUSES", ())
    monkeypatch.setattr("aide_de_camp.runner.work._PAUSES", ConstantBackoff(MICROSECOND))

    async def scenario() -> None:
        clock, router, done = ManualClock(), JobRouter(), asyncio.Event()
        tries, asleep = 0, asyncio.Event()

        @router.job("order")
        async def order(payload: Order) -> None:
            done.set()

        async with open_queue(queue_url, clock=clock) as queue:
            claim = queue.storage.claim

            async def flaky(name: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
                nonlocal tries
                tries += 1
                asleep.set()
                if 1 < tries < 50:
                    raise StorageUnavailable("down", outcome_unknown=False)
                return await claim(name, request, now=now)

            monkeypatch.setattr(queue.storage, "claim", flaky)
            await queue.schedule_in(order, Order(1), 10 * SECOND)
            runner = JobRunner(queue, router, poll_interval=timedelta(hours=1))
            running = asyncio.create_task(runner.run())
            await asleep.wait()
            for _ in range(1_000):  # it goes to sleep by the clock
                await asyncio.sleep(0)
                if clock._sleepers:
                    break
            while not done.is_set():
                clock.advance(1)
                await asyncio.sleep(0.001)
            assert tries >= 50
            runner.shutdown()
            await running

    run(scenario())
