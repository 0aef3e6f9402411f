"""TXN-1: jobs scheduled within the user's own transaction exist exactly if it commits."""

from __future__ import annotations

from aide_de_camp import Capability, InvalidArgument, JobContext, JobRouter, JobState, new_job_id
from aide_de_camp.spi import EnqueueResult
from aide_de_camp_conformance.desk import MINUTE, new
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES

_DECLARED = Capability.TRANSACTIONAL_ENQUEUE


@requirement("TXN-1.commit", level=3, capability=_DECLARED)
async def committed(kit: Kit) -> None:
    """What was scheduled in a transaction is there once it commits, and for nobody before."""
    queue, desk = await kit.queue(), await kit.desk()
    async with kit.transaction() as own:
        first = await queue.schedule(BYTES, b"\x00one", transaction=own.handle, priority=7)
        later = await queue.schedule_at(BYTES, b"", kit.today, transaction=own.handle)
        stored = [new(delay=MINUTE), new(max_retries=3)]
        results = await desk.storage.enqueue_in(own.handle, "default", stored, now=kit.now)
        same(list(results), [EnqueueResult.STORED] * 2, "the answers")
        same(await desk.total(), 0, "how many jobs others see before the commit")
        same(await desk.find(first), None, "what others find before the commit")
        await own.commit()
    record = await desk.get(first)
    same(
        (record.payload, record.priority, record.state, record.scheduled_at, record.enqueued_at),
        (b"\x00one", 7, JobState.SCHEDULED, kit.now, kit.now),
        "what is stored",
    )
    same((await desk.get(stored[0].id)).scheduled_at, kit.now + MINUTE, "when a minute from now is")
    same((await desk.get(stored[1].id)).max_retries, 3, "its retries")
    same(await desk.claimed_ids(), [first, later, stored[1].id], "what is due after the commit")


@requirement("TXN-1.rollback", level=3, capability=_DECLARED)
async def rolled_back(kit: Kit) -> None:
    """Of what was scheduled in a transaction that is rolled back, nothing is left."""
    queue, desk = await kit.queue(), await kit.desk()
    async with kit.transaction() as own:
        job_id = await queue.schedule(BYTES, b"", transaction=own.handle)
        await own.rollback()
    same(await desk.find(job_id), None, "what is found after the rollback")
    async with kit.transaction() as own:
        await queue.schedule(BYTES, b"", transaction=own.handle)
    same(await desk.total(), 0, "how many jobs are left by a transaction that was given up")
    same(await desk.claimed_ids(), [], "what is due")
    await queue.schedule(BYTES, b"", job_id=job_id)
    same(await desk.claimed_ids(), [job_id], "its id may be used again")


@requirement("TXN-1.savepoint", level=3, capability=_DECLARED)
async def savepoint(kit: Kit) -> None:
    """A savepoint that is rolled back takes what was scheduled since with it, and no more."""
    queue, desk = await kit.queue(), await kit.desk()
    async with kit.transaction() as own:
        before = await queue.schedule(BYTES, b"before", transaction=own.handle)
        await own.savepoint()
        within = await queue.schedule(BYTES, b"within", transaction=own.handle)
        await own.rollback_to_savepoint()
        after = await queue.schedule(BYTES, b"after", transaction=own.handle)
        same(await desk.total(), 0, "how many jobs others see before the commit")
        await own.commit()
    same(await desk.find(within), None, "what was scheduled after the savepoint")
    same(await desk.claimed_ids(), [before, after], "what is due after the commit")


@requirement("TXN-1.repeat", level=3, capability=_DECLARED)
async def repeated(kit: Kit) -> None:
    """Scheduling an id twice, within a transaction or around it, stores it once."""
    desk = await kit.desk()
    known, fresh = await desk.add(), new()
    async with kit.transaction() as own:
        storage = desk.storage
        batch = [new(id=known), fresh]
        results = [*await storage.enqueue_in(own.handle, "default", batch, now=kit.now)]
        results += await storage.enqueue_in(own.handle, "default", [fresh], now=kit.now)
        await own.commit()
    exists = EnqueueResult.EXISTS
    same(results, [exists, EnqueueResult.STORED, exists], "the answers")
    same(await desk.total(), 2, "how many jobs there are")


@requirement("TXN-1.foreign", level=3, capability=_DECLARED)
async def foreign(kit: Kit) -> None:
    """What is no transaction of this storage raises InvalidArgument, and stores nothing."""
    queue, desk = await kit.queue(), await kit.desk()
    for own in (object(), "BEGIN", 1):
        with raises(InvalidArgument, f"scheduling in {own!r}") as caught:
            await queue.schedule(BYTES, b"", transaction=own)
        same(caught.error.argument, "transaction", "the argument that is named")
    with raises(InvalidArgument, "enqueue_in an object"):
        await desk.storage.enqueue_in(object(), "default", [new(id=new_job_id())], now=kit.now)
    same(await desk.total(), 0, "how many jobs were stored")


@requirement("TXN-1.runs", level=3, capability=_DECLARED)
async def runs(kit: Kit) -> None:
    """A runner that waits finds what a transaction scheduled once it has committed."""
    queue = await kit.queue()
    router, ran = JobRouter(), list[bytes]()

    @router.job("bytes", codec="raw")
    async def work(payload: bytes, job: JobContext) -> None:
        ran.append(payload)

    async with kit.running(queue, router):
        async with kit.transaction() as own:
            await queue.schedule(BYTES, b"x", transaction=own.handle)
            await own.commit()
        await kit.until("it is run", lambda: ran == [b"x"], polling=kit.clock)
