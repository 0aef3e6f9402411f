"""The loop of simulations: its time, its order, and lanes that stand still or die."""

from __future__ import annotations

import asyncio
import random

import pytest

from aide_de_camp_conformance.simulation import Broken
from aide_de_camp_conformance.simulation.loop import simulated_loop


def a_loop(seed=1):
    return simulated_loop(random.Random(seed))


def test_an_hour_passes_at_once_and_no_timer_fires_early():
    loop, woken = a_loop(), []

    async def sleeper(seconds):
        await asyncio.sleep(seconds)
        woken.append((seconds, loop.time()))

    async def main():
        await asyncio.gather(*(sleeper(seconds) for seconds in (3_600, 5, 60)))

    loop.run_until_complete(main())
    assert [seconds for seconds, _ in woken] == [5, 60, 3_600]
    assert all(at >= seconds for seconds, at in woken)


def test_a_timer_that_was_cancelled_does_not_move_time():
    loop = a_loop()

    async def main():
        async with asyncio.timeout(3_600):
            await asyncio.sleep(1)

    loop.run_until_complete(main())
    assert loop.time() < 2


def test_a_lane_keeps_its_order_and_the_seed_decides_between_lanes():
    def made(seed):
        loop, order = a_loop(seed), []
        lanes = [loop.lane(name) for name in "ab"]

        async def main():
            for lane in lanes:
                for number in range(10):
                    lane.run(loop.call_soon, order.append, (lane.name, number))
            await asyncio.sleep(1)

        loop.run_until_complete(main())
        return order

    orders = [made(seed) for seed in range(5)]
    for order in orders:
        for name in "ab":
            assert [number for each, number in order if each == name] == list(range(10))
    assert len({tuple(order) for order in orders}) == 5
    assert made(3) == orders[3]


def test_a_task_stays_in_its_lane_whoever_wakes_it():
    loop = a_loop()
    lane = loop.lane("a")

    async def main():
        event, ran = asyncio.Event(), []

        async def waits():
            await event.wait()
            ran.append("a")

        loop.spawn(lane, waits())
        await asyncio.sleep(1)
        loop.kill(lane)
        event.set()
        await asyncio.sleep(1)
        return ran

    assert loop.run_until_complete(main()) == []
    assert len(loop.graveyard) == 1
    loop.bury(lambda task: task.cancel())


def test_a_lane_that_is_killed_runs_nothing_more_not_even_its_finally():
    loop, ran = a_loop(), []
    lane = loop.lane("a")

    async def works():
        try:
            while True:
                await asyncio.sleep(1)
                ran.append(loop.time())
        finally:
            ran.append("finally")

    async def main():
        loop.spawn(lane, works())
        await asyncio.sleep(3.5)
        loop.kill(lane)
        before = list(ran)
        await asyncio.sleep(60)
        return before

    before = loop.run_until_complete(main())
    assert len(before) == 3
    assert ran == before


def test_a_lane_dies_after_as_many_steps_as_its_fuse_has():
    loop, ran = a_loop(), []
    lane = loop.lane("a")
    lane.fuse = 4

    async def works():
        while True:
            ran.append(1)
            await asyncio.sleep(0)

    async def main():
        loop.spawn(lane, works())
        await asyncio.sleep(1)

    loop.run_until_complete(main())
    assert len(ran) == 4
    assert lane.dead


def test_a_frozen_lane_stands_still_and_then_goes_on():
    loop, ran = a_loop(), []
    lanes = {name: loop.lane(name) for name in "ab"}

    async def works(name):
        while loop.time() < 100:
            await asyncio.sleep(1)
            ran.append((name, loop.time()))

    async def main():
        tasks = [loop.spawn(lane, works(name)) for name, lane in lanes.items()]
        await asyncio.sleep(10.5)
        loop.freeze(lanes["a"], 50)
        await asyncio.wait(tasks)

    loop.run_until_complete(main())
    assert not [at for name, at in ran if name == "a" and 10.7 < at < 60.5]
    assert [at for name, at in ran if name == "b" and 10.7 < at < 60.5]
    assert [at for name, at in ran if name == "a" and at > 62]


def test_what_a_thread_hands_over_is_called_by_its_home():
    loop, ran = a_loop(), []
    home = loop.lane("a")
    thread = loop.lane("a-thread", home)

    async def main():
        loop.freeze(home, 10)
        thread.run(loop.call_soon_threadsafe, lambda: ran.append(loop.time()))
        thread.run(loop.call_soon, lambda: ran.append("thread"))
        await asyncio.sleep(20)

    loop.run_until_complete(main())
    assert ran[0] == "thread"
    assert ran[1] >= 10


def test_a_loop_that_spins_is_found_out():
    async def main():
        while True:
            await asyncio.sleep(0)

    loop = a_loop()
    with pytest.raises(Broken, match="spins"):
        loop.run_until_complete(main())
    loop.bury(lambda task: task.get_coro().close())


def test_waiting_for_what_never_comes_is_found_out():
    async def main():
        await asyncio.Event().wait()

    loop = a_loop()
    with pytest.raises(Broken, match="nothing will ever happen"):
        loop.run_until_complete(main())
    loop.bury(lambda task: task.get_coro().close())
