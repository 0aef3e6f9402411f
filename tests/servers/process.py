"""One server's process: started, waited for until it answers, ended, killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .errors import ServerFailed
from .guard import guard

PATIENCE_S = 60.0
"""How long a server may take for what takes it a second on an idle machine."""
PAUSE_S = 0.01


class Process:
    """A command that runs until it is told to end, in a folder that has its log.

    Args:
        command: The program and its arguments.
        folder: Where it runs, and where ``log`` is written.
        end_signal: What has it end tidily.
        last_signal: What has it end at once when the tests are gone.
        account: Arguments of ``Popen`` that say as whom it runs.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        end_signal: signal.Signals,
        last_signal: signal.Signals,
        account: Mapping[str, Any] | None = None,
    ) -> None:
        self.command = list(command)
        self.folder = folder
        self.log = folder / "log"
        self.end_signal = end_signal
        self.last_signal = last_signal
        self.account = dict(account or {})
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def running(self) -> bool:
        """Whether it has been started and hasn't ended since."""
        return self._child is not None and self._child.poll() is None

    @property
    def pid(self) -> int:
        """The number of the process, which must run."""
        if self._child is None or not self.running:
            raise ServerFailed(f"{self.command[0]} doesn't run")
        return self._child.pid

    def start(self, is_ready: Callable[[], bool]) -> None:
        """Start it and wait until it is ready.

        Raises:
            ServerFailed: It ended, or isn't ready in time.
        """
        if self.running:
            raise ServerFailed(f"{self.command[0]} runs already")
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self.account,
            )
        guard().watch(self._child.pid, self.last_signal)
        try:
            wait_until(lambda: not self.running or is_ready(), "it never answered")
            if not self.running:
                raise ServerFailed("it ended")
        except ServerFailed as problem:
            self.kill()
            raise ServerFailed(
                f"{' '.join(self.command)} didn't start: {problem}. Its log ends with:\n"
                f"{self.last_words()}"
            ) from None

    def stop(self) -> None:
        """Have it end tidily, if it runs."""
        if self.running:
            self._end(self.end_signal)

    def kill(self) -> None:
        """End it with SIGKILL, and its own children with it."""
        if self.running:
            # Stopped, it can't react to its children's end, nor start others meanwhile.
            os.kill(self.pid, signal.SIGSTOP)
            for child in _children(self.pid):
                os.kill(child, signal.SIGKILL)
        self._end(signal.SIGKILL)

    def last_words(self) -> str:
        """Give the end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])

    def _end(self, number: signal.Signals) -> None:
        if self._child is None:
            return
        self._child.send_signal(number)  # does nothing if it has ended
        try:
            self._child.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait(PATIENCE_S)
            raise ServerFailed(f"{self.command[0]} didn't end when told to") from None
        finally:
            guard().forget(self._child.pid)
            self._child = None


def wait_until(condition: Callable[[], object], problem: str) -> None:
    """Wait for a condition.

    Raises:
        ServerFailed: It didn't come about in ``PATIENCE_S``; with ``problem`` as the message.
    """
    end = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > end:
            raise ServerFailed(problem)
        time.sleep(PAUSE_S)


def _environment() -> dict[str, str]:
    """Leave out what would point a server, or its tools, at another one."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LANG": "C", "LC_ALL": "C"}


def _children(pid: int) -> list[int]:
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []  # not Linux: they notice by themselves that their parent is gone
