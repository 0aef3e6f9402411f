"""TXN-1 and WAK-1: what a backend may declare."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from aide_de_camp import (
    Capability,
    CapabilityNotSupported,
    JobContext,
    JobRouter,
    Queue,
    SystemClock,
)
from aide_de_camp.spi import Wake
from aide_de_camp_conformance.desk import HOUR, MINUTE, SECOND, new
from aide_de_camp_conformance.expect import raises, same
from aide_de_camp_conformance.kit import Kit
from aide_de_camp_conformance.processes import victim
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.samples import BYTES


@requirement("TXN-1.refused", level=3, unless=Capability.TRANSACTIONAL_ENQUEUE)
async def transaction_refused(kit: Kit) -> None:
    """Where it isn't declared, scheduling in a transaction is refused, and changes nothing."""
    queue, desk = await kit.queue(), await kit.desk()
    with raises(CapabilityNotSupported, "scheduling in a transaction"):
        await queue.schedule(BYTES, b"", transaction=object())
    with raises(CapabilityNotSupported, "enqueue_in"):
        await desk.storage.enqueue_in(object(), "default", [new()], now=kit.now)
    same(await desk.total(), 0, "how many jobs were stored")


@requirement("WAK-1.wait", level=3, capability=Capability.WAKE_UP)
async def wait_wakes(kit: Kit) -> None:
    """What somebody else schedules ends a wait that began before or after it."""
    storage, other = await kit.storage(), await kit.desk()
    ticket = storage.ticket("default")
    await kit.elsewhere(lambda: _schedule(kit))
    async with asyncio.timeout(kit.patience):
        woke = await storage.wait("default", ticket, 3_600)
    same(woke, Wake.WORK, "a wait for what came since its ticket")
    ticket = storage.ticket("default")
    waiting = asyncio.create_task(storage.wait("default", ticket, 3_600))
    await asyncio.sleep(0.01)
    await kit.elsewhere(lambda: _schedule(kit))
    async with asyncio.timeout(kit.patience):
        same(await waiting, Wake.WORK, "a wait for what came during it")
    ticket = storage.ticket("default")
    same(await storage.wait("default", ticket, 0), Wake.TIMEOUT, "a wait for nothing, no time")
    same(await other.total(), 2, "how many jobs there are")


async def _schedule(kit: Kit) -> None:
    async with kit.unopened() as queue:
        await queue.schedule(BYTES, b"")


class _Ran:
    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.router = JobRouter()

        @self.router.job("bytes", codec="raw")
        async def work(payload: bytes, job: JobContext) -> None:
            self.payloads.append(payload)

    async def idle(self, kit: Kit, queue: Queue) -> None:
        """Wait until the runner has run one job, and has gone to sleep after it."""
        count = len(self.payloads) + 1
        await queue.schedule(BYTES, b"first")
        await kit.until("a first job ran", lambda: len(self.payloads) == count)
        # Word of that job may come late, and would wake it once more.
        await asyncio.sleep(0.2)


@requirement("WAK-1.now", level=3, capability=Capability.WAKE_UP)
async def runner_wakes(kit: Kit) -> None:
    """With polling set to one hour, what somebody else schedules is run."""
    queue, ran = await kit.queue(), _Ran()
    async with kit.running(queue, ran.router, poll_interval=timedelta(hours=1)):
        await ran.idle(kit, queue)
        await kit.elsewhere(lambda: _schedule(kit))
        await kit.until("what another one scheduled is run", lambda: len(ran.payloads) == 2)


@requirement("WAK-1.earlier", level=3, capability=Capability.WAKE_UP)
async def runner_wakes_earlier(kit: Kit) -> None:
    """Also a future job that falls due earlier than the runner's next wake."""
    queue, desk, ran = await kit.queue(), await kit.desk(), _Ran()
    async with kit.running(queue, ran.router, poll_interval=timedelta(hours=1)):
        await desk.add("bytes", b"late", at=kit.now + HOUR // 2)
        await ran.idle(kit, queue)
        await desk.add("bytes", b"early", at=kit.now + MINUTE)
        await asyncio.sleep(0.05)
        kit.advance(MINUTE - SECOND)
        await asyncio.sleep(0.05)
        same(ran.payloads, [b"first"], "what ran before its time")
        for _ in range(60):
            # More than once, since a sleep that begins late by this clock also ends late.
            kit.advance(SECOND)
            await asyncio.sleep(0.002)
        await kit.until("the early one ran", lambda: ran.payloads == [b"first", b"early"])
        kit.advance(HOUR // 2)
        await kit.until("the late one ran", lambda: ran.payloads[2:] == [b"late"])


@requirement(
    "WAK-1.process",
    level=3,
    capability=Capability.WAKE_UP,
    also=Capability.SHARED,
    heavy=True,
)
async def process_wakes(kit: Kit) -> None:
    """Where the storage is shared, another process wakes the runner."""
    queue = await kit.queue(clock=SystemClock())
    router, ran = JobRouter(), list[str]()

    @router.job("victim")
    async def work(payload: str, job: JobContext) -> None:
        ran.append(payload)

    async with kit.running(queue, router, poll_interval=timedelta(hours=1)):
        await asyncio.sleep(0.05)
        async with victim(kit.url, "schedule-one") as process:
            await process.listen("scheduled")
            await kit.until("what the other process scheduled is run", lambda: len(ran) == 1)
