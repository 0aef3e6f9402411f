"""ENQ: scheduling."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import pairwise
from typing import Any, Final
from uuid import RFC_4122, UUID

from aide_de_camp import (
    BatchTooLarge,
    BulkInterrupted,
    EncodeError,
    JobRequest,
    JobState,
    JobType,
    PayloadTooLarge,
    StorageError,
    StorageUnavailable,
    new_job_id,
)
from aide_de_camp.spi import BATCH_JOBS, EnqueueResult, SettleKind, Storage
from aide_de_camp_conformance.desk import MINUTE, Desk, new
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.faults import FailsAt, LosesReplies, Outage, RefusesJobs
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.meeting import ENOUGH, Meeting
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import (
    BYTES,
    MEBIBYTE,
    NASTY_BYTES,
    ORDER,
    SAMPLE,
    Line,
    Order,
    bytes_type,
    requests,
)

_BATCHES: Final = 40
"""How many are stored while others look; ten times as many, at most, where they hardly meet."""


@requirement("ENQ-1.durable", level=1)
async def durable(kit: Kit) -> None:
    """Scheduling returns the job's id once the job is stored: whoever looks finds it."""
    queue = await kit.queue()
    job_id = await queue.schedule(ORDER, SAMPLE, priority=3)
    await queue.close()
    record = await (await kit.desk()).get(job_id)
    same(record.job_type, "order", "its type")
    same(record.priority, 3, "its priority")
    same(record.state, JobState.SCHEDULED, "its state")
    same(record.scheduled_at, kit.now, "when it is due")
    same(record.enqueued_at, kit.now, "when it was stored")
    same((record.claims, record.retries, record.snoozes), (0, 0, 0), "its counters")
    same((record.started_at, record.finished_at, record.lease_until), (None,) * 3, "its times")


@requirement("ENQ-1.ids", level=1)
async def ids(kit: Kit) -> None:
    """Ids are UUIDv7, unique, and sort in the order of scheduling within a process."""
    queue = await kit.queue()
    made: list[UUID] = []
    for _ in range(20):
        made.append(await queue.schedule(BYTES, b""))
        made.extend(await queue.schedule_many(requests(20)))
        made.append(new_job_id())
    for earlier, later in pairwise(made):
        assert earlier.bytes < later.bytes, f"{later} was made after {earlier}, and sorts before it"
    for job_id in made:
        same((job_id.version, job_id.variant), (7, RFC_4122), f"the kind of {job_id}")


@requirement("ENQ-2.bytes", level=1)
async def payload_bytes(kit: Kit) -> None:
    """The payload comes back byte for byte: empty, NUL bytes, invalid UTF-8, 1 MiB."""
    desk, other = await kit.desk(), await kit.desk()
    for what, payload in {**NASTY_BYTES, "1 MiB": MEBIBYTE}.items():
        job_id = await desk.add(payload=payload)
        record = await other.get(job_id)
        same(record.payload, payload, f"the bytes that were read, {what}")
        same(record.payload_size, len(payload), f"their number, {what}")
        same((await other.claim_one()).payload, payload, f"the bytes that were claimed, {what}")


@requirement("ENQ-2.codec", level=1)
async def codec_name(kit: Kit) -> None:
    """With the payload comes the name of the codec that wrote it."""
    desk = await kit.desk()
    for codec in ("json", "x", "codec-\u00fc\u4e2d.v2", "n" * 128):
        job_id = await desk.add(codec=codec)
        same((await desk.get(job_id)).codec, codec, "the codec's name that was read")
        same((await desk.claim_one()).codec, codec, "the codec's name that was claimed")


@requirement("ENQ-2.names", level=1)
async def names(kit: Kit) -> None:
    """Names of job types and queues come back as they were given, and differ where they differ."""
    names = (
        "job",
        "Job",
        "jo\u0308b",
        "j\u00f6b",
        "job.v2",
        "%",
        "_",
        "'",
        "\U0001f4e6",
        "n" * 128,
    )
    for queue in ("default", "Default", "q\u00fc%"):
        desk = await kit.desk(queue)
        stored = {name: await desk.add(name) for name in names}
        for name, job_id in stored.items():
            record = await desk.get(job_id)
            same((record.job_type, record.queue), (name, queue), "its type and queue")
            same(await desk.claimed_ids(types=(name,)), [job_id], f"what a claim of {name!r} gave")


@requirement("ENQ-3.encode", level=1)
async def unencodable(kit: Kit) -> None:
    """What can't be encoded raises EncodeError naming the field, and stores nothing."""
    queue = await kit.queue()
    bad = Order(1, [Line("rope", 1.0), Line(object(), 1.0)])  # type: ignore[arg-type] # on purpose
    with raises(EncodeError, "scheduling what can't be encoded") as caught:
        await queue.schedule(ORDER, bad)
    same(caught.error.path, "$.lines[1].item", "the field that is named")
    with raises(EncodeError, "scheduling it among others"):
        await queue.schedule_many([JobRequest(ORDER, SAMPLE), JobRequest(ORDER, bad)])
    same((await queue.count_jobs()).total, 0, "how many jobs were stored")


@requirement("ENQ-3.equal", level=1)
async def unequal(kit: Kit) -> None:
    """What would not come back equal counts as what can't be encoded."""
    queue = await kit.queue()
    for codec in ("json", "msgpack"):
        order = JobType("order", Order, codec=codec)
        lines: Any = (Line("rope", 3.0),)
        with raises(EncodeError, f"scheduling a tuple that {codec} gives back as a list") as caught:
            await queue.schedule(order, Order(1, lines))
        same(caught.error.path, "$.lines", "the field that is named")
        with raises(EncodeError, f"scheduling a str where an int is declared ({codec})"):
            await queue.schedule(order, Order("7", []))  # type: ignore[arg-type] # on purpose
    same((await queue.count_jobs()).total, 0, "how many jobs were stored")


@requirement("ENQ-4.order", level=1)
async def many_in_order(kit: Kit) -> None:
    """Jobs scheduled in one `schedule_many` are all stored, ids in the order given."""
    queue, desk = await kit.queue(), await kit.desk()
    wanted = requests(BATCH_JOBS)
    given = await queue.schedule_many(wanted)
    same(len(set(given)), BATCH_JOBS, "how many ids came")
    records = await desk.storage.get("default", given)
    payloads = [record.payload if record else None for record in records]
    same(payloads, [request.payload for request in wanted], "the payloads, in the order given")


@requirement("ENQ-4.limits", level=1)
async def many_limits(kit: Kit) -> None:
    """More than 1,000 jobs or 16 MiB raises BatchTooLarge and stores nothing; 16 MiB is stored."""
    queue = await kit.queue()
    with raises(BatchTooLarge, "schedule_many of 1,001 jobs"):
        await queue.schedule_many(requests(BATCH_JOBS + 1))
    full = requests(16, size=1024 * 1024)
    with raises(BatchTooLarge, "schedule_many of 16 MiB and a byte"):
        await queue.schedule_many([*full, *requests(1)])
    same((await queue.count_jobs()).total, 0, "how many jobs were stored")
    await queue.schedule_many(full)
    same((await queue.count_jobs()).total, 16, "how many jobs of 16 MiB were stored")


@requirement("ENQ-4.none", level=1)
async def many_or_none(kit: Kit) -> None:
    """If one job of a `schedule_many` is refused, none is stored."""
    queue = await kit.queue(around=RefusesJobs, payload_limit=100)
    good = requests(5)
    poison = JobRequest(bytes_type("poison"), b"")
    with raises(StorageError, "a storage that refuses one of six"):
        await queue.schedule_many([*good, poison])
    with raises(PayloadTooLarge, "one of six being too large"):
        await queue.schedule_many([*good, *requests(1, size=101)])
    same((await queue.count_jobs()).total, 0, "how many jobs were stored")


@requirement("ENQ-4.whole", level=2, heavy=True)
async def never_half(kit: Kit) -> None:
    """A batch is stored as a whole: at no moment does anybody see a part of it."""
    meeting, batches = Meeting(lookers=3), 0

    async def produce(desk: Desk) -> set[int]:
        nonlocal batches
        try:
            await kit.until("everybody looks", lambda: meeting.everybody)
            while batches < _BATCHES or (meeting.met < ENOUGH and batches < 10 * _BATCHES):
                batch = [new() for _ in range(25)]
                with meeting.acting():
                    await desk.put(batch)
                batches += 1
        finally:
            meeting.over = True
        return set()

    async def look(desk: Desk, looker: int) -> set[int]:
        seen: set[int] = set()
        while not meeting.over:
            with meeting.looking(looker):
                seen.add(await desk.total())
            await asyncio.sleep(0)
        return seen

    work: list[Callable[[Desk], Awaitable[set[int]]]] = [produce]
    work += [partial(look, looker=number) for number in range(3)]
    for total in set[int]().union(*await kit.compete(work)):
        assert total % 25 == 0, f"somebody saw {total} jobs while they came 25 at a time"
    same(await (await kit.desk()).total(), 25 * batches, "how many jobs there are in the end")


@requirement("ENQ-4.bulk", level=1)
async def bulk(kit: Kit) -> None:
    """`schedule_bulk` takes any number in steps, says how far it got, and is repeated by id."""
    queue = await kit.queue(around=lambda inner: FailsAt(inner, "enqueue", 2))
    wanted = [
        JobRequest(BYTES, b"x", job_id=new_job_id(), priority=1) for _ in range(2 * BATCH_JOBS + 5)
    ]
    ids = [request.job_id for request in wanted]
    with raises(BulkInterrupted, "a bulk whose second step fails") as caught:
        await queue.schedule_bulk(wanted)
    same(list(caught.error.scheduled), ids[:BATCH_JOBS], "what it says is stored")
    same(list(caught.error.remaining), ids[BATCH_JOBS:], "what it says isn't known to be")
    same((await queue.count_jobs()).total, BATCH_JOBS, "what is stored")
    same(await queue.schedule_bulk(wanted), ids, "the ids that the repeated call gave")
    same((await queue.count_jobs()).total, len(ids), "what is stored in the end")


@requirement("ENQ-4.fates", level=2)
async def fates(kit: Kit) -> None:
    """A combined call never makes strangers share a fate: what fails, fails alone."""
    storages: list[RefusesJobs] = []

    def refusing(inner: Storage) -> Storage:
        storages.append(RefusesJobs(inner))
        return storages[-1]

    queue = await kit.queue(around=refusing)
    poison, good = bytes_type("poison"), bytes_type("good")
    calls: list[Awaitable[UUID]] = [
        queue.schedule(poison if index % 97 == 50 else good, b"x") for index in range(1_000)
    ]
    results = await asyncio.gather(*calls, return_exceptions=True)
    for index, result in enumerate(results):
        wanted = StorageError if index % 97 == 50 else UUID
        assert isinstance(result, wanted), f"caller {index} got {result!r}"
    stored = await queue.count_jobs()
    same(stored.total, sum(isinstance(each, UUID) for each in results), "how many were stored")
    (storage,) = storages
    assert max(storage.sizes) > 1, "the calls were never combined, so nothing was found out"


@requirement("ENQ-6.limit", level=1)
async def too_large(kit: Kit) -> None:
    """A payload over the queue's limit (by default 1 MiB) raises PayloadTooLarge; none is kept."""
    queue, small = await kit.queue(), await kit.queue(payload_limit=100)
    with raises(PayloadTooLarge, "scheduling 1 MiB and a byte"):
        await queue.schedule(BYTES, MEBIBYTE + b"x")
    with raises(PayloadTooLarge, "scheduling one byte more than the limit of 100"):
        await small.schedule(BYTES, b"x" * 101)
    same((await queue.count_jobs()).total, 0, "how many jobs were stored")
    await queue.schedule(BYTES, MEBIBYTE)
    await small.schedule(BYTES, b"x" * 100)
    same((await queue.count_jobs()).total, 2, "how many jobs at their limit were stored")


@requirement("ENQ-8.idempotent", level=1)
async def idempotent(kit: Kit) -> None:
    """Scheduling with an id whose record is kept, in any state, gives the id, changes nothing."""
    queue, desk = await kit.queue(), await kit.desk()
    ends = {
        JobState.SCHEDULED: None,
        JobState.RUNNING: None,
        JobState.COMPLETED: SettleKind.COMPLETED,
        JobState.DEAD: SettleKind.DEAD,
        JobState.CANCELLED: SettleKind.CANCELLED,
    }
    for state, kind in ends.items():
        job_id = new_job_id()
        same(await queue.schedule(BYTES, b"first", job_id=job_id), job_id, "the id that came")
        if state is not JobState.SCHEDULED:
            job = await desk.claim_one()
            if kind is not None:
                await desk.settle(job, kind, reason="x")
        before = await desk.get(job_id)
        same(before.state, state, "its state")
        kit.advance(MINUTE // 60)
        again = await queue.schedule(BYTES, b"second", job_id=job_id, priority=5)
        same(again, job_id, "the id that the repeated call gave")
        same(await desk.get(job_id), before, f"the record of a {state} job after the repeat")
        if state is JobState.SCHEDULED:
            await desk.cancel(job_id)


@requirement("ENQ-8.batch", level=1)
async def known_in_batch(kit: Kit) -> None:
    """Of a batch with ids that are known, or twice in it, the others are stored, each once."""
    desk = await kit.desk()
    known, twice = new(payload=b"known"), new(payload=b"twice")
    await desk.put([known])
    batch = [new(), known, twice, new(), twice, new()]
    stored, exists = EnqueueResult.STORED, EnqueueResult.EXISTS
    results = list(await desk.put(batch))
    same(results, [stored, exists, stored, stored, exists, stored], "what became of each")
    same(await desk.total(), 5, "how many jobs there are")
    same(len(await desk.claimed_ids()), 5, "how many jobs a claim gave")


@requirement("ENQ-8.queues", level=1)
async def ids_per_queue(kit: Kit) -> None:
    """Ids belong to a queue: the same id in another queue is another job."""
    one, two = await kit.desk("one"), await kit.desk("two")
    job_id = await one.add(payload=b"1")
    await two.add(payload=b"2", id=job_id)
    same([(await desk.get(job_id)).payload for desk in (one, two)], [b"1", b"2"], "the payloads")
    await one.cancel(job_id)
    same(await two.claimed_ids(), [job_id], "what the other queue gives")
    same(list(await one.storage.queues()), ["one", "two"], "the queues that hold jobs")


@requirement("ENQ-8.unavailable", level=1, heavy=True)
async def unavailable(kit: Kit) -> None:
    """StorageUnavailable from a schedule carries the id, and says if the outcome is unknown."""
    away = await kit.queue(around=Outage({"enqueue"}, on=True).around)
    unsure = await kit.queue(around=lambda inner: LosesReplies(inner, "enqueue", times=99))
    desk = await kit.desk()
    for queue, unknown in ((away, False), (unsure, True)):
        job_id = new_job_id()
        with raises(StorageUnavailable, "scheduling on a storage that is away") as caught:
            await queue.schedule(BYTES, b"", job_id=job_id)
        same(caught.error.job_id, job_id, "the id that the error carries")
        same(list(caught.error.job_ids), [job_id], "the ids that the error carries")
        same(caught.error.outcome_unknown, unknown, "whether the outcome is unknown")
        same(await desk.find(job_id) is not None, unknown, "whether the job is stored")
    with raises(StorageUnavailable, "scheduling two at once") as caught:
        await away.schedule_many([JobRequest(BYTES, b""), JobRequest(BYTES, b"")])
    same(len(caught.error.job_ids), 2, "how many ids the error carries")
