"""Servers end with the process that started them, however that ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ..servers.process import wait_until

ROOT = Path(__file__).parents[2]

PROGRAM = """
from tests.servers import PostgresServer, RedisServer

servers = [PostgresServer(), RedisServer()]
for server in servers:
    server.start()
print(*(f"{server.process.pid} {server.folder}" for server in servers), sep="\\n", flush=True)
input()
"""


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended, waited for by its new parent or not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


@pytest.mark.parametrize("ending", ["exit", "kill"])
def test_nothing_is_left(ending):
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        words = [process.stdout.readline().split() for _ in range(2)]
        assert not any(is_gone(int(pid)) for pid, _ in words)
        assert all(Path(folder).exists() for _, folder in words)
        if ending == "kill":
            process.send_signal(signal.SIGKILL)
        process.communicate("\n", timeout=60)
    for pid, folder in words:
        wait_until(lambda pid=pid: is_gone(int(pid)), f"The server {pid} was left")
        wait_until(lambda folder=folder: not Path(folder).exists(), f"{folder} was left")
