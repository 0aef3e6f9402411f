"""OBS and KEP: what can be seen, and for how long."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from aide_de_camp import (
    EventKind,
    JobContext,
    JobNotFound,
    JobRouter,
    JobRunner,
    JobState,
)
from aide_de_camp.spi import (
    CountFilter,
    CountRow,
    ErrorRecord,
    JobFilter,
    SettleKind,
    to_datetime,
)
from aide_de_camp_conformance.desk import HOUR, MINUTE, SECOND, Desk, new
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.place import EventLog
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, bytes_type

KINDS = {
    JobState.COMPLETED: SettleKind.COMPLETED,
    JobState.CANCELLED: SettleKind.CANCELLED,
    JobState.DEAD: SettleKind.DEAD,
}


async def one_in(desk: Desk, state: JobState, name: str = "a") -> UUID:
    """Store a job and bring it to a state; nothing else may be due."""
    job_id = await desk.add(name)
    if state is not JobState.SCHEDULED:
        job = await desk.claim_one(types=(name,))
        if state in KINDS:
            reason = None if state is JobState.COMPLETED else "why"
            await desk.settle(job, KINDS[state], reason=reason)
    return job_id


@requirement("KEP-1.kept", level=1)
async def kept(kit: Kit) -> None:
    """Completed and cancelled jobs are kept for the time set, then not found; dead ones stay."""
    queue, desk = await kit.queue(), await kit.desk()
    ids = {state: await one_in(desk, state) for state in KINDS}
    scheduled = await desk.add("later", at=kit.now)
    kit.advance(HOUR - 1)
    same(await queue.prune(), 0, "how many are removed a microsecond before the default hour")
    for job_id in ids.values():
        await desk.get(job_id)
    kit.advance(1)
    same(await queue.prune(), 2, "how many are removed after an hour")
    for state in (JobState.COMPLETED, JobState.CANCELLED):
        with raises(JobNotFound, f"get_job of a {state} job after that"):
            await queue.get_job(ids[state])
    kit.advance(1_000 * HOUR)
    same(await queue.prune(), 0, "how many are removed long after")
    same(await desk.state(ids[JobState.DEAD]), JobState.DEAD, "the state of the dead one")
    same(await desk.state(scheduled), JobState.SCHEDULED, "the state of one that is waiting")


@requirement("KEP-1.steps", level=1)
async def steps(kit: Kit) -> None:
    """Pruning goes in bounded steps, and says how many records each removed."""
    desk = await kit.desk()
    await desk.put([new() for _ in range(10)])
    kit.advance(HOUR)
    for job in await desk.claim(10):
        kit.advance(1)
        await desk.settle(job)
    same(await desk.prune(MINUTE, 4), 0, "what was removed of jobs that have just finished")
    kit.advance(MINUTE)
    same(await desk.prune(MINUTE, 4), 4, "what a step of four removed")
    same(await desk.total(), 6, "what is left")
    same(await desk.prune(MINUTE, 4), 4, "what the second removed")
    same(await desk.prune(MINUTE, 4), 2, "what the third removed")
    same(await desk.total(), 0, "what is left in the end")


@requirement("KEP-1.runner", level=1)
async def by_the_runner(kit: Kit) -> None:
    """A runner removes what was kept for the time that its queue sets."""
    queue, desk = await kit.queue(keep_finished=timedelta(minutes=5)), await kit.desk()
    router = JobRouter()

    @router.job("bytes", codec="raw")
    async def work(payload: bytes, job: JobContext) -> None:
        """Nothing to do."""

    old = await queue.schedule(BYTES, b"")
    runner = JobRunner(queue, router)
    await runner.drain()
    kit.advance(4 * MINUTE)
    young = await queue.schedule(BYTES, b"")
    await runner.drain()
    same(await desk.state(old), JobState.COMPLETED, "the state of one kept for four minutes")
    kit.advance(MINUTE)
    await runner.drain()
    same(await desk.find(old), None, "what is left of it after five")
    same(await desk.state(young), JobState.COMPLETED, "the state of a younger one")


@requirement("OBS-1.states", level=1)
async def states(kit: Kit) -> None:
    """`get_job` returns a job in any state that is kept, with its times, counters, lease, error."""
    queue, desk = await kit.queue(), await kit.desk()
    start, due = kit.now, kit.now - SECOND
    error = ErrorRecord("E", "m", traceback="t")
    kinds: dict[JobState, SettleKind | None] = {JobState.RUNNING: None, **KINDS}
    for state, kind in kinds.items():
        job_id = await desk.add("x", b"12345", priority=4, at=due, max_retries=8)
        enqueued = kit.now
        await desk.settle(await desk.claim_one(), SettleKind.RETRY, error=error)
        error_at = kit.now
        await desk.settle(await desk.claim_one(), SettleKind.SNOOZED, delay=SECOND)
        kit.advance(MINUTE)
        job = await desk.claim_one()
        started = kit.now
        kit.advance(SECOND)
        if kind is not None:
            await desk.settle(job, kind, reason=None if state == "completed" else "why")
        view = await queue.get_job(job_id)
        same((view.id, view.queue, view.job_type), (job_id, "default", "x"), "what it is")
        same((view.payload, view.payload_size, view.codec), (b"12345", 5, "raw"), "its payload")
        same((view.state, view.priority, view.max_retries), (state, 4, 8), "state and settings")
        same((view.claims, view.retries, view.snoozes), (3, 1, 1), "its counters")
        same((view.token, view.worker), (job.token, "kit"), "its token and worker")
        same(view.scheduled_at, to_datetime(error_at + SECOND), "when it fell due")
        same(view.enqueued_at, to_datetime(enqueued), "when it was stored")
        same(view.started_at, to_datetime(started), "when it was started")
        running = state is JobState.RUNNING
        same(view.finished_at, None if running else kit.today, "when it finished")
        lease = to_datetime(started + MINUTE) if running else None
        same(view.lease_until, lease, "until when its lease holds")
        same(view.reason, "why" if state in ("dead", "cancelled") else None, "its reason")
        same((view.error, view.error_at), (error, to_datetime(error_at)), "its last error")
        if running:
            await desk.settle(job)
    assert kit.now > start, "the clock wasn't moved"
    with raises(JobNotFound, "get_job of an unknown id"):
        await queue.get_job(new().id)


@requirement("OBS-2.filters", level=1)
async def filters(kit: Kit) -> None:
    """Listing filters by state, type, reason and time, from inclusive, to exclusive."""
    desk = await kit.desk()
    ids: dict[str, UUID] = {}
    start = kit.now
    for state in (JobState.COMPLETED, JobState.CANCELLED, JobState.DEAD, JobState.RUNNING):
        ids[state] = await one_in(desk, state, state)
        kit.advance(MINUTE)
    ids["later"] = await desk.add("later", at=kit.now + HOUR)

    async def check(what: str, where: JobFilter, *names: str) -> None:
        wanted = [ids[name] for name in ids if name in names]
        same(await desk.list(where), wanted, f"the jobs {what}")
        narrow = CountFilter(where.states, where.job_types, where.reasons)
        if JobFilter(where.states, where.job_types, where.reasons) == where:
            counted = sum(row.count for row in await desk.storage.count("default", narrow))
            same(counted, len(wanted), f"how many there are {what}")

    done, gone, dead, runs = "completed", "cancelled", "dead", "running"
    await check("without a filter", JobFilter(), done, gone, dead, runs, "later")
    two = frozenset({JobState.DEAD, JobState.SCHEDULED})
    await check("in two states", JobFilter(states=two), dead, "later")
    await check("in no state", JobFilter(states=frozenset()))
    await check("of two types", JobFilter(job_types=frozenset({dead, runs, "no"})), dead, runs)
    await check("of a reason", JobFilter(reasons=frozenset({"why"})), gone, dead)
    both = JobFilter(states=frozenset({JobState.DEAD}), reasons=frozenset({"why", "x"}))
    await check("in a state and of a reason", both, dead)
    minute = start + MINUTE
    span = JobFilter(enqueued_from=minute, enqueued_to=minute + MINUTE)
    await check("stored in the second minute", span, gone)
    await check("stored later", JobFilter(enqueued_from=minute + 1), dead, runs, "later")
    await check(
        "due from the third minute on",
        JobFilter(scheduled_from=minute + MINUTE),
        dead,
        runs,
        "later",
    )
    await check("due before it", JobFilter(scheduled_to=minute + MINUTE), done, gone)
    await check("finished from the second on", JobFilter(finished_from=minute), gone, dead)
    await check("finished before it", JobFilter(finished_to=minute), done)
    await check("finished in no time", JobFilter(finished_from=minute, finished_to=minute))


@requirement("OBS-2.pages", level=1)
async def pages(kit: Kit) -> None:
    """Pages come in a stable order by cursor, and hold each job once, in both directions."""
    queue, desk = await kit.queue(), await kit.desk()
    draws = (7, 200, 3, 129, 128, 0, 255, 64, 127, 1)
    jobs = [new(id=UUID(int=draw << 120 | 0x7 << 76 | draw)) for draw in draws]
    await desk.put(jobs)
    wanted = sorted((job.id for job in jobs), key=lambda job_id: job_id.bytes)
    for newest_first in (False, True):
        got: list[UUID] = []
        cursor = None
        for _ in range(5):
            page = await queue.list_jobs(limit=3, cursor=cursor, newest_first=newest_first)
            got += [job.id for job in page.jobs]
            assert all(job.payload is None for job in page.jobs), "a listing shows payloads"
            if (cursor := page.cursor) is None:
                break
        same(got, wanted[::-1] if newest_first else wanted, f"{newest_first=}")


@requirement("OBS-2.cursor", level=1)
async def cursor_holds(kit: Kit) -> None:
    """No job that matched throughout is missed or shown twice while others come and go."""
    desk = await kit.desk()
    jobs = [new(id=UUID(int=(index + 1) * 10 << 80 | 0x7 << 76)) for index in range(30)]
    await desk.put(jobs)
    where = JobFilter(states=frozenset({JobState.SCHEDULED}))
    steady = {job.id for index, job in enumerate(jobs) if index % 3}
    seen: list[UUID] = []
    after: UUID | None = None
    turn = 0
    while page := await desk.list(where, limit=4, after=after):
        seen += page
        after = page[-1]
        # The last one seen goes, one comes before the cursor and one behind it.
        for job_id in page:
            if job_id not in steady:
                await desk.cancel(job_id)
        kit.advance(HOUR)
        await desk.prune(0)
        turn += 1
        if turn < 8:
            await desk.put([new(id=UUID(int=after.int - 1)), new(id=UUID(int=after.int + 1))])
        assert turn < 40, "the listing doesn't end"
    same(len(set(seen)), len(seen), "how many were shown, each once")
    assert steady <= set(seen), f"{len(steady - set(seen))} that matched throughout were missed"
    same(seen, sorted(seen), "the order")


@requirement("OBS-3.counts", level=1)
async def exact_counts(kit: Kit) -> None:
    """Counts by state and type are exact when nothing moves."""
    queue, desk = await kit.queue(), await kit.desk()
    same(list(await desk.storage.count("default", CountFilter())), [], "the counts of nothing")
    wanted: dict[tuple[str, str], int] = {}
    for number, state in enumerate((*KINDS, JobState.RUNNING, JobState.SCHEDULED), 1):
        for name in ("a", "b"):
            for _ in range(number):
                await one_in(desk, state, name)
            wanted[state, name] = number
    rows = await desk.storage.count("default", CountFilter())
    got = {(row.state, row.job_type): row.count for row in rows}
    same(got, wanted, "the counts")
    assert all(isinstance(row, CountRow) for row in rows), "what came isn't counts"
    counts = await queue.count_jobs(job_types=["a"])
    same(counts.by_type, {"a": {JobState(s): n for (s, t), n in wanted.items() if t == "a"}}, "a's")
    same((await queue.count_jobs()).total, 30, "all of them")
    same(await (await kit.desk("other")).total(), 0, "the count of another queue")


@requirement("OBS-4.parked", level=1)
async def parked(kit: Kit) -> None:
    """A job of a type that no runner handles stays scheduled, is counted and can be found."""
    queue, desk = await kit.queue(), await kit.desk()
    router = JobRouter()

    @router.job("bytes", codec="raw")
    async def work(payload: bytes, job: JobContext) -> None:
        """Nothing to do."""

    parked = await queue.schedule(bytes_type("nobodys"), b"x", priority=127)
    await queue.schedule(BYTES, b"")
    before = await desk.get(parked)
    same(await JobRunner(queue, router).drain(), 1, "how many attempts were made")
    same(await desk.get(parked), before, "its record")
    counts = await queue.count_jobs(states=[JobState.SCHEDULED])
    same(counts.by_type, {"nobodys": {JobState.SCHEDULED: 1}}, "the counts of what is scheduled")
    page = await queue.list_jobs(job_types=["nobodys"])
    same([job.id for job in page.jobs], [parked], "what a listing of its type shows")


@requirement("OBS-5.accounted", level=2)
async def accounted_for(kit: Kit) -> None:
    """Every id that was acknowledged is live, finished, or gone by a named act, each an event."""
    log = EventLog()
    queue, desk = await kit.queue(events=log), await kit.desk()
    router = JobRouter()

    @router.job("bytes", codec="raw", max_retries=0)
    async def work(payload: bytes, job: JobContext) -> None:
        if payload == b"bad":
            raise ValueError

    ids = [await queue.schedule(BYTES, b"bad" if i % 3 else b"") for i in range(12)]
    await queue.cancel_job(ids[0])
    await JobRunner(queue, router).drain()
    dead = [job.id for job in (await queue.dead.list()).jobs]
    await queue.dead.delete(dead[0])
    await queue.dead.requeue(dead[1])
    kit.advance(2 * HOUR)
    removed = await queue.prune()
    left = [job_id for job_id in ids if await desk.find(job_id) is not None]
    told = [event for event in log.events if event.job_id in ids]
    by_kind = {kind: [e.job_id for e in told if e.kind is kind] for kind in EventKind}
    same(by_kind[EventKind.SCHEDULED], ids, "those told of as scheduled")
    same(by_kind[EventKind.CANCELLED], [ids[0]], "those told of as cancelled")
    same(set(by_kind[EventKind.DEAD]), set(dead), "those told of as dead")
    same(len(by_kind[EventKind.COMPLETED]), 3, "how many were told of as completed")
    same(by_kind[EventKind.DELETED], [dead[0]], "those told of as deleted")
    same(by_kind[EventKind.REQUEUED], [dead[1]], "those told of as requeued")
    pruned = sum(event.count for event in log.events if event.kind is EventKind.PRUNED)
    same((pruned, removed), (4, 4), "how many were told of as pruned, and were")
    same(
        len(left) + len(by_kind[EventKind.DELETED]) + pruned, len(ids), "all that is accounted for"
    )
