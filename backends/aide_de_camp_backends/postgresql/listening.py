"""The connection that listens for what other processes tell."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any, Final

from aide_de_camp_backends.postgresql.connection import Connection, connect
from aide_de_camp_backends.postgresql.options import Options

_log = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 10.0
_CHECK_EVERY: Final = 20.0
"""Seconds from one look at whether the connection still lives to the next: one that died without
a word is found out by this only."""
_ANSWER_WITHIN: Final = 10.0
"""Seconds that such a look may take at most."""


class Listener:
    """Listens on one channel, and connects again whenever that ends."""

    def __init__(self, options: Options, channel: str, heard: Callable[[str | None], None]) -> None:
        """Remember what to do.

        Args:
            options: the database.
            channel: the channel's name, a plain word.
            heard: told of each notification's payload, and with None of each time that the
                listening began: what came before it may have been missed.
        """
        self._options = options
        self._channel = channel
        self._heard = heard
        self._pause = _FIRST_PAUSE
        self._ended = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen(), name="aide_de_camp storage listens")

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
                ended = "the connection ended"
            except Exception as error:  # noqa: BLE001 (whatever it is, it is tried again)
                ended = type(error).__name__
            if self._pause == _FIRST_PAUSE:
                _log.warning("listening for new work ended (%s): polling until it is back", ended)
            self._ended = True
            await asyncio.sleep(self._pause * random.uniform(0.5, 1.5))  # noqa: S311 (a jitter)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    async def _listen_once(self) -> None:
        """Listen until the connection ends."""
        connection = await connect(self._options)
        ended = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: ended.set())
            async with asyncio.timeout(self._options.command_timeout):
                await connection.add_listener(self._channel, self._notified)
            self._pause = _FIRST_PAUSE
            if self._ended:
                _log.info("listening for new work again")
            self._heard(None)
            while not ended.is_set():
                await self._check(connection, ended)
        finally:
            connection.terminate()

    async def _check(self, connection: Connection, ended: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(_CHECK_EVERY):
                await ended.wait()
        except TimeoutError:
            async with asyncio.timeout(min(_ANSWER_WITHIN, self._options.command_timeout)):
                await connection.fetchval("SELECT 1")

    def _notified(self, connection: Any, pid: int, channel: str, payload: object) -> None:
        self._heard(str(payload))
