"""How often an idle runner asks its storage for work, where nothing wakes it."""

from __future__ import annotations

import asyncio

from aide_de_camp import JobRunner, open_queue
from aide_de_camp.spi import Wake
from aide_de_camp_backends.memory.storage import MemoryStorage

from .work import router

MINUTE = 60.0


def test_an_idle_minute_takes_a_claim_every_few_seconds(monkeypatch):
    asked: list[str] = []
    waited: list[float] = []

    async def run() -> None:
        async with open_queue("memory://") as queue:
            runner = JobRunner(queue, router)

            async def wait(self, queue, ticket, timeout):
                waited.append(timeout)
                if sum(waited) >= MINUTE:
                    runner.shutdown()
                await asyncio.sleep(0)
                return Wake.TIMEOUT

            def counted(name):
                original = getattr(MemoryStorage, name)

                async def verb(self, *arguments, **more):
                    asked.append(name)
                    return await original(self, *arguments, **more)

                return verb

            monkeypatch.setattr(MemoryStorage, "wait", wait)
            for name in ("claim", "extend", "settle", "reap", "count", "list"):
                monkeypatch.setattr(MemoryStorage, name, counted(name))
            await runner.run()

    asyncio.run(run())
    assert asked.count("claim") == len(waited)
    assert 12 <= len(waited) <= 14  # every 4.5 to 5 s
    # What looks after leases looks once in this minute, and lets be if a claim is on its way.
    assert [name for name in asked if name != "claim"] in ([], ["reap"])
