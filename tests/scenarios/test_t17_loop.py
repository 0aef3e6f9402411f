"""Peers' reports about the event loop, context variables, memory, idle work and latency."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import logging
import time
import tracemalloc
import weakref
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aide_de_camp import (
    ConfigurationError,
    JobContext,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    SchemaError,
    StorageError,
    StorageUnavailable,
    new_job_id,
    open_queue,
)
from aide_de_camp.spi import ClaimRequest, ClaimResult

from .conftest import Run
from .support import SECOND
from .trouble import Wire, leftovers, running, shared, until

NUMBER = JobType("number", int)
TRACE: contextvars.ContextVar[str] = contextvars.ContextVar("TRACE", default="nobody")


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_p124_context_variables_reach_handlers_and_dont_leak(
    queue_url: str, run: Run, kind: str
) -> None:
    """What was set around the runner is seen in every handler; what one sets, by no later job.

    There is no middleware here: whoever starts the runner sets the variables. A handler that is
    a generator is no handler (``test_t16_shutdown``).
    """

    async def scenario() -> None:
        router, seen, lists = JobRouter(), list[str](), list[int]()
        kept: contextvars.ContextVar[list[int]] = contextvars.ContextVar("kept")
        kept.set([])

        def look(payload: int) -> None:
            seen.append(TRACE.get())
            lists.append(len(kept.get()))
            TRACE.set(f"job {payload}")
            kept.set([])  # equal to what was there, and yet another list
            kept.get().append(payload)

        async def in_loop(payload: int) -> None:
            look(payload)
            await asyncio.sleep(0)
            assert TRACE.get() == f"job {payload}"
            await asyncio.create_task(in_task(payload))

        async def in_task(payload: int) -> None:
            assert TRACE.get() == f"job {payload}"

        handler: Callable[[int], Any] = in_loop if kind == "async" else look
        router.job("number")(handler)
        async with open_queue(queue_url, clock=ManualClock()) as queue:
            for payload in range(6):
                await queue.schedule(NUMBER, payload)
            TRACE.set("the runner's")
            for concurrency in (1, 3):
                await JobRunner(queue, router, concurrency=concurrency).drain()
                await queue.schedule(NUMBER, 6)
            await JobRunner(queue, router).drain()
        assert seen == ["the runner's"] * len(seen)
        assert len(seen) >= 7
        assert set(lists) == {0}

    run(scenario())


def test_p125_a_storage_that_cant_be_reached_is_told_at_once(tmp_path: Path, run: Run) -> None:
    """LIV-2, ERR-1: each kind of wrong address fails when the queue is opened, in clear words."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.db").write_text("no database " * 1_000)

    async def scenario() -> None:
        for name, error in {
            "missing/jobs.db": ConfigurationError,
            "folder": ConfigurationError,
            "text.db": StorageError,
            "text.db/jobs.db": ConfigurationError,
            "absent.db?migrate=false": SchemaError,
        }.items():
            with pytest.raises(error) as caught:
                async with open_queue(f"sqlite:///{tmp_path / name}"):
                    pass
            assert str(tmp_path) in str(caught.value) or "file is damaged" in str(caught.value)
        assert not (tmp_path / "absent.db").exists()

    run(scenario())


def test_p125_an_outage_from_the_start_burns_no_cpu(
    queue_url: str, run: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """LIV-2: a runner whose storage is away from its first call on: one line, hardly any work."""

    async def scenario() -> None:
        wire = Wire()

        async def away(verb: str) -> None:
            raise StorageUnavailable("no route to it", outcome_unknown=False)

        router = JobRouter()

        @router.job("number")
        async def number(payload: int) -> None: ...

        async with wire.lay(open_queue(queue_url)) as queue:
            await queue.schedule(NUMBER, 1)
            wire.before = away
            async with running(queue, router):
                used = time.process_time()
                await asyncio.sleep(1)
                assert time.process_time() - used < 0.5
                assert sum(wire.counts.values()) < 30
                wire.before = None

                def completed() -> bool:
                    return wire.counts["settle"] > 0

                await until(completed)

    with caplog.at_level(logging.WARNING, "aide_de_camp"):
        run(scenario())
    assert len(caplog.records) == 1
    assert "no route to it" in caplog.text


async def seconds(clock: ManualClock, count: int, wire: Wire) -> None:
    for _ in range(count * 4):
        clock.advance(0.25)
        await wire.quiet()


@pytest.mark.parametrize(
    "state", ["empty", "only future jobs", "strangers' jobs", "all slots busy"]
)
def test_p126_p127_an_idle_runner_makes_few_calls(queue_url: str, run: Run, state: str) -> None:
    """In five minutes: a claim per poll interval, a sweep per 15 s, a prune per minute, no more.

    No push, no heartbeat where nothing runs; a lease of a minute is renewed every 15 s or so.
    """

    async def scenario() -> None:
        clock, wire, router, go = ManualClock(), Wire(), JobRouter(), asyncio.Event()
        began = list[int]()

        @router.job("number")
        async def number(payload: int) -> None:
            began.append(payload)
            await go.wait()

        async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
            if state == "only future jobs":
                for n in range(30):
                    await queue.schedule_in(NUMBER, n, timedelta(days=1), priority=n)
            if state == "strangers' jobs":
                stranger = JobType("stranger", int)
                await queue.schedule_many([JobRequest(stranger, n) for n in range(30)])
            if state == "all slots busy":
                await queue.schedule_many([JobRequest(NUMBER, n) for n in range(30)])
            async with running(queue, router, concurrency=4):
                if state == "all slots busy":
                    await until(lambda: len(began) == 4)
                await wire.quiet()
                wire.counts.clear()
                await seconds(clock, 300, wire)
                go.set()
                polls = 0 if state == "all slots busy" else 300 / 4.5
                beats = 4 * 300 / 45 if state == "all slots busy" else 0
                assert wire.counts["claim"] <= polls + 1
                assert wire.counts["extend"] <= beats
                assert wire.counts["reap"] <= 300 / 13.5 + 1
                assert wire.counts["prune"] <= 300 / 54 + 2
                assert set(wire.counts) <= {"claim", "extend", "reap", "prune", "wait"}

    run(scenario())


@pytest.mark.parametrize("slots", [1, 16, 200])
def test_p128_polling_is_the_runners_not_each_slots(queue_url: str, run: Run, slots: int) -> None:
    """However many slots: one claim per poll; four runners make four times as many."""

    async def scenario() -> None:
        clock, url = ManualClock(), shared(queue_url)
        wires, router = [Wire() for _ in range(4)], JobRouter()

        @router.job("number")
        async def number(payload: int) -> None: ...

        queues = [wire.lay(open_queue(url, clock=clock)) for wire in wires]
        options: dict[str, Any] = {"concurrency": slots, "poll_interval": SECOND / 2}
        async with AsyncExitStack() as stack:
            for queue in queues:
                await stack.enter_async_context(queue)
                await stack.enter_async_context(running(queue, router, **options))
            for wire in wires:
                await wire.quiet()
                wire.counts.clear()
            for _ in range(100):
                clock.advance(0.1)
                for wire in wires:
                    await wire.quiet()
            for wire in wires:
                assert 10 <= wire.counts["claim"] <= 10 / 0.45 + 1

    run(scenario())


@pytest.mark.parametrize("slots", [1, 10])
def test_p129_no_poll_interval_passes_while_work_waits(
    queue_url: str, run: Run, slots: int
) -> None:
    """1,000 jobs are drained on a clock that stands still: no pause between two claims."""

    async def scenario() -> None:
        router, ran = JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int) -> None:
            ran.append(payload)

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            await queue.schedule_many([JobRequest(NUMBER, n) for n in range(1_000)])
            async with running(queue, router, concurrency=slots, poll_interval=timedelta(days=1)):
                await until(lambda: len(ran) == 1_000)
                await queue.schedule(NUMBER, 1_000)  # and what comes then wakes it
                await until(lambda: len(ran) == 1_001)
            assert sorted(ran) == list(range(1_001))
            if slots == 1:
                assert ran == list(range(1_001))

    run(scenario())


def test_p129_a_job_due_sooner_than_the_sleep_is_run_in_time(queue_url: str, run: Run) -> None:
    """WAK-1: a runner asleep for a day is woken by a job due in a second, at that second."""

    async def scenario() -> None:
        clock, wire, router, ran = ManualClock(), Wire(), JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int) -> None:
            ran.append(payload)

        async with (
            wire.lay(open_queue(queue_url, clock=clock)) as queue,
            running(queue, router, poll_interval=timedelta(days=1)),
        ):
            await wire.quiet()
            await queue.schedule_in(NUMBER, 2, 2 * SECOND)
            await wire.quiet()
            await queue.schedule_in(NUMBER, 1, SECOND)
            await until(lambda: wire.counts["claim"] >= 3)
            clock.advance(1)
            await until(lambda: ran == [1])
            await wire.quiet()
            clock.advance(1)
            await until(lambda: ran == [1, 2])

    run(scenario())


def test_p130_a_runner_holds_no_more_than_its_slots(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PRI-8: before 5,000 jobs of 10 kB it has at most four in hand; pages are pages.

    The report's two millions would take minutes: what is bounded is checked instead.
    """

    async def scenario() -> None:
        most, claimed, wire = 0, 0, Wire()
        router = JobRouter()

        @router.job("blob")
        async def blob(payload: str) -> None:
            await asyncio.sleep(0)

        async with wire.lay(open_queue(queue_url, clock=ManualClock())) as queue:
            for _ in range(5):
                await queue.schedule_many([JobRequest(blob, "x" * 10_000) for _ in range(1_000)])
            runner = JobRunner(queue, router, concurrency=4)
            storage = queue.storage
            claim: Callable[..., Awaitable[ClaimResult]] = storage.claim

            async def watched(name: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
                nonlocal most, claimed
                assert request.limit <= 4 - runner.running
                result = await claim(name, request, now=now)
                most = max(most, runner.running + len(result.jobs))
                claimed += len(result.jobs)
                return result

            monkeypatch.setattr(storage, "claim", watched)
            await queue.count_jobs()  # what is imported only for listings is imported by now
            gc.collect()
            tracemalloc.start()
            try:
                page = await queue.list_jobs(limit=1_000)
                assert len(page.jobs) == 1_000
                assert all(job.payload is None for job in page.jobs)
                assert (await queue.count_jobs()).total == 5_000
                task = asyncio.create_task(runner.run())
                await until(lambda: claimed >= 300)
                runner.shutdown()
                await task
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            assert most == 4
            assert peak < 20_000_000, "the waiting jobs' payloads alone are 50 MB"

    run(scenario())


@pytest.mark.parametrize("kind", ["async", "sync"])
def test_a_runner_keeps_nothing_of_jobs_that_ended(queue_url: str, run: Run, kind: str) -> None:
    """The kind of P130: payloads, contexts and exceptions are let go of while it runs on."""

    async def scenario() -> None:
        router, alive = JobRouter(), weakref.WeakSet[object]()

        def bad(payload: dict[str, int], job: JobContext) -> None:
            error = ValueError("bad")
            alive.add(error)
            alive.add(job.token)
            raise error

        async def bad_async(payload: dict[str, int], job: JobContext) -> None:
            bad(payload, job)

        handler: Callable[..., Any] = bad if kind == "sync" else bad_async
        registered = router.job("bad", max_retries=0)(handler)
        async with (
            open_queue(queue_url, clock=ManualClock()) as queue,
            running(queue, router, concurrency=3),
        ):
            for _ in range(50):
                await queue.schedule(registered, {"n": 1})
            while (await queue.count_jobs(states=[JobState.DEAD])).total < 50:
                await asyncio.sleep(0.005)
            await asyncio.sleep(0.01)
            gc.collect()
            # A slot, or its thread, may still have its last one in hand.
            assert len(alive) <= 2 * 3

    run(scenario())


def test_many_waiters_cost_nothing_afterwards(queue_url: str, run: Run) -> None:
    """P126's kind: tokens that handlers wait on, and waits that end early, leave nothing."""

    async def scenario() -> None:
        router = JobRouter()

        @router.job("number")
        async def number(payload: int, job: JobContext) -> None:
            waiting = asyncio.create_task(job.token.wait())
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert job.id != new_job_id()

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            await queue.schedule_many([JobRequest(NUMBER, n) for n in range(200)])
            assert await JobRunner(queue, router).drain() == 200
            gc.collect()
            assert not leftovers()

    run(scenario())
