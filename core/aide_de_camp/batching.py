"""Natural batching: what is asked for while a call is under way goes together in the next.

No timer and no added latency: the first call goes out at once, and what one turn of the event
loop, or one call to the storage, gathered shares the following call and its commit.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Generic, TypeVar

from attrs import frozen

from aide_de_camp.answers import one_each
from aide_de_camp.spi import StorageError, StorageUnavailable

T = TypeVar("T")
R = TypeVar("R")


@frozen(eq=False)
class _Group(Generic[T, R]):
    """What one caller asked for: all of it goes in one call, or none."""

    items: Sequence[T]
    weight: int
    answer: asyncio.Future[Sequence[R]]
    answered: Callable[[Sequence[R]], None] | None


class Batcher(Generic[T, R]):
    """Combines the items of many callers into few calls, never their fates (clause ENQ-4).

    Args:
        send: takes the items of one call and gives an answer for each, in order.
        what: what it has done to the items, for messages: "store jobs".
        most_items: the most items of one call.
        most_weight: the most weight of one call.
        weigh: gives an item's weight.
        key: gives what must stand at most once in one call: the caller who comes later waits for
            the next call, and so do all behind it. One caller's items must differ in it.
    """

    def __init__(
        self,
        send: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        most_items: int,
        what: str = "take items",
        most_weight: int = 1,
        weigh: Callable[[T], int] = lambda _: 0,
        key: Callable[[T], Hashable] | None = None,
    ) -> None:
        self._send = send
        self._what = what
        self._most_items = most_items
        self._most_weight = most_weight
        self._weigh = weigh
        self._key = key
        self._waiting: deque[_Group[T, R]] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def submit(
        self, items: Sequence[T], answered: Callable[[Sequence[R]], None] | None = None
    ) -> Sequence[R]:
        """Have items sent, together with whatever else is waiting.

        A caller that is cancelled while it waits takes nothing back: its items are sent.

        Args:
            items: what goes in one call, all of it or none.
            answered: told of the answers, also where the caller was cancelled meanwhile.

        Returns:
            The answers to these items, in order.

        Raises:
            StorageError: the call for these items was answered with more or fewer than it had.
            Exception: what the call for these items raised; a stranger's item is never to blame.
        """
        answer: asyncio.Future[Sequence[R]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Group(items, sum(map(self._weigh, items)), answer, answered))
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_all())
        return await answer

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._sending is not None and not self._sending.done():
            await asyncio.wait([self._sending])

    async def _send_all(self) -> None:
        groups: list[_Group[T, R]] = []
        try:
            while self._waiting:
                groups = self._next_groups()
                await self._send_together(groups)
        finally:
            # Whatever ends it early, such as a loop that is torn down: nobody waits for ever.
            for group in (*groups, *self._waiting):
                group.answer.cancel()
            self._waiting.clear()

    def _next_groups(self) -> list[_Group[T, R]]:
        groups = [self._waiting.popleft()]
        items, weight = len(groups[0].items), groups[0].weight
        keys = self._keys_of(groups[0])
        while self._waiting:
            following = self._waiting[0]
            items += len(following.items)
            weight += following.weight
            more = self._keys_of(following)
            if items > self._most_items or weight > self._most_weight or keys & more:
                break
            keys |= more
            groups.append(self._waiting.popleft())
        return groups

    def _keys_of(self, group: _Group[T, R]) -> set[Hashable]:
        return set() if self._key is None else set(map(self._key, group.items))

    async def _send_together(self, groups: list[_Group[T, R]]) -> None:
        items = [item for group in groups for item in group.items]
        try:
            answers = await self._send(items)
        except StorageUnavailable as error:
            for group in groups:
                _fail(group, error if len(groups) == 1 else _own_copy(error))
        except Exception as error:  # noqa: BLE001 (it is handed to the caller, whatever it is)
            if len(groups) == 1:
                _fail(groups[0], error)
            else:
                for group in groups:
                    await self._send_together([group])
        else:
            self._answer(groups, answers, len(items))

    def _answer(self, groups: list[_Group[T, R]], answers: Sequence[R], count: int) -> None:
        try:
            one_each(answers, count, self._what)
        except StorageError as error:
            for group in groups:
                _fail(group, StorageError(str(error)))
            return
        start = 0
        for group in groups:
            end = start + len(group.items)
            if group.answered is not None:
                group.answered(answers[start:end])
            if not group.answer.done():
                group.answer.set_result(answers[start:end])
            start = end


def _fail(group: _Group[T, R], error: Exception) -> None:
    if not group.answer.done():
        group.answer.set_exception(error)


def _own_copy(error: StorageUnavailable) -> StorageUnavailable:
    """Make an error that one caller can raise without its traceback growing into another's."""
    copy = StorageUnavailable(str(error), outcome_unknown=error.outcome_unknown)
    copy.__cause__ = error
    return copy
