"""Storing how attempts ended: in natural batches, repeated until the storage answers (RET-5)."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from aide_de_camp.backoff import ExponentialBackoff
from aide_de_camp.runner.attempt import Attempt
from aide_de_camp.runner.telling import Sparingly
from aide_de_camp.session import Session
from aide_de_camp.spi import LeaseResult, Settlement, StorageUnavailable

_log = logging.getLogger("aide_de_camp.runner")

Ending = tuple[Attempt, Settlement]
"""An attempt, and how it ends."""

_MOST: Final = 500
_MOST_GIVEN_UP: Final = 1_000
_PAUSES: Final = ExponentialBackoff(
    base=timedelta(seconds=0.2), cap=timedelta(seconds=5), jitter=False
)


class Settler:
    """Takes attempts whose outcome was chosen, and stores it.

    A slot doesn't wait for that: the next job runs meanwhile, and what ends in one turn of the
    loop, or during one call, is stored together.

    Args:
        session: the runner's.
        settled: told of what was stored together, and of the answers.
        dropped: told of an attempt whose outcome the storage can't take: its lease will expire.
        troubled: told whenever the storage couldn't be reached, and storing will be tried again.
        log_errors: whether the words of unexpected exceptions are logged.

    Attributes:
        failing_since: when storing began to fail, by the loop's time; None while it works.
        given_up: the jobs whose outcomes it can't take, the last 1,000 of them.
    """

    def __init__(
        self,
        session: Session,
        settled: Callable[[Sequence[Ending], Sequence[LeaseResult]], None],
        dropped: Callable[[Attempt], None],
        *,
        troubled: Callable[[], None],
        log_errors: bool = False,
    ) -> None:
        self._session = session
        self._settled = settled
        self._dropped = dropped
        self.given_up: deque[UUID] = deque(maxlen=_MOST_GIVEN_UP)
        self._troubled = troubled
        self._log_errors = log_errors
        self.failing_since: float | None = None
        self._waiting: deque[Ending] = deque()
        self._on_their_way: list[Ending] = []
        self._sending: asyncio.Task[None] | None = None
        self._complain = Sparingly(30, session.clock.monotonic)

    @property
    def idle(self) -> bool:
        """True where nothing is under way."""
        return self._sending is None or self._sending.done()

    @property
    def waiting(self) -> int:
        """How many outcomes wait to be stored, beside those that are on their way."""
        return len(self._waiting)

    def not_stored(self) -> StorageUnavailable:
        """Make the error that says which outcomes aren't stored."""
        unsent = (attempt.id for attempt, _ in (*self._on_their_way, *self._waiting))
        ids = (*self.given_up, *unsent)
        return StorageUnavailable(
            f"the outcomes of {len(ids)} attempts could not be stored: once their leases expire "
            "these jobs run again, unless they have no retry left",
            outcome_unknown=True,
            job_ids=ids,
        )

    def add(self, attempt: Attempt, outcome: Settlement) -> None:
        """Have an attempt's outcome stored."""
        self._waiting.append((attempt, outcome))
        self._start()

    async def finish(self, seconds: float) -> None:
        """Wait until everything is stored, but no longer than a number of seconds."""
        # A loop that is torn down cancels the sending along with everything else: what it had
        # taken is waiting again, and is sent anew.
        self._start()
        if self._sending is not None and not self._sending.done():
            await asyncio.wait([self._sending], timeout=seconds)
        if self._sending is not None and not self._sending.done():
            self._sending.cancel()
            await asyncio.wait([self._sending])
        if self._waiting:
            _log.error("stopped with %d outcomes not stored", len(self._waiting))

    def _start(self) -> None:
        if self._waiting and self.idle:
            self._sending = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        while self._waiting:
            batch = [self._waiting.popleft() for _ in range(min(_MOST, len(self._waiting)))]
            self._on_their_way = batch
            try:
                await self._send(batch)
            except asyncio.CancelledError:
                # Whatever of it was stored already is answered alike the second time (LIV-4).
                self._waiting.extendleft(reversed(batch))
                raise
            finally:
                self._on_their_way = []

    async def _send(self, batch: Sequence[Ending]) -> None:
        outcomes = [outcome for _, outcome in batch]
        session = self._session
        tries = 0
        while True:
            try:
                results = await session.call(
                    lambda storage: storage.settle(session.queue, outcomes, now=session.now)
                )
                _check(results, len(outcomes))
            except StorageUnavailable as error:
                if self._complain():
                    _log.error(
                        "finished but not acknowledged: %d attempts, will try again: %s",
                        len(batch) + len(self._waiting),
                        error,
                    )
                if self.failing_since is None:
                    self.failing_since = asyncio.get_running_loop().time()
                self._troubled()
                pause = _PAUSES.delay(tries).total_seconds()
                await asyncio.sleep(pause * (0.5 + random.random() / 2))  # noqa: S311 (jitter)
                tries += 1
            except Exception as error:  # noqa: BLE001 (it is looked into one by one)
                self.failing_since = None  # it was reached, and answered in its way
                await self._send_apart(batch, error)
                return
            else:
                break
        self.failing_since = None
        self._settled(batch, results)

    async def _send_apart(self, batch: Sequence[Ending], error: Exception) -> None:
        """Store each outcome by itself, since one of them makes the call fail."""
        if len(batch) == 1:
            attempt = batch[0][0]
            # Its class alone: a driver's own words may quote what it was given (DEC-6).
            _log.error(
                "job %s (%s): its outcome can't be stored, so its lease will expire: %s",
                attempt.id,
                attempt.job.job_type,
                type(error).__name__,
                exc_info=error if self._log_errors else None,
            )
            self.given_up.append(attempt.id)
            self._dropped(attempt)
            return
        for each in batch:
            await self._send([each])


def _check(results: Sequence[LeaseResult], count: int) -> None:
    """Refuse an answer that isn't one result for each outcome: nothing can be read from it."""
    if len(results) != count or not all(isinstance(each, LeaseResult) for each in results):
        raise ValueError(f"settle answered {len(results)} results for {count} outcomes")
