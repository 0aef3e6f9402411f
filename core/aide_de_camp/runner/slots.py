"""The slots: a fixed number of tasks, each running one handler at a time."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from datetime import timedelta
from typing import Final, cast

from aide_de_camp.cancellation import StopReason
from aide_de_camp.context import JobContext
from aide_de_camp.queue import Queue
from aide_de_camp.runner.attempt import Attempt
from aide_de_camp.runner.line import Line
from aide_de_camp.runner.telling import Teller
from aide_de_camp.runner.threads import HandlerThreads, Raised
from aide_de_camp.settling import as_failed, as_returned, as_undecodable
from aide_de_camp.spi import (
    DeadReason,
    DecodeError,
    SettleKind,
    Settlement,
    TimeLimitExceeded,
)

_STOP_GRACE: Final = 5.0
"""Seconds that a handler which overran has to clean up before its outcome is stored."""


class Slots:
    """Runs attempts, at most ``concurrency`` at once.

    Args:
        queue: what the jobs came from.
        teller: tells of them.
        concurrency: how many slots there are.
        may_begin: asked of each attempt right before its handler would begin.
        ended: told of each attempt once its outcome may be stored, or it was lost.
        freed: told whenever a slot is done with an attempt.
    """

    def __init__(
        self,
        queue: Queue,
        teller: Teller,
        *,
        concurrency: int,
        may_begin: Callable[[Attempt], bool],
        ended: Callable[[Attempt], None],
        freed: Callable[[Attempt], None],
    ) -> None:
        self._queue = queue
        self._teller = teller
        self._may_begin = may_begin
        self._ended = ended
        self._freed = freed
        self._line = Line()
        self._threads = HandlerThreads()
        self._context = contextvars.copy_context()
        # Kept in order: cancelled in another one each time, the same run would never come twice.
        self._tasks: dict[asyncio.Task[None], None] = {}
        self._closing = False
        self._owner = asyncio.current_task()
        for _ in range(concurrency):
            self._start_slot()

    def feed(self, attempt: Attempt) -> None:
        """Have an attempt run as soon as a slot is free."""
        self._line.put(attempt)

    def hold(self, turns: int) -> None:
        """Have no slot begin anything new for some turns of the loop."""
        self._line.hold(turns)

    def take_back(self) -> list[Attempt]:
        """Take out the attempts that no slot has begun."""
        return self._line.take_all()

    async def close(self, seconds: float = _STOP_GRACE) -> None:
        """End the slots. What still runs in a thread is left to itself.

        Args:
            seconds: that handlers have at most to clean up after they were cancelled once more.
        """
        self._closing = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=min(seconds, _STOP_GRACE))
        self._threads.close()

    @property
    def _ending(self) -> bool:
        """True where a cancelled slot is to end: else its handler cancelled its own task."""
        return self._closing or (self._owner is not None and self._owner.cancelling() > 0)

    def _start_slot(self) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(), context=self._context.copy())
        self._tasks[task] = None
        task.add_done_callback(self._tasks.pop)

    async def _serve(self) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 (for the type checker: a coroutine runs in a task)
        while not self._closing:
            attempt = await self._line.next()
            try:
                await self._run(attempt, task)
            except (KeyboardInterrupt, SystemExit):
                raise  # they end the event loop, and are meant to
            except BaseException as error:
                if task.cancelling() and self._ending:
                    raise
                # Not the handler's (that is seen to), but a codec's for one: nothing that comes
                # of a job may cost its slot, or leave it held for ever.
                attempt.choose(self._raised(attempt, error))
                self._ended(attempt)
            finally:
                attempt.left = True
                self._freed(attempt)
            # Context variables that a handler set must not reach the next job, nor must a
            # cancellation of its own task that it left behind: they can't be unset, so a task
            # that has any ends here and another takes its place.
            if task.cancelling() or not _same(contextvars.copy_context(), self._context):
                self._start_slot()
                return

    async def _run(self, attempt: Attempt, task: asyncio.Task[None]) -> None:
        if attempt.over or not self._may_begin(attempt):
            return
        job, job_type = attempt.job, attempt.route.job_type
        try:
            payload = self._queue.payloads.decode(job_type, job.codec, job.payload, job.id)
        except DecodeError as error:
            outcome: Settlement | None = as_undecodable(job, job_type, error)
        else:
            attempt.started = self._queue.clock.monotonic()
            self._teller.started(attempt)
            alarm = self._set_alarm(attempt, job_type.time_limit)
            try:
                outcome = await self._call(attempt, payload, task)
            finally:
                if alarm is not None:
                    alarm.cancel()
            if alarm is not None and alarm.when() <= asyncio.get_running_loop().time():
                # It blocked the loop, so that the alarm had no chance to go off.
                self._time_out(attempt, cast("timedelta", job_type.time_limit))
        if outcome is not None:
            attempt.choose(outcome)
        self._ended(attempt)

    async def _call(
        self, attempt: Attempt, payload: object, task: asyncio.Task[None]
    ) -> Settlement | None:
        """Run a handler, and say how the attempt ends; None where that was decided elsewhere."""
        route, job = attempt.route, attempt.job
        arguments: tuple[object, ...] = (payload,)
        if route.takes_context:
            arguments = (payload, JobContext(self._queue, job, attempt.token))
        try:
            if route.is_async:
                attempt.handler_begins(task)
                try:
                    result = await route.handler(*arguments)
                finally:
                    attempt.handler_ended()
            else:
                ending = await self._threads.run(route.handler, *arguments)
                if isinstance(ending, Raised):
                    return self._raised(attempt, ending.error)
                result = ending.value
            return as_returned(job, route.job_type, result)
        except asyncio.CancelledError as error:
            if task.cancelling() and self._ending:
                raise  # the slot itself is to end
            return self._raised(attempt, error)
        except BaseException as error:  # noqa: BLE001 (whatever a handler raises ends its job alone)
            return self._raised(attempt, error)

    def _raised(self, attempt: Attempt, error: BaseException) -> Settlement:
        job = attempt.job
        asked_to_stop = attempt.token.reason is StopReason.SHUTDOWN
        if isinstance(error, asyncio.CancelledError) and asked_to_stop:
            return Settlement(job.id, job.token, SettleKind.RELEASED)
        return as_failed(job, attempt.route.job_type, error, DeadReason.FAILED)

    # --- time limits --------------------------------------------------------------------------

    def _set_alarm(self, attempt: Attempt, limit: timedelta | None) -> asyncio.TimerHandle | None:
        if limit is None:
            return None
        loop = asyncio.get_running_loop()
        return loop.call_later(limit.total_seconds(), self._time_out, attempt, limit)

    def _time_out(self, attempt: Attempt, limit: timedelta) -> None:
        error = TimeLimitExceeded(
            f"job {attempt.id} ran past its time limit of {limit.total_seconds():g} s"
        )
        outcome = as_failed(attempt.job, attempt.route.job_type, error, DeadReason.TIMEOUT)
        if attempt.choose(outcome):
            attempt.stop(StopReason.TIMEOUT)
            asyncio.get_running_loop().call_later(_STOP_GRACE, self._give_up_on, attempt)

    def _give_up_on(self, attempt: Attempt) -> None:
        if not attempt.sent:
            if not attempt.left:
                self._teller.overrun(attempt)
            self._ended(attempt)


def _same(one: contextvars.Context, other: contextvars.Context) -> bool:
    """Compare contexts by identity: a value of a handler's may refuse to be compared."""
    return len(one) == len(other) and all(
        variable in other and other[variable] is value for variable, value in one.items()
    )
