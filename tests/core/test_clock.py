"""The clock that tests move."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from aide_de_camp import ManualClock, SystemClock
from aide_de_camp.clock import Clock
from aide_de_camp.spi import Wake


def test_both_are_clocks():
    assert isinstance(SystemClock(), Clock)
    assert isinstance(ManualClock(), Clock)


def test_production_leaves_the_present_to_the_storage():
    assert SystemClock().now() is None
    assert SystemClock().monotonic() <= SystemClock().monotonic()


def test_it_stands_still_until_it_is_moved():
    clock = ManualClock(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC))
    assert clock.now() == 1_000_000
    clock.advance(2)
    assert clock.now() == 3_000_000
    clock.advance(timedelta(microseconds=-1))
    assert clock.now() == 2_999_999
    clock.set(datetime(1970, 1, 2, tzinfo=UTC))
    assert clock.monotonic() == 86_400


def test_sleepers_wake_in_the_order_of_their_times_and_only_when_passed():
    async def main():
        clock = ManualClock()
        woken = []

        async def sleep(seconds):
            await clock.sleep(seconds)
            woken.append(seconds)

        tasks = [asyncio.create_task(sleep(seconds)) for seconds in (3, 1, 2, 0)]
        await asyncio.sleep(0.01)
        assert woken == [0]
        clock.advance(2)
        await asyncio.sleep(0.01)
        assert woken == [0, 1, 2]
        tasks[0].cancel()
        clock.advance(5)
        await asyncio.gather(*tasks, return_exceptions=True)
        return woken

    assert asyncio.run(main()) == [0, 1, 2]


def test_a_wait_ends_by_the_storage_or_by_the_clock():
    async def main():
        clock = ManualClock()

        async def never(_):
            await asyncio.Event().wait()
            return Wake.WORK

        async def at_once(_):
            return Wake.WORK

        assert await clock.wait(60, at_once) is Wake.WORK
        waiting = asyncio.create_task(clock.wait(60, never))
        await asyncio.sleep(0.01)
        clock.advance(59)
        await asyncio.sleep(0.01)
        assert not waiting.done()
        clock.advance(1)
        assert await waiting is Wake.TIMEOUT

    asyncio.run(main())


def test_a_wait_counts_from_the_call_and_not_from_its_first_turn():
    async def main():
        clock = ManualClock()

        async def never(_):
            await asyncio.Event().wait()
            return Wake.WORK

        waiting = asyncio.create_task(clock.wait(1, never))
        clock.advance(1)
        async with asyncio.timeout(5):
            return await waiting

    assert asyncio.run(main()) is Wake.TIMEOUT


def test_production_waits_by_the_storage_alone():
    async def main():
        async def storage(seconds):
            assert seconds == 60
            return Wake.TIMEOUT

        await SystemClock().sleep(0)
        return await SystemClock().wait(60, storage)

    assert asyncio.run(main()) is Wake.TIMEOUT
