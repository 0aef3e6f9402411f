"""RET: retries, and what handlers return."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from aide_de_camp import (
    Cancel,
    ConstantBackoff,
    ExponentialBackoff,
    JobContext,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    LinearBackoff,
    Queue,
    Snooze,
)
from aide_de_camp.spi import TIME_MAX, JobRecord, RetryLimits, SettleKind
from aide_de_camp_conformance.desk import HOUR, MINUTE, SECOND, Desk
from aide_de_camp_conformance.expect import same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, bytes_type


@requirement("RET-1.counts", level=1)
async def counts(kit: Kit) -> None:
    """On the first claim retries is 0; each failure or lost lease adds 1, a release or snooze 0."""
    desk = await kit.desk()
    await desk.add()
    wanted = [
        (None, (1, 0, 0)),
        (SettleKind.RETRY, (2, 1, 0)),
        (SettleKind.RELEASED, (3, 1, 0)),
        (SettleKind.SNOOZED, (4, 1, 1)),
        (None, (5, 2, 1)),
        (SettleKind.RETRY, (6, 3, 1)),
    ]
    job = None
    for kind, counters in wanted:
        if kind is None:
            kit.advance(HOUR)
        elif job is not None:
            await desk.settle(job, kind)
        job = await desk.claim_one()
        got = (job.claims, job.retries, job.snoozes)
        same(got, counters, f"claims, retries and snoozes after {kind or 'a lost lease'}")
        record = await desk.get(job.id)
        same((record.claims, record.retries, record.snoozes), counters, "the same, read")


@requirement("RET-2.again", level=1)
async def again(kit: Kit) -> None:
    """A failure with retries left makes the job scheduled at the time that the backoff gives."""
    queue, desk = await kit.queue(), await kit.desk()
    job = bytes_type(backoff=LinearBackoff(timedelta(seconds=10)), max_retries=2)
    job_id = await queue.schedule(job, b"x")
    for seconds in (10, 20):
        handle = await queue.poll_next(job)
        assert handle is not None, "a due job wasn't handed out"
        await handle.fail(ValueError("no"))
        record = await desk.get(job_id)
        same(record.state, JobState.SCHEDULED, "its state")
        same(record.scheduled_at, kit.now + seconds * SECOND, "when it is due again")
        same((record.error and record.error.message, record.error_at), ("no", kit.now), "the error")
        kit.advance(seconds * SECOND - 1)
        same(await queue.poll_next(job), None, "what poll_next gives a microsecond before")
        kit.advance(1)


@requirement("RET-2.none_left", level=1)
async def none_left(kit: Kit) -> None:
    """With no retry left a failure makes it dead with reason `failed`."""
    queue, desk = await kit.queue(), await kit.desk()
    router, attempts = JobRouter(), list[int]()

    @router.job("bytes", codec="raw", max_retries=2, backoff=ConstantBackoff(timedelta(0)))
    async def work(payload: bytes, job: JobContext) -> None:
        attempts.append(job.retries)
        raise ValueError("no")

    job_id = await queue.schedule(BYTES, b"x", priority=3)
    await JobRunner(queue, router).drain()
    same(attempts, [0, 1, 2], "the retries of each attempt")
    record = await desk.get(job_id)
    same((record.state, record.reason), (JobState.DEAD, "failed"), "its state and reason")
    same((record.retries, record.claims, record.finished_at), (2, 3, kit.now), "its counters, end")


@requirement("RET-5.completed", level=1)
async def completed(kit: Kit) -> None:
    """Completing is stored when it returns; a completed job never runs again."""
    queue, desk = await kit.queue(), await kit.desk()
    job_id = await queue.schedule(BYTES, b"x")
    handle = await queue.poll_next(BYTES)
    assert handle is not None, "a due job wasn't handed out"
    kit.advance(SECOND)
    await handle.complete()
    await queue.close()
    record = await desk.get(job_id)
    same((record.state, record.finished_at), (JobState.COMPLETED, kit.now), "its state and end")
    same((record.lease_until, record.reason, record.payload), (None, None, b"x"), "the rest")
    kit.advance(HOUR)
    same(await desk.claimed_ids(), [], "what a claim gives an hour later")
    same(len(await desk.reap()), 0, "what the reaper takes back")
    await desk.requeue(job_id)
    same(await desk.state(job_id), JobState.COMPLETED, "its state after a requeue")


async def one_attempt(kit: Kit, returns: Callable[[], Any], **options: Any) -> JobRecord:
    """Run one job by a handler that returns something, and give its record."""
    queue, desk = await kit.queue(), await kit.desk()
    router, runs = JobRouter(), list[None]()

    @router.job("bytes", codec="raw", backoff=ConstantBackoff(timedelta(minutes=1)), **options)
    async def work(payload: bytes, job: JobContext) -> Any:
        runs.append(None)
        return returns()

    job_id = await queue.schedule(BYTES, b"x")
    same(await JobRunner(queue, router).drain(), 1, "how many attempts were made")
    same(len(runs), 1, "how often the handler ran")
    return await desk.get(job_id)


@requirement("RET-6.snooze", level=1)
async def snooze(kit: Kit) -> None:
    """A handler that returns Snooze(delay) is scheduled again after the delay, no retry used."""
    record = await one_attempt(kit, lambda: Snooze(timedelta(hours=2)), max_retries=0)
    same((record.state, record.scheduled_at), (JobState.SCHEDULED, kit.now + 2 * HOUR), "its place")
    same((record.retries, record.snoozes), (0, 1), "its retries and snoozes")


@requirement("RET-6.backoff", level=1)
async def snooze_and_backoff(kit: Kit) -> None:
    """Snoozes never enter the backoff: a failure after them waits as the first one does."""
    queue, desk = await kit.queue(), await kit.desk()
    job = bytes_type(backoff=LinearBackoff(timedelta(seconds=10)), max_retries=3)
    job_id = await queue.schedule(job, b"x")
    for _ in range(3):
        handle = await queue.poll_next(job)
        assert handle is not None, "a due job wasn't handed out"
        await handle.snooze(timedelta(0))
    handle = await queue.poll_next(job)
    assert handle is not None, "a due job wasn't handed out"
    await handle.fail()
    record = await desk.get(job_id)
    same((record.snoozes, record.retries), (3, 1), "its snoozes and retries")
    same(record.scheduled_at, kit.now + 10 * SECOND, "when it is due again")


@requirement("RET-6.cancel", level=1)
async def cancel(kit: Kit) -> None:
    """One that returns Cancel(reason) ends cancelled, the reason kept."""
    record = await one_attempt(kit, lambda: Cancel("nobody wants it"))
    wanted = (JobState.CANCELLED, "nobody wants it", kit.now)
    same((record.state, record.reason, record.finished_at), wanted, "its state, reason and end")


@requirement("RET-6.bad", level=1)
async def bad_snooze(kit: Kit) -> None:
    """A bad delay is a failure."""
    bad: list[Any] = [-timedelta(seconds=1), timedelta.max, 5, None]
    for delay in bad:
        record = await one_attempt(kit, partial(Snooze, delay), max_retries=1)
        same((record.state, record.retries, record.snoozes), (JobState.SCHEDULED, 1, 0), "counters")
        same(record.scheduled_at, kit.now + MINUTE, "when it is due again")
        assert record.error is not None, "no error was kept"


@requirement("RET-7.clamped", level=1)
async def clamped(kit: Kit) -> None:
    """Delays are clamped: whatever is added, the next time is a legal one."""
    desk = await kit.desk()
    for kind in (SettleKind.RETRY, SettleKind.SNOOZED):
        for delay in (TIME_MAX, 2**62):
            job_id = await desk.add()
            await desk.settle(await desk.claim_one(), kind, delay=delay)
            same((await desk.get(job_id)).scheduled_at, TIME_MAX, f"the time after {kind} {delay}")
    stored = await desk.add(delay=2**62)
    same((await desk.get(stored)).scheduled_at, TIME_MAX, "the time of a job scheduled in 2**62")


class _Eternal:
    def delay(self, retries: int, draw: Callable[[], float] = lambda: 0.0) -> timedelta:
        return timedelta.max


class _Past:
    def delay(self, retries: int, draw: Callable[[], float] = lambda: 0.0) -> timedelta:
        return timedelta.min


class _Broken:
    def delay(self, retries: int, draw: Callable[[], float] = lambda: 0.0) -> timedelta:
        raise OverflowError("too many")


@requirement("RET-7.backoff", level=1)
async def clamped_backoff(kit: Kit) -> None:
    """Backoff is clamped: the ten-thousandth retry has a legal time, by any policy."""
    hour = timedelta(hours=1)
    for retries in (0, 1, 63, 64, 1_024, 10_000, 10**9):
        for policy in (
            ExponentialBackoff(cap=hour, jitter=False),
            ExponentialBackoff(factor=1e300, cap=hour),
            LinearBackoff(timedelta(seconds=1), cap=hour),
        ):
            given = policy.delay(retries)
            assert timedelta(0) <= given <= hour, f"{policy} gave {given} for retry {retries}"
    queue, desk = await kit.queue(), await kit.desk()
    for strange in (_Eternal(), _Past(), _Broken()):
        job = JobType("bytes", bytes, codec="raw", backoff=strange)
        job_id = await queue.schedule(job, b"")
        handle = await queue.poll_next(job)
        assert handle is not None, "a due job wasn't handed out"
        await handle.fail()
        record = await desk.get(job_id)
        same((record.state, record.retries), (JobState.SCHEDULED, 1), "its state and retries")
        legal = kit.now <= record.scheduled_at <= TIME_MAX
        assert legal, f"a policy that gives nonsense led to {record.scheduled_at}"
        moment = (await queue.get_job(job_id)).scheduled_at
        assert isinstance(moment, datetime), "the time can't be shown"
        await desk.cancel(job_id)


async def failures_until_dead(queue: Queue, desk: Desk, job: JobType[bytes], **options: Any) -> int:
    """Schedule a job, fail it until it is dead, and count the retries."""
    job_id = await queue.schedule(job, b"", **options)
    for _ in range(20):
        handle = await queue.poll_next(job)
        assert handle is not None, "a due job wasn't handed out"
        await handle.fail()
        if await desk.state(job_id) is JobState.DEAD:
            return (await desk.get(job_id)).retries
    raise AssertionError("it was retried 20 times and is still not dead")


@requirement("RET-8.sources", level=1)
async def sources(kit: Kit) -> None:
    """`max_retries` is 5 by default; the type's comes before that, the job's own before both."""
    queue, desk = await kit.queue(), await kit.desk()
    plain, two = bytes_type(), bytes_type(max_retries=2)
    same(await failures_until_dead(queue, desk, plain), 5, "the retries by default")
    same(await failures_until_dead(queue, desk, two), 2, "the retries that the type states")
    same(await failures_until_dead(queue, desk, two, max_retries=7), 7, "the job's own, more")
    same(await failures_until_dead(queue, desk, two, max_retries=0), 0, "the job's own, 0")
    same(await failures_until_dead(queue, desk, plain, max_retries=1), 1, "the job's own, fewer")


@requirement("RET-8.claim", level=1)
async def with_the_claim(kit: Kit) -> None:
    """The limit is passed per type with the claim, and told with the job."""
    desk = await kit.desk()
    limits = RetryLimits(default=4, by_type={"b": 0})
    for name, own, wanted in (
        ("a", None, 4),
        ("b", None, 0),
        ("a", 9, 9),
        ("b", 9, 9),
        ("a", 0, 0),
    ):
        job_id = await desk.add(name, max_retries=own)
        job = await desk.claim_one(limits=limits)
        same((job.id, job.max_retries), (job_id, wanted), f"the limit of type {name}, own {own}")
        same((await desk.get(job_id)).max_retries, own, "the value given when it was scheduled")
        await desk.settle(job)


@requirement("RET-8.lease", level=1)
async def kept_with_the_lease(kit: Kit) -> None:
    """The limit is kept with the lease: who takes it back later doesn't bring their own."""
    desk = await kit.desk()
    for mine, theirs in ((0, 5), (5, 0)):
        job_id = await desk.add()
        await desk.claim_one(limits=RetryLimits(default=mine))
        kit.advance(MINUTE)
        got = await desk.claim(5, limits=RetryLimits(default=theirs))
        same([job.id for job in got], [] if mine == 0 else [job_id], f"a claim of {theirs}")
        if mine == 0:
            same(await desk.state(job_id), JobState.DEAD, "the state with no retry allowed")


@requirement("RET-8.once", level=1)
async def at_most_once(kit: Kit) -> None:
    """0 means at most once: a lost lease makes it dead."""
    queue, desk = await kit.queue(), await kit.desk()
    once = bytes_type("once", max_retries=0)
    by_type = await queue.schedule(once, b"")
    own = await queue.schedule(bytes_type("own"), b"", max_retries=0)
    for job in (once, bytes_type("own")):
        assert await queue.poll_next(job) is not None, "a due job wasn't handed out"
    kit.advance(HOUR)
    same(await desk.claimed_ids(), [], "what a claim gives")
    records = [await desk.get(job_id) for job_id in (by_type, own)]
    same([(record.state, record.reason) for record in records], [("dead", "lease")] * 2, "the ends")
