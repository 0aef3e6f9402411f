"""Writing a history down so that what was acknowledged is in it, however the process ends."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
import threading
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec

from aide_de_camp_conformance.histories.event import Event, Operation, Phase

_SHARED_CLOCKS: Final = ("linux", "darwin")
"""Where the monotonic clock is one for all processes of a machine, until it is started again."""


class Recorder:
    """Appends the events of one process to a file of its own.

    An event is one write of one line. It is handed to the operating system before the call goes
    on, so that it outlives the process; it doesn't outlive the machine.

    Attributes:
        calls: how many began.

    Args:
        path: the file.
        process: a name that no other process of the history ever has.
    """

    def __init__(self, path: Path, process: str) -> None:
        self.process = process
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._clock = clock_name()
        self.calls = 0
        self._lock = threading.Lock()

    def begin(self, operation: Operation, **told: Any) -> int:
        """Write that a call begins, before it does.

        Args:
            operation: which.
            told: the other attributes of :class:`Event`.

        Returns:
            The call's number.
        """
        with self._lock:
            self.calls += 1
            call = self.calls
        self._write(call, operation, Phase.INVOKE, told)
        return call

    def end(self, call: int, operation: Operation, phase: Phase, **told: Any) -> None:
        """Write how a call ended, before its caller hears of it."""
        self._write(call, operation, phase, told)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _write(self, call: int, operation: Operation, phase: Phase, told: dict[str, Any]) -> None:
        # The time is read on the outer side: before an invocation, after an answer; what is
        # written of a call is never shorter than the call was.
        event = Event(
            process=self.process,
            call=call,
            operation=operation,
            phase=phase,
            clock=self._clock,
            time=time.monotonic_ns(),
            **told,
        )
        os.write(self._file, msgspec.json.encode(event) + b"\n")


def read(paths: Iterable[Path]) -> list[Event]:
    """Read histories; a line that was cut by the death of its process is left out.

    Raises:
        ValueError: a file holds something else.
    """
    events: list[Event] = []
    for path in sorted(paths):
        whole, _, _ = path.read_bytes().rpartition(b"\n")
        events += [msgspec.json.decode(line, type=Event) for line in whole.splitlines()]
    return events


def digest(payload: bytes) -> str:
    """Give what stands for a payload in a history, which never holds one."""
    return f"{len(payload)}:{hashlib.blake2b(payload, digest_size=8).hexdigest()}"


@cache
def clock_name() -> str:
    """Name the clock that this process reads; two with the same name read the same one."""
    if sys.platform not in _SHARED_CLOCKS:
        return f"{platform.node()}:{os.getpid()}"
    boot = Path("/proc/sys/kernel/random/boot_id")
    try:
        return boot.read_text("ascii").strip()
    except OSError:
        return platform.node()
