"""The scheduled jobs of one queue, in the order of PRI-2, one sorted list per job type."""

from __future__ import annotations

import heapq
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from itertools import islice

from aide_de_camp_backends.memory.job import Place

_LAST_ID = b"\xff" * 17
"""Sorts behind every id."""


class Waiting:
    """Sorted places of the scheduled jobs, due or not, in one order."""

    def __init__(self) -> None:
        self._places: dict[str, list[Place]] = {}

    def add(self, job_type: str, place: Place) -> None:
        """Put a job in."""
        insort(self._places.setdefault(job_type, []), place)

    def remove(self, job_type: str, place: Place) -> None:
        """Take a job out that is there."""
        places = self._places[job_type]
        del places[bisect_left(places, place)]
        if not places:
            del self._places[job_type]

    def due(self, types: Iterable[str] | None, now: int, limit: int) -> list[Place]:
        """Give the first due places of the types, in order; None means all types."""
        walks = [_due_of(self._places[name], now) for name in self._present(types)]
        return list(islice(heapq.merge(*walks), limit))

    def next_due(self, types: Iterable[str] | None) -> int | None:
        """Give the earliest time at which any job of the types falls due."""
        return min(
            (
                places[start][1]
                for name in self._present(types)
                for places in (self._places[name],)
                for start in _levels(places)
            ),
            default=None,
        )

    def _present(self, types: Iterable[str] | None) -> list[str]:
        if types is None:
            return list(self._places)
        return [name for name in dict.fromkeys(types) if name in self._places]


def _levels(places: list[Place]) -> Iterator[int]:
    """Give the index at which each priority begins."""
    start = 0
    while start < len(places):
        yield start
        start = bisect_left(places, (places[start][0] + 1,))


def _due_of(places: list[Place], now: int) -> Iterator[Place]:
    """Give the due places of one type: of each priority in turn, those up to ``now``."""
    for start in _levels(places):
        end = bisect_right(places, (places[start][0], now, _LAST_ID), lo=start)
        yield from places[start:end]
