"""Ending a worker's process whatever its handlers still do."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Mapping
from typing import Final, NoReturn
from uuid import UUID

from aide_de_camp.runner.telling import in_short

_log = logging.getLogger("aide_de_camp.worker")

_LAST_S: Final = 5.0
"""Seconds that a process has to end by itself after handlers were interrupted."""


def leave_now(code: int, running: Mapping[UUID, str]) -> NoReturn:
    """End the process here: a thread can't be stopped, nor can a handler that won't be cancelled.

    Args:
        code: the exit code.
        running: the jobs whose handlers still run, their types by id.
    """
    jobs = [in_short(running)] if running else []
    threads = sorted(
        each.name
        for each in threading.enumerate()
        if not each.daemon and each is not threading.main_thread()
    )
    if threads:
        jobs.append(f"threads that may: {', '.join(threads[:10])}")
    if jobs:
        _log.warning("ending at once; still running: %s", "; ".join(jobs))
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # nobody reads it any more
            stream.flush()
    os._exit(code)


def leave_soon(code: int, running: Mapping[UUID, str]) -> None:
    """Have the process end within a few seconds, should it not do so by itself.

    What is registered to run at its exit has that time. The arguments are as above.
    """

    def watch() -> None:
        time.sleep(_LAST_S)
        leave_now(code, running)

    threading.Thread(target=watch, name="adc-leaving", daemon=True).start()
