"""What a runner says of its stop, of handlers that go on, of a loop that doesn't turn."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from uuid import UUID

import pytest

from aide_de_camp import (
    JobContext,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    Queue,
    open_queue,
)
from aide_de_camp.runner import heartbeat as heartbeat_module
from aide_de_camp.runner import runner as runner_module

from .conftest import Run
from .support import SECOND
from .trouble import leftovers, until

NUMBER = JobType("number", int)
SECRET = "canary-2501"


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_FORCED_GRACE", 0.05)
    monkeypatch.setattr("aide_de_camp.runner.slots._STOP_GRACE", 0.05)


def said(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    return [each.getMessage() for each in caplog.records if words in each.getMessage()]


# --- how a stop is told of ---------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("how", ["shutdown", "kill", "shutdown, then kill", "cancel"])
def test_a_stop_is_told_of_as_it_begins_and_when_it_ended(
    run: Run, caplog: pytest.LogCaptureFixture, how: str, count: int
) -> None:
    """LIV-1: how many jobs run, and how long they have; and the end."""

    async def scenario() -> None:
        router, began = JobRouter(), list[int]()

        @router.job("number")
        async def number(payload: int) -> None:
            began.append(payload)
            await asyncio.sleep(600)

        async with open_queue("memory://", clock=ManualClock()) as queue:
            for payload in range(count):
                await queue.schedule(NUMBER, payload)
            timeout = SECOND * (0.25 if how == "shutdown" else 1_000)
            runner = JobRunner(queue, router, worker="w1", shutdown_timeout=timeout)
            task = asyncio.create_task(runner.run())
            await until(lambda: len(began) == count and said(caplog, "runner started"))
            assert not said(caplog, "stop")
            if how.startswith("shutdown"):
                runner.shutdown()
                runner.shutdown()
            if how.endswith("kill"):
                runner.kill()
                runner.kill()
            if how == "cancel":
                task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            assert set(runner.interrupted.values()) == ({"number"} if count else set())
            assert len(runner.interrupted) == count
            assert not runner.left_behind

    with caplog.at_level(logging.INFO, "aide_de_camp"):
        run(scenario())
    left = "0.25" if how == "shutdown" else "1000" if how == "shutdown, then kill" else "0"
    assert said(caplog, "runner stopping") == [
        f"runner stopping: w1 on queue default; jobs that still run: {count}; they have {left} s"
    ]
    assert len(said(caplog, "runner forced")) == (how == "shutdown, then kill")
    (stopped,) = said(caplog, "runner stopped")
    assert stopped.startswith("runner stopped: w1 on queue default, in ")
    assert caplog.records[-1].getMessage() == stopped


# --- handlers that go on -----------------------------------------------------------------------


@pytest.mark.usefixtures("brief")
@pytest.mark.parametrize("how", ["shutdown", "kill", "cancel"])
@pytest.mark.parametrize("handler", ["ends", "swallows", "a thread"])
def test_only_what_still_runs_is_said_to(
    run: Run, caplog: pytest.LogCaptureFixture, handler: str, how: str
) -> None:
    """LIV-1, RET-9: a job whose slot has ended overran nothing; the others are named."""
    go = threading.Event()

    async def scenario() -> None:
        router, began, over = JobRouter(), threading.Event(), asyncio.Event()

        async def ends(payload: int) -> None:
            began.set()
            await asyncio.sleep(600)

        async def swallows(payload: int) -> None:
            began.set()
            while not over.is_set():
                with suppress(asyncio.CancelledError):
                    await over.wait()

        def in_thread(payload: int) -> None:
            began.set()
            go.wait(20)

        handlers: dict[str, Callable[[int], object]]
        handlers = {"ends": ends, "swallows": swallows, "a thread": in_thread}
        router.job("number")(handlers[handler])
        async with open_queue("memory://", clock=ManualClock()) as queue:
            job_id = await queue.schedule(NUMBER, 1)
            runner = JobRunner(queue, router, shutdown_timeout=timedelta(0))
            task = asyncio.create_task(runner.run())
            await until(began.is_set)
            if how == "cancel":
                task.cancel()
            else:
                runner.shutdown() if how == "shutdown" else runner.kill()
            with suppress(asyncio.CancelledError):
                await task
            goes_on = {} if handler == "ends" else {job_id: "number"}
            assert runner.interrupted == {job_id: "number"}
            assert runner.left_behind == goes_on
            warned = [f"job {job_id} (number) was told to stop and still runs"] if goes_on else []
            assert [each.partition(":")[0] for each in said(caplog, "still runs")] == warned
            assert ("left behind" in said(caplog, "runner stopped")[0]) is bool(goes_on)
            after = await queue.get_job(job_id)
            assert (after.state, after.retries) == (JobState.SCHEDULED, 0)
            over.set()
            go.set()
            await until(lambda: not leftovers())

    with caplog.at_level(logging.INFO, "aide_de_camp"):
        run(scenario())


@pytest.mark.usefixtures("brief")
def test_one_that_timed_out_and_goes_on_is_named_too(run: Run) -> None:
    """RET-9: its outcome is stored long since, and it holds up the process's end all the same."""
    go = threading.Event()

    async def scenario() -> None:
        router = JobRouter()

        @router.job("number", time_limit=SECOND / 50, max_retries=0)
        def number(payload: int) -> None:
            go.wait(20)

        async with open_queue("memory://") as queue:
            job_id = await queue.schedule(NUMBER, 1)
            runner = JobRunner(queue, router, shutdown_timeout=timedelta(0))
            task = asyncio.create_task(runner.run())
            while (await queue.get_job(job_id)).state is not JobState.DEAD:
                await asyncio.sleep(0.005)
            runner.shutdown()
            await task
            assert runner.left_behind == {job_id: "number"}
            go.set()

    run(scenario())


# --- a loop that doesn't turn ------------------------------------------------------------------


@pytest.mark.parametrize("culprit", ["the handler", "its task", "nobody's"])
def test_p44_a_blocked_loop_is_warned_of_once_with_the_job(
    run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, culprit: str
) -> None:
    """LEA-5: the warning comes while it is blocked, and tells of no payload.

    A busy machine may well keep the loop from turning, but not for two seconds.
    """
    monkeypatch.setattr(heartbeat_module, "_LEAST_BLOCK", 2.0)
    monkeypatch.setattr(heartbeat_module.Pulse, "interval", 0.05)
    warning = "event loop hasn't turned"

    async def scenario() -> None:
        router, began, end = JobRouter(), asyncio.Event(), asyncio.Event()

        def block() -> None:
            until_ = time.monotonic() + 20
            while not said(caplog, warning) and time.monotonic() < until_:
                time.sleep(0.01)
            time.sleep(0.3)  # for a second one, if there were one

        @router.job("blocks")
        async def blocks(payload: str) -> None:
            if culprit == "the handler":
                block()
            if culprit == "its task":

                async def part() -> None:
                    block()

                await asyncio.create_task(part())

        @router.job("waits")
        async def waits(payload: str) -> None:
            began.set()
            await end.wait()

        async with open_queue("memory://") as queue:
            waiting = await queue.schedule(waits, SECRET)
            runner = JobRunner(queue, router, lease=12 * SECOND, concurrency=2)
            task = asyncio.create_task(runner.run())
            await began.wait()
            blocking = await queue.schedule(blocks, SECRET)
            if culprit == "nobody's":
                await _until_done(queue, blocking)
                block()
            await _until_done(queue, blocking)
            await until(lambda: said(caplog, "turns again"))
            end.set()
            await _until_done(queue, waiting)
            runner.shutdown()
            await task
            (line,) = said(caplog, warning)
            assert SECRET not in line
            named = {each for each in (waiting, blocking) if str(each) in line}
            expected = {
                "the handler": {blocking},
                "its task": {waiting, blocking},
                "nobody's": {waiting},
            }
            assert named == expected[culprit]
            (record,) = [each for each in caplog.records if warning in each.getMessage()]
            assert record.levelno == logging.WARNING

    with caplog.at_level(logging.INFO, "aide_de_camp"):
        run(scenario())


async def _until_done(queue: Queue, job_id: UUID) -> None:
    while (await queue.get_job(job_id)).state is not JobState.COMPLETED:
        await asyncio.sleep(0.005)


# --- what exceptions say -----------------------------------------------------------------------


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("retries", [0, 1])
def test_what_a_handler_raised_is_logged_only_where_that_was_asked_for(
    run: Run, caplog: pytest.LogCaptureFixture, asked: bool, retries: int
) -> None:
    """DEC-6: its class always; its words and traceback if the user asks."""

    async def scenario() -> None:
        router = JobRouter()

        @router.job("number", max_retries=retries)
        async def number(payload: int, job: JobContext) -> None:
            raise RuntimeError(f"it\nsays \x1b[2J{SECRET}")

        async with open_queue("memory://", clock=ManualClock()) as queue:
            await queue.schedule(NUMBER, 1)
            await JobRunner(queue, router, log_errors=asked).drain()

    with caplog.at_level(logging.INFO, "aide_de_camp"):
        run(scenario())
    (record,) = [each for each in caplog.records if hasattr(each, "adc_error")]
    message = record.getMessage()
    words = rf"RuntimeError: it says \x1b[2J{SECRET}" if asked else "RuntimeError"
    assert f"({words})" in message
    assert "\n" not in message
    more = {k: v for k, v in record.__dict__.items() if k.startswith("adc_") and SECRET in str(v)}
    assert set(more) == ({"adc_error_message", "adc_traceback"} if asked else set())
    assert not asked or "in number" in more["adc_traceback"]
