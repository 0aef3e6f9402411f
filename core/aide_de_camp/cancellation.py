"""How a handler hears that it should stop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum


class StopReason(StrEnum):
    """Why a handler was asked to stop."""

    SHUTDOWN = "shutdown"
    """The runner is stopping: finish, or raise ``CancelledError`` to be released (LIV-1)."""
    LEASE_LOST = "lease_lost"
    """Somebody else may be running the job now: nothing this attempt returns counts (LEA-6)."""
    TIMEOUT = "timeout"
    """The attempt ran past its time limit (RET-9)."""


class CancellationToken:
    """Fires at most once; the first reason stands. Safe to look at from any thread."""

    # Every attempt has a token and hardly any fires or is waited for: what waiting needs is made
    # only then.
    __slots__ = ("_lock", "_reason", "_waiting")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._reason: StopReason | None = None
        self._waiting: list[Callable[[], object]] | None = None

    @property
    def cancelled(self) -> bool:
        """True once the handler should stop."""
        return self._reason is not None

    @property
    def reason(self) -> StopReason | None:
        """Why, or None while it hasn't fired."""
        return self._reason

    def cancel(self, reason: StopReason) -> None:
        """Fire, unless it has fired already."""
        with self._lock:
            if self._reason is not None:
                return
            self._reason = reason
            waiting, self._waiting = self._waiting, None
        for wake in waiting or ():
            wake()

    async def wait(self) -> StopReason:
        """Wait, in an async handler, until it fires.

        Returns:
            Why.
        """
        loop, event = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(event.set)

        if self._join(wake):
            try:
                await event.wait()
            finally:
                self._leave(wake)
        assert self._reason is not None  # noqa: S101 (for the type checker: it is set first)
        return self._reason

    def wait_blocking(self, timeout: float | None = None) -> bool:
        """Wait, in a sync handler, until it fires or the time is up.

        Args:
            timeout: seconds, 0 or more; None waits for ever.

        Returns:
            True if it fired.
        """
        fired = threading.Event()
        wake = fired.set
        if not self._join(wake):
            return True
        try:
            return fired.wait(timeout)
        finally:
            self._leave(wake)

    def raise_if_cancelled(self) -> None:
        """Stop here if it has fired: the job is then released or retried as its reason says.

        Raises:
            CancelledError: it has fired.
        """
        if self._reason is not None:
            raise asyncio.CancelledError(self._reason)

    def _join(self, wake: Callable[[], object]) -> bool:
        """Have something called when it fires; False where it has fired already."""
        with self._lock:
            if self._reason is not None:
                return False
            if self._waiting is None:
                self._waiting = []
            self._waiting.append(wake)
            return True

    def _leave(self, wake: Callable[[], object]) -> None:
        # Handlers may wait over and over for a moment: what waits no more must not pile up.
        with self._lock:
            if self._waiting is not None:
                self._waiting.remove(wake)
