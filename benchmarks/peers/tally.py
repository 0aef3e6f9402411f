"""What the no-op handler of every contestant does: it counts itself, at the same cost for all.

Each worker process has a file of its own in the folder ``ADC_BENCH_TALLY``, mapped into memory:
how many jobs it ran, when the first and the last of them ran (nanoseconds of the monotonic clock,
which all processes of a machine share). The suite reads these files from outside. A job that
carries the time of its scheduling leaves its wait in a second file.

The first job of a process waits for the file ``go``: so all workers start from one line, with
their start-up behind them. Only the standard library is used: each peer's environment runs this.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from pathlib import Path
from typing import Any

RECORD = struct.Struct("<qqq")
"""How many, the first, the last."""
WAIT = struct.Struct("<q")
PAUSE_S = 0.002


class Tally:
    """The count of one process."""

    def __init__(self, folder: Path) -> None:
        name = str(os.getpid())
        path = folder / f"{name}.count"
        path.write_bytes(bytes(RECORD.size))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), RECORD.size)
        self._waits = os.open(
            folder / f"{name}.waits", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600
        )
        self._count = 0
        while not (folder / "go").exists():
            time.sleep(PAUSE_S)
        self._first = time.monotonic_ns()

    def add(self, stamp: int) -> None:
        """Count a job; ``stamp`` is when it was scheduled, or 0."""
        now = time.monotonic_ns()
        self._count += 1
        RECORD.pack_into(self._map, 0, self._count, self._first, now)
        if stamp:
            os.write(self._waits, WAIT.pack(now - stamp))


_lock = threading.Lock()
_tallies: dict[int, Tally] = {}


def done(payload: dict[str, Any]) -> None:
    """Count a job, in whatever process and thread it runs."""
    with _lock:
        tally = _tallies.get(os.getpid())
        if tally is None:
            # A forked child's parent may have counted: the file is the child's own all the same.
            tally = _tallies[os.getpid()] = Tally(Path(os.environ["ADC_BENCH_TALLY"]))
        tally.add(payload["t"])
