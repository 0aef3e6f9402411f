"""What workers have done, read from the files that their handlers write (``peers/tally.py``)."""

from __future__ import annotations

import struct
from pathlib import Path

from attrs import frozen

_RECORD = struct.Struct("<qqq")


@frozen
class Count:
    """All workers together.

    Attributes:
        jobs: how many ran.
        workers: how many processes ran one.
        first: when the first ran, in nanoseconds of the monotonic clock; 0 if none did.
        last: when the last one did.
    """

    jobs: int
    workers: int
    first: int
    last: int


class Tallies:
    """The folder of one measurement."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def count(self) -> Count:
        """Add up."""
        found = [path.read_bytes() for path in self.folder.glob("*.count")]
        records = [_RECORD.unpack(each) for each in found if len(each) == _RECORD.size]
        firsts = [first for _, first, _ in records if first]
        return Count(
            sum(jobs for jobs, _, _ in records),
            len(records),
            min(firsts, default=0),
            max((last for _, _, last in records), default=0),
        )

    def go(self) -> None:
        """Let the workers begin, which wait with their first job in hand."""
        (self.folder / "go").touch()

    def waits_ms(self) -> list[float]:
        """Give how long the stamped jobs waited, shortest first."""
        waits: list[float] = []
        for path in self.folder.glob("*.waits"):
            content = path.read_bytes()
            whole = len(content) // 8
            waits += (each / 1e6 for each in struct.unpack(f"<{whole}q", content[: whole * 8]))
        return sorted(waits)
