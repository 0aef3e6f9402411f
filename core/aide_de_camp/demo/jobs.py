"""The demo's jobs. ``adc worker aide_de_camp.demo.jobs:router`` runs them too."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Final

from attrs import frozen

from aide_de_camp.backoff import ConstantBackoff
from aide_de_camp.context import JobContext
from aide_de_camp.job_type import JobProcessor
from aide_de_camp.outcomes import Cancel
from aide_de_camp.router import JobRouter

READ_AT_MOST: Final = 8 * 1024 * 1024
"""Bytes of one file that are read: enough to be work, and no more."""
_CHUNK: Final = 256 * 1024


@frozen
class File:
    """The payload of a ``fingerprint`` job.

    Attributes:
        path: the file, absolute.
        size: its bytes when it was found.
    """

    path: str
    size: int


@frozen
class Trouble:
    """The payload of a ``flaky`` job.

    Attributes:
        failures: how many attempts fail before one succeeds.
    """

    failures: int


class Tally:
    """What the handlers found, all threads together."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.files = 0
        self.bytes = 0
        self.lines = 0

    def add(self, size: int, lines: int) -> None:
        """Count one file."""
        with self._lock:
            self.files += 1
            self.bytes += size
            self.lines += lines


class Fingerprint(JobProcessor[File]):
    """Computes a file's SHA-256, and counts its lines. It blocks, so it runs in a thread."""

    job_type = "fingerprint"

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def handle(self, payload: File, job: JobContext) -> str | Cancel:
        """Read the file, up to :data:`READ_AT_MOST`."""
        digest, size, lines = hashlib.sha256(), 0, 0
        try:
            with Path(payload.path).open("rb") as file:
                while size < READ_AT_MOST and (chunk := file.read(_CHUNK)):
                    digest.update(chunk)
                    size += len(chunk)
                    lines += chunk.count(b"\n")
        except OSError as error:
            return Cancel(f"the file can't be read: {type(error).__name__}")
        self._tally.add(size, lines)
        return digest.hexdigest()


class Flaky(JobProcessor[Trouble]):
    """Fails a few times, then succeeds."""

    job_type = "flaky"
    backoff = ConstantBackoff(timedelta(0))

    async def handle(self, payload: Trouble, job: JobContext) -> None:
        """Fail until enough retries were used."""
        if job.retries < payload.failures:
            raise ConnectionError(f"attempt {job.retries + 1} fails on purpose")


def demo_router(tally: Tally) -> JobRouter:
    """Make the demo's router.

    Args:
        tally: where the handlers count what they found.
    """
    router = JobRouter()
    router.add(Fingerprint(tally))
    router.add(Flaky())
    return router


router = demo_router(Tally())
