"""celery: the solo pool (the fastest of its pools for such jobs), results ignored, no chatter."""

from __future__ import annotations

import tally
from celery import Celery
from protocol import URL, Payload, SyncPeer, program

app = Celery("celery_peer", broker=URL)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=64,
    broker_connection_retry_on_startup=True,
    worker_send_task_events=False,
)


@app.task(name="noop", ignore_result=True)
def noop(job: Payload) -> None:
    tally.done(job)


class CeleryPeer(SyncPeer):
    distributions = ("celery", "kombu", "redis")

    def schedule_now(self, job: Payload) -> None:
        noop.delay(job)

    async def pending(self) -> int:
        with app.connection_or_acquire() as connection:
            client = connection.default_channel.client
            return int(client.llen("celery")) + int(client.hlen("unacked"))

    def worker(self) -> list[str]:
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        options = ["--pool", "solo", "--loglevel", "WARNING", *quiet]
        return program("celery", "--app", "celery_peer", "worker", *options)


PEER = CeleryPeer()
