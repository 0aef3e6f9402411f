"""LIV-2, DUR-1: the storage's server is killed, and comes back."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from aide_de_camp import (
    Capability,
    JobContext,
    JobRequest,
    JobRouter,
    JobState,
    JobType,
    Queue,
    StorageUnavailable,
    new_job_id,
)
from aide_de_camp.spi import DeadStatus, LeaseResult, SettleKind
from aide_de_camp_conformance.asking import Need
from aide_de_camp_conformance.desk import MINUTE, Desk
from aide_de_camp_conformance.expect import same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, requests

Act = Callable[[Desk], Awaitable[tuple[UUID, JobState]]]

_LONG: Final = timedelta(hours=12)
"""A lease that outlasts all moves of the clock, so that nothing may run twice."""
_HELD: Final = b"held"
_NOBODYS: Final = JobType("nobody's", bytes, codec="raw")
_JOBS: Final = 120
_IN_FLOW: Final = 10


# --- what was acknowledged ------------------------------------------------------------------------


async def _schedules(desk: Desk) -> tuple[UUID, JobState]:
    return await desk.add("kept", b"\x00kept", priority=3, delay=MINUTE), JobState.SCHEDULED


async def _cancels(desk: Desk) -> tuple[UUID, JobState]:
    job_id = await desk.add("cancelled")
    await desk.cancel(job_id)
    return job_id, JobState.CANCELLED


async def _claims(desk: Desk) -> tuple[UUID, JobState]:
    job_id = await desk.add("running")
    await desk.claim_one(types=("running",))
    return job_id, JobState.RUNNING


async def _completes(desk: Desk) -> tuple[UUID, JobState]:
    return await _settles(desk, SettleKind.COMPLETED), JobState.COMPLETED


async def _retries(desk: Desk) -> tuple[UUID, JobState]:
    return await _settles(desk, SettleKind.RETRY), JobState.SCHEDULED


async def _buries(desk: Desk) -> tuple[UUID, JobState]:
    return await _settles(desk, SettleKind.DEAD), JobState.DEAD


async def _requeues(desk: Desk) -> tuple[UUID, JobState]:
    job_id = await _settles(desk, SettleKind.DEAD)
    same(await desk.requeue(job_id), DeadStatus.DONE, "the answer to a requeue")
    return job_id, JobState.SCHEDULED


async def _settles(desk: Desk, kind: SettleKind) -> UUID:
    # A type per kind: what another one put back mustn't be claimed in its place.
    job_id = await desk.add(f"settled {kind}")
    job = await desk.claim_one(types=(f"settled {kind}",))
    delay = MINUTE if kind is SettleKind.RETRY else 0
    reason = "failed" if kind is SettleKind.DEAD else None
    answer = await desk.settle(job, kind, delay=delay, reason=reason)
    same(answer, LeaseResult.APPLIED, "the answer to a settlement")
    return job_id


_ACTS: Final[tuple[Act, ...]] = (_schedules, _cancels, _claims, _completes, _retries, _buries)


@requirement(
    "DUR-1.server",
    level=3,
    capability=Capability.SURVIVES_KILL,
    heavy=True,
    needs=Need.SERVER,
)
async def survives_server(kit: Kit) -> None:
    """What was acknowledged survives kill -9 of the server: jobs, claims, cancels, settlements."""
    desk = await kit.desk()
    for last in (_completes, _cancels, _requeues):
        ids = [(await act(desk))[0] for act in _ACTS]
        before = [await desk.get(job_id) for job_id in ids]
        # The server ends right after it acknowledged this: nothing gives it time to write.
        late, state = await last(desk)
        async with kit.server_killed():
            pass
        desk = await kit.desk()
        for record in before:
            same(await desk.find(record.id), record, "what was acknowledged before the end")
        same(await desk.state(late), state, "what was acknowledged last")


# --- what goes on ---------------------------------------------------------------------------------


class _Work:
    """A router whose handlers count, and some of which wait until they are let go on."""

    def __init__(self) -> None:
        self.router = JobRouter()
        self.runs = Counter[UUID]()
        self.go_on = asyncio.Event()

        @self.router.job("bytes", codec="raw", max_retries=50)
        async def work(payload: bytes, job: JobContext) -> None:
            self.runs[job.id] += 1
            if payload == _HELD:
                await self.go_on.wait()


@requirement("LIV-2.restart", level=2, heavy=True, needs=Need.SERVER)
async def restarted(kit: Kit) -> None:
    """A server that is killed and comes back ends no runner; what was open goes on by itself.

    Where DUR-1 is declared no job is lost, and none runs twice while its lease holds.
    """
    kept = timedelta(days=365)
    queue, client = await kit.queue(keep_finished=kept), await kit.queue(keep_finished=kept)
    work = _Work()
    is_durable = Capability.SURVIVES_KILL in queue.storage.capabilities
    ids = await client.schedule_many([JobRequest(BYTES, _HELD)] * 2)
    async with kit.running(queue, work.router, concurrency=3, lease=_LONG):
        await kit.until("two jobs run", lambda: len(work.runs) == 2, polling=kit.clock)
        async with kit.server_killed():
            await asyncio.gather(*(_bounded(kit, *each) for each in _calls(client)))
            # Their outcomes can't be stored before the server is back.
            work.go_on.set()
        ids += await _go_on(kit, client, ids if is_durable else [])
        # It waits for work while the server ends.
        async with kit.server_killed():
            pass
        ids += await _go_on(kit, client, ids if is_durable else [])
        ids += await client.schedule_many(requests(_JOBS))
        await kit.until(
            "some of many jobs ran",
            lambda: sum(work.runs.values()) >= len(ids) - _JOBS + _IN_FLOW,
            polling=kit.clock,
        )
        async with kit.server_killed():
            pass
        ids += await _go_on(kit, client, ids if is_durable else [])
    if is_durable:
        same([each for each in ids if work.runs[each] != 1], [], "what didn't run exactly once")


def _calls(client: Queue) -> list[tuple[str, Callable[[], Coroutine[Any, Any, Any]]]]:
    return [
        ("schedule", lambda: client.schedule(_NOBODYS, b"")),
        ("poll_next", lambda: client.poll_next(_NOBODYS)),
        ("count_jobs", client.count_jobs),
    ]


async def _bounded(kit: Kit, name: str, call: Callable[[], Coroutine[Any, Any, Any]]) -> None:
    """Make a call that may find the storage away, and must say so within a bounded time."""
    doing = asyncio.ensure_future(call())
    try:
        await asyncio.wait([doing], timeout=kit.patience)
        assert doing.done(), f"{name} took more than {kit.patience:g} s while the server was away"
        if not isinstance(doing.exception(), StorageUnavailable):
            await doing
    finally:
        doing.cancel()


async def _go_on(kit: Kit, client: Queue, ids: list[UUID]) -> list[UUID]:
    """Schedule a job through a queue that was open all the time, and await its end and others'.

    Returns:
        Its id.
    """
    job_id = new_job_id()

    async def scheduled() -> bool:
        try:
            await client.schedule(BYTES, b"", job_id=job_id)
        except StorageUnavailable:
            return False
        return True

    async def completed() -> bool:
        await asyncio.sleep(0.01)
        try:
            records = await client.storage.get("default", [*ids, job_id])
        except StorageUnavailable:
            return False
        return all(each is not None and each.state is JobState.COMPLETED for each in records)

    await kit.until("what was open reaches the server again", scheduled)
    await kit.until("what is due is completed", completed, polling=kit.clock)
    return [job_id]
