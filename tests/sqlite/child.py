"""What the other processes of the tests do: one command on one URL."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from uuid import UUID, uuid4

from aide_de_camp.spi import (
    ClaimRequest,
    LeaseResult,
    NewJob,
    RetryLimits,
    SettleKind,
    Settlement,
    Storage,
)
from aide_de_camp_backends.sqlite.plugin import connect


def new_job() -> NewJob:
    milliseconds = time.time_ns() // 1_000_000
    return NewJob(
        id=UUID(bytes=milliseconds.to_bytes(6, "big") + os.urandom(10)),
        job_type="t",
        payload=b"{}",
        codec="json",
    )


def request(limit: int) -> ClaimRequest:
    return ClaimRequest(None, limit, 60_000_000, RetryLimits(), "child", uuid4())


async def claim(storage: Storage) -> None:
    """Claim and complete until nothing is left; print every id that was handed out."""
    while jobs := (await storage.claim("q", request(7), now=None)).jobs:
        print(*(job.id for job in jobs), sep="\n")
        ends = [Settlement(job.id, job.token, SettleKind.COMPLETED) for job in jobs]
        results = await storage.settle("q", ends, now=None)
        assert set(results) == {LeaseResult.APPLIED}


async def work(storage: Storage) -> None:
    """Four callers at once, each scheduling, claiming and completing; print how many they did."""

    async def caller() -> int:
        done = 0
        for _ in range(15):
            await storage.enqueue("q", [new_job()], now=None)
            for job in (await storage.claim("q", request(1), now=None)).jobs:
                end = Settlement(job.id, job.token, SettleKind.COMPLETED)
                assert await storage.settle("q", [end], now=None) == [LeaseResult.APPLIED]
                done += 1
        return done

    print(sum(await asyncio.gather(*(caller() for _ in range(4)))))


async def schedule(storage: Storage) -> None:
    """Say that it is ready; when told so, schedule one job."""
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await storage.enqueue("q", [new_job()], now=None)


async def nothing(_storage: Storage) -> None:
    """Just open, which migrates."""
    print("opened")


COMMANDS: dict[str, Callable[[Storage], Awaitable[None]]] = {
    "claim": claim,
    "work": work,
    "schedule": schedule,
    "nothing": nothing,
}


async def main(command: str, url: str) -> None:
    storage = connect(url, {})()
    if command == "migrate":
        print(*await storage.migrate())
        return
    await storage.open()
    try:
        await COMMANDS[command](storage)
    finally:
        await storage.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
