"""What happened in a simulation, line by line: two runs of one seed write the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any
from uuid import UUID

from attrs import frozen


@frozen
class Line:
    """One thing that happened.

    Attributes:
        seconds: when, by the loop's time.
        who: the lane, or the part of the simulation.
        what: in a few words.
        job: which job it is about; None where it is about none.
        more: what else there is to say.
    """

    seconds: float
    who: str
    what: str
    job: UUID | None = None
    more: tuple[Any, ...] = ()

    def __str__(self) -> str:
        job = "" if self.job is None else f" {short(self.job)}"
        more = "".join(f" {each}" for each in self.more)
        return f"{self.seconds:12.3f}  {self.who:<12} {self.what}{job}{more}"


class Trace:
    """The lines of one run.

    Args:
        time: gives the loop's time.

    Attributes:
        closed: True once nothing more is written.
    """

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self.closed = False
        self._lines: list[tuple[float, str, str, UUID | None, tuple[Any, ...]]] = []

    def add(self, who: str, what: str, job: UUID | None = None, *more: Any) -> None:
        """Write a line; what it holds must have the same text in every process."""
        if not self.closed:
            self._lines.append((self._time(), who, what, job, more))

    def close(self) -> None:
        """Write nothing more: what is torn down afterwards is no part of the run."""
        self.closed = True

    def __len__(self) -> int:
        return len(self._lines)

    def __iter__(self) -> Iterator[Line]:
        return (Line(*each) for each in self._lines)

    def digest(self) -> str:
        """Give the SHA-256 of all of it."""
        digest = hashlib.sha256()
        for line in self._lines:
            digest.update(repr(line).encode())
        return digest.hexdigest()

    def about(self, jobs: Collection[UUID]) -> Iterable[Line]:
        """Give the lines about some jobs, and meanwhile those of the lanes that met them."""
        lines = list(self)
        own = [number for number, line in enumerate(lines) if line.job in jobs]
        met = {lines[number].who for number in own}
        between = range(min(own), max(own)) if own else range(0)
        return [
            line
            for number, line in enumerate(lines)
            if line.job in jobs or (number in between and line.job is None and line.who in met)
        ]


def short(job: UUID) -> str:
    """Name a job in few characters: those that differ."""
    return f"{job.hex[7:12]}-{job.hex[-4:]}"
