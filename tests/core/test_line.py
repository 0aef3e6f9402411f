"""The line before the slots: in order, nobody forgotten, nobody woken for nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from aide_de_camp.runner.line import Line


def attempts(count: int) -> list[Any]:
    return [object() for _ in range(count)]


class Takers:
    """Tasks that take from a line until they are cancelled."""

    def __init__(self, line: Line, count: int, *, pause: bool) -> None:
        self.taken: list[Any] = []
        self.woken: set[int] = set()
        self.tasks = [
            asyncio.create_task(self._take(line, number, pause=pause)) for number in range(count)
        ]

    async def _take(self, line: Line, number: int, *, pause: bool) -> None:
        while True:
            attempt = await line.next()
            self.woken.add(number)
            self.taken.append(attempt)
            if pause:
                await asyncio.Event().wait()

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.wait(self.tasks)


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def test_whoever_never_waits_does_all():
    async def run() -> None:
        line, given = Line(), attempts(20)
        takers = Takers(line, 5, pause=False)
        await turns(2)
        for each in given:
            line.put(each)
        await turns(3)
        assert takers.taken == given
        assert takers.woken == {0}
        await takers.end()

    asyncio.run(run())


def test_each_has_one_where_all_wait():
    async def run() -> None:
        line, given = Line(), attempts(7)
        takers = Takers(line, 5, pause=True)
        await turns(2)
        for each in given:
            line.put(each)
        await turns(10)
        assert takers.taken == given[:5]
        assert len(takers.woken) == 5
        assert line.take_all() == given[5:]
        assert line.take_all() == []
        await takers.end()

    asyncio.run(run())


def test_the_line_goes_on_where_the_woken_is_cancelled_at_once():
    async def run() -> None:
        line, given = Line(), attempts(3)
        takers = Takers(line, 3, pause=True)
        await turns(2)
        line.put(given[0])
        takers.tasks[0].cancel()  # the one that was woken
        line.put(given[1])
        await turns(10)
        assert takers.taken == given[:2]
        assert takers.woken == {1, 2}
        await takers.end()

    asyncio.run(run())


def test_the_line_goes_on_where_one_that_waits_is_cancelled():
    async def run() -> None:
        line, given = Line(), attempts(2)
        takers = Takers(line, 3, pause=True)
        await turns(2)
        takers.tasks[0].cancel()
        await turns(2)
        for each in given:
            line.put(each)
        await turns(10)
        assert takers.taken == given
        await takers.end()

    asyncio.run(run())


def test_what_was_put_before_anybody_asks_is_had_at_once():
    async def run() -> None:
        line, given = Line(), attempts(3)
        for each in given:
            line.put(each)
        takers = Takers(line, 2, pause=True)
        await turns(4)
        assert takers.taken == given[:2]
        await takers.end()

    asyncio.run(run())


def test_a_wake_for_what_was_taken_out_meanwhile_costs_nothing():
    async def run() -> None:
        line, given = Line(), attempts(2)
        takers = Takers(line, 2, pause=True)
        await turns(2)
        line.put(given[0])
        assert line.take_all() == given[:1]
        await turns(4)
        line.put(given[1])
        await turns(4)
        assert takers.taken == given[1:]
        await takers.end()

    asyncio.run(run())


def test_while_it_is_held_nobody_is_woken_and_then_all_is_taken():
    async def run() -> None:
        line, given = Line(), attempts(20)
        takers = Takers(line, 5, pause=False)
        await turns(2)
        line.hold(4)
        for each in given[:10]:
            line.put(each)
        line.hold(3)
        await turns(3)
        assert takers.taken == []
        await turns(4)
        assert takers.taken == given[:10]
        for each in given[10:]:
            line.put(each)
        await turns(3)
        assert takers.taken == given
        await takers.end()

    asyncio.run(run())


def test_what_is_held_can_be_taken_back():
    async def run() -> None:
        line, given = Line(), attempts(3)
        takers = Takers(line, 1, pause=False)
        await turns(2)
        line.hold(2)
        for each in given:
            line.put(each)
        assert line.take_all() == given
        await turns(5)
        assert takers.taken == []
        await takers.end()

    asyncio.run(run())
