"""What the other processes of the tests do: one command on one URL."""

from __future__ import annotations

import asyncio
import sys
from uuid import uuid4

from aide_de_camp.spi import ClaimRequest, RetryLimits, SettleKind, Settlement
from aide_de_camp_backends.postgresql.plugin import connect


async def migrate(url: str) -> None:
    print(*await connect(url, {})().migrate())


async def nothing(url: str) -> None:
    storage = connect(url, {})()
    await storage.open()
    await storage.close()
    print("opened")


async def claim(url: str) -> None:
    """Claim and complete until nothing is left; print every id that was handed out."""
    storage = connect(url, {})()
    await storage.open()
    while True:
        request = ClaimRequest(None, 7, 60_000_000, RetryLimits(), "child", uuid4())
        result = await storage.claim("q", request, now=None)
        if not result.jobs and result.next_due is None:
            break
        done = [Settlement(job.id, job.token, SettleKind.COMPLETED) for job in result.jobs]
        await storage.settle("q", done, now=None)
        for job in result.jobs:
            print(job.id)
    await storage.close()


if __name__ == "__main__":
    asyncio.run({"migrate": migrate, "nothing": nothing, "claim": claim}[sys.argv[1]](sys.argv[2]))
