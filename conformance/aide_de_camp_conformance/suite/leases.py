"""LEA: leases, on a clock that is moved."""

from __future__ import annotations

from aide_de_camp import JobHandle, JobState, LeaseLost
from aide_de_camp.spi import ClaimedJob, DeadReason, Lease, LeaseResult, SettleKind, Settlement
from aide_de_camp_conformance.desk import HOUR, MINUTE, SECOND
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, NO_TIME


@requirement("LEA-1.exclusive", level=1)
async def exclusive(kit: Kit) -> None:
    """A claimed job belongs to its claimer while the lease holds: nobody else is given it."""
    desk, other = await kit.desk(), await kit.desk()
    job_id = await desk.add()
    job = await desk.claim_one(lease=MINUTE)
    same(job.lease_until, kit.now + MINUTE, "until when its lease holds")
    kit.advance(MINUTE - 1)
    same(await other.claimed_ids(), [], "what a claim gives a microsecond before that")
    same(len(await other.reap()), 0, "what the reaper takes back")
    record = await desk.get(job_id)
    same((record.state, record.lease_until), (JobState.RUNNING, kit.now + 1), "its record")
    same((record.started_at, record.worker), (kit.now + 1 - MINUTE, "kit"), "its start and worker")


@requirement("LEA-1.extended", level=1)
async def extended(kit: Kit) -> None:
    """A heartbeat extends the lease from its own present on, and never shortens it."""
    desk = await kit.desk()
    job_id = await desk.add()
    job = await desk.claim_one(lease=MINUTE)
    kit.advance(MINUTE // 2)
    same(await desk.extend(job, MINUTE), LeaseResult.APPLIED, "extending")
    until = kit.now + MINUTE
    same((await desk.get(job_id)).lease_until, until, "until when it holds")
    same(await desk.extend(job, SECOND), LeaseResult.APPLIED, "extending by less")
    same((await desk.get(job_id)).lease_until, until, "until when it holds after less")
    kit.advance(MINUTE - 1)
    same(await desk.claimed_ids(), [], "what a claim gives before the extended lease ends")
    kit.advance(1)
    same(await desk.claimed_ids(), [job_id], "what a claim gives when it has ended")


@requirement("LEA-1.many", level=1)
async def extended_apart(kit: Kit) -> None:
    """Of the leases of one call each has its own answer: a lost one takes no other with it."""
    desk = await kit.desk()
    for _ in range(3):
        await desk.add()
    one, two, three = await desk.claim(3)
    await desk.settle(two)
    leases = [Lease(one.id, one.token), Lease(two.id, two.token), Lease(three.id, three.token - 1)]
    kit.advance(SECOND)
    results = await desk.storage.extend("default", leases, MINUTE, now=kit.now)
    wanted = [LeaseResult.APPLIED, LeaseResult.LOST, LeaseResult.LOST]
    same(list(results), wanted, "what became of each")
    untils = [(await desk.get(job.id)).lease_until for job in (one, two, three)]
    same(untils, [kit.now + MINUTE, None, kit.now - SECOND + MINUTE], "until when each holds")


@requirement("LEA-2.back", level=1)
async def taken_back(kit: Kit) -> None:
    """A claim takes expired leases back itself: such a job is due at once, with a retry used."""
    desk = await kit.desk()
    job_id = await desk.add(at=kit.now - HOUR)
    before = await desk.claim_one(lease=MINUTE)
    kit.advance(MINUTE)
    result = await desk.call_claim()
    same([job.id for job in result.jobs], [job_id], "what the claim gave")
    reaped = [(each.id, each.job_type, each.state) for each in result.reaped]
    same(reaped, [(job_id, "a", JobState.SCHEDULED)], "what it says that it took back")
    (job,) = result.jobs
    same((job.retries, job.claims, job.snoozes), (1, 2, 0), "its counters")
    same(job.scheduled_at, before.scheduled_at, "when it fell due")


@requirement("LEA-2.reap", level=1)
async def reaped(kit: Kit) -> None:
    """The reaper does the same, in steps: retries left, scheduled; none, dead by reason `lease`."""
    desk = await kit.desk()
    for _ in range(4):
        await desk.add()
    await desk.add(max_retries=0)
    jobs = await desk.claim(5)
    kit.advance(MINUTE)
    same(len(await desk.reap(2)), 2, "how many a step of two took back")
    rest = await desk.reap()
    same(len(rest), 3, "how many the rest are")
    same(len(await desk.reap()), 0, "how many are left")
    records = [await desk.get(job.id) for job in jobs]
    same([record.retries for record in records], [1, 1, 1, 1, 0], "their retries")
    states = [record.state for record in records]
    same(states, [JobState.SCHEDULED] * 4 + [JobState.DEAD], "their states")
    same([record.lease_until for record in records], [None] * 5, "their leases")
    dead = records[-1]
    same((dead.reason, dead.finished_at), (DeadReason.LEASE, kit.now), "why and when it died")
    same([each.state for each in rest if each.id == dead.id], [JobState.DEAD], "what it was called")


@requirement("LEA-2.types", level=1)
async def taken_back_of_any_type(kit: Kit) -> None:
    """A claim takes back expired leases of every type, not only of those asked for."""
    desk = await kit.desk()
    job_id = await desk.add("a")
    await desk.claim_one()
    kit.advance(MINUTE)
    same(await desk.claimed_ids(types=("b",)), [], "what a claim of another type gives")
    same(await desk.state(job_id), JobState.SCHEDULED, "the state of the one whose lease expired")


@requirement("LEA-2.late", level=1)
async def late(kit: Kit) -> None:
    """A lease isn't lost by time alone: until it is taken back a late settle or extend succeeds."""
    desk = await kit.desk()
    for _ in range(2):
        await desk.add()
    one, two = await desk.claim(2)
    kit.advance(HOUR)
    same(await desk.settle(one), LeaseResult.APPLIED, "completing late")
    same(await desk.state(one.id), JobState.COMPLETED, "its state")
    same(await desk.extend(two, MINUTE), LeaseResult.APPLIED, "extending late")
    same(await desk.claimed_ids(), [], "what a claim gives after that")
    record = await desk.get(two.id)
    same((record.state, record.retries), (JobState.RUNNING, 0), "its state and retries")


@requirement("LEA-2.dead", level=1)
async def dead_by_lease(kit: Kit) -> None:
    """With no retry left a claim makes it dead with reason `lease`, and doesn't hand it out."""
    desk = await kit.desk()
    job_id = await desk.add(payload=b"x", priority=2, max_retries=1)
    for _ in range(2):
        await desk.claim_one()
        kit.advance(MINUTE)
    same(await desk.claimed_ids(), [], "what a claim gives after the last retry")
    record = await desk.get(job_id)
    same((record.state, record.reason), (JobState.DEAD, DeadReason.LEASE), "its state and reason")
    same((record.retries, record.claims), (1, 2), "its retries and claims")
    same((record.payload, record.priority), (b"x", 2), "its payload and priority")


@requirement("LEA-3.lost", level=1)
async def lost(kit: Kit) -> None:
    """A handle whose lease was lost changes nothing: each final call and extend raise LeaseLost."""
    queue, desk = await kit.queue(), await kit.desk()
    handles: list[JobHandle[bytes]] = []
    for _ in range(7):
        await queue.schedule(BYTES, b"")
    while (handle := await queue.poll_next(BYTES)) is not None:
        handles.append(handle)
    kit.advance(HOUR)
    same(len(await desk.claim(10)), 7, "how many were claimed anew")
    calls = ("complete", "fail", "dead_queue", "release", "cancel", "extend", "snooze")
    for handle, call in zip(handles, calls, strict=True):
        before = await desk.get(handle.id)
        with raises(LeaseLost, f"{call} after the lease was lost") as caught:
            await (handle.snooze(NO_TIME) if call == "snooze" else getattr(handle, call)())
        same(caught.error.job_id, handle.id, "the id that the error carries")
        same(await desk.get(handle.id), before, f"its record after {call}")


@requirement("LEA-3.settle", level=1)
async def settle_lost(kit: Kit) -> None:
    """A settlement applies only under the token that holds the job, whatever its kind."""
    desk = await kit.desk()
    for kind in SettleKind:
        job_id = await desk.add()
        old = await desk.claim_one()
        await desk.settle(old, SettleKind.RELEASED)
        if kind is not SettleKind.RELEASED:
            before = await desk.get(job_id)
            same(await desk.settle(old, kind), LeaseResult.LOST, f"{kind} of a released job")
            same(await desk.get(job_id), before, f"the record of a released job after {kind}")
        new = await desk.claim_one()
        before = await desk.get(job_id)
        if kind is not SettleKind.RELEASED:
            same(await desk.settle(old, kind, reason="x"), LeaseResult.LOST, f"{kind}, old token")
        same(await desk.extend(old), LeaseResult.LOST, "extend by an old token")
        same(await desk.get(job_id), before, f"the record of a reclaimed job after {kind}")
        await desk.settle(new)


@requirement("LEA-3.mixed", level=1)
async def settled_apart(kit: Kit) -> None:
    """Of the settlements of one call each has its own answer, and takes its own effect."""
    desk = await kit.desk()
    for _ in SettleKind:
        await desk.add()
    jobs = await desk.claim(10)
    same(len(jobs), len(SettleKind), "how many were claimed")
    lost = Settlement(jobs[0].id, jobs[0].token - 1, SettleKind.DEAD, reason="x")
    batch = [lost] + [
        Settlement(job.id, job.token, kind, delay=MINUTE, reason="x" if kind == "dead" else None)
        for job, kind in zip(jobs, SettleKind, strict=True)
    ]
    results = await desk.storage.settle("default", batch, now=kit.now)
    same(list(results), [LeaseResult.LOST] + [LeaseResult.APPLIED] * len(jobs), "the answers")
    states = [await desk.state(job.id) for job in jobs]
    back, s = JobState.SCHEDULED, JobState
    same(states, [s.COMPLETED, back, back, back, s.DEAD, s.CANCELLED], "the states")
    # All of one kind, as a busy runner sends them.
    for _ in range(4):
        await desk.add()
    jobs = await desk.claim(4)
    tokens = [jobs[0].token, jobs[1].token - 1, jobs[2].token, jobs[3].token]
    alike = [
        Settlement(job.id, token, SettleKind.COMPLETED)
        for job, token in zip(jobs, tokens, strict=True)
    ]
    results = await desk.storage.settle("default", alike, now=kit.now)
    wanted = [LeaseResult.APPLIED, LeaseResult.LOST, LeaseResult.APPLIED, LeaseResult.APPLIED]
    same(list(results), wanted, "the answers to ends of one kind")
    states = [await desk.state(job.id) for job in jobs]
    same(states, [s.COMPLETED, s.RUNNING, s.COMPLETED, s.COMPLETED], "the states")


@requirement("LEA-3.token", level=1)
async def token(kit: Kit) -> None:
    """A claim's fencing token is max(last + 1, now in microseconds)."""
    desk = await kit.desk()
    job_id = await desk.add()
    same((await desk.get(job_id)).token, 0, "the token before any claim")
    first = await desk.claim_one()
    same(first.token, kit.now, "the first token")
    same((await desk.get(job_id)).token, first.token, "the token that is kept")
    await desk.settle(first, SettleKind.RELEASED)
    second = await desk.claim_one()
    same(second.token, first.token + 1, "the token of a claim in the same instant")
    await desk.settle(second, SettleKind.RELEASED)
    kit.advance(-HOUR)
    third = await desk.claim_one()
    same(third.token, second.token + 1, "the token of a claim after the clock went back")
    await desk.settle(third, SettleKind.RELEASED)
    kit.advance(2 * HOUR)
    same((await desk.claim_one()).token, kit.now, "the token of a claim an hour later")


@requirement("LEA-3.grows", level=1)
async def token_grows(kit: Kit) -> None:
    """The token is never reset, not by retry, snooze, release, lease loss or requeue."""
    desk = await kit.desk()
    job_id = await desk.add()
    job = await desk.claim_one()
    latest = kit.now

    async def claim_after(what: str) -> ClaimedJob:
        kept = (await desk.get(job_id)).token
        assert kept >= job.token, f"by {what} the token went from {job.token} to {kept}"
        again = await desk.claim_one()
        same(again.token, max(kept + 1, latest), f"the token of the claim after {what}")
        return again

    for kind in (SettleKind.RETRY, SettleKind.SNOOZED, SettleKind.RELEASED):
        await desk.settle(job, kind)
        job = await claim_after(kind)
    latest = kit.advance(MINUTE)
    await desk.reap()
    kept = (await desk.get(job_id)).token
    assert kept > job.token, "taking a lease back didn't raise the token"
    kit.advance(-2 * MINUTE)
    job = await claim_after("a lost lease")
    await desk.kill(job)
    await desk.requeue(job_id)
    await claim_after("a requeue")
