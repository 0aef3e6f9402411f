"""The claims of a running runner: one at a time, each until its jobs are accounted for."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Final

from attrs import frozen

from aide_de_camp.claiming import claim, retry_limits
from aide_de_camp.ids import new_job_id
from aide_de_camp.queue import Queue
from aide_de_camp.router import JobRouter, Route
from aide_de_camp.runner.options import RunnerOptions
from aide_de_camp.session import Tries
from aide_de_camp.spi import (
    AideDeCampError,
    ClaimRequest,
    ClaimResult,
    RetryLimits,
    StorageUnavailable,
)

_log = logging.getLogger("aide_de_camp.runner")

_MOST_PER_CLAIM: Final = 500
_QUICK: Final = 0.01
"""Seconds within which a claim is answered where it isn't the way there that takes long."""
_FEW: Final = 16
"""Slots that are claimed for in one go, however quick that is."""
_LAST_ANSWER: Final = 10.0
"""Seconds that a claim on its way has to be answered once the handlers have ended."""


@frozen
class _Asked:
    """A claim, and the monotonic time before it was first sent."""

    request: ClaimRequest
    since: float


class Claims:
    """Makes the claims of one run.

    Args:
        queue: where the jobs are.
        router: whose types are asked for; those added while it runs too.
        options: the runner's.
        accept: given each answer, and the monotonic time before its request was sent.
        stopped: done once a stop is asked for.
    """

    def __init__(
        self,
        queue: Queue,
        router: JobRouter,
        options: RunnerOptions,
        *,
        accept: Callable[[ClaimResult, float], None],
        stopped: asyncio.Future[None],
    ) -> None:
        self._queue = queue
        self._session = queue.session
        self._router = router
        self._options = options
        self._accept = accept
        self._stopped = stopped
        self._routes_seen = 0
        self._types: tuple[str, ...] = ()
        self._retry_limits = RetryLimits()
        self._in_flight: asyncio.Future[ClaimResult] | None = None
        self._unanswered: _Asked | None = None
        self._remembered_until = 0.0
        self._quick = True

    @property
    def in_flight(self) -> bool:
        """True while a claim is on its way."""
        return self._in_flight is not None and not self._in_flight.done()

    async def make(self, room: Callable[[], int]) -> ClaimResult | None:
        """Claim, or repeat the claim whose reply was lost, and have its answer accepted.

        A stop, or a cancellation, ends this call alone: the claim goes on, for what it hands out
        must not be forgotten, and :meth:`finish` awaits it beside the handlers that still run.

        Args:
            room: says how many jobs there is room for, 1 or more. Where that is less than one
                claim asks for, it is asked again after one turn of the loop: what ends in it frees
                more slots, and all are claimed for at once.

        Returns:
            The answer; None where the runner was stopped before it came.

        Raises:
            StorageUnavailable: it can't be reached.
        """
        if room() < self._most:
            await asyncio.sleep(0)
        repeated = self._still_unanswered()
        asked = repeated or self._new_request(room())
        claiming = asyncio.ensure_future(self._claim(asked, repeated=repeated is not None))
        self._in_flight = claiming
        await asyncio.wait((claiming, self._stopped), return_when=asyncio.FIRST_COMPLETED)
        if not claiming.done():
            return None
        self._in_flight = None
        return claiming.result()

    async def finish(self) -> None:
        """See to what the last claim took: nobody would ever begin it.

        It is awaited, and repeated where its reply was lost. This may be cancelled, and raises
        nothing else.
        """
        try:
            if self._in_flight is not None:
                with contextlib.suppress(AideDeCampError):
                    await self._in_flight
            asked = self._still_unanswered()
            if asked is not None:
                await self._claim(asked, repeated=True)
        except asyncio.CancelledError as error:
            self._not_accounted_for(error)
            raise
        except Exception as error:  # noqa: BLE001 (a runner winds up, whatever a storage raises)
            self._not_accounted_for(error)

    async def _claim(self, asked: _Asked, *, repeated: bool) -> ClaimResult:
        tries = Tries()
        try:
            result = await claim(self._session, asked.request, tries)
        except Exception as error:
            unknown = isinstance(error, StorageUnavailable) and error.outcome_unknown
            if tries.unknown or unknown:
                # The last try may be the one that took jobs, however long ago the first was.
                lease = self._options.lease.total_seconds()
                self._remembered_until = self._queue.clock.monotonic() + lease
            if repeated or tries.unknown or unknown:
                # It may have taken jobs. The same request gets those (clause LIV-4), where a new
                # one would leave them to lose their leases without ever having begun. A repeat
                # that is refused, as by a storage that restarts, says nothing of the first.
                self._unanswered = asked
            raise
        self._unanswered = None
        self._quick = self._queue.clock.monotonic() - asked.since < _QUICK
        self._accept(result, asked.since)
        return result

    def _not_accounted_for(self, error: BaseException) -> None:
        _log.error(
            "a claim got no answer before the runner ended; what it took comes back when its "
            "lease expires: %s",
            type(error).__name__,
            exc_info=error if self._options.log_errors else None,
        )

    def _still_unanswered(self) -> _Asked | None:
        """Give the claim whose reply was lost, unless what it took has lost its lease by now."""
        if self._queue.clock.monotonic() >= self._remembered_until:
            self._unanswered = None
        return self._unanswered

    def _new_request(self, room: int) -> _Asked:
        self._look_at_router()
        since = self._queue.clock.monotonic()
        request = ClaimRequest(
            types=self._types,
            limit=max(1, min(room, self._most)),
            lease=self._options.lease // timedelta(microseconds=1),
            retry_limits=self._retry_limits,
            worker=self._options.worker,
            request_id=new_job_id(),
        )
        return _Asked(request, since)

    @property
    def _most(self) -> int:
        """How many jobs one claim asks for at most.

        Half of the slots where a claim is quick: the other half works meanwhile. Otherwise very
        short jobs have storage and slots wait for each other by turns. Where the way to the
        storage is long, its number counts, and each claim is for all there is room for.
        """
        slots = self._options.concurrency + self._options.prefetch
        most = slots if slots <= _FEW or not self._quick else -(-slots // 2)
        return min(most, _MOST_PER_CLAIM)

    def _look_at_router(self) -> None:
        """See whether types were added since the last claim; none is ever taken away."""
        routes = self._router.routes
        if len(routes) == self._routes_seen:
            return
        self._routes_seen = len(routes)
        usable = {name: route for name, route in routes.items() if self._can_use(route)}
        self._types = tuple(usable)
        self._retry_limits = retry_limits(route.job_type for route in usable.values())

    def _can_use(self, route: Route) -> bool:
        try:
            self._queue.payloads.register(route.job_type)
        except AideDeCampError as error:
            _log.error("jobs of a type added late stay scheduled: %s", error)
            return False
        return True


async def await_last(finishing: asyncio.Task[None]) -> None:
    """Await the last claim's end, but not for long where the storage doesn't answer."""
    await asyncio.wait([finishing], timeout=_LAST_ANSWER)
    if not finishing.done():
        finishing.cancel()
        await asyncio.wait([finishing], timeout=1)
