"""A loop that doesn't turn: one warning for each block, and none for a process that stood still."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from aide_de_camp.runner.turning import LoopWatch


class Bench:
    """A watch of a loop that turns when it is told to, by a clock that is moved."""

    def __init__(self) -> None:
        self.now = 100.0
        self.asked: list[Callable[[], object]] = []
        self.closed = False
        self.told: list[float] = []
        loop = cast("asyncio.AbstractEventLoop", self)
        self.watch = LoopWatch(loop, 5, self.told.append, lambda: self.now)

    def call_soon_threadsafe(self, call: Callable[[], object], *_: Any) -> None:
        """As a loop's."""
        if self.closed:
            raise RuntimeError("Event loop is closed")
        self.asked.append(call)

    def turn(self) -> None:
        """Have the loop run what it was given."""
        for call in self.asked:
            call()
        self.asked.clear()

    def look(self, seconds: float, times: int = 1) -> None:
        """Have the watch look some times, the given seconds apart."""
        for _ in range(times):
            self.now += seconds
            self.watch.look()


def test_a_loop_that_turns_is_left_alone():
    bench = Bench()
    for _ in range(100):
        bench.look(2)
        assert len(bench.asked) == 1
        bench.turn()
    assert not bench.told


def test_each_block_is_told_of_once():
    bench = Bench()
    for block in range(1, 4):
        bench.look(1)
        bench.look(1, times=5)
        assert len(bench.told) == block - 1, "not before its patience is over"
        bench.look(1, times=50)
        assert len(bench.told) == block
        bench.turn()
        bench.look(1)
        bench.turn()
    assert bench.told == [6, 6, 6]


def test_it_doesnt_pile_callbacks_onto_a_loop_that_is_blocked():
    bench = Bench()
    bench.look(1, times=1_000)
    assert len(bench.asked) == 1


def test_a_process_that_stood_still_is_no_blocked_loop():
    bench = Bench()
    bench.look(1)
    bench.look(3_600)
    bench.look(1, times=4)
    assert not bench.told
    bench.turn()
    bench.look(1, times=4)
    assert not bench.told


def test_a_closed_loop_is_no_trouble():
    bench = Bench()
    bench.closed = True
    bench.look(1, times=3)
