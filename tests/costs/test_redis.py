"""Commands on Redis: each is a round trip or shares one."""

from __future__ import annotations

import asyncio

from redis.asyncio import Redis

from aide_de_camp import open_queue

from .work import JOBS, drain, fill, schedule_at_once


async def scripts_run(url):
    """Give how many scripts the server has run; what these call is counted within them."""
    client = Redis.from_url(url)
    try:
        stats = await client.info("commandstats")
    finally:
        await client.aclose()
    return sum(stats.get(f"cmdstat_{name}", {}).get("calls", 0) for name in ("evalsha", "fcall"))


async def counted(url, work):
    before = await scripts_run(url)
    await work
    return await scripts_run(url) - before


def test_draining_takes_few_calls(redis_url):
    async def run():
        async with open_queue(redis_url) as queue:
            await fill(queue)
            return await counted(redis_url, drain(queue))

    assert 0 < asyncio.run(run()) <= 0.05 * JOBS


def test_callers_at_the_same_time_share_calls(redis_url):
    async def run():
        async with open_queue(redis_url) as queue:
            return await counted(redis_url, schedule_at_once(queue))

    assert 0 < asyncio.run(run()) <= 0.1 * JOBS
