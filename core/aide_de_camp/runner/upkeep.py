"""Chores that any runner does: taking expired leases back, and removing what was kept enough."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Final

from aide_de_camp.queue import Queue
from aide_de_camp.reaping import tell_of_reaped
from aide_de_camp.runner.options import RunnerOptions
from aide_de_camp.runner.telling import Sparingly
from aide_de_camp.spi import StorageUnavailable

_log = logging.getLogger("aide_de_camp.runner")

_REAP_LIMIT: Final = 500
_REAP_SECONDS: Final = 15.0
_PRUNE_EVERY: Final = 4
"""Passes from one in which finished jobs are removed to the next: a minute, or the length of a
lease where that is shorter."""


class Upkeep:
    """The chores of one queue; any number of runners may do them at once.

    Args:
        queue: the queue.
        options: the runner's; leases are looked at four times in the length of one.
        expecting: says whether the runner waits for a claim. It takes expired leases back itself,
            and may have taken jobs whose leases end before its answer comes.
    """

    def __init__(self, queue: Queue, options: RunnerOptions, expecting: Callable[[], bool]) -> None:
        self._queue = queue
        self._log_errors = options.log_errors
        self._expecting = expecting
        self._pause = min(_REAP_SECONDS, options.lease.total_seconds() / 4)
        self._complain = Sparingly(60, queue.clock.monotonic)

    async def run(self) -> None:
        """Do them for ever."""
        passes = 0
        while True:
            try:
                await self.once(prune=passes % _PRUNE_EVERY == 0)
            except StorageUnavailable:
                pass  # whoever claims or settles says so already
            except Exception as error:  # noqa: BLE001 (chores must not end with one failure)
                if self._complain():
                    _log.error(
                        "upkeep failed, will try again: %s",
                        type(error).__name__,
                        exc_info=error if self._log_errors else None,
                    )
            passes += 1
            await self._queue.clock.sleep(self._pause * (0.9 + 0.2 * random.random()))  # noqa: S311

    async def once(self, *, prune: bool = True) -> None:
        """Do them once."""
        session = self._queue.session
        while not self._expecting():
            reaped = await session.call(
                lambda storage: storage.reap(session.queue, _REAP_LIMIT, now=session.now)
            )
            tell_of_reaped(session, reaped)
            if len(reaped) < _REAP_LIMIT:
                break
            await asyncio.sleep(0)  # a storage in memory answers at once, and others wait
        if prune:
            await self._queue.prune()
