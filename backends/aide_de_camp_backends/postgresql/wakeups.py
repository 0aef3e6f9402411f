"""Waking those who wait, here and in other processes (clause WAK-1).

What may have made work is told by NOTIFY, in a statement of its own after the commit: a
transaction that notifies holds a lock of the whole server while it commits. The first is sent at
once; what comes while it is under way, and for a moment after it, goes together in the next.

Whoever waits listens: one connection per storage, opened at its first ticket. While it is down,
and where a pooler makes listening impossible, runners find work by polling.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from contextlib import suppress
from typing import Final
from uuid import uuid4

from aide_de_camp.spi import Wake
from aide_de_camp_backends._sql.waking import Waking
from aide_de_camp_backends.postgresql.call import Call
from aide_de_camp_backends.postgresql.database import Database
from aide_de_camp_backends.postgresql.listening import Listener
from aide_de_camp_backends.postgresql.options import Options
from aide_de_camp_backends.postgresql.statement import Layout

_log = logging.getLogger(__name__)

_FIRST_PAUSE: Final = 0.005
"""Seconds from one NOTIFY of a storage to its next, where there was none for a while."""
_PAUSE: Final = 0.05
"""The same where there always is something to tell: each pause is twice the one before, up to it.
So what comes now and then is told at once, and a flood by twenty notifications a second."""
_TRIES: Final = 12
_LONGEST_PAUSE: Final = 1.0
"""Seconds from one NOTIFY that failed to its repeat; after some of them runners poll anyway."""
_LAST_WORD: Final = 1.0
"""Seconds that closing waits for the last NOTIFY."""
_SENDER: Final = 32
"""Characters of a storage's own mark, before the queue's name."""
NOTIFY: Final = """
SELECT pg_notify(:channel::text, told.payload) FROM unnest(:payloads::text[]) AS told(payload)
"""


def channel_of(layout: Layout) -> str:
    """Give the channel of a schema's and prefix's tables; it fits into any limit of a name."""
    digest = hashlib.sha256(f"{layout.schema}.{layout.prefix}".encode()).hexdigest()
    return f"adc_{digest[:24]}"


class WakeUps:
    """Tells others what a storage changed, and those who wait here of what others did."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._waking = Waking(lambda: None, lambda: None)
        self._mark = uuid4().hex
        self._database: Database | None = None
        self._channel = ""
        self._listener: Listener | None = None
        self._listens = False
        self._to_tell: set[str] = set()
        self._telling: asyncio.Task[None] | None = None
        self._sending: asyncio.Task[bool] | None = None

    async def begin(self, database: Database) -> bool:
        """Find out whether wake-ups work.

        Returns:
            True if they do.
        """
        self._database = database
        self._channel = channel_of(database.layout)
        wanted = self._options.listen
        self._listens = wanted is not False and (
            wanted is True or (not database.server.pooled and await self._can_listen(database))
        )
        return self._listens

    def changed(self, queues: set[str]) -> None:
        """Note that there may be work in some queues, and tell the others."""
        self._waking.woken(queues)
        if not self._listens:
            return
        self._to_tell |= queues
        if self._telling is None:
            self._telling = asyncio.create_task(self._tell(), name="aide_de_camp storage notifies")

    def ticket(self, queue: str) -> int:
        """Mark the present; the first one has the listening begin."""
        if self._listens and self._listener is None:
            self._listener = Listener(self._options, self._channel, self._heard)
            self._listener.start()
        return self._waking.ticket(queue)

    async def wait(self, queue: str, ticket: int, timeout: float) -> Wake:
        """Sleep until something may have been scheduled since the ticket, or for a time."""
        return await self._waking.wait(queue, ticket, timeout)

    def rouse(self) -> None:
        """Wake all who wait: they find out by their next call that the storage is closed."""
        self._waking.woken(None)

    async def close(self) -> None:
        """Stop listening, and tell what is left to tell, once."""
        self.rouse()
        if self._listener is not None:
            await self._listener.close()
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORD):
                if self._sending is not None:
                    await asyncio.shield(self._sending)
                if self._to_tell:
                    await self._send()

    def _heard(self, payload: str | None) -> None:
        """Take a notification; None means that some may have been missed."""
        if payload is None:
            self._waking.woken(None)
        elif not payload.startswith(self._mark):
            self._waking.woken({payload[_SENDER:]})

    async def _tell(self) -> None:
        failed = 0
        pause = _FIRST_PAUSE
        try:
            while self._to_tell:
                # Not to be cut off by a close: it is short, and bounded.
                self._sending = asyncio.create_task(
                    self._send(), name="aide_de_camp storage notifies"
                )
                failed = 0 if await asyncio.shield(self._sending) else failed + 1
                if failed == _TRIES:
                    self._to_tell.clear()
                await asyncio.sleep(min(_PAUSE * 2**failed, _LONGEST_PAUSE) if failed else pause)
                pause = min(pause * 2, _PAUSE)
        finally:
            self._telling = None

    async def _send(self) -> bool:
        """Tell what is to be told; what fails is to be told still."""
        database = self._database
        if database is None:
            return False
        queues = set(self._to_tell)
        payloads = [f"{self._mark}{queue}" for queue in sorted(queues)]
        self._to_tell.clear()
        values = {"channel": self._channel, "payloads": payloads}

        async def notify(call: Call) -> None:
            await call.rows(NOTIFY, values)

        try:
            await database.run(notify, closing=True)
        except Exception as error:  # noqa: BLE001 (a hint only: the jobs are stored)
            _log.debug("telling others of new work failed: %s", type(error).__name__)
            self._to_tell |= queues
            return False
        return True

    async def _can_listen(self, database: Database) -> bool:
        async def look(call: Call) -> None:
            await call.fetch(f"LISTEN {self._channel}", ())
            await call.fetch(f"UNLISTEN {self._channel}", ())

        try:
            await database.run(look, writes=False)
        except Exception as error:  # noqa: BLE001 (whatever it is, polling does)
            _log.warning(
                "this server doesn't offer LISTEN (%s): runners poll for work",
                type(error.__cause__ or error).__name__,
            )
            return False
        return True
