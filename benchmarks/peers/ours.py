"""This project: ``adc worker`` with 200 slots, one open queue on the scheduling side."""

from __future__ import annotations

import tally
from protocol import URL, Payload, Peer, python

from aide_de_camp import JobRequest, JobRouter, open_queue
from aide_de_camp.spi import JobState

router = JobRouter()


@router.job("noop")
async def noop(job: dict[str, int | str]) -> None:
    tally.done(job)


class OurPeer(Peer):
    distributions = ("aide-de-camp",)

    async def open(self) -> None:
        self.queue = open_queue(URL)
        await self.queue.open()

    async def close(self) -> None:
        await self.queue.close()

    async def schedule(self, job: Payload) -> None:
        await self.queue.schedule(noop, job)

    async def schedule_many(self, jobs: list[Payload]) -> None:
        await self.queue.schedule_many([JobRequest(noop, job) for job in jobs])

    async def pending(self) -> int:
        live = [JobState.SCHEDULED, JobState.RUNNING]
        return (await self.queue.count_jobs(states=live)).total

    def worker(self) -> list[str]:
        options = ["--queue", URL, "--concurrency", "200", "--log-level", "warning"]
        return python("-m", "aide_de_camp", "worker", "ours:router", *options)


PEER = OurPeer()
