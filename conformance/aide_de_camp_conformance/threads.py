"""Work in threads that may be left behind: they keep no process from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


class Threads:
    """Threads of one requirement, begun from its event loop.

    Not the loop's own executor: a process waits at its end for a thread of that, for ever if it
    hangs.
    """

    def __init__(self) -> None:
        self._running: set[asyncio.Future[Any]] = set()

    async def run(self, work: Callable[[], T]) -> T:
        """Do something in a thread; whoever is cancelled meanwhile leaves the thread to its work.

        Raises:
            BaseException: what the work raised.
        """
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[Callable[[], T]] = loop.create_future()

        def do() -> None:
            outcome = _outcome(work)
            # The loop may be gone.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(ended.set_result, outcome)

        self._running.add(ended)
        ended.add_done_callback(self._running.discard)
        threading.Thread(target=copy_context().run, args=(do,), daemon=True).start()
        return (await asyncio.shield(ended))()

    async def join(self) -> None:
        """Wait for those that are at work."""
        if self._running:
            await asyncio.wait(set(self._running))


def _outcome(work: Callable[[], T]) -> Callable[[], T]:
    # An error travels as a value: a future can't carry every exception there is.
    try:
        answer = work()
    except BaseException as error:  # noqa: BLE001 (it is raised where it is awaited, whatever it is)
        return partial(_raise, error)
    return lambda: answer


def _raise(error: BaseException) -> NoReturn:
    raise error
