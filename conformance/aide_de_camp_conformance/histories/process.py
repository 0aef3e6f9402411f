"""One process of a run: ``python -m aide_de_camp_conformance.histories.process``, to be killed.

Its arguments are a role, the storage's URL, its history's file, its name and its seed. It goes
on until SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from random import Random
from typing import Final

from aide_de_camp import Registry
from aide_de_camp.spi import Storage, StorageUnavailable
from aide_de_camp_conformance.histories.recorder import Recorder
from aide_de_camp_conformance.histories.recording import Recording
from aide_de_camp_conformance.histories.roles import ROLES, Stop

_TRIES: Final = 100
_PAUSE: Final = 0.2
"""Seconds between two tries to open a storage."""


async def _main(role: str, url: str, path: str, name: str, seed: str) -> None:
    stop = Stop()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.ask)
    storage = Registry().storage(url)()
    await _opened(storage)
    recorder = Recorder(Path(path), name)
    try:
        await ROLES[role](Recording(storage, recorder), Random(seed), stop)  # noqa: S311 (a workload)
    finally:
        recorder.close()
        await storage.close()


async def _opened(storage: Storage) -> None:
    """Open it, though its server may just be starting again: that is no finding."""
    for _ in range(_TRIES):
        try:
            await storage.open()
        except StorageUnavailable:
            await asyncio.sleep(_PAUSE)
        else:
            return
    await storage.open()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
