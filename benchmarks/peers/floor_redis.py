"""The floor on Redis: redis.asyncio, this project's scripts by their digests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from floor import QUEUE, FloorPeer, Held, main, new_job, request
from protocol import URL, Payload
from redis.asyncio import Redis

from aide_de_camp.spi import SettleKind, Settlement
from aide_de_camp_backends.redis import scripts, words
from aide_de_camp_backends.redis.keys import QueueKeys

KEYS = QueueKeys.of("adc", QUEUE)


class RedisFloor(FloorPeer):
    distributions = ("redis",)
    module = "floor_redis"

    async def open(self) -> None:
        self.redis: Any = Redis.from_url(URL)
        for script in (scripts.ENQUEUE, scripts.CLAIM, scripts.SETTLE):
            await self.redis.script_load(script.text)

    async def close(self) -> None:
        await self.redis.aclose()

    async def run(self, script: scripts.Script, arguments: Sequence[Any]) -> Any:
        given = (b"", KEYS.channel, *arguments)
        return await self.redis.evalsha(script.digest, len(KEYS.all), *KEYS.all, *given)

    async def enqueue(self, jobs: Sequence[Payload]) -> None:
        await self.run(scripts.ENQUEUE, words.of_jobs([new_job(job) for job in jobs]))

    async def claim(self) -> Sequence[Held]:
        answer = words.claim_result(await self.run(scripts.CLAIM, words.of_claim(request())))
        return [(job.id, job.token, job.payload) for job in answer.jobs]

    async def finish(self, held: Sequence[Held]) -> None:
        ends = [Settlement(job_id, token, SettleKind.COMPLETED) for job_id, token, _ in held]
        await self.run(scripts.SETTLE, words.of_settlements(ends))

    async def pending(self) -> int:
        """By the counts of states and types: scheduled and running."""
        counts = await self.redis.hgetall(KEYS.counts)
        return sum(int(count) for field, count in counts.items() if field[:1] in (b"0", b"1"))


PEER = RedisFloor()
if __name__ == "__main__":
    main(PEER)
