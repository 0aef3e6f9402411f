"""Driving one contestant: its adapter, its workers, and what they used."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Self

from benchmarks.suite.tallies import Tallies
from benchmarks.suite.venvs import PEERS
from tests.servers.guard import guard

_MERCY_S = 15.0
_SHOWN = 500


class Failed(Exception):
    """A contestant can't be measured; the message says why."""


class Unsupported(Exception):
    """A contestant has no such call; the message says what."""


class Driver:
    """An adapter and its workers. All are ended with it.

    Args:
        python: the contestant's Python.
        words: what it runs: ``drive.py`` and the adapter's name.
        url: where the jobs are.
        folder: an empty folder, for logs and tallies.
        environment: more variables.
        patience: seconds for an answer.
    """

    def __init__(
        self,
        python: str | Path,
        words: Sequence[str],
        url: str,
        folder: Path,
        *,
        environment: dict[str, str] | None = None,
        patience: float = 600,
    ) -> None:
        self.tallies = Tallies(folder / "tally")
        self._folder = folder
        self._patience = patience
        self._environment = {
            **os.environ,
            **(environment or {}),
            "ADC_BENCH_URL": url,
            "ADC_BENCH_TALLY": str(self.tallies.folder),
            "PYTHONPATH": os.pathsep.join([str(PEERS), *(os.environ.get("PYTHONPATH", ""),)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONWARNINGS": "ignore",
        }
        self.workers: list[subprocess.Popen[bytes]] = []
        if not Path(python).exists():
            raise Failed(f"its Python isn't there: {python}")
        self._log = (folder / "adapter.log").open("wb")
        self._adapter = subprocess.Popen(
            [str(python), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=PEERS,
            env=self._environment,
            start_new_session=True,
        )
        self._answers: queue.Queue[bytes] = queue.Queue()
        # Whatever becomes of the suite, nothing that it started stays.
        guard().watch(self._adapter.pid, signal.SIGTERM)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.hello: dict[str, Any] = {}

    def __enter__(self) -> Self:
        try:
            self.hello = self.ask("hello")
            self.ask("prepare")
        except BaseException:  # an interrupt too must leave no process behind
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        return self._adapter.pid

    @property
    def worker_pids(self) -> list[int]:
        return [each.pid for each in self.workers]

    def ask(self, what: str, **named: Any) -> dict[str, Any]:
        """Ask the adapter.

        Raises:
            Failed: it can't, ended, or doesn't answer.
            Unsupported: its project has no such call.
        """
        try:
            self._stdin.write(json.dumps({"do": what, **named}).encode() + b"\n")
            self._stdin.flush()
            line = self._answers.get(timeout=self._patience)
        except BrokenPipeError:
            line = b""
        except queue.Empty:
            raise Failed(f"{what}: no answer in {self._patience:.0f} s") from None
        if not line:
            raise Failed(f"{what}: the adapter ended: {self._last_words('adapter.log')}")
        answer: dict[str, Any] = json.loads(line)
        if "unsupported" in answer:
            raise Unsupported(answer["unsupported"])
        if "error" in answer:
            raise Failed(f"{what}: {answer['error']}")
        return answer

    def start_workers(self, count: int) -> None:
        """Start worker processes by the command that the adapter gave."""
        for _ in range(count):
            with (self._folder / "worker.log").open("ab") as log:
                started = subprocess.Popen(
                    self.hello["worker"],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=PEERS,
                    env=self._environment,
                    start_new_session=True,
                )
            guard().watch(started.pid, signal.SIGTERM)
            self.workers.append(started)

    def wait_for(self, jobs: int, patience: float) -> None:
        """Wait until so many jobs ran, by the workers' own count.

        Raises:
            Failed: a worker ended, or nothing happened for ``patience`` seconds.
        """
        seen, since = -1, time.monotonic()
        while True:
            count = self.tallies.count().jobs
            if count > jobs:
                raise Failed(f"{count} attempts were made for {jobs} jobs")
            if count == jobs:
                return
            if count != seen:
                seen, since = count, time.monotonic()
            self._check(f"{count} of {jobs} jobs ran", since, patience)
            time.sleep(0.005)

    def wait_for_workers(self, patience: float) -> None:
        """Wait until each worker has its first job in hand, and waits for ``go``.

        Raises:
            Failed: as above.
        """
        since = time.monotonic()
        while (there := self.tallies.count().workers) < len(self.workers):
            self._check(f"{there} of {len(self.workers)} workers took a job", since, patience)
            time.sleep(0.005)

    def wait_until_stored(self, jobs: int, patience: float) -> bool:
        """Wait until so many jobs ran and the storage says that nothing is left of them.

        Returns:
            Whether the storage said so later than the last handler. It doesn't where its first
            answer was that nothing is left.

        Raises:
            Failed: as above.
        """
        self.wait_for(jobs, patience)
        since = time.monotonic()
        waited = False
        while left := self.ask("pending")["pending"]:
            waited = True
            self._check(f"all ran, but {left} aren't finished in the storage", since, patience)
            time.sleep(0.02)
        # What was handed out twice was perhaps counted after the wait.
        self.wait_for(jobs, patience)
        return waited

    def close(self) -> None:
        for each in self.workers:
            _end(each)
        # One that doesn't answer any more is ended as the workers are.
        with suppress(OSError, subprocess.TimeoutExpired):
            self._stdin.write(b'{"do": "quit"}\n')
            self._stdin.flush()
            self._adapter.wait(_MERCY_S)
        _end(self._adapter)
        self._reader.join()
        with suppress(OSError):
            self._stdin.close()
        self._log.close()

    def _check(self, state: str, since: float, patience: float) -> None:
        ended = [each.poll() for each in self.workers if each.poll() is not None]
        if ended:
            raise Failed(f"{state}; a worker ended ({ended[0]}): {self._last_words('worker.log')}")
        if time.monotonic() - since > patience:
            words = self._last_words("worker.log")
            raise Failed(f"{state}, then nothing for {patience:.0f} s. {words}".strip())

    @property
    def _stdin(self) -> IO[bytes]:
        assert self._adapter.stdin is not None
        return self._adapter.stdin

    def _read(self) -> None:
        assert self._adapter.stdout is not None
        with self._adapter.stdout as answers:
            for line in answers:
                self._answers.put(line)
        self._answers.put(b"")

    def _last_words(self, log: str) -> str:
        path = self._folder / log
        text = path.read_text(errors="replace") if path.exists() else ""
        return " ".join(text.split())[-_SHOWN:]


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started, and whatever it left behind in its session."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(_MERCY_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    guard().forget(process.pid)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def command_of(adapter: str) -> list[str]:
    """Give what a contestant's Python runs."""
    return [str(PEERS / "drive.py"), adapter]


def own_python() -> str:
    """Give the suite's own Python, which has this project."""
    return sys.executable
