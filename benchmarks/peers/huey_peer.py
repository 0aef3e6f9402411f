"""huey, on Redis and on SQLite: its consumer with one thread, no results kept.

SQLite with fsync=True, which is synchronous=FULL, as all others have here; its default leaves
SQLite's own, FULL, which is said here so that it can't change unseen.
"""

from __future__ import annotations

import tally
from huey import RedisHuey, SqliteHuey
from protocol import URL, Payload, SyncPeer, program

if URL.startswith("sqlite"):
    huey = SqliteHuey(
        "bench", filename=URL.removeprefix("sqlite:///"), results=False, fsync=True, timeout=30
    )
else:
    huey = RedisHuey("bench", url=URL, results=False)


@huey.task(name="noop")
def noop(job: Payload) -> None:
    tally.done(job)


class HueyPeer(SyncPeer):
    distributions = ("huey", "redis")

    def schedule_now(self, job: Payload) -> None:
        noop(job)

    async def pending(self) -> int:
        return int(huey.pending_count())

    def worker(self) -> list[str]:
        # The smallest pause between two looks; polling is SQLite's only way.
        options = ["--workers", "1", "--worker-type", "thread", "--delay", "0.01"]
        return program(
            "huey_consumer", "huey_peer.huey", *options, "--max-delay", "0.05", "--quiet"
        )


PEER = HueyPeer()
