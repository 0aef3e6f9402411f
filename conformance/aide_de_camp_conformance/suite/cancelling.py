"""CAN: cancelling what has not started."""

from __future__ import annotations

from uuid import UUID

from aide_de_camp import (
    DecodeError,
    JobAlreadyStarted,
    JobNotFound,
    JobState,
    JobTypeMismatch,
    Queue,
    new_job_id,
)
from aide_de_camp.spi import CancelStatus, JobRecord, LeaseResult, SettleKind
from aide_de_camp_conformance.desk import HOUR, MINUTE, Desk
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, HOSTILE, ORDER, SAMPLE


async def finished(desk: Desk, job_id: UUID, state: JobState) -> JobRecord:
    """Bring the one due job to a final state."""
    kinds = {
        JobState.COMPLETED: SettleKind.COMPLETED,
        JobState.DEAD: SettleKind.DEAD,
        JobState.CANCELLED: SettleKind.CANCELLED,
    }
    job = await desk.claim_one()
    same(job.id, job_id, "the job that was claimed")
    await desk.settle(job, kinds[state], reason=None if state is JobState.COMPLETED else "why")
    return await desk.get(job_id)


@requirement("CAN-1.cancelled", level=1)
async def cancelled(kit: Kit) -> None:
    """Cancelling a scheduled job answers True and takes it from the live jobs at once."""
    queue, desk = await kit.queue(), await kit.desk()
    due = await queue.schedule(BYTES, b"due", priority=9)
    later = await desk.add(at=kit.now + HOUR)
    for job_id in (due, later):
        same(await queue.cancel_job(job_id), True, "the answer")
        record = await desk.get(job_id)
        same(record.state, JobState.CANCELLED, "its state")
        same(record.finished_at, kit.now, "when it was cancelled")
    counts = (await queue.count_jobs()).by_state
    same((counts[JobState.SCHEDULED], counts[JobState.CANCELLED]), (0, 2), "the counts")


@requirement("CAN-1.never", level=1)
async def never_runs(kit: Kit) -> None:
    """A cancelled job never runs afterwards, whatever time passes."""
    queue, desk = await kit.queue(), await kit.desk()
    ids = [await desk.add("bytes", at=kit.now + delay) for delay in (0, HOUR)]
    for job_id in ids:
        await queue.cancel_job(job_id)
    kit.advance(2 * HOUR)
    same(await desk.claimed_ids(), [], "what a claim gives")
    same(len(await desk.reap()), 0, "what the reaper takes back")
    same(await queue.poll_next(BYTES), None, "what poll_next gives")
    same([(await desk.get(job_id)).claims for job_id in ids], [0, 0], "how often they were claimed")


@requirement("CAN-2.running", level=1)
async def running(kit: Kit) -> None:
    """Cancelling a running job answers False; it goes on, and finishes as it would have."""
    queue, desk = await kit.queue(), await kit.desk()
    job_id = await queue.schedule(BYTES, b"")
    handle = await queue.poll_next(BYTES)
    assert handle is not None, "a due job wasn't handed out"
    before = await desk.get(job_id)
    same(await queue.cancel_job(job_id), False, "the answer")
    same(await desk.get(job_id), before, "its record after the cancel")
    await handle.complete()
    same(await desk.state(job_id), JobState.COMPLETED, "its state in the end")


@requirement("CAN-3.not_live", level=1)
async def not_live(kit: Kit) -> None:
    """An id that is not live raises JobNotFound, which names the state of a kept record."""
    queue, desk = await kit.queue(), await kit.desk()
    for state in (JobState.COMPLETED, JobState.DEAD, JobState.CANCELLED):
        job_id = await queue.schedule(BYTES, b"")
        before = await finished(desk, job_id, state)
        kit.advance(1)
        await _not_found(queue, job_id, state)
        same(await desk.get(job_id), before, f"the record of a {state} job after a cancel")
    job_id = await queue.schedule(BYTES, b"")
    await queue.cancel_job(job_id)
    before = await desk.get(job_id)
    kit.advance(1)
    await _not_found(queue, job_id, JobState.CANCELLED)
    same(await desk.get(job_id), before, "the record after a second cancel")


@requirement("CAN-3.trace", level=1)
async def no_trace(kit: Kit) -> None:
    """Cancelling an id that never existed raises JobNotFound and leaves no trace."""
    queue, desk = await kit.queue(), await kit.desk()
    job_id = new_job_id()
    await _not_found(queue, job_id, None)
    same(await desk.total(), 0, "how many jobs there are")
    await queue.schedule(BYTES, b"", job_id=job_id)
    same(await desk.claimed_ids(), [job_id], "what a job scheduled with that id later does")


@requirement("CAN-3.pruned", level=1)
async def pruned(kit: Kit) -> None:
    """Where the record isn't kept any more, the error names no state."""
    queue, desk = await kit.queue(), await kit.desk()
    job_id = await queue.schedule(BYTES, b"")
    await finished(desk, job_id, JobState.COMPLETED)
    kit.advance(HOUR)
    same(await desk.prune(HOUR), 1, "how many records were removed")
    await _not_found(queue, job_id, None)


async def _not_found(queue: Queue, job_id: UUID, state: JobState | None) -> None:
    with raises(JobNotFound, "cancel_job", exactly=True) as caught:
        await queue.cancel_job(job_id)
    same((caught.error.state, caught.error.job_id), (state, job_id), "what cancel_job's error says")
    with raises(JobNotFound, "unschedule_job", exactly=True) as caught:
        await queue.unschedule_job(job_id, BYTES)
    same(caught.error.state, state, "the state that unschedule_job's error names")


@requirement("CAN-4.payload", level=1)
async def payload_back(kit: Kit) -> None:
    """`unschedule_job` cancels, and returns the payload equal to what was scheduled."""
    queue, desk = await kit.queue(), await kit.desk()
    job_id = await queue.schedule(ORDER, SAMPLE)
    same(await queue.unschedule_job(job_id, ORDER), SAMPLE, "the payload")
    same(await desk.state(job_id), JobState.CANCELLED, "its state")
    kit.advance(HOUR)
    same(await desk.claimed_ids(), [], "what a claim gives")


@requirement("CAN-5.mismatch", level=1)
async def mismatch(kit: Kit) -> None:
    """With a job type that isn't the job's it raises JobTypeMismatch; job and place stay."""
    queue, desk = await kit.queue(), await kit.desk()
    ids = [await queue.schedule(ORDER, SAMPLE) for _ in range(3)]
    before = await desk.get(ids[0])
    kit.advance(1)
    with raises(JobTypeMismatch, "unscheduling with another type") as caught:
        await queue.unschedule_job(ids[0], BYTES)
    assert isinstance(caught.error, JobNotFound), "a JobTypeMismatch isn't a JobNotFound"
    same(caught.error.job_id, ids[0], "the id that the error carries")
    same(await desk.get(ids[0]), before, "its record")
    same(await desk.claimed_ids(), ids, "the order of the claims")


@requirement("CAN-5.order", level=1)
async def order_of_checks(kit: Kit) -> None:
    """It checks in this order: exists, type, state, decodes."""
    queue, desk = await kit.queue(), await kit.desk()
    with raises(JobNotFound, "an id that never existed", exactly=True):
        await queue.unschedule_job(new_job_id(), ORDER)
    gone = await desk.add("hostile", b"ValueError", codec="hostile")
    await finished(desk, gone, JobState.DEAD)
    with raises(JobNotFound, "a dead job, with another type", exactly=True):
        await queue.unschedule_job(gone, ORDER)
    bad = await desk.add("hostile", b"ValueError", codec="hostile")
    with raises(JobTypeMismatch, "a job that can't be decoded, with another type"):
        await queue.unschedule_job(bad, ORDER)
    await desk.claim_one()
    with raises(JobTypeMismatch, "a running job, with another type"):
        await queue.unschedule_job(bad, ORDER)
    with raises(JobAlreadyStarted, "a running job that can't be decoded"):
        await queue.unschedule_job(bad, HOSTILE)


@requirement("CAN-6.decode", level=1)
async def undecodable(kit: Kit) -> None:
    """If the payload can't be decoded it raises DecodeError; the job stays, as and where it was."""
    queue, desk = await kit.queue(), await kit.desk()
    ids = [await desk.add("hostile", b"ValueError", codec="hostile") for _ in range(3)]
    before = await desk.get(ids[0])
    kit.advance(1)
    with raises(DecodeError, "unscheduling what can't be decoded") as caught:
        await queue.unschedule_job(ids[0], HOSTILE)
    same(caught.error.job_id, ids[0], "the id that the error carries")
    same(await desk.get(ids[0]), before, "its record")
    same(await desk.claimed_ids(), ids, "the order of the claims")


@requirement("CAN-7.started", level=1)
async def started(kit: Kit) -> None:
    """A running job raises JobAlreadyStarted, and goes on."""
    queue, desk = await kit.queue(), await kit.desk()
    job_id = await queue.schedule(BYTES, b"")
    job = await desk.claim_one()
    before = await desk.get(job_id)
    kit.advance(1)
    with raises(JobAlreadyStarted, "unscheduling a running job") as caught:
        await queue.unschedule_job(job_id, BYTES)
    same(caught.error.job_id, job_id, "the id that the error carries")
    same(await desk.get(job_id), before, "its record")
    same(await desk.settle(job), LeaseResult.APPLIED, "completing it")


@requirement("CAN-9.retry", level=1)
async def waiting_for_retry(kit: Kit) -> None:
    """A job that waits for its retry is scheduled: it can be cancelled and unscheduled."""
    queue, desk = await kit.queue(), await kit.desk()
    ids = [await queue.schedule(BYTES, b"%d" % i) for i in range(2)]
    for _ in ids:
        await desk.settle(await desk.claim_one(), SettleKind.RETRY, delay=MINUTE)
    same(await queue.cancel_job(ids[0]), True, "cancelling it")
    same(await queue.unschedule_job(ids[1], BYTES), b"1", "unscheduling it")
    kit.advance(HOUR)
    same(await desk.claimed_ids(), [], "what a claim gives")


@requirement("CAN-9.expired", level=1)
async def lease_expired(kit: Kit) -> None:
    """One whose lease has expired is running until it is taken back, then scheduled or dead."""
    queue, desk = await kit.queue(), await kit.desk()
    retried = await queue.schedule(BYTES, b"", priority=1)
    dead = await queue.schedule(BYTES, b"", max_retries=0)
    first, _ = await desk.claim(2)
    kit.advance(HOUR)
    same(await queue.cancel_job(retried), False, "cancelling it before it is taken back")
    same((await desk.cancel(dead)).status, CancelStatus.RUNNING, "the same of the other")
    same(len(await desk.reap()), 2, "how many leases were taken back")
    same(await queue.cancel_job(retried), True, "cancelling it afterwards")
    same(await desk.settle(first), LeaseResult.LOST, "completing it by its old token")
    same(await desk.state(retried), JobState.CANCELLED, "its state in the end")
    with raises(JobNotFound, "cancelling one that had no retry left") as caught:
        await queue.cancel_job(dead)
    same(caught.error.state, JobState.DEAD, "the state that the error names")
