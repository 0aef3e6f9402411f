"""Faults in the core's runner."""

from __future__ import annotations

import asyncio
from typing import Any

from aide_de_camp.spi import SettleKind, Settlement, StorageUnavailable
from aide_de_camp_conformance.mutants.core import Any_
from aide_de_camp_conformance.mutants.mutant import broken_core


@broken_core("aide_de_camp.runner.work.Work._room", "PRI-8.prefetch", "PRI-8.slots", "RET-9.thread")
def greedy(original: Any_) -> Any_:
    """A runner claims two jobs more than it has slots."""
    return lambda self: original(self) + 2


@broken_core("aide_de_camp.runner.work.Work._room", "PRI-8.prefetch")
def prefetches_without_end(original: Any_) -> Any_:
    """Where prefetch is allowed at all, its number isn't looked at."""
    return lambda self: original(self) + 100 * (self._options.prefetch > 0)


@broken_core(
    "aide_de_camp.runner.heartbeat.Pulse.beat",
    "LEA-5.blocked",
    "LEA-5.long",
    "LEA-6.taken",
    "LEA-6.unextended",
)
def no_pulse(original: Any_) -> Any_:
    """There are no heartbeats."""

    async def beat(self: Any, storage: Any, clock: Any) -> None:
        return

    return beat


@broken_core("aide_de_camp.runner.runner.HeartbeatThread", "LEA-5.blocked")
def pulse_in_the_loop(original: Any) -> Any:
    """Heartbeats depend on the loop in which the handlers run."""
    from aide_de_camp.runner.heartbeat import HeartbeatTask  # noqa: PLC0415

    return HeartbeatTask


@broken_core(
    "aide_de_camp.runner.work.Work.lease_lost_threadsafe", "LEA-6.taken", "LEA-6.unextended"
)
def nobody_hears_of_losses(original: Any_) -> Any_:
    """A handler isn't told that its lease was lost."""
    return lambda self, held: self.held.remove(held.id, held.token)


@broken_core("aide_de_camp.runner.heartbeat.Pulse.fence", "LEA-6.unextended")
def no_fence(original: Any_) -> Any_:
    """A lease that can't be extended is trusted for ever."""
    return lambda self, clock: None


@broken_core("aide_de_camp.runner.slots.as_returned", "RET-6.bad", "RET-6.cancel", "RET-6.snooze")
def any_result_completes(original: Any_) -> Any_:
    """Whatever a handler returns, its job is completed."""
    return lambda job, job_type, result: original(job, job_type, None)


@broken_core("aide_de_camp.runner.slots.Slots._set_alarm", "RET-9.thread", "RET-9.timeout")
def no_time_limit(original: Any_) -> Any_:
    """Time limits are ignored."""
    return lambda self, attempt, limit: None


@broken_core("aide_de_camp.runner.telling.Teller.overrun", "RET-9.thread")
def warns_nobody(original: Any_) -> Any_:
    """Nobody is warned of a thread that overruns."""
    return lambda self, attempt: None


@broken_core("aide_de_camp.runner.work.Work.stop", "LIV-1.fails", "LIV-1.released", "LIV-1.returns")
def stops_in_silence(original: Any_) -> Any_:
    """Handlers aren't told of a shutdown."""

    def stop(self: Any) -> None:
        if not self._stopping.done():
            self._stopping.set_result(None)
        self._progress.set()
        self._release_waiting()

    return stop


@broken_core("aide_de_camp.runner.slots.Slots._raised", "LIV-1.released")
def stopping_fails(original: Any_) -> Any_:
    """A handler that stops at a shutdown has failed."""

    def raised(self: Any, attempt: Any, error: BaseException) -> Any:
        stopped = isinstance(error, asyncio.CancelledError)
        return original(self, attempt, ValueError("stopped") if stopped else error)

    return raised


@broken_core("aide_de_camp.runner.slots.Slots._raised", "LIV-1.fails")
def stopping_excuses(original: Any_) -> Any_:
    """Whatever a handler raises after a shutdown request, its job is released."""

    def raised(self: Any, attempt: Any, error: BaseException) -> Any:
        stopped = attempt.token.reason == "shutdown"
        return original(self, attempt, asyncio.CancelledError() if stopped else error)

    return raised


@broken_core("aide_de_camp.runner.work._released", "LIV-1.claim", "LIV-1.timeout")
def overrun_costs(original: Any_) -> Any_:
    """What still runs after the shutdown timeout uses a retry."""
    return lambda attempt: Settlement(attempt.id, attempt.job.token, SettleKind.RETRY)


@broken_core("aide_de_camp.runner.work.Work._release_waiting", "LIV-1.claim")
def runs_what_it_has(original: Any_) -> Any_:
    """What was claimed and hasn't begun isn't given back at a shutdown."""
    return lambda self: None


@broken_core("aide_de_camp.runner.attempt.Attempt.choose", "LIV-1.first", "RET-9.timeout")
def last_word_counts(original: Any_) -> Any_:
    """Not the first outcome that an attempt chose stands, but the last."""

    def choose(self: Any, outcome: Any) -> bool:
        self.outcome = outcome
        return True

    return choose


@broken_core("aide_de_camp.runner.work.Work._rest_after", "LIV-2.runner", "LIV-4.runner")
def gives_up(original: Any_) -> Any_:
    """A runner ends when the storage is away."""

    async def rest_after(self: Any, error: Exception, failures: int) -> None:
        raise error

    return rest_after


@broken_core("aide_de_camp.runner.upkeep.Upkeep.once", "KEP-1.runner")
def nobody_prunes(original: Any_) -> Any_:
    """Runners remove nothing of what was kept long enough."""

    async def once(self: Any, *, prune: bool = True) -> None:
        await original(self, prune=False)

    return once


@broken_core("aide_de_camp.runner.work.Work._until_work", "WAK-1.earlier", "WAK-1.now")
def sleeps_till_polling(original: Any_) -> Any_:
    """A runner sleeps until its next poll, whatever falls due before."""

    async def until_work(self: Any, ticket: int, result: Any) -> None:
        await self._either(self._queue.clock.sleep(self._options.poll_interval.total_seconds()))

    return until_work


@broken_core("aide_de_camp.runner.claims.Claims.make", "LIV-4.runner")
def repeats_once(original: Any_) -> Any_:
    """A runner's claim without a reply is repeated once; where that is refused, it is forgotten."""

    async def make(self: Any, room: Any) -> Any:
        repeated = self._unanswered is not None
        try:
            return await original(self, room)
        except StorageUnavailable:
            if repeated:
                self._unanswered = None
            raise

    return make


@broken_core("aide_de_camp.runner.claims.Claims._still_unanswered", "LIV-4.runner")
def claims_anew(original: Any_) -> Any_:
    """What a runner's claim took whose reply was lost is left to lose its lease."""
    return lambda self: None
