"""LIV-1 and RET-9: handlers that are asked to stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from aide_de_camp import (
    Cancel,
    ConstantBackoff,
    JobContext,
    JobRouter,
    JobRunner,
    JobState,
    Queue,
    StopReason,
)
from aide_de_camp.spi import Storage
from aide_de_camp_conformance.expect import same
from aide_de_camp_conformance.faults import Passing
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.listening import listening
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, requests

T = TypeVar("T")
Handler = Callable[[bytes, JobContext], Awaitable[Any]]
MINUTE = timedelta(minutes=1)


class Stopped:
    """What became of one job whose runner was shut down while it ran."""

    def __init__(self) -> None:
        self.router = JobRouter()
        self.began = asyncio.Event()
        self.reasons: list[StopReason | None] = []

    def handles(self, handler: Handler) -> None:
        """Have the job's handler wait for its token, and then do something."""

        @self.router.job("bytes", codec="raw", backoff=ConstantBackoff(MINUTE))
        async def work(payload: bytes, job: JobContext) -> Any:
            self.began.set()
            return await handler(payload, job)

    async def run(self, kit: Kit, queue: Queue, **options: Any) -> UUID:
        """Schedule the job, run it, shut down while it runs, and await the runner's end."""
        job_id = await queue.schedule(BYTES, b"x")
        async with kit.running(queue, self.router, **options):
            await self.began.wait()
        return job_id


@requirement("LIV-1.returns", level=2)
async def returns(kit: Kit) -> None:
    """A shutdown fires each job's token; a handler that then returns is completed."""
    queue, stopped = await kit.queue(), Stopped()

    async def handler(payload: bytes, job: JobContext) -> None:
        stopped.reasons.append(await job.token.wait())
        await asyncio.sleep(0.01)

    stopped.handles(handler)
    view = await queue.get_job(await stopped.run(kit, queue))
    same(stopped.reasons, [StopReason.SHUTDOWN], "what the token said")
    same((view.state, view.claims), (JobState.COMPLETED, 1), "its state and claims")


@requirement("LIV-1.released", level=2)
async def released(kit: Kit) -> None:
    """One that raises CancelledError is released: scheduled at once, no retry used."""
    queue, stopped = await kit.queue(), Stopped()

    async def handler(payload: bytes, job: JobContext) -> None:
        await job.token.wait()
        job.token.raise_if_cancelled()

    stopped.handles(handler)
    view = await queue.get_job(await stopped.run(kit, queue))
    same((view.state, view.retries), (JobState.SCHEDULED, 0), "its state and retries")
    same((view.scheduled_at, view.error), (kit.today, None), "when it is due, and its error")


@requirement("LIV-1.fails", level=2)
async def fails(kit: Kit) -> None:
    """Another exception after a shutdown request is a failure."""
    queue, stopped = await kit.queue(), Stopped()

    async def handler(payload: bytes, job: JobContext) -> None:
        await job.token.wait()
        raise ValueError("no")

    stopped.handles(handler)
    view = await queue.get_job(await stopped.run(kit, queue))
    same((view.state, view.retries), (JobState.SCHEDULED, 1), "its state and retries")
    same(view.scheduled_at, kit.today + MINUTE, "when it is due again")
    same(view.error and view.error.message, "no", "its error")


@requirement("LIV-1.timeout", level=2)
async def shutdown_timeout(kit: Kit) -> None:
    """After its shutdown timeout what still runs is released: scheduled at once, no retry used."""
    queue, stopped = await kit.queue(), Stopped()
    stubborn = threading.Event()

    async def handler(payload: bytes, job: JobContext) -> None:
        await asyncio.Event().wait()

    stopped.handles(handler)

    @stopped.router.job("thread", codec="raw")
    def blocking(payload: bytes, job: JobContext) -> None:
        stubborn.wait(5)

    other = await queue.schedule(type(BYTES)("thread", bytes, codec="raw"), b"")
    try:
        job_id = await stopped.run(kit, queue, shutdown_timeout=timedelta(milliseconds=20))
        for each, what in ((job_id, "a task"), (other, "a thread")):
            view = await queue.get_job(each)
            same((view.state, view.retries), (JobState.SCHEDULED, 0), f"what became of {what}")
            same((view.scheduled_at, view.claims), (kit.today, 1), f"the place of {what}")
    finally:
        stubborn.set()


class _SlowClaim(Passing):
    """Keeps the reply to a claim back until it is let go."""

    def __init__(self, inner: Storage) -> None:
        super().__init__(inner)
        self.made = asyncio.Event()
        self.go = asyncio.Event()

    async def around(self, verb: str, call: Callable[[], Awaitable[T]]) -> T:
        answer = await call()
        if verb == "claim":
            self.made.set()
            await self.go.wait()
        return answer


@requirement("LIV-1.claim", level=2)
async def claim_in_flight(kit: Kit) -> None:
    """A claim in flight is awaited and its jobs released; nothing is claimed afterwards."""
    storages: list[_SlowClaim] = []

    def slow(inner: Storage) -> Storage:
        storages.append(_SlowClaim(inner))
        return storages[-1]

    queue, desk = await kit.queue(around=slow), await kit.desk()
    router, ran = JobRouter(), list[bytes]()

    @router.job("bytes", codec="raw")
    async def work(payload: bytes, job: JobContext) -> None:
        ran.append(payload)

    ids = await queue.schedule_many(requests(5))
    async with kit.running(queue, router, may_end=True) as runner:
        (storage,) = storages
        await storage.made.wait()
        same(await desk.state(ids[0]), JobState.RUNNING, "the state while the claim's reply is due")
        runner.shutdown()
        await asyncio.sleep(0.01)
        storage.go.set()
        await kit.until("they are released", lambda: _all_scheduled(queue, 5))
        await kit.until("the runner holds nothing", lambda: runner.running == 0)
        late = await queue.schedule(BYTES, b"late")
        records = [await desk.get(each) for each in ids]
        same([record.retries for record in records], [0] * 5, "their retries")
    same(ran, [], "what ran")
    same(await desk.claimed_ids(), [*ids, late], "the order of the claims afterwards")


async def _all_scheduled(queue: Queue, count: int) -> bool:
    return (await queue.count_jobs()).by_state[JobState.SCHEDULED] == count


@requirement("LIV-1.first", level=2)
async def first_outcome(kit: Kit) -> None:
    """An attempt's first chosen outcome stands: what its handler does after that counts not."""
    queue, stopped = await kit.queue(), Stopped()

    async def handler(payload: bytes, job: JobContext) -> Cancel:
        with suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return Cancel("too late")

    stopped.handles(handler)
    job_id = await stopped.run(kit, queue, shutdown_timeout=timedelta(0))
    view = await queue.get_job(job_id)
    same((view.state, view.reason), (JobState.SCHEDULED, None), "its state and reason")
    handle = await queue.poll_next(BYTES)
    assert handle is not None, "the released job wasn't handed out"
    await handle.complete()
    view = await queue.get_job(job_id)
    same(view.state, JobState.COMPLETED, "the state after a handle completed it")


@requirement("RET-9.timeout", level=2)
async def time_limit(kit: Kit) -> None:
    """An attempt past its time limit fails with reason `timeout`; its handler is cancelled."""
    queue = await kit.queue()
    router = JobRouter()
    reasons: list[StopReason | None] = []

    @router.job("bytes", codec="raw", time_limit=timedelta(milliseconds=20), max_retries=0)
    async def last(payload: bytes, job: JobContext) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            reasons.append(job.token.reason)

    @router.job("again", codec="raw", time_limit=timedelta(milliseconds=20))
    async def again(payload: bytes, job: JobContext) -> None:
        await asyncio.Event().wait()

    @router.job("quick", codec="raw", time_limit=timedelta(minutes=1))
    async def quick(payload: bytes, job: JobContext) -> None:
        """It needs no time at all."""

    dead = await queue.schedule(last, b"")
    retried = await queue.schedule(again, b"")
    done = await queue.schedule(quick, b"")
    await JobRunner(queue, router).drain()
    view = await queue.get_job(dead)
    same((view.state, view.reason), (JobState.DEAD, "timeout"), "its state and reason")
    same(view.error and view.error.type, "TimeLimitExceeded", "its error")
    same(reasons, [StopReason.TIMEOUT], "what its token said")
    view = await queue.get_job(retried)
    same((view.state, view.retries), (JobState.SCHEDULED, 1), "one with retries left")
    same((await queue.get_job(done)).state, JobState.COMPLETED, "one that kept to its limit")


@requirement("RET-9.thread", level=2, heavy=True)
async def thread_overruns(kit: Kit) -> None:
    """A thread can't be stopped: its slot stays taken until it ends; a warning names the job."""
    queue = await kit.queue()
    router, go = JobRouter(), threading.Event()
    running: list[int] = []
    most: list[int] = []

    @router.job("bytes", codec="raw", time_limit=timedelta(milliseconds=20), max_retries=0)
    def overruns(payload: bytes, job: JobContext) -> None:
        running.append(1)
        go.wait(30)
        running.pop()

    # It has no time limit: a busy machine may need more than any short one for its start alone.
    @router.job("short", codec="raw")
    def waits(payload: bytes, job: JobContext) -> None:
        most.append(len(running) + 1)

    long = await queue.schedule(overruns, b"", priority=1)
    short = await queue.schedule(waits, b"")
    with listening() as lines:
        async with kit.running(queue, router, concurrency=1):
            await kit.until("it timed out", lambda: _is(queue, long, JobState.DEAD))
            same((await queue.get_job(long)).reason, "timeout", "why it is dead")
            same(
                (await queue.get_job(short)).claims, 0, "the claims of one that waits for the slot"
            )
            go.set()
            await kit.until("the other ran", lambda: _is(queue, short, JobState.COMPLETED))
    same(most, [1], "how many ran at once, with one slot")
    warned = [line for line in lines if str(long) in line and line.startswith("WARNING")]
    assert warned, "no warning names the job whose thread overran"


async def _is(queue: Queue, job_id: UUID, state: JobState) -> bool:
    return (await queue.get_job(job_id)).state is state
