"""LEA-4 to LEA-6, and SHR-1, DUR-1: processes that die, hang, or lose touch."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from datetime import timedelta
from uuid import UUID

from aide_de_camp import (
    CancellationToken,
    Capability,
    JobContext,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    ManualClock,
    Queue,
    StopReason,
    SystemClock,
)
from aide_de_camp_conformance.desk import HOUR, MINUTE
from aide_de_camp_conformance.expect import same
from aide_de_camp_conformance.faults import Outage
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.processes import victim
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, VICTIM, requests

SECOND = timedelta(seconds=1)
_BLOCK_AT_MOST = 30.0
"""Seconds for which a handler blocks its loop where nobody tells it that it is enough."""


@requirement("LEA-4.task", level=2)
async def killed_task(kit: Kit) -> None:
    """Killing a runner's task at any instant loses no job: each runs when its lease is over."""
    queue, desk = await kit.queue(keep_finished=timedelta(days=365)), await kit.desk()
    router, stuck, ran = JobRouter(), asyncio.Event(), Counter[UUID]()

    @router.job("bytes", codec="raw", max_retries=50)
    async def work(payload: bytes, job: JobContext) -> None:
        ran[job.id] += 1
        await asyncio.sleep(0)
        if payload == b"\x03" and not stuck.is_set():
            await asyncio.Event().wait()

    ids = await queue.schedule_many(requests(30))
    killed_tasks: list[asyncio.Task[None]] = []
    for turns in (1, 3, 9, 27):
        outage = Outage()
        killed = await kit.queue(around=outage.around)
        runner = JobRunner(killed, router, concurrency=3, shutdown_timeout=timedelta(0))
        task = asyncio.create_task(runner.run())
        for _ in range(turns):
            await asyncio.sleep(0)
        # From here on nothing reaches the storage any more, as with a process that is gone.
        outage.on = True
        task.cancel()
        killed_tasks.append(task)
    stuck.set()

    async def all_completed() -> bool:
        # More than once, since a claim that was under way may take jobs after the first time.
        kit.advance(HOUR)
        await JobRunner(queue, router).drain()
        states = [await desk.state(job_id) for job_id in ids]
        return states == [JobState.COMPLETED] * len(ids)

    await kit.until("every job is completed", all_completed)
    assert all(ran[job_id] >= 1 for job_id in ids), "a job is completed and never ran"


@requirement("LEA-4.kill", level=2, capability=Capability.SHARED, heavy=True)
async def killed_process(kit: Kit) -> None:
    """Killing a runner at any instant (kill -9) loses no job, and doubles nothing completed."""
    queue = await kit.queue(clock=SystemClock())
    ids = [await queue.schedule(VICTIM, "slow") for _ in range(200)]
    for command, said in (("run", "started"), ("work", "completed"), ("work", "started")):
        async with victim(kit.url, command) as process:
            await process.listen(said, 15)
            await process.kill()
            for job_id in process.ids("completed"):
                same((await queue.get_job(job_id)).state, "completed", "what was acknowledged")
    done = [
        job.id for job in (await queue.list_jobs(states=[JobState.COMPLETED], limit=1_000)).jobs
    ]
    router, again = JobRouter(), list[UUID]()

    @router.job("victim")
    async def work(payload: str, job: JobContext) -> None:
        again.append(job.id)

    often = timedelta(milliseconds=50)
    async with kit.running(queue, router, lease=SECOND, poll_interval=often):
        await kit.until("all jobs are completed", lambda: _completed(queue, len(ids)))
    assert not set(again) & set(done), "a job that was completed ran again"


async def _completed(queue: Queue, wanted: int) -> bool:
    await asyncio.sleep(0.05)
    return (await queue.count_jobs()).by_state[JobState.COMPLETED] == wanted


@requirement("LEA-5.blocked", level=2, heavy=True)
async def blocked_loop(kit: Kit) -> None:
    """A handler that blocks the event loop for longer than its lease doesn't lose it."""
    queue = await kit.queue(clock=SystemClock())
    router, runs, lease = JobRouter(), list[int](), 4 * SECOND
    there, tried = threading.Event(), threading.Event()

    @router.job("bytes", codec="raw")
    async def work(payload: bytes, job: JobContext) -> None:
        runs.append(job.retries)
        # Blocking the loop is what it is about: until others tried for longer than the lease.
        tried.wait(_BLOCK_AT_MOST)

    async def others() -> list[bytes]:
        got: list[bytes] = []
        try:
            async with kit.unopened(clock=SystemClock()) as other:
                there.set()
                await kit.until("the job is claimed", lambda: _is_running(other, job_id))
                end = time.monotonic() + lease.total_seconds() + 0.5
                last = False
                while not last:
                    last = time.monotonic() > end
                    handle = await other.poll_next(BYTES)
                    if handle is not None:
                        got.append(handle.payload)
                    await asyncio.sleep(0.05)
        finally:
            there.set()
            tried.set()
        return got

    job_id = await queue.schedule(BYTES, b"x")
    elsewhere = asyncio.create_task(kit.elsewhere(others))
    await kit.until("somebody else is there", there.is_set)
    await JobRunner(queue, router, lease=lease).drain()
    got = await elsewhere
    same(got, [], "what somebody else was given meanwhile")
    same(runs, [0], "the attempts that were made")
    same((await queue.get_job(job_id)).state, JobState.COMPLETED, "the state in the end")


async def _is_running(queue: Queue, job_id: UUID) -> bool:
    return (await queue.get_job(job_id)).state is JobState.RUNNING


@requirement("LEA-5.long", level=2, heavy=True)
async def long_running(kit: Kit) -> None:
    """A handler that runs long keeps its lease for as long as its runner lives."""
    queue, desk = await kit.queue(), await kit.desk()
    router, done, runs = JobRouter(), asyncio.Event(), list[int]()

    @router.job("bytes", codec="raw")
    async def work(payload: bytes, job: JobContext) -> None:
        runs.append(job.claims)
        await done.wait()

    await queue.schedule(BYTES, b"x")
    async with kit.running(queue, router, lease=timedelta(minutes=1)):
        await kit.until("it runs", lambda: len(runs) == 1)
        for _ in range(5):
            await _past(kit, MINUTE)
        same(await desk.claimed_ids(), [], "what somebody else is given after five minutes")
        done.set()
        await kit.until("it is completed", lambda: _completed(queue, 1))
    same(runs, [1], "the attempts that were made")


async def _past(kit: Kit, length: int) -> None:
    """Let a length of time pass in steps, so that whatever beats by the clock does."""
    for _ in range(12):
        kit.advance(length // 12)
        for _ in range(5):
            await asyncio.sleep(0.001)


class _Hold:
    """A router with a handler that never ends, and what is seen of it."""

    def __init__(self) -> None:
        self.router = JobRouter()
        self.tokens: list[CancellationToken] = []
        self.ended: list[str] = []

        @self.router.job("bytes", codec="raw")
        async def work(payload: bytes, job: JobContext) -> None:
            if payload != b"long" or job.claims > 1:
                self.ended.append(payload.decode())
                return
            self.tokens.append(job.token)
            try:
                await asyncio.Event().wait()
            finally:
                self.ended.append("cancelled")

    async def lost(self, kit: Kit, queue: Queue) -> None:
        """Expect that the lease is lost, and that the runner goes on."""
        await kit.until("its token fires", lambda: self.tokens[0].cancelled)
        same(self.tokens[0].reason, StopReason.LEASE_LOST, "the token's reason")
        await kit.until("its handler is cancelled", lambda: "cancelled" in self.ended)
        await queue.schedule(BYTES, b"another")
        await kit.until(
            "the runner runs another job", lambda: "another" in self.ended, polling=queue.clock
        )


@requirement("LEA-6.taken", level=2)
async def taken_away(kit: Kit) -> None:
    """When a lease is lost the token fires with `lease_lost`, the handler is cancelled, once."""
    # Two clocks: for the runner, whose process was suspended say, hardly any time has passed.
    clock = ManualClock()
    queue, desk = await kit.queue(clock=clock), await kit.desk()
    hold = _Hold()
    job_id = await queue.schedule(BYTES, b"long")
    async with kit.running(queue, hold.router, lease=timedelta(minutes=1)):
        await kit.until("it runs", lambda: len(hold.tokens) == 1)
        kit.advance(HOUR)
        job = await desk.claim_one(lease=10 * HOUR)
        same((job.id, job.retries), (job_id, 1), "what somebody else is given")
        for _ in range(6):
            clock.advance(SECOND * 5)
            await asyncio.sleep(0.005)
        await hold.lost(kit, queue)
        record = await desk.get(job_id)
        same((record.state, record.token), (JobState.RUNNING, job.token), "the job in other hands")


@requirement("LEA-6.unextended", level=2)
async def not_extended(kit: Kit) -> None:
    """The same when a lease could not be extended for its whole length by the monotonic clock."""
    outage = Outage({"extend"})
    queue = await kit.queue(around=outage.around)
    hold = _Hold()
    await queue.schedule(BYTES, b"long", max_retries=0)
    # One slot, so that the runner claims nothing: it must not be its own claim that tells it.
    async with kit.running(queue, hold.router, lease=timedelta(minutes=1), concurrency=1):
        await kit.until("it runs", lambda: len(hold.tokens) == 1)
        outage.on = True
        await _past(kit, MINUTE // 2)
        assert not hold.tokens[0].cancelled, "the token fired while the lease still held"
        assert outage.refused > 0, "no heartbeat was tried in half the length of the lease"
        await _past(kit, MINUTE)
        outage.on = False
        await hold.lost(kit, queue)


@requirement("SHR-1.shared", level=3, capability=Capability.SHARED, heavy=True)
async def shared(kit: Kit) -> None:
    """Several processes may share the storage: each job is run once, by one of them."""
    queue = await kit.queue(clock=SystemClock())
    async with victim(kit.url, "work") as one, victim(kit.url, "work") as two:
        # Only once all are there, and all at once: else the first to come has them to itself.
        await one.listen("idle")
        await two.listen("idle")
        ids = await queue.schedule_many([JobRequest(VICTIM, "quick")] * 400)
        # One that is suspended between two steps, if it has two, meets what others did meanwhile.
        stumbling = [asyncio.create_task(process.stumble()) for process in (one, two)]
        mine: set[UUID] = set()
        while (handle := await queue.poll_next(VICTIM)) is not None:
            await handle.complete()
            mine.add(handle.id)
        for task in stumbling:
            task.cancel()
        await asyncio.wait(stumbling)
        await kit.until("all jobs are completed", lambda: _completed(queue, len(ids)))
        for process in (one, two):
            await process.kill()
        shares = [mine, *(set(process.ids("completed")) for process in (one, two))]
    same(
        sum(map(len, shares)),
        len(set[UUID]().union(*shares)),
        "the completions, and of how many jobs",
    )
    assert sum(map(bool, shares)) > 1, "one process had all jobs to itself: nothing was shared"
    for job_id in ids:
        same((await queue.get_job(job_id)).claims, 1, "how often a job was claimed")


@requirement("DUR-1.scheduled", level=3, capability=Capability.SURVIVES_KILL, heavy=True)
async def survives_kill(kit: Kit) -> None:
    """What was acknowledged survives kill -9 of the process: jobs scheduled, jobs completed."""
    queue = await kit.queue(clock=SystemClock())
    scheduled: list[UUID] = []
    for count in (1, 5, 40):
        async with victim(kit.url, "schedule") as process:
            await process.listen("scheduled", count)
            await process.kill()
            scheduled += process.ids("scheduled")
    for job_id in scheduled:
        same((await queue.get_job(job_id)).state, JobState.SCHEDULED, "what was acknowledged")
    async with victim(kit.url, "work") as process:
        await process.listen("completed", 10)
        await process.kill()
        completed = process.ids("completed")
    for job_id in completed:
        same((await queue.get_job(job_id)).state, JobState.COMPLETED, "what was acknowledged")
