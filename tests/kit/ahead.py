"""Hunting ahead: more hunts at once than tests, of those only that are next in line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from typing import Any


class Ahead:
    """Has some of what comes next under way.

    Where pytest runs in several processes each has tests that stand together in the line, so that
    hunting everything at once would have every process hunt for all of them.

    Args:
        pool: hunts.
        line: the names, in the order of their tests.
        submit: gives a name to the pool.
        number: how many are under way at once.
    """

    def __init__(
        self,
        pool: Executor,
        line: Sequence[str],
        submit: Callable[[Executor, str], Future[Any]],
        *,
        number: int,
    ) -> None:
        self._pool = pool
        self._line = list(line)
        self._submit = submit
        self._number = number
        self._hunts: dict[str, Future[Any]] = {}

    def result(self, name: str) -> Any:
        """Give what a hunt found, and have those behind it go on meanwhile."""
        start = self._line.index(name)
        for each in self._line[start : start + self._number]:
            if each not in self._hunts:
                self._hunts[each] = self._submit(self._pool, each)
        return self._hunts[name].result()


def line_of(items: Sequence[Any], parameter: str, known: Any) -> list[str]:
    """Give the names that a session's tests ask for, in their order."""
    asked = [item.callspec.params.get(parameter) for item in items if hasattr(item, "callspec")]
    return list(dict.fromkeys(name for name in asked if name in known))
