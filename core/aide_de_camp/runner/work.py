"""The work of a running runner: claiming for free slots, and keeping track of every job held."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from aide_de_camp.backoff import ExponentialBackoff
from aide_de_camp.cancellation import StopReason
from aide_de_camp.queue import Queue
from aide_de_camp.router import JobRouter
from aide_de_camp.runner.attempt import Attempt
from aide_de_camp.runner.claims import Claims
from aide_de_camp.runner.held import HeldLease, HeldLeases
from aide_de_camp.runner.late import LateClaims
from aide_de_camp.runner.options import RunnerOptions
from aide_de_camp.runner.settler import Ending, Settler
from aide_de_camp.runner.slots import Slots
from aide_de_camp.runner.telling import Sparingly, Teller
from aide_de_camp.spi import (
    AideDeCampError,
    ClaimResult,
    LeaseResult,
    QueueClosed,
    QueueMisused,
    SettleKind,
    Settlement,
)

_log = logging.getLogger("aide_de_camp.runner")

_FIRST_LOOK: Final = 0.02
_LONGEST_LOOK: Final = 1.0
_MOST_LOOKS: Final = 6
_BATCH: Final = 16
"""Jobs that come together from which on it pays to be about the next claim first."""
_TURNS_OF_A_CLAIM: Final = 6
"""Turns of the loop in which a claim that can be made is sent."""
_BACKLOG: Final = 500
"""Outcomes, beyond a runner's slots, that may wait to be stored: as many as one call stores, so
that a storage that answers never has a slot wait."""
_PAUSES: Final = ExponentialBackoff(
    base=timedelta(seconds=0.5), cap=timedelta(seconds=15), jitter=False
)


class Work:
    """One run of a runner.

    Args:
        queue: where the jobs are.
        router: how they are handled.
        options: the runner's.

    Attributes:
        interrupted: the jobs whose handlers were told to end before they had, and their types.
        left_behind: those whose handlers still ran when the runner ended.
    """

    def __init__(self, queue: Queue, router: JobRouter, options: RunnerOptions) -> None:
        self._queue = queue
        self._session = queue.session
        self._session.storage.ticket(queue.name)  # has wake-ups begin; refuses a closed queue
        self._router = router
        self._options = options
        self._capacity = options.concurrency + options.prefetch
        self._loop = asyncio.get_running_loop()
        self._attempts: dict[int, Attempt] = {}
        self._on_hand: set[Attempt] = set()
        self._claimed = 0
        self._progress = asyncio.Event()
        self._stopping: asyncio.Future[None] = self._loop.create_future()
        self._forced: asyncio.Future[None] = self._loop.create_future()
        self._complain = Sparingly(30, queue.clock.monotonic)
        self.interrupted: dict[UUID, str] = {}
        self.left_behind: dict[UUID, str] = {}
        self.held = HeldLeases()
        self.teller = Teller(self._session, options.worker, log_errors=options.log_errors)
        self.late = LateClaims(self.teller, options.lease)
        self.settler = Settler(
            self._session,
            self._settled,
            self._dropped,
            troubled=self._progress.set,
            log_errors=options.log_errors,
        )
        self.claims = Claims(
            queue,
            router,
            options,
            accept=self._accept,
            stopped=self._stopping,
        )
        self.slots = Slots(
            queue,
            self.teller,
            concurrency=options.concurrency,
            may_begin=self._may_begin,
            ended=self._send,
            freed=self._freed,
        )

    @property
    def outstanding(self) -> int:
        """How many jobs are held and not yet done with by a slot."""
        return len(self._on_hand)

    @property
    def expecting(self) -> bool:
        """True while a claim is on its way, or what came too late isn't given back yet.

        Who takes expired leases back meanwhile may use up a retry of a job that nobody began.
        """
        return self.claims.in_flight or bool(self.late.going_back)

    # --- claiming -----------------------------------------------------------------------------

    async def run(self) -> None:
        """Claim and feed, until a stop is asked for."""
        failures = early = 0
        while not self._stopping.done():
            if self._room() <= 0 or self.late.going_back:
                await self._until_progress()
                continue
            ticket = self._session.storage.ticket(self._queue.name)
            try:
                result = await self.claims.make(self._room)
            except (QueueClosed, QueueMisused):
                raise
            except Exception as error:  # noqa: BLE001 (no other failed claim ends a runner)
                await self._rest_after(error, failures)
                failures += 1
                continue
            failures = 0
            if result is None:
                break
            if result.jobs:
                early = 0
                if self.late.needless:
                    await self._pause(self.late.needless - 1)
            elif result.next_due is not None and result.next_due <= result.now:
                # Something is due, and somebody else has it by the head: don't spin on it.
                await self._either(asyncio.sleep(min(_LONGEST_LOOK, _FIRST_LOOK * 2**early)))
                early = min(early + 1, _MOST_LOOKS)
            else:
                await self._until_work(ticket, result)

    async def drain(self) -> int:
        """Claim and feed, until nothing is due and nothing runs.

        While outcomes can't be stored it goes on, for as long as claims work, up to the length
        of a lease.
        """
        empty = 0
        while not self._stopping.done():
            self._progress.clear()
            self._give_up_storing()
            if self._room() <= 0 or self.late.going_back or (self.late.hopeless and self._on_hand):
                await self._progress.wait()
                continue
            if self.late.hopeless:
                raise self.late.error()
            result = await self.claims.make(self._room)
            if result is None:
                break
            if result.jobs:
                empty = 0
            elif self._on_hand or not self.settler.idle:
                await self._progress.wait()
            elif (empty := empty + 1) > 1:
                # One empty claim may have met rows that others had locked: two are the end.
                break
        return self._claimed

    def _give_up_storing(self) -> None:
        since = self.settler.failing_since
        lease = self._options.lease.total_seconds()
        if since is not None and not self._on_hand and self._loop.time() - since >= lease:
            raise self.settler.not_stored()

    def _room(self) -> int:
        # What ended and isn't stored costs memory, a heartbeat, and a second run after a crash.
        return min(
            self._capacity - len(self._on_hand),
            self._capacity + _BACKLOG - self.settler.waiting,
        )

    def _accept(self, result: ClaimResult, since: float) -> None:
        # The storage's clock may have leapt: then this very claim took back what still runs here.
        for reaped in result.reaped:
            self._lose(reaped.id)
        late = bool(result.jobs) and self.late.judge(self._queue.clock.monotonic() - since)
        if len(result.jobs) >= _BATCH and self._room() > len(result.jobs):
            # The next claim is on its way before these are run: storage and slots work at once.
            self.slots.hold(_TURNS_OF_A_CLAIM)
        routes = self._router.routes
        for job in result.jobs:
            attempt = Attempt(job, routes[job.job_type])
            if attempt.key in self._attempts:
                self._lose(job.id)
            self._attempts[attempt.key] = attempt
            self._on_hand.add(attempt)
            if late:
                # So late an answer that its lease may be over, and the job somebody else's or
                # cancelled: it isn't begun, but given back in case that it is still held.
                self.late.going_back.add(attempt)
                self._give_back(attempt)
            else:
                self.slots.feed(attempt)
        if not late:
            self.held.add_all(result.jobs, since)
            self._claimed += len(result.jobs)
        if self._stopping.done():
            self._release_waiting()

    def _may_begin(self, attempt: Attempt) -> bool:
        lease = self._options.lease.total_seconds()
        if self.held.began_after(attempt.job, self._queue.clock.monotonic() - lease):
            return True
        # It waited for a slot while its lease couldn't be extended: as one that was claimed late.
        self.late.going_back.add(attempt)
        self._give_back(attempt)
        return False

    async def _until_progress(self) -> None:
        self._progress.clear()
        await self._either(self._progress.wait())

    async def _until_work(self, ticket: int, result: ClaimResult) -> None:
        seconds = self._options.poll_interval.total_seconds() * (0.9 + 0.1 * random.random())  # noqa: S311
        if result.next_due is not None:
            # A test's clock may have been moved since the claim; a real one is the storage's.
            moved_to = self._session.now
            present = result.now if moved_to is None else moved_to
            seconds = min(seconds, max(0.0, (result.next_due - present) / 1_000_000))
        storage, name = self._session.storage, self._queue.name
        await self._either(
            self._queue.clock.wait(seconds, lambda real: storage.wait(name, ticket, real))
        )

    async def _rest_after(self, error: Exception, failures: int) -> None:
        if self._complain():
            _log.error(
                "can't claim from queue %s, will try again: %s%s",
                self._queue.name,
                type(error).__name__,
                # A driver's own words may quote what it was given (DEC-6).
                f": {error}" if isinstance(error, AideDeCampError) else "",
                exc_info=error if self._options.log_errors else None,
            )
        await self._pause(failures)

    async def _pause(self, before: int) -> None:
        """Rest before claiming again, the longer the more was in vain before."""
        pause = _PAUSES.delay(before).total_seconds() * (0.5 + random.random() / 2)  # noqa: S311
        await self._either(asyncio.sleep(pause))

    async def unless_stopped(self, chore: Awaitable[None]) -> None:
        """Await a chore, and raise what it raises; a request to stop cancels it."""
        doing = asyncio.ensure_future(chore)
        try:
            await asyncio.wait((doing, self._stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not doing.done():
                doing.cancel()
                # One that doesn't heed it is left alone: it mustn't hold up the stop.
                await asyncio.wait((doing,), timeout=1)
            failed = doing.exception() if doing.done() and not doing.cancelled() else None
        if failed is not None:
            raise failed

    async def _either(self, work: Awaitable[Any]) -> None:
        """Await something, or the request to stop."""
        waiting = asyncio.ensure_future(work)
        try:
            await asyncio.wait((waiting, self._stopping), return_when=asyncio.FIRST_COMPLETED)
            if waiting.done() and (waiting.cancelled() or waiting.exception() is not None):
                # A storage whose wait fails is treated as one that only can be polled.
                await asyncio.wait((self._stopping,), timeout=_PAUSES.delay(0).total_seconds())
        finally:
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)

    # --- attempts that end --------------------------------------------------------------------

    def _send(self, attempt: Attempt) -> None:
        if attempt.outcome is not None and not attempt.sent and not attempt.lost:
            attempt.sent = True
            self.settler.add(attempt, attempt.outcome)

    def _freed(self, attempt: Attempt) -> None:
        self._on_hand.discard(attempt)
        self._progress.set()
        if attempt.lost:
            self._forget(attempt)

    def _settled(self, batch: Sequence[Ending], results: Sequence[LeaseResult]) -> None:
        self.held.remove_all(attempt.job for attempt, _ in batch)
        for attempt, _ in batch:
            self._untrack(attempt)
        self._progress.set()
        for (attempt, outcome), result in zip(batch, results, strict=True):
            try:
                self.teller.ended(attempt, outcome, result)
            except Exception as error:  # noqa: BLE001 (a log's filter or handler may raise anything)
                # Neither the others of the batch nor what waits to be stored may pay for it.
                what = {"message": "telling how a job ended failed", "exception": error}
                self._loop.call_exception_handler(what)

    def _dropped(self, attempt: Attempt) -> None:
        self._forget(attempt)
        self._progress.set()

    def _forget(self, attempt: Attempt) -> None:
        self.held.remove(attempt.id, attempt.job.token)
        self._untrack(attempt)

    def _untrack(self, attempt: Attempt) -> None:
        self.late.going_back.discard(attempt)
        if self._attempts.get(attempt.key) is attempt:
            del self._attempts[attempt.key]

    # --- leases that are lost -----------------------------------------------------------------

    def lease_lost_threadsafe(self, held: HeldLease) -> None:
        """Be told, in any thread, that a lease is lost (clause LEA-6)."""
        self.held.remove(held.id, held.token)
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._lease_lost, held)

    def _lease_lost(self, held: HeldLease) -> None:
        attempt = self._attempts.get(held.id.int)
        if attempt is not None and attempt.job.token == held.token:
            self._lose(held.id)

    def _lose(self, job_id: UUID) -> None:
        attempt = self._attempts.get(job_id.int)
        if attempt is None or attempt.over:
            # Where an outcome was chosen already, the storage's answer to it says what holds.
            return
        self.held.remove(attempt.id, attempt.job.token)
        attempt.lost = True
        attempt.stop(StopReason.LEASE_LOST)
        self.teller.lost(attempt, "its handler was told to stop")

    # --- stopping -----------------------------------------------------------------------------

    def stop(self) -> None:
        """Claim nothing more; have every handler know, and what hasn't begun go back."""
        if not self._stopping.done():
            self._stopping.set_result(None)
            self._progress.set()
            self._release_waiting()
            self.teller.stopping(len(self._on_hand), self._time_left())
            for attempt in list(self._attempts.values()):
                attempt.token.cancel(StopReason.SHUTDOWN)

    def force(self) -> None:
        """Wait for no handler any more."""
        if not self._forced.done():
            self._forced.set_result(None)
            if self._stopping.done():
                self.teller.forced(len(self._on_hand))
        self._progress.set()

    def _time_left(self) -> timedelta:
        return timedelta(0) if self._forced.done() else self._options.shutdown_timeout

    async def ended(self, seconds: float, *, forced: bool = False) -> None:
        """Wait until every handler has ended, for at most a number of seconds.

        Args:
            seconds: by real time.
            forced: go on waiting though :meth:`force` was called.
        """
        end = self._loop.time() + seconds
        while self._on_hand and (forced or not self._forced.done()):
            left = end - self._loop.time()
            if left <= 0:
                return
            self._progress.clear()
            try:
                async with asyncio.timeout(left):
                    await self._progress.wait()
            except TimeoutError:
                return

    def interrupt(self) -> None:
        """Cancel what still runs: it is to be released (clause LIV-1)."""
        self.interrupted = _named(self._on_hand)
        for attempt in list(self._attempts.values()):
            if attempt.choose(_released(attempt)):
                attempt.stop(StopReason.SHUTDOWN)

    def release(self) -> None:
        """Give back what was to be released, ended or not."""
        for attempt in list(self._attempts.values()):
            if attempt in self._on_hand and not attempt.sent and not attempt.lost:
                self.teller.outlived(attempt)
            self._send(attempt)

    async def close(self, grace: float) -> None:
        """End the slots, and note whose handlers can't be ended.

        Args:
            grace: seconds that handlers have to clean up where the end is forced.
        """
        running = list(self._on_hand)
        if self._forced.done():
            await self.slots.close(grace)
        else:
            await self.slots.close()
        # A slot that was cancelled has left its thread to itself.
        self.left_behind = _named(
            each for each in running if each in self._on_hand or not each.route.is_async
        )

    def _release_waiting(self) -> None:
        for attempt in self.slots.take_back():
            self._give_back(attempt)

    def _give_back(self, attempt: Attempt) -> None:
        attempt.choose(_released(attempt))
        self._send(attempt)
        self._freed(attempt)

    # --- a loop that doesn't turn -------------------------------------------------------------

    def loop_blocked(self, seconds: float) -> None:
        """Be told, in another thread, that this loop hasn't turned for some time.

        Args:
            seconds: for how long.
        """
        present = asyncio.current_task(self._loop)
        running = [each for each in list(self._on_hand) if each.handler_task is not None]
        blocking = [each for each in running if each.handler_task is present]
        self.teller.blocked(seconds, _named(blocking or running), known=bool(blocking))


def _named(attempts: Iterable[Attempt]) -> dict[UUID, str]:
    return {each.id: each.job.job_type for each in attempts}


def _released(attempt: Attempt) -> Settlement:
    return Settlement(attempt.id, attempt.job.token, SettleKind.RELEASED)
