"""RET-3, RET-4: the dead queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final
from uuid import UUID

from aide_de_camp import JobNotFound, JobState, new_job_id
from aide_de_camp.spi import DeadStatus, ErrorRecord, JobRecord, SettleKind
from aide_de_camp_conformance.desk import HOUR, SECOND, Desk
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.meeting import ENOUGH, Meeting
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, NASTY_BYTES, bytes_type

KIB: Final = 1024
_KILLINGS: Final = 10
"""How often fifty jobs are killed, at most, until others looked at it often enough."""
KEPT: Final = (
    "payload",
    "codec",
    "job_type",
    "priority",
    "scheduled_at",
    "enqueued_at",
    "started_at",
    "claims",
    "retries",
    "max_retries",
    "token",
    "worker",
)
FULL_ERROR: Final = ErrorRecord(
    type="SomeError\u00fc",
    message="\U0001f4e6" * (2 * KIB),
    traceback="Traceback:\n\t" + "\u4e2d" * (20 * KIB),
    detail="the codec's own words, 'quoted' \"twice\" \\ %s",
    path="$.lines[2].item",
    offset=2**40,
)


@requirement("RET-3.kept", level=1)
async def kept(kit: Kit) -> None:
    """Moving to the dead queue keeps bytes, codec, type, priority, times, and the whole error."""
    desk = await kit.desk()
    for payload in NASTY_BYTES.values():
        job_id = await desk.add("b", payload, codec="raw", priority=-3, at=kit.now - SECOND)
        job = await desk.claim_one()
        before = await desk.get(job_id)
        kit.advance(SECOND)
        await desk.kill(job, "my own word", FULL_ERROR)
        record = await desk.get(job_id)
        for field in KEPT:
            same(getattr(record, field), getattr(before, field), f"its {field}")
        same((record.state, record.reason), (JobState.DEAD, "my own word"), "its state and reason")
        same((record.finished_at, record.error_at), (kit.now, kit.now), "the times of its end")
        same(record.lease_until, None, "its lease")
        same(record.error, FULL_ERROR, "its error")


@requirement("RET-3.last", level=1)
async def last_error(kit: Kit) -> None:
    """The last error of any attempt is kept; an end without one leaves it as it is."""
    desk = await kit.desk()
    job_id = await desk.add()
    errors = [ErrorRecord("E", f"number {i}") for i in range(2)]
    for error in errors:
        await desk.settle(await desk.claim_one(), SettleKind.RETRY, error=error)
        same((await desk.get(job_id)).error, error, "the error after a failure")
        kit.advance(SECOND)
    await desk.settle(await desk.claim_one(), SettleKind.RELEASED)
    await desk.kill(await desk.claim_one())
    record = await desk.get(job_id)
    same((record.error, record.error_at), (errors[-1], kit.now - SECOND), "the error in the end")


@requirement("RET-3.cut", level=1)
async def cut_and_escaped(kit: Kit) -> None:
    """Message and traceback are kept to 8 and 64 KiB, cuts marked, NUL and surrogates escaped."""
    queue, desk = await kit.queue(), await kit.desk()
    long = "\u4e2d\x00\ud800" * (40 * KIB)
    job_id = await queue.schedule(BYTES, b"")
    handle = await queue.poll_next(BYTES)
    assert handle is not None, "a due job wasn't handed out"
    try:
        raise KeyError(long)
    except KeyError as error:
        await handle.dead_queue(error)
    short_id = await queue.schedule(BYTES, b"")
    handle = await queue.poll_next(BYTES)
    assert handle is not None, "a due job wasn't handed out"
    await handle.dead_queue(ValueError("a\x00b\udc80c"))
    record, short = await desk.get(job_id), await desk.get(short_id)
    assert record.error is not None and short.error is not None, "no error was kept"  # noqa: PT018
    message, traceback = record.error.message, record.error.traceback or ""
    same(record.error.type, "KeyError", "the error's class")
    for text, most, what in ((message, 8, "message"), (traceback, 64, "traceback")):
        size = len(text.encode())
        assert (most - 1) * KIB < size <= most * KIB, f"of the {what} {size} bytes were kept"
        assert "cut" in text, f"the cut in the {what} isn't marked"
        assert "\x00" not in text, f"a NUL was left in the {what}"
    assert "KeyError" in traceback, "the traceback doesn't name the error"
    same(short.error.message, "a\\x00b\\udc80c", "a message with a NUL and a surrogate")


@requirement("RET-3.atomic", level=2, heavy=True)
async def atomic(kit: Kit) -> None:
    """Moving to the dead queue is atomic: nobody sees a job that is half dead."""
    meeting, desk = Meeting(lookers=3), await kit.desk()
    ids = [await desk.add() for _ in range(50)]

    async def kill(desk: Desk) -> list[JobRecord]:
        try:
            await kit.until("everybody looks", lambda: meeting.everybody)
            for _ in range(_KILLINGS):
                while jobs := await desk.claim(1):
                    with meeting.acting():
                        await desk.kill(jobs[0], "failed", ErrorRecord("E", "m"))
                if meeting.met >= ENOUGH:
                    break
                ids[:] = [await desk.add() for _ in ids]
        finally:
            meeting.over = True
        return []

    async def look(desk: Desk, looker: int) -> list[JobRecord]:
        seen: list[JobRecord] = []
        while not meeting.over:
            with meeting.looking(looker):
                records = await desk.storage.get("default", list(ids))
            # Kept are those that are half dead alone: of the others there are as many as there is
            # time to look.
            seen += [each for each in records if each is not None and not _is_whole(each)]
            await asyncio.sleep(0)
        return seen

    work: list[Callable[[Desk], Awaitable[list[JobRecord]]]] = [kill]
    work += [partial(look, looker=number) for number in range(3)]
    for seen in await kit.compete(work):
        for record in seen[:1]:
            raise AssertionError(f"somebody saw a {record.state} job with {_parts_of(record)}")


def _parts_of(record: JobRecord) -> tuple[object, ...]:
    """Give what a job that dies gets, all at once."""
    return (record.reason, record.error, record.finished_at, record.error_at)


def _is_whole(record: JobRecord) -> bool:
    dead = record.state is JobState.DEAD
    return all((part is not None) is dead for part in _parts_of(record))


async def some_dead(desk: Desk) -> dict[str, list[UUID]]:
    """Store dead jobs of two types and reasons, and live ones beside them."""
    dead: dict[str, list[UUID]] = {}
    for name, reason in (("a", "failed"), ("a", "decode"), ("b", "failed"), ("b", "mine")):
        for _ in range(2):
            job_id = await desk.add(name, payload=reason.encode(), priority=1, max_retries=3)
            for _ in range(2):
                await desk.settle(await desk.claim_one(), SettleKind.RETRY)
            await desk.settle(await desk.claim_one(), SettleKind.SNOOZED)
            await desk.kill(await desk.claim_one(), reason)
            dead.setdefault(f"{name} {reason}", []).append(job_id)
    return dead


@requirement("RET-4.look", level=1)
async def look(kit: Kit) -> None:
    """The dead queue can be listed and counted, by type and reason."""
    queue, desk = await kit.queue(), await kit.desk()
    dead = await some_dead(desk)
    await desk.add("a")
    everything = [job_id for ids in dead.values() for job_id in ids]

    async def listed(**filters: list[str]) -> list[UUID]:
        page = await queue.dead.list(**filters)  # type: ignore[arg-type] # names of filters
        same(await queue.dead.count(**filters), len(page.jobs), f"the count with {filters}")
        return [job.id for job in page.jobs]

    same(await listed(), everything, "all of them")
    same(await listed(job_types=["b"]), dead["b failed"] + dead["b mine"], "those of type b")
    same(await listed(reasons=["failed"]), dead["a failed"] + dead["b failed"], "those that failed")
    both = await listed(job_types=["a", "x"], reasons=["decode", "lease"])
    same(both, dead["a decode"], "those of one type and reason")
    same(await listed(reasons=[]), [], "those of no reason")
    page = await queue.dead.list(limit=3, newest_first=True)
    rest = await queue.dead.list(limit=100, newest_first=True, cursor=page.cursor)
    same([job.id for job in (*page.jobs, *rest.jobs)], everything[::-1], "newest first, in pages")


@requirement("RET-4.requeue", level=1)
async def requeue(kit: Kit) -> None:
    """A dead job can be requeued: retries start at 0, bytes are kept, and it runs."""
    queue, desk = await kit.queue(), await kit.desk()
    job_id = (await some_dead(desk))["a failed"][0]
    before = await desk.get(job_id)
    same((before.retries, before.snoozes, before.state), (2, 1, JobState.DEAD), "before")
    kit.advance(SECOND)
    await queue.dead.requeue(job_id)
    record = await desk.get(job_id)
    same(record.state, JobState.SCHEDULED, "its state")
    same((record.retries, record.snoozes), (0, 0), "its retries and snoozes")
    same((record.reason, record.finished_at), (None, None), "its reason and end")
    same((record.payload, record.enqueued_at), (before.payload, before.enqueued_at), "the rest")
    job = await desk.claim_one()
    same((job.id, job.retries, job.payload), (job_id, 0, b"failed"), "what is claimed then")


@requirement("RET-4.delete", level=1)
async def delete(kit: Kit) -> None:
    """A dead job can be deleted: its record is gone."""
    queue, desk = await kit.queue(), await kit.desk()
    first, second = (await some_dead(desk))["a failed"]
    await queue.dead.delete(first)
    same(await desk.find(first), None, "what is left of it")
    same(await desk.state(second), JobState.DEAD, "the state of another one")
    same(await queue.dead.count(), 7, "how many are dead")


@requirement("RET-4.all", level=1)
async def by_filter(kit: Kit) -> None:
    """The dead can be requeued and deleted by filter; the others stay."""
    queue, desk = await kit.queue(), await kit.desk()
    dead = await some_dead(desk)
    same(await queue.dead.requeue_all(job_types=["a"], reasons=["failed"]), 2, "how many went back")
    same(await queue.dead.delete_all(reasons=["mine"]), 2, "how many were deleted")
    left = [job.id for job in (await queue.dead.list()).jobs]
    same(left, dead["a decode"] + dead["b failed"], "those that are left")
    same(await desk.claimed_ids(), dead["a failed"], "those that run")
    same(
        [await desk.find(job_id) for job_id in dead["b mine"]], [None, None], "those that are gone"
    )


@requirement("RET-4.refused", level=1)
async def not_dead(kit: Kit) -> None:
    """Requeueing or deleting what isn't dead raises JobNotFound naming its state; it stays."""
    queue, desk = await kit.queue(), await kit.desk()
    scheduled = await queue.schedule(bytes_type("later"), b"")
    running, done = [await queue.schedule(BYTES, b"") for _ in range(2)]
    _, job = await desk.claim(2, types=("bytes",))
    await desk.settle(job)
    states = {scheduled: JobState.SCHEDULED, running: JobState.RUNNING, done: JobState.COMPLETED}
    before = {job_id: await desk.get(job_id) for job_id in states}
    kit.advance(HOUR)
    unknown = new_job_id()
    for act in (queue.dead.requeue, queue.dead.delete):
        for job_id, state in [*states.items(), (unknown, None)]:
            with raises(JobNotFound, f"requeueing or deleting a {state} job") as caught:
                await act(job_id)
            same((caught.error.job_id, caught.error.state), (job_id, state), "what the error says")
    again = [await desk.requeue(job_id) for job_id in (*states, unknown)]
    same(again, [DeadStatus.NOT_DEAD] * 3 + [DeadStatus.NOT_FOUND], "what the storage says")
    same({job_id: await desk.get(job_id) for job_id in states}, before, "the records")
    answers = await desk.storage.delete("default", [running, unknown])
    same(list(answers), [DeadStatus.NOT_DEAD, DeadStatus.NOT_FOUND], "what the storage says")
