"""Peers' reports about jobs lost or doubled when workers die.

P34, the loop of kills, is ``tests/crash``. In memory a killed worker is one that never calls again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from aide_de_camp import (
    DeadReason,
    JobContext,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    StorageUnavailable,
    new_job_id,
    open_queue,
)
from aide_de_camp.spi import ClaimRequest, RetryLimits

from .conftest import Run
from .support import SECOND, listening
from .trouble import Wire, be_hasty, leftovers, lines, running, start_worker, until, until_async

NUMBER = JobType("number", int)
LEASE = 5 * SECOND


def numbers() -> tuple[JobRouter, list[tuple[int, int]]]:
    """A router that notes each payload, and which claim of its job it was."""
    router, ran = JobRouter(), list[tuple[int, int]]()

    @router.job("number")
    async def number(payload: int, job: JobContext) -> None:
        ran.append((payload, job.claims))

    return router, ran


def claim_as(worker: str) -> ClaimRequest:
    return ClaimRequest(
        types=None,
        limit=1,
        lease=LEASE // timedelta(microseconds=1),
        retry_limits=RetryLimits(),
        worker=worker,
        request_id=new_job_id(),
    )


@pytest.mark.parametrize("retries_left", [0, 1, 3])
def test_p28_a_dead_workers_job_comes_back(queue_url: str, run: Run, retries_left: int) -> None:
    """LEA-2, RET-1, RET-8: a retry is used for each lost lease; at most once means dead."""

    async def scenario() -> None:
        router, ran = numbers()
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            job_id = await queue.schedule(NUMBER, 7, max_retries=retries_left)
            for lost in range(retries_left + 1):
                assert await queue.poll_next(NUMBER, lease=LEASE) is not None
                clock.advance(LEASE - timedelta(microseconds=1))
                assert await queue.poll_next(NUMBER, lease=LEASE) is None
                assert (await queue.get_job(job_id)).retries == lost
                clock.advance(timedelta(microseconds=1))
                if lost < retries_left and lost == 1:
                    break
            await JobRunner(queue, router).drain()
            after = await queue.get_job(job_id)
            if retries_left == 3:
                assert (after.state, after.claims, after.retries) == (JobState.COMPLETED, 3, 2)
                assert ran == [(7, 3)]
            else:
                assert (after.state, after.reason) == (JobState.DEAD, DeadReason.LEASE)
                assert (after.retries, ran) == (retries_left, [])

    run(scenario())


@pytest.mark.parametrize("order", ["reap", "claim", "reap, claim", "both at once"])
def test_p30_recovery_rests_on_nothing_but_the_lease(queue_url: str, run: Run, order: str) -> None:
    """LEA-2: whichever recovery comes first, the job is taken back, once."""

    async def scenario() -> None:
        router, ran = numbers()
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            job_id = await queue.schedule(NUMBER, 1)
            await queue.poll_next(NUMBER, lease=LEASE)
            clock.advance(LEASE)
            storage, now = queue.storage, clock.now()
            if order.startswith("reap"):
                assert [each.id for each in await storage.reap(queue.name, 9, now=now)] == [job_id]
                assert (await queue.get_job(job_id)).state is JobState.SCHEDULED
            if order == "both at once":
                reaped, claimed = await asyncio.gather(
                    storage.reap(queue.name, 9, now=now),
                    storage.claim(queue.name, claim_as("b"), now=now),
                )
                assert [each.id for each in (*reaped, *claimed.reaped)] == [job_id]
                clock.advance(LEASE)
            await JobRunner(queue, router).drain()
            after = await queue.get_job(job_id)
            lost = 2 if order == "both at once" else 1
            assert (after.state, after.retries) == (JobState.COMPLETED, lost)
            assert ran == [(1, lost + 1)]

    run(scenario())


def test_p31_a_restarted_worker_with_the_same_name_keeps_nothing_alive(
    queue_url: str, run: Run
) -> None:
    """LEA-3: a lease is a token's, not a name's; a live namesake isn't disturbed."""

    async def scenario() -> None:
        router, ran, finish = JobRouter(), list[int](), asyncio.Event()

        @router.job("number")
        async def number(payload: int, job: JobContext) -> None:
            ran.append(payload)
            if payload == 2:
                await finish.wait()

        wire = Wire()
        clock = ManualClock()
        async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
            old = await queue.schedule(NUMBER, 1)
            await queue.storage.claim(queue.name, claim_as("w0"), now=clock.now())
            live = await queue.schedule(NUMBER, 2)
            async with running(queue, router, worker="w0", lease=LEASE):
                await until(lambda: ran == [2])
                for _ in range(5 * 12):
                    clock.advance(LEASE / 12)
                    await wire.quiet()
                assert ran == [2, 1]
                held = await queue.get_job(live)
                assert (held.state, held.claims, held.worker) == (JobState.RUNNING, 1, "w0")
                finish.set()
                await wire.quiet()
            back, undisturbed = await queue.get_job(old), await queue.get_job(live)
            assert (back.state, back.claims) == (JobState.COMPLETED, 2)
            assert (undisturbed.state, undisturbed.claims) == (JobState.COMPLETED, 1)

    run(scenario())


def test_p33_an_expired_lease_takes_no_slot(queue_url: str, run: Run) -> None:
    """LEA-2, PRI-6: with one slot, the stale job comes first, then the one that waited."""

    async def scenario() -> None:
        router, ran = numbers()
        async with open_queue(queue_url, clock=(clock := ManualClock())) as queue:
            await queue.schedule(NUMBER, 1)
            clock.advance(1)
            await queue.schedule(NUMBER, 2)
            await queue.poll_next(NUMBER, lease=LEASE)
            clock.advance(LEASE)
            assert await JobRunner(queue, router, concurrency=1).drain() == 2
            assert ran == [(1, 2), (2, 1)]

    run(scenario())


@pytest.mark.parametrize("ending", ["raises", "raises late", "returns late", "passes it on"])
def test_p35_an_interrupted_job_is_stored_once(queue_url: str, run: Run, ending: str) -> None:
    """LIV-1: the first outcome chosen stands: released, or what the handler made of its notice."""

    async def scenario() -> None:
        router, begun = JobRouter(), list[int]()
        registry, ear = listening()

        @router.job("number", max_retries=3)
        async def number(payload: int, job: JobContext) -> None:
            begun.append(payload)
            if len(begun) > 1:
                return
            if ending == "raises":
                await job.token.wait()
                raise RuntimeError("interrupted, says a driver")
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                if ending == "raises late":
                    raise RuntimeError("interrupted, says a driver") from None
                if ending == "passes it on":
                    raise

        clock = ManualClock()
        async with open_queue(queue_url, clock=clock, registry=registry) as queue:
            job_id = await queue.schedule(NUMBER, 1)
            grace = timedelta(seconds=20 if ending == "raises" else 0)
            async with running(queue, router, shutdown_timeout=grace):
                await until(lambda: begun)
            stopped = await queue.get_job(job_id)
            assert stopped.state is JobState.SCHEDULED
            assert stopped.retries == (1 if ending == "raises" else 0)
            assert (await queue.count_jobs()).total == 1
            clock.advance(timedelta(hours=1))
            assert await JobRunner(queue, router).drain() == 1
            after = await queue.get_job(job_id)
            assert (after.state, after.claims) == (JobState.COMPLETED, 2)
            assert [kind.value for kind in ear.kinds(job_id)] == [
                "scheduled",
                "started",
                "retried" if ending == "raises" else "released",
                "started",
                "completed",
            ]

    run(scenario())


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    be_hasty(monkeypatch)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("broken_for", [1, 3, 7])
@pytest.mark.parametrize("replies", [True, False], ids=["replies", "calls"])
def test_p36_a_connection_that_breaks_at_any_reply(
    queue_url: str, run: Run, replies: bool, broken_for: int
) -> None:
    """LIV-4, LEA-2: wherever it breaks, and for however long, the job is completed in the end."""

    async def scenario() -> None:
        clock = ManualClock()  # one for all: a storage's present doesn't go back
        for broken_at in range(1, 11):
            router, ran = numbers()
            wire, seen = Wire(), 0

            async def trouble(verb: str, at: int = broken_at) -> None:
                nonlocal seen
                seen += 1
                if at <= seen < at + broken_for:
                    raise StorageUnavailable("the connection broke", outcome_unknown=replies)

            async with wire.lay(open_queue(queue_url, clock=clock)) as queue:
                job_id = await queue.schedule(NUMBER, broken_at)
                seen = 0
                wire.before, wire.after = (None, trouble) if replies else (trouble, None)
                try:
                    await JobRunner(queue, router, lease=LEASE).drain()
                except StorageUnavailable:
                    assert broken_for >= 3  # one call's repeats don't see a short one through
                wire.before = wire.after = None
                clock.advance(LEASE)
                await JobRunner(queue, router, lease=LEASE).drain()
                after = await queue.get_job(job_id)
                assert after.state is JobState.COMPLETED
                assert len(ran) == 1, "a lost reply never runs a job twice while it is leased"
                assert not leftovers()

    run(scenario())


# --- processes that are killed: they share a file ------------------------------------------------


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def workers(url: str, log: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for worker in started:
        worker.kill()
        worker.wait()


@pytest.mark.parametrize("report", ["p28", "p29", "p31", "p32"], ids=["p28", "p29", "p31", "p32"])
def test_p28_p29_p31_p32_a_process_killed_in_a_job(
    url: str,
    log: Path,
    workers: list[subprocess.Popen[bytes]],
    run: Run,
    report: str,
) -> None:
    """LEA-4: kill -9, also after a SIGTERM, under a name used again, and by the kernel at once.

    The time limit of P32's job is four hours: how soon it comes back rests on the lease alone.
    """
    job_type = {"p29": "ignores_stop", "p32": "dies_once"}.get(report, "hangs_once")
    name = ["w0"] if report == "p31" else []

    async def scenario() -> None:
        async with open_queue(url) as queue:
            job_id = await queue.schedule(JobType(job_type, str), "a")
            workers.append(start_worker(url, log, *name))
            await until(lambda: "begin a 1" in lines(log), "the first attempt")
            if report == "p29":
                workers[0].send_signal(signal.SIGTERM)
                await asyncio.sleep(0.3)
            if report != "p32":
                workers[0].kill()
            assert workers[0].wait() == -signal.SIGKILL
            workers.append(start_worker(url, log, *name))
            await until(lambda: "end a 2" in lines(log), "the second attempt")

            async def completed() -> bool:
                return (await queue.get_job(job_id)).state is JobState.COMPLETED

            await until_async(completed)
            after = await queue.get_job(job_id)
            assert (after.claims, after.retries) == (2, 1)
            assert [line for line in lines(log) if line.startswith("end")] == ["end a 2"]
            workers[1].send_signal(signal.SIGTERM)
            assert workers[1].wait() == 0

    run(scenario())


def test_p37_a_job_that_crashes_the_interpreter_takes_no_other_worker_down(
    url: str, log: Path, workers: list[subprocess.Popen[bytes]], run: Run
) -> None:
    """LEA-2, LEA-4: what runs elsewhere goes on; the poison follows its limit, then is dead."""

    async def scenario() -> None:
        async with open_queue(url) as queue:
            os.environ["CONCURRENCY"] = "1"
            try:
                workers.extend(start_worker(url, log) for _ in range(3))
            finally:
                del os.environ["CONCURRENCY"]
            await until(lambda: sum(line.startswith("ready") for line in lines(log)) == 3)
            well = [await queue.schedule(JobType("healthy", str), name) for name in ("x", "y")]
            await until(lambda: {"begin x 1", "begin y 1"} <= set(lines(log)))
            poison = await queue.schedule(JobType("crashes", str), "p", max_retries=1)
            for attempt in (1, 2):
                await until(lambda: f"begin p {attempt}" in lines(log))  # noqa: B023 (used at once)
                await until(lambda: any(each.poll() is not None for each in workers))
                (crashed,) = [each for each in workers if each.poll() is not None]
                assert crashed.returncode == -signal.SIGSEGV
                workers.remove(crashed)
                workers.append(start_worker(url, log))

            async def poison_dead() -> bool:
                return (await queue.get_job(poison)).state is JobState.DEAD

            await until_async(poison_dead)
            dead = await queue.get_job(poison)
            assert (dead.reason, dead.claims, dead.retries) == (DeadReason.LEASE, 2, 1)
            await until(lambda: {"end x 1", "end y 1"} <= set(lines(log)), "the healthy jobs")

            async def both_completed() -> bool:
                views = [await queue.get_job(job_id) for job_id in well]
                return all(view.state is JobState.COMPLETED for view in views)

            await until_async(both_completed)
            # The second crash may hit the worker of a healthy job only if that had ended.
            assert [(await queue.get_job(job_id)).claims for job_id in well] == [1, 1]

    run(scenario())
