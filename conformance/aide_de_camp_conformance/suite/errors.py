"""ERR: what is raised, and what is refused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aide_de_camp import (
    AideDeCampError,
    DecodeError,
    InvalidArgument,
    JobAlreadyStarted,
    JobNotFound,
    JobRequest,
    JobTypeMismatch,
    LeaseLost,
    PayloadTooLarge,
    Queue,
    QueueError,
    new_job_id,
)
from aide_de_camp.spi import (
    Cancellation,
    CountFilter,
    JobFilter,
    Lease,
    Requeue,
    SettleKind,
    Settlement,
    Storage,
)
from aide_de_camp_conformance.desk import HOUR, Desk, new
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, HOSTILE, ORDER


def verbs(desk: Desk) -> dict[str, Callable[[], Awaitable[Any]]]:
    """Give a call of each verb that reaches the storage, by its name."""
    storage, now, some = desk.storage, desk.now, new_job_id()
    settlement = Settlement(some, 1, SettleKind.COMPLETED)
    return {
        "enqueue": lambda: storage.enqueue("default", [new()], now=now),
        "claim": desk.claim,
        "extend": lambda: storage.extend("default", [Lease(some, 1)], HOUR, now=now),
        "settle": lambda: storage.settle("default", [settlement], now=now),
        "cancel": lambda: storage.cancel("default", [Cancellation(some, some)], now=now),
        "get": lambda: storage.get("default", [some]),
        "list": lambda: storage.list("default", JobFilter(), limit=1),
        "count": lambda: storage.count("default", CountFilter()),
        "queues": storage.queues,
        "requeue": lambda: storage.requeue("default", [Requeue(some, some)], now=now),
        "delete": lambda: storage.delete("default", [some]),
        "reap": lambda: storage.reap("default", 1, now=now),
        "prune": lambda: storage.prune("default", 0, 1, now=now),
    }


@requirement("ERR-1.own", level=1)
async def only_its_own(kit: Kit) -> None:
    """Only the framework's own errors leave a backend, also when it is used after its end."""
    desk = await kit.desk()
    await desk.storage.close()
    for name, verb in verbs(desk).items():
        try:
            async with asyncio.timeout(20):
                await verb()
        except AideDeCampError:
            continue
        except Exception as error:
            raise AssertionError(f"{name} on a closed storage raised {error!r}") from error


@requirement("ERR-1.empty", level=1)
async def nothing_asked(kit: Kit) -> None:
    """A call about nothing, or about ids that aren't there, answers of each, and raises nothing."""
    desk = await kit.desk()
    storage, now = desk.storage, kit.now
    same(list(await desk.put([])), [], "enqueue of nothing")
    same(list(await storage.extend("default", [], HOUR, now=now)), [], "extend of nothing")
    same(list(await storage.settle("default", [], now=now)), [], "settle of nothing")
    same(list(await storage.cancel("default", [], now=now)), [], "cancel of nothing")
    same(list(await storage.get("default", [])), [], "get of nothing")
    same(list(await storage.requeue("default", [], now=now)), [], "requeue of nothing")
    same(list(await storage.delete("default", [])), [], "delete of nothing")
    same(list(await storage.queues()), [], "queues of nothing")
    known = await desk.add()
    unknown = new_job_id()
    records = await storage.get("default", [unknown, known, unknown, known])
    ids = [record and record.id for record in records]
    same(ids, [None, known, None, known], "get of known and unknown ids")
    results = await storage.settle(
        "default", [Settlement(unknown, 1, SettleKind.COMPLETED)], now=now
    )
    same([result.value for result in results], ["lost"], "settle of an unknown id")
    results = await storage.extend("default", [Lease(unknown, 1)], HOUR, now=now)
    same([result.value for result in results], ["lost"], "extend of an unknown id")


@requirement("ERR-1.words", level=1)
async def says_which_job(kit: Kit) -> None:
    """Each error says what happened, to which job, and what to do; the cause is kept."""
    queue, desk = await kit.queue(payload_limit=1_000), await kit.desk()
    bad = await desk.add("hostile", b"ValueError", codec="hostile")
    await queue.schedule(BYTES, b"")
    handle = await queue.poll_next(BYTES)
    assert handle is not None, "a due job wasn't handed out"
    await desk.kill(await _claimed(desk, handle.id, handle.token))
    running = await desk.add("bytes")
    await desk.claim_one(types=("bytes",))
    unknown, too_large = new_job_id(), new_job_id()
    calls: list[tuple[type[QueueError], Any, Callable[[], Awaitable[Any]]]] = [
        (JobNotFound, unknown, lambda: queue.cancel_job(unknown)),
        (JobNotFound, unknown, lambda: queue.get_job(unknown)),
        (JobNotFound, unknown, lambda: queue.dead.requeue(unknown)),
        (JobTypeMismatch, bad, lambda: queue.unschedule_job(bad, ORDER)),
        (DecodeError, bad, lambda: queue.unschedule_job(bad, HOSTILE)),
        (JobAlreadyStarted, running, lambda: queue.unschedule_job(running, BYTES)),
        (LeaseLost, handle.id, handle.complete),
        (PayloadTooLarge, too_large, lambda: queue.schedule(BYTES, b"x" * 1_001, job_id=too_large)),
    ]
    for kind, job_id, call in calls:
        with raises(kind, f"what should raise {kind.__name__}") as caught:
            await call()
        same(caught.error.job_id, job_id, f"the id that {kind.__name__} carries")
        assert str(job_id) in str(caught.error), f"{kind.__name__} doesn't say which job it is"
        assert len(str(caught.error)) > 60, f"{kind.__name__} says too little: {caught.error}"
        told = kind is not DecodeError or isinstance(caught.error.__cause__, ValueError)
        assert told, "a DecodeError's cause isn't what the codec raised"


async def _claimed(desk: Desk, job_id: Any, token: int) -> Any:
    record = await desk.get(job_id)
    same(record.token, token, "the token of the claimed job")
    return record


@requirement("ERR-1.cancelled", level=1)
async def cancelled(kit: Kit) -> None:
    """CancelledError passes through at any await: the call takes effect or doesn't, and goes on."""
    desk = await kit.desk()
    stored = 0
    for turns in range(8):
        job = new(payload=b"%d" % turns)
        await _cancelled_after(turns, "enqueue", desk.put([job]))
        await desk.put([job])
        stored += 1
        same((await desk.get(job.id)).payload, job.payload, "what is stored after a repeat")
    same(await desk.total(), stored, "how many jobs there are")
    same(len(await desk.claimed_ids()), stored, "how many a claim gives")
    for name, verb in verbs(desk).items():
        for turns in range(8):
            await _cancelled_after(turns, name, verb())
        await desk.total()


async def _cancelled_after(turns: int, name: str, call: Awaitable[Any]) -> None:
    """Make a call, and cancel it after some turns of the loop: it may have ended by then."""
    task = asyncio.ensure_future(call)
    for _ in range(turns):
        await asyncio.sleep(0)
    task.cancel()
    outcome = (await asyncio.gather(task, return_exceptions=True))[0]
    if isinstance(outcome, BaseException):
        assert isinstance(outcome, asyncio.CancelledError), f"cancelling {name} raised {outcome!r}"


@requirement("ERR-1.stops", level=1)
async def stops_when_cancelled(kit: Kit) -> None:
    """A caller who is cancelled while a call is under way is told so by CancelledError."""
    stopping = False

    async def hang(storage: Storage) -> None:
        # A wait may end by a false alarm; one that ends by its cancellation must say so.
        while not stopping:
            await storage.wait("default", storage.ticket("default"), 3_600)

    task = asyncio.create_task(hang(await kit.storage()))
    await asyncio.sleep(0.01)
    stopping = True
    task.cancel()
    async with asyncio.timeout(10):
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
    assert isinstance(outcome, asyncio.CancelledError), f"a cancelled wait gave {outcome!r}"


@requirement("ERR-2.refused", level=1)
async def bad_arguments(kit: Kit) -> None:
    """A bad argument is refused before anything is stored, with the argument named."""
    queue = await kit.queue()
    job_id = await queue.schedule(BYTES, b"")
    before = await queue.get_job(job_id)
    for argument, call in _bad(queue):
        with raises(InvalidArgument, f"a bad {argument}") as caught:
            await call()
        same(caught.error.argument, argument, "the argument that is named")
        assert argument in str(caught.error), f"the message doesn't name {argument}"
        assert isinstance(caught.error, ValueError), "it is no ValueError"
    same((await queue.count_jobs()).total, 1, "how many jobs there are")
    same(await queue.get_job(job_id), before, "the record of the one that was there")


def _bad(queue: Queue) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    # The calls take what a type checker would refuse: at run time nobody checks but the core.
    loose: Any = queue
    some = JobRequest(BYTES, b"")

    def many(**options: Any) -> Callable[[], Awaitable[Any]]:
        return lambda: loose.schedule_many([some, JobRequest(BYTES, b"", **options)])

    def bulk(**options: Any) -> Callable[[], Awaitable[Any]]:
        return lambda: loose.schedule_bulk([some, JobRequest(BYTES, b"", **options)])

    return [
        ("job", lambda: loose.schedule("bytes", b"")),
        ("job", lambda: loose.schedule(None, b"")),
        ("job_id", lambda: loose.schedule(BYTES, b"", job_id="1")),
        ("job_id", lambda: loose.cancel_job("1")),
        ("job_id", lambda: loose.get_job(7)),
        ("job_id", lambda: loose.dead.requeue(None)),
        ("job_id", lambda: loose.dead.delete("x")),
        ("job_id", lambda: loose.unschedule_job(None, BYTES)),
        ("max_retries", lambda: loose.schedule(BYTES, b"", max_retries=-1)),
        ("max_retries", lambda: loose.schedule(BYTES, b"", max_retries=True)),
        ("max_retries", lambda: loose.schedule(BYTES, b"", max_retries=1.5)),
        ("delay", lambda: loose.schedule_in(BYTES, b"", 5)),
        ("at", lambda: loose.schedule_at(BYTES, b"", None)),
        ("requests", lambda: loose.schedule_many([some, (BYTES, b"")])),
        ("priority", many(priority=128)),
        ("max_retries", many(max_retries=-1)),
        ("job_id", bulk(job_id="1")),
        ("priority", bulk(priority=True)),
        ("lease", lambda: loose.poll_next(BYTES, lease=timedelta(0))),
        ("lease", lambda: loose.poll_next(BYTES, lease=5)),
        ("limit", lambda: loose.list_jobs(limit=0)),
        ("limit", lambda: loose.list_jobs(limit=1_001)),
        ("cursor", lambda: loose.list_jobs(cursor="x")),
        ("states", lambda: loose.list_jobs(states=["asleep"])),
        ("job_types", lambda: loose.list_jobs(job_types="bytes")),
        ("finished_from", lambda: loose.list_jobs(finished_from=1)),
        ("limit", lambda: loose.dead.list(limit=True)),
    ]
