"""dramatiq: its command with one process of eight threads (its default), no result store."""

from __future__ import annotations

import dramatiq
import tally
from dramatiq.brokers.redis import RedisBroker
from protocol import URL, Payload, SyncPeer, program

broker = RedisBroker(url=URL)
dramatiq.set_broker(broker)


@dramatiq.actor(actor_name="noop")
def noop(job: Payload) -> None:
    tally.done(job)


class DramatiqPeer(SyncPeer):
    distributions = ("dramatiq", "redis")

    def schedule_now(self, job: Payload) -> None:
        noop.send(job)

    async def pending(self) -> int:
        return int(broker.do_qsize("default"))

    def worker(self) -> list[str]:
        return program("dramatiq", "--processes", "1", "--threads", "8", "dramatiq_peer")


PEER = DramatiqPeer()
