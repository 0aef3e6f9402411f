"""The connections on which servers say that there may be work, opened at the first ticket."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from typing import Any, Final

from aide_de_camp.spi import AideDeCampError, StorageUnavailable
from aide_de_camp_backends.redis.failures import DRIVER_ERRORS, translate
from aide_de_camp_backends.redis.keys import QueueKeys
from aide_de_camp_backends.redis.line import Line
from aide_de_camp_backends.redis.options import Options
from aide_de_camp_backends.redis.places import Place

_LOG: Final = logging.getLogger("aide_de_camp.redis")
_NAME: Final = "aide_de_camp storage: wake-ups"
"""Of its tasks, which live as long as the storage is open."""
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 5.0
_QUIET: Final = 15.0
"""After so many seconds without a message the server is asked whether it is still there."""


class Listening:
    """Listens for some queues: by one connection, on a cluster by one per queue."""

    def __init__(self, place: Place, options: Options, woken: Callable[[str], None]) -> None:
        self._place = place
        self._options = options
        self._woken = woken
        self._ears: dict[str, _Ear] = {}

    def listen(self, queue: str, keys: QueueKeys) -> None:
        """Begin to listen for a queue, unless it is listened for already."""
        group = "" if self._place.one_for_all else queue
        ear = self._ears.get(group)
        if ear is None:
            ear = self._ears[group] = _Ear(keys.tag, self._place, self._options, self._woken)
        ear.listen(queue, keys.channel)

    async def close(self) -> None:
        """Stop listening."""
        ears, self._ears = list(self._ears.values()), {}
        for ear in ears:
            await ear.close()


class _Ear:
    """One connection that is subscribed to channels, and opened again when it is lost."""

    def __init__(
        self, tag: str, place: Place, options: Options, woken: Callable[[str], None]
    ) -> None:
        self._tag = tag
        self._place = place
        self._options = options
        self._woken = woken
        self._queues: dict[bytes, str] = {}
        self._more = asyncio.Event()
        self._connected = False
        self._warned = False
        self._task = asyncio.create_task(self._run(), name=_NAME)

    def listen(self, queue: str, channel: str) -> None:
        """Subscribe to one more channel."""
        name = channel.encode("utf-8", "surrogatepass")
        if name not in self._queues:
            self._queues[name] = queue
            self._more.set()

    async def close(self) -> None:
        """Stop; where the loop was torn down, it has stopped."""
        if not self._task.done():
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while True:
            try:
                await self._listen()
            except (StorageUnavailable, *DRIVER_ERRORS) as error:
                self._complain(translate(error, "the listening connection", unknown=False))
            self._place.doubt(None)
            if self._connected:
                pause = _FIRST_PAUSE
            self._connected = False
            # Spread, so that a server that comes back isn't met by all its clients at once.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  (no secret)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _complain(self, error: AideDeCampError) -> None:
        if isinstance(error, StorageUnavailable) or self._warned:
            _LOG.debug("wake-ups are interrupted: %s", error)
            return
        # Refused for good, most likely for want of rights on a channel.
        self._warned = True
        _LOG.warning("there are no wake-ups, so that new work waits to be polled for: %s", error)

    async def _listen(self) -> None:
        node = await self._place.node(self._tag)
        line = Line(node.address, self._options)
        await line.connect()
        reading: asyncio.Task[Any] | None = None
        more: asyncio.Task[bool] | None = None
        asked: set[bytes] = set()
        pinged = False
        try:
            while True:
                self._more.clear()
                for channel in [name for name in self._queues if name not in asked]:
                    asked.add(channel)
                    await line.send("SSUBSCRIBE", channel)
                reading = reading or asyncio.create_task(line.read(), name=_NAME)
                more = more or asyncio.create_task(self._more.wait(), name=_NAME)
                patience = self._options.timeout if pinged else _QUIET
                done, _ = await asyncio.wait(
                    (reading, more), timeout=patience, return_when=asyncio.FIRST_COMPLETED
                )
                if not done:
                    if pinged:
                        raise TimeoutError
                    pinged = True
                    await line.send("PING")
                if more in done:
                    more = None
                if reading in done:
                    pinged = False
                    self._hear(reading.result())
                    reading = None
        finally:
            await _stop(reading, more)
            line.drop()

    def _hear(self, message: Any) -> None:
        kind, name, *_ = message
        if kind == b"sunsubscribe":
            # The slot has gone to another node: find it there.
            raise ConnectionResetError
        if kind in (b"smessage", b"ssubscribe"):
            # What was published before the subscription was there may have been missed.
            self._connected = True
            queue = self._queues.get(name)
            if queue is not None:
                self._woken(queue)


async def _stop(*tasks: asyncio.Task[Any] | None) -> None:
    left = [task for task in tasks if task is not None]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
