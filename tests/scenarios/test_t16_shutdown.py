"""Peers' reports about shutdown and signals: a runner may be ended at any moment."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from aide_de_camp import (
    EventKind,
    JobContext,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    Snooze,
    StopReason,
    open_queue,
)
from aide_de_camp.runner import claims as claims_module
from aide_de_camp.runner import runner as runner_module

from .conftest import Run
from .support import SECOND, all_jobs, listening
from .trouble import Wire, leftovers, lines, running, start_worker, until

NUMBER = JobType("number", int)
AT_ONCE = timedelta(0)


@pytest.mark.parametrize(
    "signals",
    [
        [signal.SIGTERM],
        [signal.SIGINT],
        [signal.SIGTERM, signal.SIGTERM],
        [signal.SIGINT, signal.SIGINT],
        [signal.SIGTERM, signal.SIGINT, signal.SIGINT],
    ],
    ids=lambda signals: "+".join(each.name for each in signals),
)
def test_p121_the_first_signal_is_graceful_the_second_quick(
    tmp_path: Path, run: Run, signals: list[signal.Signals]
) -> None:
    """LIV-1: alike for both; nothing is claimed after the first; the second releases."""
    url, log, go = f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path / "log", tmp_path / "log.a.go"

    async def scenario() -> None:
        async with open_queue(url) as queue:
            job_id = await queue.schedule(JobType("until_file", str), "a")
            worker = start_worker(url, log)
            try:
                await until(lambda: "begin a 1" in lines(log))
                worker.send_signal(signals[0])
                await until(lambda: "told a shutdown" in lines(log))
                late = await queue.schedule(JobType("until_file", str), "late", priority=9)
                for each in signals[1:]:
                    worker.send_signal(each)
                if len(signals) == 1:
                    go.touch()
                assert await asyncio.to_thread(worker.wait, 20) == 0
            finally:
                worker.kill()
            after = await queue.get_job(job_id)
            ended = len(signals) == 1
            assert after.state is (JobState.COMPLETED if ended else JobState.SCHEDULED)
            assert (after.claims, after.retries) == (1, 0)
            assert ("end a 1" in lines(log)) is ended
            assert (await queue.get_job(late)).claims == 0

    run(scenario())


def test_p121_a_thread_that_wont_stop_keeps_no_process_alive(tmp_path: Path, run: Run) -> None:
    """LIV-1, RET-9: its job is given back, and the process ends, while the thread goes on."""
    url, log = f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path / "log"

    async def scenario() -> None:
        async with open_queue(url) as queue:
            job_id = await queue.schedule(JobType("blocks", str), "a")
            worker = start_worker(url, log)
            try:
                await until(lambda: "begin a 1" in lines(log))
                worker.send_signal(signal.SIGTERM)
                worker.send_signal(signal.SIGINT)
                assert await asyncio.to_thread(worker.wait, 20) == 0
            finally:
                worker.kill()
                worker.wait()
            after = await queue.get_job(job_id)
            assert (after.state, after.claims, after.retries) == (JobState.SCHEDULED, 1, 0)

    run(scenario())


async def assert_all_is_given_back(queue: Any, router: JobRouter, clock: ManualClock) -> None:
    """Nothing runs, nothing is lost, no task is left, and a new runner finishes the rest."""
    for job in await all_jobs(queue):
        assert job.state in (JobState.SCHEDULED, JobState.COMPLETED), job
        assert job.retries == 0
    assert not leftovers()
    await JobRunner(queue, router).drain()
    assert {job.state for job in await all_jobs(queue)} == {JobState.COMPLETED}


@pytest.mark.parametrize("again", [False, True], ids=["once", "twice"])
@pytest.mark.parametrize("how", ["cancel", "shutdown", "kill", "shutdown, then cancel"])
def test_a_runner_ended_after_any_number_of_turns(
    queue_url: str, run: Run, how: str, again: bool
) -> None:
    """LIV-1: wherever it stands (claiming, settling, winding up), it ends and gives all back."""

    async def scenario() -> None:
        for turns in range(0, 60, 1 if queue_url == "memory://" else 3):
            clock, wire = ManualClock(), Wire()
            router, go = JobRouter(), asyncio.Event()

            @router.job("number")
            async def quick_or_slow(payload: int, job: JobContext) -> None:
                if payload % 3 == 0:
                    await go.wait()  # noqa: B023 (used at once)
                elif payload % 3 == 1:
                    await asyncio.sleep(0)

            async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
                for payload in range(7):
                    await queue.schedule(NUMBER, payload)
                runner = JobRunner(queue, router, concurrency=3, shutdown_timeout=AT_ONCE)
                task = asyncio.create_task(runner.run())
                for _ in range(turns):
                    await asyncio.sleep(0)
                for _ in range(2 if again else 1):
                    if how == "kill":
                        runner.kill()
                    if how.startswith("shutdown"):
                        runner.shutdown()
                    await asyncio.sleep(0)
                    if how.endswith("cancel"):
                        task.cancel()
                    await asyncio.sleep(0)
                try:
                    await task
                except asyncio.CancelledError:
                    assert how.endswith("cancel")
                go.set()
                assert runner.running == 0
                await assert_all_is_given_back(queue, router, clock)

    run(scenario())


def hanging(wire: Wire, verb: str, *, first: bool) -> tuple[asyncio.Event, asyncio.Event]:
    """Have one call of a verb hang, before it is made or before it is answered."""
    arrived, go = asyncio.Event(), asyncio.Event()

    async def hang(called: str) -> None:
        if called == verb and not arrived.is_set():
            arrived.set()
            await go.wait()

    wire.before, wire.after = (hang, None) if first else (None, hang)
    return arrived, go


@pytest.mark.parametrize("cancels", [0, 1, 2, 5])
@pytest.mark.parametrize("first", [True, False], ids=["before it", "after it"])
@pytest.mark.parametrize("answer", ["jobs", "an error"])
def test_a_claim_on_its_way_is_awaited_and_its_jobs_released(
    queue_url: str, run: Run, answer: str, first: bool, cancels: int
) -> None:
    """LIV-1: however often it is cancelled, the claim's jobs come back, and no handler began."""

    async def scenario() -> None:
        clock, wire, router, began = ManualClock(), Wire(), JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int) -> None:
            began.append(payload)

        async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
            job_id = await queue.schedule(NUMBER, 1)
            arrived, go = hanging(wire, "claim", first=first)
            runner = JobRunner(queue, router, shutdown_timeout=AT_ONCE)
            task = asyncio.create_task(runner.run())
            await arrived.wait()
            if not cancels:
                runner.shutdown()
            for _ in range(cancels):
                task.cancel()
                await asyncio.sleep(0.001)
            assert not task.done()
            if answer == "an error":
                wire.fail(["claim"], 1, replies=False)
            go.set()
            if cancels:
                with pytest.raises(asyncio.CancelledError):
                    await task
            else:
                await task
            assert not began
            after = await queue.get_job(job_id)
            assert (after.state, after.retries) == (JobState.SCHEDULED, 0)
            await assert_all_is_given_back(queue, router, clock)

    run(scenario())


@pytest.mark.parametrize("how", ["kill", "cancel"])
@pytest.mark.parametrize("verb", ["claim", "settle", "extend", "reap", "wait"])
def test_a_storage_that_hangs_keeps_no_forced_runner(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch, verb: str, how: str
) -> None:
    """LIV-1: a runner told to stop at once ends though no call is answered any more."""
    monkeypatch.setattr(claims_module, "_LAST_ANSWER", 0.05)
    monkeypatch.setattr(runner_module, "_SETTLE_SECONDS", 0.05)

    async def scenario() -> None:
        clock, wire, router = ManualClock(), Wire(), JobRouter()

        @router.job("number")
        async def number(payload: int) -> None:
            if verb == "extend":
                await asyncio.sleep(600)

        async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
            job_id = await queue.schedule(NUMBER, 1)
            arrived, go = hanging(wire, verb, first=True)
            runner = JobRunner(queue, router, lease=SECOND)
            task = asyncio.create_task(runner.run())
            while not arrived.is_set():
                await asyncio.sleep(0.005)
                # Chores leave leases alone while a claim is on its way, and look again later.
                clock.advance(0.1 if verb in ("extend", "reap") else 0)
            if how == "kill":
                runner.kill()
                await task
            else:
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            assert runner.running == 0
            go.set()
            await wire.quiet()
            clock.advance(SECOND)
            await JobRunner(queue, router if verb != "extend" else _finishing()).drain()
            assert (await queue.get_job(job_id)).state is JobState.COMPLETED
            assert not leftovers()

    run(scenario())


def _finishing() -> JobRouter:
    router = JobRouter()

    @router.job("number")
    async def number(payload: int) -> None: ...

    return router


@pytest.mark.parametrize("swallows", [1, 2, 100])
def test_a_handler_that_swallows_cancellations(
    queue_url: str, run: Run, monkeypatch: pytest.MonkeyPatch, swallows: int
) -> None:
    """LIV-1: it is released all the same; what it does afterwards counts for nothing."""
    monkeypatch.setattr(runner_module, "_FORCED_GRACE", 0.02)
    monkeypatch.setattr("aide_de_camp.runner.slots._STOP_GRACE", 0.02)

    async def scenario() -> None:
        router, began, end = JobRouter(), asyncio.Event(), asyncio.Event()

        @router.job("number")
        async def number(payload: int, job: JobContext) -> None:
            began.set()
            for _ in range(swallows):
                with suppress(asyncio.CancelledError):
                    await end.wait()
            await end.wait()

        async with open_queue(queue_url, clock=ManualClock()) as queue:
            job_id = await queue.schedule(NUMBER, 1)
            runner = JobRunner(queue, router, shutdown_timeout=AT_ONCE)
            task = asyncio.create_task(runner.run())
            await began.wait()
            runner.shutdown()
            await task
            after = await queue.get_job(job_id)
            assert (after.state, after.retries) == (JobState.SCHEDULED, 0)
            handle = await queue.poll_next(NUMBER)
            assert handle is not None
            end.set()
            await until(lambda: not leftovers())
            assert (await queue.get_job(job_id)).state is JobState.RUNNING
            await handle.complete()

    run(scenario())


@pytest.mark.parametrize("reaction", ["returns", "CancelledError", "another exception", "snoozes"])
@pytest.mark.parametrize("kind", ["async", "sync"])
def test_what_a_handler_makes_of_a_shutdown(
    queue_url: str, run: Run, reaction: str, kind: str
) -> None:
    """LIV-1: returned is completed, CancelledError is released, another exception is a failure."""

    async def scenario() -> None:
        router, began = JobRouter(), threading.Event()
        registry, ear = listening()

        def ending() -> Any:
            if reaction == "CancelledError":
                raise asyncio.CancelledError
            if reaction == "another exception":
                raise RuntimeError("bad")
            return Snooze(SECOND) if reaction == "snoozes" else None

        async def in_loop(payload: int, job: JobContext) -> Any:
            began.set()
            assert await job.token.wait() is StopReason.SHUTDOWN
            return ending()

        def in_thread(payload: int, job: JobContext) -> Any:
            began.set()
            assert job.token.wait_blocking(20)
            if reaction == "CancelledError":
                job.token.raise_if_cancelled()
            return ending()

        handler: Callable[[int, JobContext], Any] = in_loop if kind == "async" else in_thread
        router.job("number")(handler)
        async with open_queue(queue_url, clock=ManualClock(), registry=registry) as queue:
            job_id = await queue.schedule(NUMBER, 1)
            async with running(queue, router):
                await until(began.is_set)
            told = ear.kinds(job_id)[-1]
            after = await queue.get_job(job_id)
            expected = {
                "returns": (EventKind.COMPLETED, JobState.COMPLETED, 0),
                "CancelledError": (EventKind.RELEASED, JobState.SCHEDULED, 0),
                "another exception": (EventKind.RETRIED, JobState.SCHEDULED, 1),
                "snoozes": (EventKind.SNOOZED, JobState.SCHEDULED, 0),
            }
            assert (told, after.state, after.retries) == expected[reaction]

    run(scenario())
