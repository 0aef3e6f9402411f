"""Other processes on the same place, which a requirement starts, listens to and kills."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from uuid import UUID

_PATIENCE = 30.0
URL_VARIABLE = "ADC_KIT_VICTIM_URL"
"""Names the place to the other process."""
_SUSPENDED = 0.004
"""Seconds for which a process is suspended, and then let run, by turns."""


class Victim:
    """A running ``aide_de_camp_conformance.victim``."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._heard: list[tuple[str, UUID | None]] = []

    async def listen(self, word: str, times: int = 1) -> list[UUID]:
        """Listen until it has said a word so many times.

        Returns:
            The ids that it has said with that word so far.
        """
        async with asyncio.timeout(_PATIENCE):
            while self._count(word) < times:
                line = await self._line()
                assert line, f"the other process ended before it said {word!r} {times} times"
        return self.ids(word)

    async def kill(self) -> None:
        """Kill it by SIGKILL, and hear what it still got out."""
        if self._process.returncode is None:
            self._process.kill()
        while await self._line():
            pass
        await self._process.wait()

    async def stumble(self) -> None:
        """Suspend it for moments, again and again, wherever it is, until this is cancelled."""
        while hasattr(signal, "SIGSTOP") and self._process.returncode is None:
            self._process.send_signal(signal.SIGSTOP)
            try:
                await asyncio.sleep(_SUSPENDED)
            finally:
                self._process.send_signal(signal.SIGCONT)
            await asyncio.sleep(_SUSPENDED)

    def ids(self, word: str) -> list[UUID]:
        """Give the ids that it has said with a word."""
        return [job_id for said, job_id in self._heard if said == word and job_id is not None]

    def _count(self, word: str) -> int:
        return sum(said == word for said, _ in self._heard)

    async def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if line.endswith(b"\n"):
            word, _, job_id = line.decode().strip().partition(" ")
            self._heard.append((word, UUID(job_id) if job_id else None))
        return line


@asynccontextmanager
async def victim(url: str | None, command: str) -> AsyncGenerator[Victim]:
    """Start another process on a place; it is killed at the end.

    Args:
        url: of the place.
        command: what it does; see :mod:`aide_de_camp_conformance.victim`.
    """
    assert url is not None, "the harness gives no URL, and the storage declares to be shared"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "aide_de_camp_conformance.victim",
        command,
        stdout=asyncio.subprocess.PIPE,
        # Not among the words of its command, which anybody on the machine may list.
        env={**os.environ, URL_VARIABLE: url},
    )
    started = Victim(process)
    try:
        await started.listen("ready")
        yield started
    finally:
        await started.kill()
