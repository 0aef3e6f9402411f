"""LIV-4: replies that are lost, and calls that are repeated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from aide_de_camp import (
    ConstantBackoff,
    JobNotFound,
    JobRouter,
    JobState,
    Queue,
    StorageUnavailable,
    new_job_id,
)
from aide_de_camp.spi import (
    SETTLEMENTS_KEPT,
    CancelStatus,
    ClaimedJob,
    DeadStatus,
    EnqueueResult,
    EventKind,
    LeaseResult,
    SettleKind,
    Storage,
)
from aide_de_camp_conformance.desk import HOUR, MINUTE, SECOND, Desk, new
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.faults import LosesReplies
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.place import EventLog
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, bytes_type

T = TypeVar("T")


@requirement("LIV-4.schedule", level=2)
async def schedule_again(kit: Kit) -> None:
    """Scheduling, repeated after a lost reply, stores one job and gives its id."""
    queue = await kit.queue(around=lambda inner: LosesReplies(inner, "enqueue"))
    desk = await kit.desk()
    job_id = await queue.schedule(BYTES, b"x")
    same((await desk.total(), (await desk.get(job_id)).payload), (1, b"x"), "what is stored")
    batch = [new(), new()]
    before, after = await desk.put(batch), await desk.put(batch)
    stored, exists = EnqueueResult.STORED, EnqueueResult.EXISTS
    same((list(before), list(after)), ([stored] * 2, [exists] * 2), "the storage's answers")
    same(len(await desk.claimed_ids()), 3, "how many jobs there are")


@requirement("LIV-4.claim", level=2)
async def claim_again(kit: Kit) -> None:
    """A claim, repeated after a lost reply, gives the jobs of the first and takes no others."""
    queue = await kit.queue(around=lambda inner: LosesReplies(inner, "claim"))
    desk = await kit.desk()
    first, second = await queue.schedule(BYTES, b""), await queue.schedule(BYTES, b"")
    handle = await queue.poll_next(BYTES)
    same(handle and (handle.id, handle.claims), (first, 1), "what poll_next gave")
    same(await desk.state(second), JobState.SCHEDULED, "the state of the next job")
    ids = [await desk.add(priority=i % 3) for i in range(6)]
    request_id = new_job_id()
    one = await desk.claim(4, request_id=request_id)
    kit.advance(SECOND)
    two = await desk.claim(4, request_id=request_id)
    same(two, one, "what the repeated claim gave")
    same(sum([(await desk.get(job_id)).claims for job_id in ids]), 4, "the claims counted")
    await desk.settle(one[0])
    three = await desk.claim(4, request_id=request_id)
    same(three, one[1:], "what is still held under it after one was completed")
    other = await desk.claim(4)
    assert not {job.id for job in other} & {job.id for job in one}, "another claim gave them too"


@requirement("LIV-4.settle", level=2)
async def settle_again(kit: Kit) -> None:
    """A settlement, repeated after a lost reply, takes effect once and is answered as applied."""
    desk = await kit.desk()
    for kind in SettleKind:
        job_id = await desk.add()
        job = await desk.claim_one()
        reason = "x" if kind in (SettleKind.DEAD, SettleKind.CANCELLED) else None
        first = await desk.settle(job, kind, delay=HOUR, reason=reason)
        before = await desk.get(job_id)
        kit.advance(SECOND)
        again = await desk.settle(job, kind, delay=HOUR, reason=reason)
        same((first, again), (LeaseResult.APPLIED,) * 2, f"the answers to {kind}")
        same(await desk.get(job_id), before, f"the record after {kind} was repeated")
        if before.state is JobState.SCHEDULED:
            kit.advance(HOUR)
            held = await desk.claim_one()
            before = await desk.get(job_id)
            late = await desk.settle(job, kind, delay=HOUR, reason=reason)
            same(late, LeaseResult.APPLIED, f"the answer to {kind} once it runs again")
            same(await desk.get(job_id), before, f"the record after {kind} came late")
            await desk.settle(held)


@requirement("LIV-4.overtaken", level=2)
async def overtaken(kit: Kit) -> None:
    """A settlement that is repeated after others of its job is answered as applied all the same.

    Up to seven others, which end later claims. What was sent under a lost lease never is.
    """
    desk = await kit.desk()
    job_id = await desk.add(max_retries=100)
    again = [kind for kind in SettleKind if kind.schedules_again]
    done: list[tuple[ClaimedJob, SettleKind]] = []
    lost: list[ClaimedJob] = []
    for i in range(SETTLEMENTS_KEPT - 1):
        if i % 3 == 1:
            lost.append(await desk.claim_one())
            kit.advance(2 * MINUTE)
            await desk.reap()
        job, kind = await desk.claim_one(), again[i % len(again)]
        same(await desk.settle(job, kind), LeaseResult.APPLIED, f"the first answer to {kind}")
        done.append((job, kind))
        kit.advance(SECOND)
    await desk.kill(last := await desk.claim_one(), "x")
    before = await desk.get(job_id)
    same(await desk.settle(last, SettleKind.DEAD, reason="x"), LeaseResult.APPLIED, "to the last")
    for job, kind in done:
        claim = f"{kind} of claim {job.claims}"
        same(await desk.settle(job, kind), LeaseResult.APPLIED, f"the answer to {claim} again")
        other = await desk.settle(job, SettleKind.COMPLETED)
        same(other, LeaseResult.LOST, f"the answer to a completion after {claim}")
    for job in lost:
        for kind in SettleKind:
            answer = await desk.settle(job, kind, reason="x")
            same(answer, LeaseResult.LOST, f"the answer to {kind} under a lease that was lost")
    same(await desk.get(job_id), before, "the record after all of them")


@requirement("LIV-4.handle", level=2)
async def handle_again(kit: Kit) -> None:
    """Through a handle and a runner the same: one retry, one snooze, one end."""
    queue = await kit.queue(around=lambda inner: LosesReplies(inner, "settle", times=1))
    desk = await kit.desk()
    job = bytes_type(backoff=ConstantBackoff(timedelta(minutes=1)))
    job_id = await queue.schedule(job, b"")
    handle = await queue.poll_next(job)
    assert handle is not None, "a due job wasn't handed out"
    await handle.fail()
    record = await desk.get(job_id)
    got = (record.state, record.retries, record.scheduled_at)
    same(got, (JobState.SCHEDULED, 1, kit.now + MINUTE), "its state, retries and time")
    again = await kit.queue(around=lambda inner: LosesReplies(inner, "settle", times=1))
    kit.advance(HOUR)
    handle = await again.poll_next(job)
    assert handle is not None, "a due job wasn't handed out"
    await handle.complete()
    await handle.complete()
    same(await desk.state(job_id), JobState.COMPLETED, "its state in the end")


@requirement("LIV-4.cancel", level=2)
async def cancel_again(kit: Kit) -> None:
    """A cancel, repeated after a lost reply, finds its own doing and answers as at first."""
    queue = await kit.queue(around=lambda inner: LosesReplies(inner, "cancel"))
    other = await kit.queue(around=lambda inner: LosesReplies(inner, "cancel"))
    desk = await kit.desk()
    one, two = await queue.schedule(BYTES, b"1"), await queue.schedule(BYTES, b"2")
    same(await queue.cancel_job(one), True, "what cancel_job answered")
    same(await other.unschedule_job(two, BYTES), b"2", "what unschedule_job gave")
    job_id, request_id = await desk.add(), new_job_id()
    first = await desk.cancel(job_id, request_id=request_id)
    before = await desk.get(job_id)
    kit.advance(SECOND)
    again = await desk.cancel(job_id, request_id=request_id)
    same((first.status, again.status), (CancelStatus.CANCELLED,) * 2, "the storage's answers")
    same(await desk.get(job_id), before, "its record after the repeat")
    stranger = await desk.cancel(job_id)
    same((stranger.status, stranger.state), (CancelStatus.NOT_LIVE, "cancelled"), "to another")


@requirement("LIV-4.requeue", level=2)
async def requeue_again(kit: Kit) -> None:
    """A requeue, repeated after a lost reply, is answered and told of as at first."""
    log = EventLog()
    queue = await kit.queue(events=log, around=lambda inner: LosesReplies(inner, "requeue"))
    desk = await kit.desk()
    job_id = await _dead_job(desk)
    await queue.dead.requeue(job_id)
    same(await desk.state(job_id), JobState.SCHEDULED, "its state")
    same([(e.kind, e.job_id) for e in log.events], [(EventKind.REQUEUED, job_id)], "what was told")
    await desk.settle(await desk.claim_one())

    job_id, request_id = await _dead_job(desk), new_job_id()
    first = await desk.requeue(job_id, request_id)
    job = await desk.claim_one()
    before = await desk.get(job_id)
    again = await desk.requeue(job_id, request_id)
    same((first, again), (DeadStatus.DONE,) * 2, "the storage's answers")
    same(await desk.requeue(job_id), DeadStatus.NOT_DEAD, "the answer to another request")
    same(await desk.get(job_id), before, "the record of the running job after both")
    await desk.settle(job, SettleKind.DEAD, reason="again")
    late = await desk.requeue(job_id, request_id)
    same((late, await desk.state(job_id)), (DeadStatus.DONE, JobState.DEAD), "once it died again")
    same(await desk.requeue(job_id), DeadStatus.DONE, "the answer to a new request then")
    same(await desk.state(job_id), JobState.SCHEDULED, "its state after that")


@requirement("LIV-4.delete", level=2)
async def delete_again(kit: Kit) -> None:
    """Deleting a dead job, repeated after a lost reply, is answered and told of as at first."""
    log = EventLog()
    queue = await kit.queue(events=log, around=lambda inner: LosesReplies(inner, "delete"))
    bulk = await kit.queue(events=log, around=lambda inner: LosesReplies(inner, "delete"))
    desk = await kit.desk()
    ids = [await _dead_job(desk) for _ in range(3)]
    await queue.dead.delete(ids[0])
    same(await bulk.dead.delete_all(), 2, "how many were deleted by filter")
    same([await desk.find(job_id) for job_id in ids], [None] * 3, "what is left of them")
    told = [(event.kind, event.job_id) for event in log.events]
    same(told, [(EventKind.DELETED, job_id) for job_id in ids], "what was told")
    with raises(JobNotFound, "deleting a job that never was"):
        await queue.dead.delete(new_job_id())


async def _dead_job(desk: Desk) -> UUID:
    job_id = await desk.add()
    await desk.settle(await desk.claim_one(), SettleKind.DEAD, reason="x")
    return job_id


@requirement("LIV-4.poll", level=2)
async def poll_again(kit: Kit) -> None:
    """A poll_next whose every reply was lost took a job: the next poll_next gets that very one."""
    queue = await kit.queue(around=lambda inner: LosesReplies(inner, "claim", times=3))
    other = await kit.queue(around=lambda inner: LosesReplies(inner, "claim", times=3))
    desk = await kit.desk()
    job_id = await queue.schedule(BYTES, b"")
    with raises(StorageUnavailable, "poll_next without a reply") as caught:
        await queue.poll_next(BYTES)
    same(caught.error.outcome_unknown, True, "whether it says that it may have taken effect")
    handle = await queue.poll_next(BYTES)
    same(handle and (handle.id, handle.claims), (job_id, 1), "what the next poll_next gave")
    assert handle is not None
    await handle.complete()

    job_id = await queue.schedule(BYTES, b"")
    with raises(StorageUnavailable, "poll_next without a reply"):
        await other.poll_next(BYTES)
    same(await desk.state(job_id), JobState.RUNNING, "its state while nobody has it")
    same(await other.poll_next(bytes_type("else")), None, "what a poll for another type gave")
    record = await desk.get(job_id)
    same((record.state, record.retries), (JobState.SCHEDULED, 0), "its state and retries then")


TRIES = 3
"""How often a call is tried before its caller is told that the storage can't be reached."""


def _restarts(inner: Storage) -> Storage:
    """Lose every reply to one claim, and then refuse its repeat, as a server that restarts."""
    return LosesReplies(inner, "claim", times=TRIES, then_refused=TRIES)


@requirement("LIV-4.refused", level=2)
async def refused_meanwhile(kit: Kit) -> None:
    """A poll_next without a reply took a job, and the next is refused: the third gets that one."""
    queue = await kit.queue(around=_restarts)
    once = bytes_type(max_retries=0)
    job_id = await queue.schedule(once, b"")
    for unknown in (True, False):
        with raises(StorageUnavailable, "poll_next without a reply") as caught:
            await queue.poll_next(once)
        same(caught.error.outcome_unknown, unknown, "whether the call may have taken effect")
    handle = await queue.poll_next(once)
    same(handle and (handle.id, handle.claims), (job_id, 1), "what the third poll_next gave")


@requirement("LIV-4.runner", level=2, heavy=True)
async def refused_to_a_runner(kit: Kit) -> None:
    """A runner's claim without a reply, and its repeat refused: the job runs, though at most once.

    The storage's clock stands still, so that no lease expires that would bring it back.
    """
    queue, router, ran = await kit.queue(around=_restarts), JobRouter(), list[bytes]()

    @router.job("bytes", codec="raw", max_retries=0)
    async def work(payload: bytes) -> None:
        ran.append(payload)

    job_id = await queue.schedule(work, b"x")
    async with kit.running(queue, router):
        await kit.until("it runs", lambda: len(ran) > 0)
    view = await queue.get_job(job_id)
    same((ran, view.claims, view.state), ([b"x"], 1, JobState.COMPLETED), "its runs and end")


@requirement("LIV-4.caller", level=2)
async def caller_again(kit: Kit) -> None:
    """A call whose every reply was lost, repeated by its caller, answers as the first would have.

    Also where the storage refused the call in between.
    """
    log = EventLog()
    desk = await kit.desk()

    async def repeated(verb: str, call: Callable[[Queue], Awaitable[T]]) -> T:
        queue = await kit.queue(
            events=log,
            around=lambda inner: LosesReplies(inner, verb, times=TRIES, then_refused=TRIES),
        )
        for _ in range(2):
            with raises(StorageUnavailable, f"a call of {verb} without a reply"):
                await call(queue)
        return await call(queue)

    ids = [await desk.add("bytes", codec="raw", payload=b"x") for _ in range(2)]
    same(await repeated("cancel", lambda queue: queue.cancel_job(ids[0])), True, "cancel_job")
    payload = await repeated("cancel", lambda queue: queue.unschedule_job(ids[1], BYTES))
    same(payload, b"x", "what unschedule_job gave")
    dead = [await _dead_job(desk) for _ in range(2)]
    await repeated("delete", lambda queue: queue.dead.delete(dead[0]))
    await repeated("requeue", lambda queue: queue.dead.requeue(dead[1]))
    states = [record and record.state for record in [await desk.find(each) for each in dead]]
    same(states, [None, JobState.SCHEDULED], "what became of the dead")
    cancelled, deleted, requeued = EventKind.CANCELLED, EventKind.DELETED, EventKind.REQUEUED
    wanted = list(zip([cancelled, cancelled, deleted, requeued], ids + dead, strict=True))
    same([(event.kind, event.job_id) for event in log.events], wanted, "what was told")
