"""LIV-2, WAK-1, ERR-1: connections that break, where a storage is reached over a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from aide_de_camp import (
    Capability,
    Clock,
    JobContext,
    JobRouter,
    JobState,
    Queue,
    Registry,
    open_queue,
)
from aide_de_camp.spi import AideDeCampError, StorageUnavailable, Wake
from aide_de_camp_conformance.asking import Need, NotAsked
from aide_de_camp_conformance.desk import Desk
from aide_de_camp_conformance.expect import same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.lane import Lane, lane_to
from aide_de_camp_conformance.place import door
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES, requests
from aide_de_camp_conformance.suite.errors import verbs

_JOBS = 24


@asynccontextmanager
async def _through(lane: Lane, clock: Clock) -> AsyncGenerator[Queue]:
    """Open a queue behind a lane.

    Raises:
        NotAsked: that can't be.
    """
    way = door()
    try:
        opener = Registry().storage(lane.url)
    except AideDeCampError as error:
        # A harness may have plugins that aren't installed, or a way of its own to open storages.
        raise NotAsked(
            f"no installed backend opens the storage's URL ({type(error).__name__}), as it would "
            "be by a way that can be cut"
        ) from error
    url = way.places.url_of(opener)
    queue = open_queue(url, registry=way.registry, clock=clock, codecs=("json", "raw"))
    try:
        await queue.open()
    except AideDeCampError as error:
        # Everything else opens the same storage directly, so that it isn't its fault.
        raise NotAsked(
            f"the storage can't be opened by a way that can be cut ({type(error).__name__}), as "
            "where a certificate names its host"
        ) from error
    try:
        yield queue
    finally:
        await queue.close()


@requirement("LIV-2.dropped", level=2, heavy=True, needs=Need.CONNECTIONS)
async def dropped(kit: Kit) -> None:
    """Connections that break end no runner and lose no job."""
    async with lane_to(kit.url) as lane, _through(lane, kit.clock) as queue:
        await _run_while_dropped(kit, lane, queue)


async def _run_while_dropped(kit: Kit, lane: Lane, queue: Queue) -> None:
    direct, router, ran = await kit.queue(), JobRouter(), list[int]()
    cuts = 0

    @router.job("bytes", codec="raw", max_retries=50)
    async def work(payload: bytes, job: JobContext) -> None:
        nonlocal cuts
        ran.append(job.claims)
        if len(ran) % 4 == 1:
            cuts += lane.cut()
        await asyncio.sleep(0)

    await direct.schedule_many(requests(_JOBS))
    async with kit.running(queue, router, concurrency=3):

        async def all_completed() -> bool:
            return (await direct.count_jobs()).by_state[JobState.COMPLETED] == _JOBS

        await kit.until("all are completed", all_completed, polling=kit.clock)
    assert cuts > 0, "no connection was open while jobs ran, so that none broke"


@requirement(
    "WAK-1.reconnects",
    level=3,
    capability=Capability.WAKE_UP,
    heavy=True,
    needs=Need.CONNECTIONS,
)
async def hears_again(kit: Kit) -> None:
    """A storage whose connections broke hears of new work again by itself."""
    async with lane_to(kit.url) as lane, _through(lane, kit.clock) as queue:
        await _hear_again(kit, lane, queue)


async def _hear_again(kit: Kit, lane: Lane, queue: Queue) -> None:
    storage, direct = queue.storage, await kit.queue()
    for _ in range(3):
        ticket = storage.ticket("default")
        await direct.schedule(BYTES, b"")
        async with asyncio.timeout(kit.patience):
            same(await storage.wait("default", ticket, 3_600), Wake.WORK, "what a wait gave")
        await asyncio.sleep(0.05)
        assert lane.cut() > 0, "a storage that waits for others has no connection"
        await kit.until("it can be reached again", lambda: _reached(queue))
    router, ran = JobRouter(), list[bytes]()

    @router.job("bytes", codec="raw")
    async def work(payload: bytes, job: JobContext) -> None:
        ran.append(payload)

    async with kit.running(queue, router, poll_interval=timedelta(hours=1)):
        await kit.until("what was scheduled is run", lambda: len(ran) == 3)
        await asyncio.sleep(0.05)
        lane.cut()
        await direct.schedule(BYTES, b"last")
        await kit.until("what is scheduled while connections break is run", lambda: len(ran) == 4)


@requirement("ERR-1.unreachable", level=2, heavy=True, needs=Need.CONNECTIONS)
async def unreachable(kit: Kit) -> None:
    """Where connections break, and none can be made, verbs raise the framework's own errors."""
    async with lane_to(kit.url) as lane, _through(lane, kit.clock) as queue:
        desk = Desk(queue.storage, kit.clock, "default")
        job_id = await desk.add()
        lane.is_shut = True
        assert lane.cut() > 0, "no connection was open after a call, so that none broke"
        calls = [_own_error(name, call) for name, call in verbs(desk).items()]
        async with asyncio.timeout(kit.patience):
            refused = await asyncio.gather(*calls)
        assert any(refused), "no verb noticed that the storage couldn't be reached"
        lane.is_shut = False
        await kit.until("it can be reached again", lambda: _reached(queue))
        same(await desk.state(job_id), JobState.SCHEDULED, "the state of the job in the end")


async def _own_error(name: str, call: Callable[[], Awaitable[Any]]) -> bool:
    """Make a call, and say whether it was refused by an error of the framework."""
    try:
        await call()
    except AideDeCampError:
        return True
    except Exception as error:
        raise AssertionError(f"{name} raised {error!r} while nothing could be reached") from error
    return False


async def _reached(queue: Queue) -> bool:
    try:
        await queue.count_jobs()
    except StorageUnavailable:
        return False
    return True
