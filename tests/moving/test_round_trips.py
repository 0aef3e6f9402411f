"""MOV-3 between every pair of backends: nothing of any job changes, nor the order of claims."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from uuid import UUID

import pytest
from attrs import evolve

from aide_de_camp import JobState, JobView, ManualClock, Queue, move_jobs, open_queue
from aide_de_camp.spi import (
    BATCH_BYTES,
    TIME_MAX,
    ErrorRecord,
    JobRecord,
    SettleKind,
    Settlement,
    to_datetime,
)

from ..calls import Calls
from .conftest import Place
from .crowd import LATE, MEBIBYTE, all_ids, fill
from .kinds import PAIRS, SHARED

STAYS = (JobState.COMPLETED, JobState.CANCELLED)


async def views(queue: Queue) -> dict[object, JobView]:
    return {each: await queue.get_job(each) for each in await all_ids(queue.storage, queue.name)}


async def opened(stack: AsyncExitStack, url: str) -> Queue:
    clock = ManualClock(to_datetime(Calls.now))
    return await stack.enter_async_context(open_queue(url, name=Calls.queue, clock=clock))


def check_all_kinds_are_there(jobs: list[JobView]) -> None:
    """See to it that the crowd is what it is meant to be."""
    assert {JobState.SCHEDULED, JobState.DEAD} == {job.state for job in jobs}
    assert {0, len(MEBIBYTE)} <= {job.payload_size for job in jobs}
    assert {to_datetime(TIME_MAX)} < {job.scheduled_at for job in jobs}
    assert {"failed", "my own wörd", "lease", "", None} == {job.reason for job in jobs}
    tokens = [job.token for job in jobs]
    assert 0 in tokens
    assert any(token > LATE and token % 2 for token in tokens)
    for state in (JobState.SCHEDULED, JobState.DEAD):
        some = [job for job in jobs if job.state is state]
        assert any(job.error for job in some)
        assert any(job.retries and job.claims for job in some)


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_a_round_trip_changes_nothing(place: Place, here: str, there: str) -> None:
    calls = Calls()

    async def run() -> None:
        async with AsyncExitStack() as stack:
            source, target = [await opened(stack, place(kind)) for kind in (here, there)]
            await fill(calls, source.storage, seed=PAIRS.index((here, there)))
            before = await views(source)
            moved = {i: job for i, job in before.items() if job.state not in STAYS}
            stays = {i: job for i, job in before.items() if job.state in STAYS}
            check_all_kinds_are_there(list(moved.values()))
            for _ in range(2):
                report = await move_jobs(source, target)
                assert (report.moved, report.finished) == (len(moved), 0)
                assert (report.running, report.conflicts) == ((), ())
                assert await views(source) == stays
                assert await views(target) == moved
                await move_jobs(target, source)
                assert await views(source) == before
                assert await views(target) == {}
                assert (await target.count_jobs()).total == 0
            await move_jobs(source, target)
            await check_claims(calls, target, moved)

    asyncio.run(run())


async def check_claims(calls: Calls, queue: Queue, jobs: dict[object, JobView]) -> None:
    """Claim all: in the order of PRI-2, whole, and each with a greater token (LEA-3)."""
    waiting = [job for job in jobs.values() if job.state is JobState.SCHEDULED]
    waiting.sort(key=lambda job: (-job.priority, job.scheduled_at, job.id.bytes))
    early = await calls.claim(queue.storage, limit=7, now=LATE, types=["a", "b"])
    due = [job for job in waiting if job.job_type in "ab" and job.scheduled_at <= to_datetime(LATE)]
    assert [job.id for job in early.jobs] == [job.id for job in due[:7]]
    ends = [Settlement(job.id, job.token, SettleKind.RELEASED) for job in early.jobs]
    await queue.storage.settle(calls.queue, ends, now=LATE)
    claimed = (await calls.claim(queue.storage, limit=1_000, now=TIME_MAX)).jobs
    assert [job.id for job in claimed] == [job.id for job in waiting]
    assert [job.payload for job in claimed] == [job.payload for job in waiting]
    for job, was in zip(claimed, waiting, strict=True):
        assert job.token > was.token
        assert job.retries == was.retries


@pytest.mark.parametrize("way", [("sqlite", kind) for kind in SHARED if kind != "sqlite"])
def test_the_largest_errors_and_payloads_fit(
    place: Place, way: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch is bounded, of whatever it is full: payloads, or the errors of the dead."""
    calls = Calls()
    error = ErrorRecord("E", "€" * 2_700, "ä" * 32_700, None, None, None)

    async def run() -> None:
        async with AsyncExitStack() as stack:
            source, target = [await opened(stack, place(kind)) for kind in way]
            large = [calls.job(payload=MEBIBYTE, scheduled_at=TIME_MAX) for _ in range(20)]
            for start in (0, 10):
                await calls.put(source.storage, *large[start : start + 10])
            await calls.put(source.storage, *[calls.job() for _ in range(250)])
            claimed = await calls.claim(source.storage, limit=1_000)
            assert len(claimed.jobs) == 250
            for start in range(0, 250, 50):
                ends = [
                    Settlement(job.id, job.token, SettleKind.DEAD, reason="failed", error=error)
                    for job in claimed.jobs[start : start + 50]
                ]
                await source.storage.settle(calls.queue, ends, now=calls.now)
            before = await records(source)
            batches: list[list[UUID]] = []
            hold = source.storage.hold

            async def noted(queue: str, ids: Sequence[UUID]) -> Sequence[JobRecord | None]:
                batches.append(list(ids))
                return await hold(queue, ids)

            monkeypatch.setattr(source.storage, "hold", noted)
            assert (await move_jobs(source, target)).moved == 270
            assert await records(target) == before
            sizes = {record.id: size_of(record) for record in before}
            assert sum(sizes.values()) > 2 * BATCH_BYTES
            assert max(sum(sizes[each] for each in batch) for batch in batches) <= BATCH_BYTES

    asyncio.run(run())


async def records(queue: Queue) -> list[JobRecord]:
    ids = await all_ids(queue.storage, queue.name)
    found: list[JobRecord | None] = []
    for start in range(0, len(ids), 100):
        found += await queue.storage.get(queue.name, ids[start : start + 100])
    return [record for record in found if record is not None]


def size_of(record: JobRecord) -> int:
    texts = [] if record.error is None else [record.error.message, record.error.traceback or ""]
    return record.payload_size + sum(len(each.encode()) for each in texts)


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_a_mark_left_behind_is_no_job(place: Place, here: str, there: str) -> None:
    """A move killed as it began leaves the mark by which it knows its queues: it isn't moved."""
    calls = Calls()

    async def run() -> None:
        async with AsyncExitStack() as stack:
            source, target = [await opened(stack, place(kind)) for kind in (here, there)]
            (job_id,) = await calls.put(source.storage, calls.job())
            (job,) = await source.storage.get(calls.queue, [job_id])
            assert job is not None
            for queue in (source, target):
                mark = evolve(job, id=calls.job().id, job_type="adc mark ")
                await queue.storage.import_jobs(queue.name, [mark])
            assert (await move_jobs(source, target)).moved == 1
            assert list(await views(target)) == [job_id]
            assert await views(source) == {}

    asyncio.run(run())
