"""MOV: holding, importing, and so moving jobs to another queue or storage."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from uuid import UUID

from attrs import evolve

from aide_de_camp import (
    Capability,
    CapabilityNotSupported,
    JobState,
    MoveReport,
    Queue,
    QueueMisused,
    move_jobs,
    new_job_id,
)
from aide_de_camp.spi import (
    CancelResult,
    CancelStatus,
    DeadStatus,
    EnqueueResult,
    ErrorRecord,
    EventKind,
    HoldStatus,
    JobRecord,
    SettleKind,
    Storage,
)
from aide_de_camp_conformance.desk import HOUR, MINUTE, SECOND, Desk
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.faults import KilledError, KillPoint, Pauses
from aide_de_camp_conformance.kit import Around, Kit
from aide_de_camp_conformance.place import EventLog
from aide_de_camp_conformance.requirement import requirement

HELD = JobState.HELD
_ERROR = ErrorRecord("ValueError", "why", "trace", "detail", "$.a", 3)


async def _some(desk: Desk) -> dict[str, UUID]:
    """Store one job of each kind that there is."""
    ids: dict[str, UUID] = {}
    for state in (JobState.DEAD, JobState.COMPLETED, JobState.CANCELLED):
        ids[state] = await desk.add("ended", bytes([0, 255]), priority=3)
        job = await desk.claim_one()
        await desk.settle(job, SettleKind(state), reason="why", error=_ERROR)
    ids["retried"] = await desk.add("a", b"retried", priority=1, max_retries=9)
    await desk.settle(await desk.claim_one(), SettleKind.RETRY, delay=HOUR, error=_ERROR)
    await desk.add("a", b"snoozed", priority=1)
    job = await desk.claim_one()
    ids["snoozed"] = job.id
    await desk.settle(job, SettleKind.SNOOZED, delay=MINUTE)
    ids[JobState.RUNNING] = await desk.add("runs", b"")
    await desk.claim_one()
    ids["low"] = await desk.add("b", b"", priority=-128)
    ids["high"] = await desk.add("a", b"\xff" * 300, priority=127)
    ids["later"] = await desk.add("b", b"later", at=desk.now + 2 * HOUR)
    return ids


_MOVED = (JobState.DEAD, "retried", "snoozed", "low", "high", "later")


@requirement("MOV-1.refused", level=3, unless=Capability.MOVE)
async def refused(kit: Kit) -> None:
    """Where it isn't declared, holding and importing are refused, and change nothing."""
    queue, desk = await kit.queue(), await kit.desk()
    job_id = await desk.add()
    before = await desk.get(job_id)
    storage = desk.storage
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "hold": lambda: storage.hold("default", [job_id]),
        "import_jobs": lambda: storage.import_jobs("default", [evolve(before, id=new_job_id())]),
        "unhold": lambda: storage.unhold("default", [job_id], now=kit.now),
        "discard": lambda: storage.discard("default", [job_id]),
    }
    for name, call in calls.items():
        with raises(CapabilityNotSupported, name):
            await call()
    with raises(CapabilityNotSupported, "moving"):
        await move_jobs(queue, await kit.queue(name="other"))
    same((await desk.get(job_id), await desk.total()), (before, 1), "what is stored")


@requirement("MOV-1.held", level=3, capability=Capability.MOVE)
async def held(kit: Kit) -> None:
    """A held job isn't claimed, cancelled, requeued, deleted or pruned; it is found, as held."""
    desk = await kit.desk()
    ids = await _some(desk)
    before = {name: await desk.get(ids[name]) for name in _MOVED}
    got = await desk.storage.hold("default", [ids[name] for name in _MOVED])
    for name, record in zip(_MOVED, got, strict=True):
        same(record, evolve(before[name], state=HELD), f"what hold gave of the {name} job")
    same(await desk.storage.hold("default", [ids["low"]]), [got[3]], "what a repeat gave")
    kit.advance(3 * HOUR)
    answer = await desk.call_claim(100, types=("a", "b", "ended"))
    same((answer.jobs, answer.next_due), ((), None), "what a claim finds")
    for name in _MOVED:
        refusal = CancelResult(CancelStatus.NOT_LIVE, HELD)
        same(await desk.cancel(ids[name]), refusal, f"cancelling the {name} job")
    dead = ids[JobState.DEAD]
    same(await desk.requeue(dead), DeadStatus.NOT_DEAD, "requeueing a held job")
    same(list(await desk.storage.delete("default", [dead])), [DeadStatus.NOT_DEAD], "deleting it")
    await desk.prune(0)
    for record in got:
        assert record is not None
        same(await desk.find(record.id), record, "its record in the end")
    where = frozenset({HELD})
    queue = await kit.queue()
    listed = [job.id for job in (await queue.list_jobs(states=where)).jobs]
    same(listed, sorted(ids[name] for name in _MOVED), "those that are listed as held")
    same((await queue.count_jobs(states=where)).total, len(_MOVED), "how many are counted as held")


@requirement("MOV-1.back", level=3, capability=Capability.MOVE)
async def back(kit: Kit) -> None:
    """Put back, a held job is what it was: at its place among equals, or dead."""
    desk = await kit.desk()
    ids = await _some(desk)
    before = {name: await desk.get(ids[name]) for name in _MOVED}
    between = await desk.add("a", priority=127)
    wanted = [ids[name] for name in _MOVED]
    await desk.storage.hold("default", wanted)
    kit.advance(SECOND)
    done = await desk.storage.unhold("default", wanted, now=kit.now)
    same(list(done), [HoldStatus.DONE] * len(wanted), "the answers")
    same({name: await desk.get(ids[name]) for name in _MOVED}, before, "the records")
    again = await desk.storage.unhold("default", [ids["low"], new_job_id()], now=kit.now)
    same(list(again), [HoldStatus.NOT_HELD, HoldStatus.NOT_FOUND], "the answers to a repeat")
    kit.advance(3 * HOUR)
    order = [ids["high"], between, ids["snoozed"], ids["retried"], ids["later"], ids["low"]]
    same(await desk.claimed_ids(types=("a", "b", "ended")), order, "the order in which they run")


@requirement("MOV-1.others", level=3, capability=Capability.MOVE)
async def others(kit: Kit) -> None:
    """A running or finished job isn't held, and only what is held is discarded."""
    desk = await kit.desk()
    ids = await _some(desk)
    wanted = [ids[s] for s in (JobState.RUNNING, JobState.COMPLETED, JobState.CANCELLED)]
    before = [await desk.get(job_id) for job_id in wanted]
    got = await desk.storage.hold("default", [*wanted, new_job_id()])
    same(list(got), [None] * 4, "what hold gave")
    gone = await desk.storage.discard("default", [*wanted, ids["low"], new_job_id()])
    same(list(gone), [HoldStatus.NOT_HELD] * 4 + [HoldStatus.NOT_FOUND], "what discard answered")
    same([await desk.get(job_id) for job_id in wanted], before, "their records")
    await desk.storage.hold("default", [ids["low"]])
    first = await desk.storage.discard("default", [ids["low"]])
    again = await desk.storage.discard("default", [ids["low"]])
    same((list(first), list(again)), ([HoldStatus.DONE], [HoldStatus.NOT_FOUND]), "of a held one")
    same(await desk.find(ids["low"]), None, "what is left of it")


@requirement("MOV-2.imported", level=3, clause="MOV-2", capability=Capability.MOVE)
async def imported(kit: Kit) -> None:
    """What is imported is all that the record says, and held; a known id is left as it is."""
    desk, other = await kit.desk(), await kit.desk("other")
    ids = await _some(desk)
    wanted = [ids[name] for name in _MOVED]
    records = [each for each in await desk.storage.hold("default", wanted) if each is not None]
    here = await other.add("here", b"other", id=ids["later"], priority=5)
    kept = await other.get(here)
    results = list(await desk.storage.import_jobs("other", records))
    stored = [EnqueueResult.STORED] * 5
    same(results, [*stored, EnqueueResult.EXISTS], "the answers")
    for record in records[:-1]:
        same(await other.get(record.id), evolve(record, queue="other"), "an imported record")
    same(await other.get(here), kept, "the record of the job that was there")
    again = list(await desk.storage.import_jobs("other", records))
    same(again, [EnqueueResult.EXISTS] * 6, "the answers to a repeat")
    kit.advance(2 * HOUR)
    same(await other.claimed_ids(), [here], "what can be claimed while they are held")
    await desk.storage.unhold("other", wanted, now=kit.now)
    job = (await other.claim(9))[1]
    same((job.id, job.payload, job.claims), (ids["snoozed"], b"snoozed", 2), "a job that runs then")
    assert job.token > records[2].token, "its token isn't greater than the one that it had before"
    dead = await other.get(ids[JobState.DEAD])
    same((dead.state, dead.reason, dead.error), (JobState.DEAD, "why", _ERROR), "the dead job")


@requirement("MOV-3.moved", level=3, clause="MOV-3", capability=Capability.MOVE)
async def moved(kit: Kit) -> None:
    """A move brings what is scheduled or dead over unchanged; the rest stays, and is listed."""
    log = EventLog()
    source, desk = await kit.queue(events=log), await kit.desk()
    target, other = await kit.queue(name="other", events=log), await kit.desk("other")
    ids = await _some(desk)
    before = {name: await desk.get(ids[name]) for name in ids}
    running = (ids[JobState.RUNNING],)
    got = await move_jobs(source, target, wait=False)
    same(got, MoveReport(len(_MOVED), 0, running, ()), "the report")
    for name in _MOVED:
        same(await desk.find(ids[name]), None, f"what is left of the {name} job")
        same(await other.get(ids[name]), evolve(before[name], queue="other"), f"the {name} job")
    for name in ids.keys() - set(_MOVED):
        same(await desk.get(ids[name]), before[name], f"the {name} job, which stays")
    told = [(event.kind, event.queue, event.job_id) for event in log.events]
    for name in _MOVED:
        away = (EventKind.MOVED_AWAY, "default", ids[name])
        here = (EventKind.MOVED_HERE, "other", ids[name])
        assert told.count(away) == told.count(here) == 1, f"the events of the {name} job"
    await other.put([])
    kit.advance(2 * MINUTE)
    got = await move_jobs(source, target)
    same((got.moved, got.running), (1, ()), "a move that waits, once the lease has expired")
    same((await other.get(running[0])).retries, 1, "that job's retries")


@requirement("MOV-3.conflict", level=3, clause="MOV-3", capability=Capability.MOVE)
async def conflicts(kit: Kit) -> None:
    """A job whose id another job has at the target stays at the source, in use, and is listed."""
    source, desk = await kit.queue(), await kit.desk()
    target, other = await kit.queue(name="other"), await kit.desk("other")
    one, two = await desk.add(payload=b"1"), await desk.add(payload=b"2")
    await other.add(payload=b"x", id=one)
    before = [await desk.get(one), await other.get(one)]
    got = await move_jobs(source, target)
    same(got, MoveReport(1, 0, (), (one,)), "the report")
    same([await desk.get(one), await other.get(one)], before, "the two jobs of one id")
    same((await other.get(two)).payload, b"2", "the other one")


@requirement("MOV-3.itself", level=3, clause="MOV-3", capability=Capability.MOVE)
async def into_itself(kit: Kit) -> None:
    """A queue isn't moved into itself, however it is addressed; nothing is lost by trying."""
    source, same_one, desk = await kit.queue(), await kit.queue(), await kit.desk()
    job_id = await desk.add()
    before = await desk.get(job_id)
    with raises(QueueMisused, "moving a queue into itself"):
        await move_jobs(source, same_one)
    same((await desk.get(job_id), await desk.total()), (before, 1), "what is stored")


@requirement("MOV-3.killed", level=3, clause="MOV-3", capability=Capability.MOVE, heavy=True)
async def killed(kit: Kit) -> None:
    """A move that is killed at any step and made again loses nothing and doubles nothing."""
    storage, turn = await kit.storage(), 0
    while await _killed_at(kit, storage, turn := turn + 1):
        assert turn < 60, "the move doesn't end"


async def _killed_at(kit: Kit, storage: Storage, turn: int) -> bool:
    """Kill a move after one of its calls, make it again; say whether it came that far."""
    names = f"from {turn}", f"to {turn}"
    desks = [Desk(storage, kit.clock, name) for name in names]
    ids = await _some(desks[0])
    before = {ids[name]: await desks[0].get(ids[name]) for name in _MOVED}
    if not await _killed(kit, names, KillPoint(turn, after=True)):
        return False
    await _one_place(desks, before)
    async with _open(kit, names) as queues:
        await move_jobs(queues[0], queues[1], wait=False)
    for job_id, record in before.items():
        same(await desks[0].find(job_id), None, f"a job at the source, killed at call {turn}")
        wanted = evolve(record, queue=names[1])
        same(await desks[1].find(job_id), wanted, f"a job at the target, killed at call {turn}")
    same(await desks[1].total(), len(before), f"how many are there, killed at call {turn}")
    return True


async def _killed(kit: Kit, names: Sequence[str], point: KillPoint) -> bool:
    """Begin a move between the first two of some queues; say whether it was killed."""
    async with _open(kit, names[:2], around=point.around) as doomed:
        try:
            await move_jobs(doomed[0], doomed[1], wait=False)
        except KilledError:
            return True
    return False


@asynccontextmanager
async def _open(
    kit: Kit, names: Sequence[str], around: Around | None = None
) -> AsyncGenerator[list[Queue]]:
    """Open queues for a while only: there are many, and servers take so many connections."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(kit.unopened(name=name, around=around))
            for name in names
        ]


async def _one_place(desks: list[Desk], jobs: dict[UUID, JobRecord]) -> None:
    """See to it that no job is in use at both places, or at none."""
    for job_id in jobs:
        records = [await desk.find(job_id) for desk in desks]
        states = [None if each is None else each.state for each in records]
        in_use = [state for state in states if state not in (None, HELD)]
        assert len(in_use) < 2, f"a job is in use at both places: {states}"
        assert any(states), "a job is at neither place"


@requirement("MOV-3.third", level=3, clause="MOV-3", capability=Capability.MOVE, heavy=True)
async def third(kit: Kit) -> None:
    """Until an interrupted move is finished, others of its queues are refused, moving back too."""
    storage, turn = await kit.storage(), 0
    while await _third_after(kit, storage, turn := turn + 1):
        assert turn < 60, "the move doesn't end"


async def _third_after(kit: Kit, storage: Storage, turn: int) -> bool:
    """Kill a move, try one with a third queue, and finish; say whether it came that far."""
    names = [f"{place} {turn}" for place in ("one", "two", "three")]
    desks = [Desk(storage, kit.clock, name) for name in names]
    ids = [await desks[0].add(payload=bytes([n])) for n in range(3)]
    if not await _killed(kit, names, KillPoint(turn, after=False)):
        return False
    found = [await desk.find(job_id) for desk in desks for job_id in ids]
    begun = any(record is not None and record.state is HELD for record in found)
    strange = await desks[2].add("strange")
    async with _open(kit, names) as (one, two, three):
        ways = (one, three), (three, two), (two, three), (three, one), (two, one)
        way = ways[turn % len(ways)]
        if begun:
            with raises(QueueMisused, f"another move, after one was killed at call {turn}"):
                await move_jobs(*way)
            assert (await desks[2].get(strange)).state is JobState.SCHEDULED
        else:
            with suppress(QueueMisused):
                await move_jobs(*way)
        await move_jobs(one, two)
    for job_id in (*ids, strange):
        states = [record.state for desk in desks if (record := await desk.find(job_id))]
        same(states, [JobState.SCHEDULED], f"where a job is in the end, killed at call {turn}")
    return True


@requirement("MOV-3.at_once", level=3, clause="MOV-3", capability=Capability.MOVE, heavy=True)
async def at_once(kit: Kit) -> None:
    """Of moves begun at once that share a queue some may be refused; no job is in two places."""
    storage = await kit.storage()
    for turn in range(12):
        names = [f"{place} {turn}" for place in ("one", "two", "three")]
        desks = [Desk(storage, kit.clock, name) for name in names]
        jobs = [await desk.add(payload=bytes([n])) for n, desk in enumerate(desks)]
        pauses = Pauses(turn)
        async with _open(kit, names, pauses.around) as (one, two, three):
            ways = (
                [(one, two), (one, three)],
                [(one, three), (two, three)],
                [(one, two), (two, three)],
            )
            ends = await asyncio.gather(
                *(move_jobs(*way, wait=False) for way in ways[turn % len(ways)]),
                return_exceptions=True,
            )
        for end in ends:
            assert isinstance(end, MoveReport | QueueMisused), f"a move ended with {end!r}"
        for job_id in jobs:
            states = [record.state for desk in desks if (record := await desk.find(job_id))]
            same(states, [JobState.SCHEDULED], f"where a job is in the end, in round {turn}")
        async with _open(kit, names) as (one, two, three):
            await move_jobs(one, two)
            await move_jobs(two, three)
        for job_id in jobs:
            states = [record.state for desk in desks if (record := await desk.find(job_id))]
            same(states, [JobState.SCHEDULED], f"where a job is after more moves, in round {turn}")
