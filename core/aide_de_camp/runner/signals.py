"""SIGINT and SIGTERM: the first asks for a graceful stop, the second forces it (clause LIV-1)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stop_signals(graceful: Callable[[], None], forced: Callable[[], None]) -> Generator[None]:
    """Have signals stop a runner while this is entered.

    Args:
        graceful: called on the first signal.
        forced: called on each later one.
    """
    loop = asyncio.get_running_loop()
    received = 0

    def on_signal() -> None:
        nonlocal received
        received += 1
        (graceful if received == 1 else forced)()

    before = {each: signal.getsignal(each) for each in _SIGNALS}
    for each in _SIGNALS:
        loop.add_signal_handler(each, on_signal)
    try:
        yield
    finally:
        for each, handler in before.items():
            loop.remove_signal_handler(each)
            if handler is not None:  # None stands for one that wasn't set from Python
                signal.signal(each, handler)
