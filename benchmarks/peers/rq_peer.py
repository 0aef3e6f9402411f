"""rq: its command with SimpleWorker, which doesn't fork for each job, and no results kept."""

from __future__ import annotations

import tally
from protocol import URL, Payload, SyncPeer, program
from rq import Queue

from redis import Redis


def noop(job: Payload) -> None:
    tally.done(job)


class RqPeer(SyncPeer):
    distributions = ("rq", "redis")

    async def open(self) -> None:
        self.redis = Redis.from_url(URL)
        self.queue = Queue("default", connection=self.redis)

    async def close(self) -> None:
        self.redis.close()

    def schedule_now(self, job: Payload) -> None:
        self.queue.enqueue("rq_peer.noop", job, result_ttl=0)

    def schedule_many_now(self, jobs: list[Payload]) -> None:
        self.queue.enqueue_many(
            [Queue.prepare_data("rq_peer.noop", (job,), result_ttl=0) for job in jobs]
        )

    async def pending(self) -> int:
        return self.queue.count + self.queue.started_job_registry.get_job_count(cleanup=False)

    def worker(self) -> list[str]:
        options = ["--url", URL, "--worker-class", "rq.SimpleWorker", "--quiet"]
        return program("rq", "worker", *options, "default")


PEER = RqPeer()
