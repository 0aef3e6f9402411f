"""Natural batching: shared calls, never shared fates (clause ENQ-4)."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp.batching import Batcher
from aide_de_camp.spi import StorageError, StorageUnavailable


class Sender:
    """Answers each number with its double, and remembers the calls."""

    def __init__(self, bad=(), error=ValueError):
        self.calls = []
        self.bad = set(bad)
        self.error = error
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, items):
        await self.gate.wait()
        self.calls.append(list(items))
        if self.bad & set(items):
            raise self.error("one of these is bad")
        return [item * 2 for item in items]


def run(scenario):
    return asyncio.run(scenario())


def test_what_one_turn_of_the_loop_asks_for_goes_in_one_call():
    async def scenario():
        sender = Sender()
        batcher = Batcher(sender, most_items=1_000)
        answers = await asyncio.gather(*(batcher.submit([n]) for n in range(50)))
        assert answers == [[n * 2] for n in range(50)]
        assert sender.calls == [list(range(50))]

    run(scenario)


def test_what_comes_while_a_call_is_under_way_goes_in_the_next():
    async def scenario():
        sender = Sender()
        sender.gate.clear()
        batcher = Batcher(sender, most_items=1_000)
        first = asyncio.create_task(batcher.submit([1]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        others = [asyncio.create_task(batcher.submit([n])) for n in (2, 3)]
        await asyncio.sleep(0)
        sender.gate.set()
        assert await asyncio.gather(first, *others) == [[2], [4], [6]]
        assert sender.calls == [[1], [2, 3]]

    run(scenario)


def test_a_group_is_never_cut_and_limits_are_kept():
    async def scenario():
        sender = Sender()
        batcher = Batcher(sender, most_items=4, most_weight=100, weigh=lambda item: item)
        groups = ([1, 2], [3, 4], [5], [97], [9])
        answers = await asyncio.gather(*(batcher.submit(group) for group in groups))
        assert answers == [[item * 2 for item in group] for group in groups]
        assert sender.calls == [[1, 2, 3, 4], [5], [97], [9]]

    run(scenario)


def test_one_bad_item_fails_its_own_caller_alone():
    async def scenario():
        sender = Sender(bad=[3])
        batcher = Batcher(sender, most_items=1_000)
        answers = await asyncio.gather(
            *(batcher.submit([n]) for n in range(5)), return_exceptions=True
        )
        assert [type(each) for each in answers] == [list, list, list, ValueError, list]
        assert sender.calls == [[0, 1, 2, 3, 4], [0], [1], [2], [3], [4]]

    run(scenario)


def test_an_outage_fails_all_at_once_with_an_error_of_their_own():
    async def scenario():
        def unavailable(message):
            return StorageUnavailable(message, outcome_unknown=True)

        sender = Sender(bad=[1], error=unavailable)
        batcher = Batcher(sender, most_items=1_000)
        errors = await asyncio.gather(
            *(batcher.submit([n]) for n in range(3)), return_exceptions=True
        )
        assert all(isinstance(each, StorageUnavailable) for each in errors)
        assert all(each.outcome_unknown for each in errors)
        assert len({id(each) for each in errors}) == 3
        assert len(sender.calls) == 1

    run(scenario)


def test_a_cancelled_caller_cancels_nobody_else_and_takes_nothing_back():
    async def scenario():
        sender = Sender()
        sender.gate.clear()
        batcher = Batcher(sender, most_items=1_000)
        callers = [asyncio.create_task(batcher.submit([n])) for n in range(3)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        callers[1].cancel()
        with pytest.raises(asyncio.CancelledError):
            await callers[1]
        sender.gate.set()
        assert await callers[0] == [0]
        assert await callers[2] == [4]
        assert sender.calls == [[0, 1, 2]]

    run(scenario)


def test_a_cancelled_caller_of_a_failing_call_is_no_trouble():
    async def scenario():
        sender = Sender(bad=[0])
        sender.gate.clear()
        batcher = Batcher(sender, most_items=1_000)
        caller = asyncio.create_task(batcher.submit([0]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        caller.cancel()
        sender.gate.set()
        await batcher.settled()
        await batcher.settled()
        assert sender.calls == [[0]]

    run(scenario)


@pytest.mark.parametrize(
    "answers",
    [[], [1], [1, 2, 3, 4], None, 7, object(), (each for each in (1, 2, 3)), {1: 1, 2: 2, 3: 3}],
    ids=["none", "fewer", "more", "None", "a number", "an object", "a generator", "a mapping"],
)
@pytest.mark.parametrize("groups", [[[1, 2, 3]], [[1], [2, 3]], [[1], [2], [3]]])
def test_an_answer_of_the_wrong_shape_fails_every_caller_and_nothing_is_sent_again(answers, groups):
    async def scenario():
        calls = []

        async def send(items):
            calls.append(list(items))
            return answers

        batcher = Batcher(send, most_items=1_000, what="double numbers")
        errors = await asyncio.gather(
            *(batcher.submit(group) for group in groups), return_exceptions=True
        )
        assert [type(each) for each in errors] == [StorageError] * len(groups)
        assert len({id(each) for each in errors}) == len(groups)
        assert all("double numbers" in str(each) for each in errors)
        assert calls == [[1, 2, 3]]

        async def mended(items):
            return [item * 2 for item in items]

        batcher._send = mended
        assert await batcher.submit([4]) == [8]

    run(scenario)


def test_equal_keys_never_travel_together_and_the_order_is_kept():
    async def scenario():
        sender = Sender()
        batcher = Batcher(sender, most_items=1_000, key=lambda item: item % 10)
        groups = ([1], [2, 3], [11], [4], [12, 5], [21, 14], [21])
        answers = await asyncio.gather(*(batcher.submit(group) for group in groups))
        assert answers == [[item * 2 for item in group] for group in groups]
        assert sender.calls == [[1, 2, 3], [11, 4, 12, 5], [21, 14], [21]]

    run(scenario)


def test_without_a_key_equal_items_travel_together():
    async def scenario():
        sender = Sender()
        batcher = Batcher(sender, most_items=1_000)
        await asyncio.gather(*(batcher.submit([1]) for _ in range(3)))
        assert sender.calls == [[1, 1, 1]]

    run(scenario)


def test_equal_keys_of_a_failing_call_are_each_answered():
    async def scenario():
        sender = Sender(bad=[1])
        batcher = Batcher(sender, most_items=1_000, key=lambda item: item)
        answers = await asyncio.gather(
            *(batcher.submit([n]) for n in (1, 2, 1, 2)), return_exceptions=True
        )
        assert [type(each) for each in answers] == [ValueError, list, ValueError, list]

    run(scenario)


@pytest.mark.parametrize("bad", [[], [0, 1, 2]], ids=["one call", "one by one"])
def test_whatever_ends_the_sending_nobody_waits_for_ever(bad):
    async def scenario():
        class Stuck(Sender):
            async def __call__(self, items):
                if len(items) == 1:
                    await asyncio.Event().wait()
                return await super().__call__(items)

        sender = Stuck(bad=bad)
        batcher = Batcher(sender, most_items=1_000)
        if not bad:
            sender.gate.clear()
        callers = [asyncio.create_task(batcher.submit([n])) for n in range(3)]
        for _ in range(5):
            await asyncio.sleep(0)
        callers.append(asyncio.create_task(batcher.submit([9])))
        await asyncio.sleep(0)
        batcher._sending.cancel()
        async with asyncio.timeout(30):
            ends = await asyncio.gather(*callers, return_exceptions=True)
        assert [type(each) for each in ends] == [asyncio.CancelledError] * 4

    run(scenario)


def test_what_came_of_it_is_told_where_the_caller_is_gone():
    async def scenario():
        sender = Sender()
        sender.gate.clear()
        batcher = Batcher(sender, most_items=1_000)
        told = []
        callers = [asyncio.create_task(batcher.submit([n], told.append)) for n in (1, 2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        callers[0].cancel()
        await asyncio.sleep(0)
        sender.gate.set()
        assert await callers[1] == [4]
        assert told == [[2], [4]]

    run(scenario)
