"""PRI-7, PRI-8 and CAN-8: what holds among many callers."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Mapping
from typing import TypeVar
from uuid import UUID

from attrs import frozen

from aide_de_camp import (
    JobAlreadyStarted,
    JobContext,
    JobNotFound,
    JobRouter,
    JobState,
    Queue,
    new_job_id,
)
from aide_de_camp.spi import Cancellation, CancelStatus, NewJob, SettleKind
from aide_de_camp_conformance.desk import Desk, new
from aide_de_camp_conformance.expect import same
from aide_de_camp_conformance.faults import Pauses
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES
from aide_de_camp_conformance.suite.priority import rank

T = TypeVar("T")

CLAIMERS = 6


@requirement("PRI-7.once", level=2)
async def handed_out_once(kit: Kit) -> None:
    """With any number of claimers a job is handed out once per claim, and none is left out."""
    desk = await kit.desk()
    jobs = [new(priority=i % 5) for i in range(1_000)]
    await desk.put(jobs)

    async def claimer(desk: Desk) -> list[UUID]:
        got: list[UUID] = []
        while batch := await desk.claimed_ids(7):
            got += batch
            await asyncio.sleep(0)
        return got

    shares = await kit.compete([claimer] * CLAIMERS)
    counts = Counter(job_id for share in shares for job_id in share)
    twice = [job_id for job_id, count in counts.items() if count > 1]
    assert not twice, f"{len(twice)} of 1,000 jobs were handed out more than once"
    same(len(counts), len(jobs), "how many jobs were handed out")
    records = await desk.storage.get("default", [job.id for job in jobs])
    same({record.claims for record in records if record}, {1}, "the claims that are counted")


@frozen
class _Claim:
    began: float
    ended: float
    job: UUID | None


@requirement("PRI-7.passed", level=2)
async def passed_over(kit: Kit) -> None:
    """No claim passes over a due job that was acknowledged before it was called."""
    acknowledged: dict[UUID, float] = {}
    jobs = [new(priority=random.Random(i).randrange(-3, 4), at=kit.now) for i in range(300)]  # noqa: S311
    ranks = {job.id: rank(job) for job in jobs}

    async def produce(desk: Desk) -> list[_Claim]:
        for start in range(0, len(jobs), 3):
            batch: list[NewJob] = jobs[start : start + 3]
            await desk.put(batch)
            acknowledged.update((job.id, time.monotonic()) for job in batch)
            await asyncio.sleep(0)
        return []

    async def claim(desk: Desk) -> list[_Claim]:
        claims: list[_Claim] = []
        while True:
            # Only a claim that began after the last job was acknowledged says that none is left.
            last = len(acknowledged) == len(jobs)
            began = time.monotonic()
            got = await desk.claimed_ids(1)
            claims.append(_Claim(began, time.monotonic(), got[0] if got else None))
            if last and not got:
                return claims
            await asyncio.sleep(0)

    histories = await kit.compete([produce, claim, claim, claim], threads=False)
    claims = [each for history in histories for each in history]
    claimed = {each.job: each for each in claims if each.job is not None}
    same(len(claimed), len(jobs), "how many jobs were claimed")
    for each in claims:
        for job_id, moment in acknowledged.items():
            waiting = moment < each.began and claimed[job_id].began > each.ended
            better = each.job is None or ranks[job_id] < ranks[each.job]
            assert not (waiting and better), f"a claim of {each.job} passed {job_id} over"


@requirement("PRI-8.slots", level=2)
async def free_slots(kit: Kit) -> None:
    """A runner claims no more than its free slots, so that an urgent job is always the next."""
    queue, desk = await kit.queue(), await kit.desk()
    router, gate = JobRouter(), asyncio.Semaphore(0)
    ran: list[bytes] = []

    @router.job("bytes", codec="raw")
    async def work(payload: bytes, job: JobContext) -> None:
        ran.append(payload)
        await gate.acquire()

    for index in range(8):
        await queue.schedule(BYTES, b"%d" % index)
    async with kit.running(queue, router, concurrency=3):
        await kit.until("three jobs run", lambda: len(ran) == 3)
        await asyncio.sleep(0.02)
        held = (await queue.count_jobs()).by_state[JobState.RUNNING]
        same((len(ran), held), (3, 3), "how many run, and how many are held, with three slots")
        await queue.schedule(BYTES, b"urgent", priority=1)
        gate.release()
        await kit.until("a fourth job runs", lambda: len(ran) == 4)
        same(ran[3], b"urgent", "what ran next")
        for _ in range(8):
            gate.release()
        await kit.until("all jobs ran", lambda: len(ran) == 9)
    same(await desk.claimed_ids(), [], "what is left")


@requirement("PRI-8.prefetch", level=2)
async def prefetch(kit: Kit) -> None:
    """With a prefetch of p a runner holds at most p jobs more than it has slots."""
    queue = await kit.queue()
    router, gate = JobRouter(), asyncio.Event()
    ran: list[bytes] = []

    @router.job("bytes", codec="raw")
    async def work(payload: bytes, job: JobContext) -> None:
        ran.append(payload)
        await gate.wait()

    for index in range(8):
        await queue.schedule(BYTES, b"%d" % index)
    async with kit.running(queue, router, concurrency=2, prefetch=3):
        await kit.until("two jobs run", lambda: len(ran) == 2)
        await asyncio.sleep(0.02)
        held = (await queue.count_jobs()).by_state[JobState.RUNNING]
        same((len(ran), held), (2, 5), "how many run, and how many are held")
        gate.set()
        await kit.until("all jobs ran", lambda: len(ran) == 8)


@requirement("CAN-8.race", level=2)
async def claims_and_cancels(kit: Kit) -> None:
    """Of racing claims and cancels of one job exactly one wins, and every loser is told so."""
    desks = [await kit.desk() for _ in range(5)]
    told: dict[UUID, list[str]] = {}

    async def claim(desk: Desk, ids: list[UUID]) -> list[tuple[UUID, str]]:
        return [(job_id, "claim") for job_id in await desk.claimed_ids(len(ids) // 2)]

    async def cancel(desk: Desk, ids: list[UUID]) -> list[tuple[UUID, str]]:
        wanted = [Cancellation(job_id, new_job_id()) for job_id in ids]
        results = await desk.storage.cancel("default", wanted, now=desk.now)
        return [
            (each.id, f"{result.status.value} {result.state or ''}".strip())
            for each, result in zip(wanted, results, strict=True)
        ]

    lead = 0.0
    for turn in range(100):
        jobs = [new(at=kit.now) for _ in range(10)]
        await desks[0].put(jobs)
        ids = [job.id for job in jobs]
        told |= {job_id: [] for job_id in ids}
        # Who comes first changes, so that each side wins some.
        calls = [claim, claim, cancel, cancel, cancel]
        calls = calls[turn % 5 :] + calls[: turn % 5]
        # A claim may be several round trips longer than a cancel, or the other way round: who loses
        # gets a head start, which settles where the two are in each other's way.
        waits = [-lead if call is claim else lead for call in calls]
        work = [
            _later(wait, call(desk, ids))
            for wait, call, desk in zip(waits, calls, desks, strict=True)
        ]
        began, claims = time.monotonic(), 0
        for answer in await asyncio.gather(*work):
            for job_id, word in answer:
                told[job_id].append(word)
                claims += word == "claim"
        step = (time.monotonic() - began) / 8
        lead += step if claims < len(ids) // 2 else -step
    records = await desks[0].storage.get("default", list(told))
    winners: Counter[str] = Counter()
    for record in records:
        assert record is not None, "a job is gone"
        words = told[record.id]
        won = [word for word in words if word in ("claim", "cancelled")]
        same(len(won), 1, f"how many won a job of whose callers were told {words}")
        lost, final = _LOST[won[0]]
        losers = set(words) - set(won)
        assert losers <= {lost}, f"{won} won a job, and others were told {losers}"
        same(record.state, final, f"the state of a job that {won} won")
        winners += Counter(won)
    assert len(winners) == 2, f"only one side ever won, so there was no race: {winners}"


async def _later(wait: float, call: Awaitable[T]) -> T:
    """Begin a call some real seconds later; at once where that is 0 or less."""
    if wait > 0:
        await asyncio.sleep(wait)
    return await call


_LOST = {
    "claim": ("running", JobState.RUNNING),
    "cancelled": ("not_live cancelled", JobState.CANCELLED),
}


@requirement("CAN-8.payload", level=2)
async def payload_of_the_cancelled(kit: Kit) -> None:
    """Of racing `unschedule_job`s and `poll_next`s one wins; the payload is that job's own."""
    # Where no call ever waits, whoever comes first would have them all.
    pauses = Pauses(seed=8)
    queues = [await kit.queue(around=pauses.around) for _ in range(4)]
    won: Counter[str] = Counter()
    for turn in range(20):
        ids = {await queues[0].schedule(BYTES, b"%d" % i): b"%d" % i for i in range(10)}
        work = [
            ("unscheduled", _unschedule(queues[0], ids)),
            ("polled", _poll(queues[1], ids)),
            # From the last to the first, where polls come last: so each side wins some.
            ("unscheduled", _unschedule(queues[2], dict(reversed(ids.items())))),
            ("polled", _poll(queues[3], ids)),
        ]
        # Who comes first changes, too.
        work = work[turn % 4 :] + work[: turn % 4]
        shares = await asyncio.gather(*(call for _, call in work))
        counts = Counter(job_id for share in shares for job_id in share)
        same(set(counts.values()), {1}, "how many won each job")
        same(len(counts), len(ids), "how many jobs were won")
        for (how, _), share in zip(work, shares, strict=True):
            won[how] += len(share)
    assert all(won.values()), f"only one side ever won, so there was no race: {won}"


async def _unschedule(queue: Queue, ids: Mapping[UUID, bytes]) -> list[UUID]:
    won: list[UUID] = []
    for job_id, payload in ids.items():
        try:
            got = await queue.unschedule_job(job_id, BYTES)
        except (JobAlreadyStarted, JobNotFound):
            continue
        same(got, payload, "the payload that came back")
        won.append(job_id)
    return won


async def _poll(queue: Queue, ids: Mapping[UUID, bytes]) -> list[UUID]:
    won: list[UUID] = []
    while (handle := await queue.poll_next(BYTES)) is not None:
        same(handle.payload, ids[handle.id], "the payload that was claimed")
        won.append(handle.id)
    return won


@requirement("CAN-8.cancels", level=2)
async def two_cancels(kit: Kit) -> None:
    """Of two racing `cancel_job`s one is told True, the other that the job is cancelled."""
    queues = [await kit.queue() for _ in range(2)]
    for _ in range(20):
        job_id = await queues[0].schedule(BYTES, b"")
        answers = await asyncio.gather(
            *(queue.cancel_job(job_id) for queue in queues), return_exceptions=True
        )
        lost = next((each for each in answers if each is not True), None)
        assert isinstance(lost, JobNotFound), f"two cancels of one job were told {answers}"
        same(lost.state, JobState.CANCELLED, "the state that the loser was told")


@requirement("CAN-8.guarded", level=2)
async def guarded_by_token(kit: Kit) -> None:
    """A job that ran and came back since it was looked at isn't cancelled by its old token."""
    desk = await kit.desk()
    job_id = await desk.add()
    await desk.settle(await desk.claim_one(), SettleKind.RELEASED)
    same((await desk.cancel(job_id, token=0)).status, CancelStatus.CHANGED, "the answer")
    same(await desk.state(job_id), JobState.SCHEDULED, "its state")
    token = (await desk.get(job_id)).token
    answer = await desk.cancel(job_id, token=token)
    same(answer.status, CancelStatus.CANCELLED, "the answer to the token that it has")
