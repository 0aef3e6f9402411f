"""What processes used: CPU time and memory, read from outside."""

from __future__ import annotations

from collections.abc import Iterable

import psutil

MEGABYTE = 1_000_000


def tree(pid: int) -> list[psutil.Process]:
    """Give a process and all below it, as far as they are there."""
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def cpu_seconds(pids: Iterable[int]) -> float:
    """Give the CPU seconds of some processes with all below them, those that have ended too."""
    total = 0.0
    for each in (process for pid in pids for process in tree(pid)):
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def memory_mb(pids: Iterable[int]) -> float:
    """Give the resident memory of some processes with all below them, in 10^6 bytes."""
    total = 0
    for each in (process for pid in pids for process in tree(pid)):
        try:
            total += each.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total / MEGABYTE


def busy_seconds() -> float:
    """Give the CPU seconds that the whole machine has worked."""
    times = psutil.cpu_times()
    return float(times.user + times.nice + times.system)
