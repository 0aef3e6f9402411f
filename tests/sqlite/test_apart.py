"""Readings beside the writer end by themselves, whoever stops waiting for them."""

from __future__ import annotations

import asyncio

from aide_de_camp_backends.sqlite.apart import Apart


def test_a_reading_ends_by_itself_whoever_is_cancelled():
    async def run() -> None:
        apart, go, ended = Apart(), asyncio.Event(), asyncio.Event()

        async def read() -> None:
            await go.wait()
            ended.set()

        reading = asyncio.create_task(apart.run(read()))
        await asyncio.sleep(0)
        closing = asyncio.create_task(apart.close())
        await asyncio.sleep(0)
        for caller in (reading, closing):
            caller.cancel()
        await asyncio.wait([reading, closing])
        assert reading.cancelled()
        assert closing.cancelled()
        go.set()
        await apart.close()
        assert ended.is_set()

    asyncio.run(run())


def test_closing_waits_for_nothing_where_nothing_is_under_way():
    asyncio.run(Apart().close())
