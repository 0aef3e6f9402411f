"""PRI: priority and order, one claim at a time."""

from __future__ import annotations

import random
from enum import IntEnum
from uuid import UUID

from aide_de_camp import InvalidPriority, JobRequest
from aide_de_camp.spi import BATCH_JOBS, NewJob, SettleKind
from aide_de_camp_conformance.desk import HOUR, MINUTE, SECOND, Desk, new
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.ordering import same_order
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, PRIORITIES


def rank(job: NewJob) -> tuple[int, int, bytes]:
    """Give a job's place in the order of PRI-2."""
    assert job.scheduled_at is not None
    return (-job.priority, job.scheduled_at, job.id.bytes)


def mixture(now: int, count: int, *types: str, seed: int = 1) -> list[NewJob]:
    """Make due jobs of mixed priority, time and type, in no order."""
    draw = random.Random(seed)  # noqa: S311 (a fixed mixture, not a secret)
    return [
        new(
            draw.choice(types or ("a",)),
            priority=draw.choice(PRIORITIES),
            at=now - draw.choice((0, 1, 2, SECOND, HOUR, 400 * 24 * HOUR)),
            id=UUID(int=draw.getrandbits(128), version=4),
        )
        for _ in range(count)
    ]


async def fill(desk: Desk, jobs: list[NewJob]) -> None:
    """Store any number of jobs."""
    for start in range(0, len(jobs), BATCH_JOBS):
        await desk.put(jobs[start : start + BATCH_JOBS])


@requirement("PRI-1.range", level=1)
async def in_range(kit: Kit) -> None:
    """A priority is an integer in -128..127, an IntEnum too; it is kept, and the default is 0."""

    class Urgency(IntEnum):
        LOW = -5
        HIGH = 100

    queue, desk = await kit.queue(), await kit.desk()
    for priority in (*PRIORITIES, Urgency.LOW, Urgency.HIGH):
        job_id = await queue.schedule(BYTES, b"", priority=priority)
        got = (await desk.get(job_id)).priority
        same((got, type(got)), (int(priority), int), "the priority that is kept")
        same((await desk.claim_one()).priority, int(priority), "the priority that is claimed")
    job_id = await queue.schedule(BYTES, b"")
    same((await desk.get(job_id)).priority, 0, "the default")


@requirement("PRI-1.refused", level=1)
async def out_of_range(kit: Kit) -> None:
    """Anything else (bool, float, str, None, 128, -129) raises InvalidPriority, stores nothing."""
    queue = await kit.queue()
    for bad in (True, False, 1.0, "1", None, 128, -129, 2**31, float("nan")):
        with raises(InvalidPriority, f"scheduling with priority {bad!r}") as caught:
            await queue.schedule(BYTES, b"", priority=bad)  # type: ignore[arg-type] # on purpose
        same(caught.error.argument, "priority", "the argument that is named")
        with raises(InvalidPriority, f"schedule_many with priority {bad!r}"):
            request = JobRequest(BYTES, b"", priority=bad)  # type: ignore[arg-type] # as above
            await queue.schedule_many([JobRequest(BYTES, b""), request])
    same((await queue.count_jobs()).total, 0, "how many jobs were stored")


@requirement("PRI-2.priority", level=1)
async def by_priority(kit: Kit) -> None:
    """Due jobs are claimed by priority, highest first, however long the others have waited."""
    desk = await kit.desk()
    jobs = [new(priority=priority, at=kit.now - (200 - priority)) for priority in PRIORITIES]
    await desk.put(jobs)
    wanted = [job.id for job in reversed(jobs)]
    same_order([(await desk.claim_one()).id for _ in jobs], wanted, jobs)


@requirement("PRI-2.time", level=1)
async def by_time(kit: Kit) -> None:
    """Among equals of priority the earliest scheduled_at is claimed first, to the microsecond."""
    desk = await kit.desk()
    jobs = [new(at=kit.now - back) for back in (0, 1, 2, SECOND, HOUR, 2_000 * 365 * 24 * HOUR)]
    await desk.put(jobs)
    wanted = [job.id for job in reversed(jobs)]
    same_order([(await desk.claim_one()).id for _ in jobs], wanted, jobs)


@requirement("PRI-2.id", level=1)
async def by_id(kit: Kit) -> None:
    """Among equals of priority and time the smallest id is claimed first, compared as bytes."""
    desk = await kit.desk()
    heads = (0x00, 0x01, 0x0A, 0x41, 0x61, 0x7F, 0x80, 0xA0, 0xFF)
    jobs = [new(at=kit.now, id=UUID(int=head << 120 | 0x7 << 76 | 1)) for head in heads]
    jobs += [new(at=kit.now, id=UUID(int=0x7 << 76 | low)) for low in (2, 0x80, 0xFF00)]
    await desk.put(random.Random(3).sample(jobs, len(jobs)))  # noqa: S311 (a fixed shuffle)
    wanted = sorted((job.id for job in jobs), key=lambda job_id: job_id.bytes)
    same_order([(await desk.claim_one()).id for _ in jobs], wanted, jobs)


@requirement("PRI-2.mixed", level=1)
async def mixed(kit: Kit) -> None:
    """In any mixture of types, priorities and times the whole order holds."""
    desk = await kit.desk()
    jobs = mixture(kit.now, 300, "a", "b", "c")
    await desk.put(jobs)
    wanted = [job.id for job in sorted(jobs, key=rank)]
    got = await desk.claimed_ids(100, types=("c", "a", "b"))
    got += await desk.claimed_ids(500)
    same_order(got, wanted, jobs)


@requirement("PRI-3.due", level=1)
async def not_yet(kit: Kit) -> None:
    """A job that is not yet due is never claimed, whatever its priority; one due now is."""
    desk = await kit.desk()
    soon = await desk.add(priority=127, at=kit.now + 1)
    low = await desk.add(priority=-128, at=kit.now)
    same(await desk.claimed_ids(), [low], "what is due")
    same(await desk.claimed_ids(), [], "what is due a microsecond before its time")
    kit.advance(1)
    same(await desk.claimed_ids(), [soon], "what is due at its time")


@requirement("PRI-3.hidden", level=1)
async def hidden_by_the_future(kit: Kit) -> None:
    """Jobs that are not yet due never hide or delay a due one, however many there are."""
    desk = await kit.desk()
    for priority in (127, 1, 0):
        await fill(desk, [new(priority=priority, at=kit.now + HOUR + i) for i in range(400)])
    due = [await desk.add(priority=priority) for priority in (1, 0, -1)]
    same([(await desk.claim_one()).id for _ in due], due, "the due jobs, one by one")
    same(await desk.claimed_ids(), [], "what else is due")


@requirement("PRI-3.next", level=1)
async def next_due(kit: Kit) -> None:
    """Where a claim that finds too little says when the next of its types is due, it isn't late."""
    desk = await kit.desk()
    await desk.add("other", at=kit.now + SECOND)
    same((await desk.call_claim(types=("a",))).next_due, None, "the next of a type without jobs")
    for priority in (0, 5, -5):
        await desk.add("a", priority=priority, at=kit.now + MINUTE - priority)
    result = await desk.call_claim(types=("a",))
    same((result.jobs, result.now), ((), kit.now), "what was claimed, and when")
    early = result.next_due is None or result.next_due <= kit.now + MINUTE - 5
    assert early, f"the next is due {kit.now + MINUTE - 5}, and the claim said {result.next_due}"


@requirement("PRI-3.many", level=1, heavy=True)
async def fifty_thousand(kit: Kit) -> None:
    """When 50,000 jobs fall due in one instant, the order holds and the urgent one comes first."""
    desk = await kit.desk()
    due = kit.now + HOUR
    jobs = [new(priority=i % 3, at=due) for i in range(50_000)]
    await fill(desk, jobs)
    same(await desk.claimed_ids(10), [], "what is due before")
    kit.advance(HOUR)
    urgent = await desk.add(priority=3)
    same(await desk.claimed_ids(1), [urgent], "what is claimed first")
    wanted = [job.id for job in sorted(jobs, key=rank)]
    got: list[UUID] = []
    for _ in range(17):
        got += await desk.claimed_ids(1_000)
    same_order(got, wanted[: len(got)], jobs)


@requirement("PRI-3.clock", level=1)
async def clock_goes_back(kit: Kit) -> None:
    """The storage's present never goes back: a job once found due stays due."""
    desk = await kit.desk()
    job_id = await desk.add(at=kit.now + HOUR)
    kit.advance(HOUR)
    job = await desk.claim_one()
    await desk.settle(job, SettleKind.RELEASED)
    kit.advance(-2 * HOUR)
    again = await desk.claim_one()
    same(again.id, job_id, "the job found due before the clock went back")
    assert again.token > job.token, "the token of a claim isn't greater than the one before"


@requirement("PRI-4.types", level=1)
async def only_those_asked_for(kit: Kit) -> None:
    """Jobs of a type not asked for are never claimed; an empty list claims none, None means all."""
    desk = await kit.desk()
    a, b, c = [await desk.add(name, priority=p) for name, p in (("a", 0), ("b", 1), ("A", 2))]
    same(await desk.claimed_ids(types=()), [], "what an empty list of types claims")
    same(await desk.claimed_ids(types=("d", "%", "_", "")), [], "what unknown types claim")
    same(await desk.claimed_ids(types=("a",)), [a], "what is claimed of type a")
    same(await desk.claimed_ids(types=None), [c, b], "what is claimed of all types")


@requirement("PRI-4.hidden", level=1)
async def hidden_by_others(kit: Kit) -> None:
    """Jobs of other types never hide or delay one that is asked for, however many there are."""
    desk = await kit.desk()
    await fill(desk, [new("other", priority=127) for _ in range(700)])
    await fill(desk, [new(f"other{i}", priority=127) for i in range(100)])
    wanted = [await desk.add("a", priority=priority) for priority in (1, 0, -1)]
    got = [(await desk.claim_one(types=("a", "none"))).id for _ in wanted]
    same(got, wanted, "the jobs of the type asked for")


@requirement("PRI-4.merged", level=1)
async def merged(kit: Kit) -> None:
    """The types asked for share one order, in whatever order they are named."""
    desk = await kit.desk()
    jobs = mixture(kit.now, 120, "a", "b", "c", seed=5)
    await desk.put(jobs)
    wanted = [job.id for job in sorted(jobs, key=rank) if job.job_type != "b"]
    got = [(await desk.claim_one(types=("c", "a"))).id for _ in wanted]
    same_order(got, wanted, jobs)


@requirement("PRI-5.batch", level=1)
async def batch_as_singles(kit: Kit) -> None:
    """Claiming n at once yields what n claims of one would yield, in the same order."""
    jobs = [*mixture(kit.now, 60, "a", "b", seed=7), new(priority=9, at=kit.now + 1)]
    at_once, one_by_one = await kit.desk("one"), await kit.desk("two")
    await at_once.put(jobs)
    await one_by_one.put(jobs)
    for limit in (7, 1, 13, 100):
        batch = await at_once.claim(limit, types=("a", "b"))
        singles = [job for _ in range(limit) for job in await one_by_one.claim(1, types=("a", "b"))]
        same([job.id for job in batch], [job.id for job in singles], f"a claim of {limit}")
    same(await at_once.claimed_ids(), [], "what is left")


@requirement("PRI-6.kept", level=1)
async def place_kept(kit: Kit) -> None:
    """Priority, scheduled_at and id, and so the place, survive lease loss, release and requeue."""
    desk = await kit.desk()
    start = kit.now
    first, second, third = [await desk.add(priority=4, at=start - back) for back in (3, 2, 1)]
    before = await desk.get(first)
    place = (before.priority, before.scheduled_at)

    async def still_first(what: str) -> None:
        record = await desk.get(first)
        same((record.priority, record.scheduled_at), place, f"priority and time after {what}")

    job = await desk.claim_one()
    same(job.id, first, "the first of equals")
    kit.advance(SECOND)
    await desk.settle(job, SettleKind.RELEASED)
    await still_first("a release")
    job = await desk.claim_one()
    same(job.id, first, "the first of equals after a release")
    kit.advance(MINUTE)
    job = await desk.claim_one()
    same(job.id, first, "the first of equals after its lease was lost")
    await still_first("a lost lease")
    await desk.kill(job)
    kit.advance(SECOND)
    await desk.requeue(first)
    await still_first("a requeue")
    same(await desk.claimed_ids(), [first, second, third], "the order after a requeue")


@requirement("PRI-6.moved", level=1)
async def place_moved(kit: Kit) -> None:
    """A retry's or snooze's scheduled_at is its new time; its priority is kept."""
    desk = await kit.desk()
    for kind in (SettleKind.RETRY, SettleKind.SNOOZED):
        job_id = await desk.add(priority=3, at=kit.now - HOUR)
        await desk.settle(await desk.claim_one(), kind, delay=SECOND)
        record = await desk.get(job_id)
        place = (record.priority, record.scheduled_at)
        same(place, (3, kit.now + SECOND), f"priority and time after {kind}")
        other = await desk.add(priority=3, at=kit.now)
        same(await desk.claimed_ids(), [other], f"what is due before a job that was {kind}")
        kit.advance(SECOND)
        other = await desk.add(priority=3, at=kit.now - 1)
        same(await desk.claimed_ids(), [other, job_id], f"the order after {kind}")
