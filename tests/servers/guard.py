"""Has servers and folders end with this process, also when it is killed."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
from pathlib import Path

WARDEN = Path(__file__).with_name("warden.py")


class Guard:
    """The near end of the warden's pipe. It acts when that closes, as it does when we die."""

    def __init__(self) -> None:
        theirs, ours = os.pipe()
        # In a session of its own, so that a Ctrl-C at the terminal doesn't reach it.
        self._warden = subprocess.Popen(
            [sys.executable, "-I", "-S", str(WARDEN)],
            stdin=theirs,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        # It is to outlive us: nobody waits for it, and the garbage collector needn't complain.
        self._warden.returncode = 0
        os.close(theirs)
        self._pipe = ours

    def watch(self, pid: int, last_signal: signal.Signals) -> None:
        """Have a child of ours, not yet waited for, end with this process."""
        self._say(f"watch {pid} {int(last_signal)}")

    def forget(self, pid: int) -> None:
        """Leave a child alone: it is gone."""
        self._say(f"forget {pid}")

    def keep(self, folder: Path) -> None:
        """Have a folder removed when this process ends."""
        self._say(f"folder {folder}")

    def _say(self, line: str) -> None:
        os.write(self._pipe, f"{line}\n".encode())


@functools.cache
def _guard_of(_pid: int) -> Guard:
    return Guard()


def guard() -> Guard:
    """Give this process's guard; a forked child has its own."""
    return _guard_of(os.getpid())
