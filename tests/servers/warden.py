"""Run as a program: reads what to watch, and ends all of it when its input ends."""

from __future__ import annotations

import os
import select
import shutil
import signal
import sys

MERCY_S = 5.0
"""How long a server may take to end by itself; it needn't save anything."""


def main() -> None:
    """Watch until the process of the tests is gone."""
    handles: dict[int, tuple[int | None, int]] = {}
    folders: list[str] = []
    for line in sys.stdin:
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "folder":
            folders.append(rest)
        elif word == "forget":
            handle, _ = handles.pop(int(rest), (None, 0))
            if handle is not None:
                os.close(handle)
        else:
            pid, last_signal = map(int, rest.split())
            try:
                handles[pid] = (handle_of(pid), last_signal)
            except ProcessLookupError:
                continue  # it ended at once
    for pid, (handle, last_signal) in handles.items():
        send(pid, handle, last_signal)
    for pid, (handle, _) in handles.items():
        if not ended(handle):
            send(pid, handle, signal.SIGKILL)
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def handle_of(pid: int) -> int | None:
    """Hold on to a process, so that its number can't come to mean another one."""
    return os.pidfd_open(pid) if sys.platform == "linux" else None


def send(pid: int, handle: int | None, number: int) -> None:
    """Signal a process, unless it is gone."""
    try:
        if handle is not None and sys.platform == "linux":
            signal.pidfd_send_signal(handle, number)
        else:
            os.kill(pid, number)
    except ProcessLookupError:
        pass


def ended(handle: int | None) -> bool:
    """Wait a little for a process to end."""
    readable, _, _ = select.select([] if handle is None else [handle], [], [], MERCY_S)
    return bool(readable)


if __name__ == "__main__":
    main()
