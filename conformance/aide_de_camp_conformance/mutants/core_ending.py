"""Faults in the core: in how attempts end, the dead queue, and calls to a storage.

They replace one name of the core, for as long as they are applied.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from attrs import evolve

from aide_de_camp.spi import (
    JobNotFound,
    LeaseLost,
    QueueClosed,
    RetryLimits,
    StorageUnavailable,
)
from aide_de_camp_conformance.mutants.mutant import broken_core

Any_ = Callable[..., Any]

# --- settling -----------------------------------------------------------------------------------


@broken_core("aide_de_camp.handle.JobHandle._end", "ERR-1.words", "LEA-3.lost")
def lost_is_nothing(original: Any_) -> Any_:
    """A handle whose lease was lost says nothing."""

    async def end(self: Any, settlement: Any) -> None:
        try:
            await original(self, settlement)
        except LeaseLost:
            return

    return end


@broken_core(
    "aide_de_camp.settling._backoff",
    "LIV-1.fails",
    "LIV-4.handle",
    "RET-2.again",
    "RET-6.backoff",
    "RET-6.bad",
    "RET-9.timeout",
)
def no_backoff(original: Any_) -> Any_:
    """A failure is retried at once."""
    return lambda job, job_type: 0


@broken_core("aide_de_camp.settling._backoff", "RET-7.backoff")
def trusts_policies(original: Any_) -> Any_:
    """A backoff policy's answer is taken as it comes."""
    return lambda job, job_type: int(job_type.backoff.delay(job.retries).total_seconds() * 1e6)


@broken_core("aide_de_camp.settling._backoff", "RET-6.backoff")
def snoozes_back_off(original: Any_) -> Any_:
    """Snoozes enter the backoff."""
    return lambda job, job_type: original(evolve(job, retries=job.retries + job.snoozes), job_type)


@broken_core(
    "aide_de_camp.settling.as_dead",
    "DEC-1.runner",
    "DEC-2.kept",
    "DEC-3.behind",
    "DEC-4.codec",
    "DEC-4.cut",
    "DEC-4.json",
    "DEC-4.loads",
    "DEC-4.msgpack",
    "DEC-4.raises",
    "DEC-5.mended",
    "DEC-6.silent",
    "RET-2.none_left",
    "RET-9.thread",
    "RET-9.timeout",
)
def dead_of_nothing(original: Any_) -> Any_:
    """What died is told to have been released."""
    return lambda job, error, reason: original(job, error, "?")


@broken_core("aide_de_camp.settling.describe", "LIV-1.fails", "RET-2.again", "RET-3.cut")
def describes_briefly(original: Any_) -> Any_:
    """Of an error neither message nor traceback is kept."""
    return lambda error: evolve(original(error), message="", traceback=None)


@broken_core("aide_de_camp.escaping.storable", "RET-3.cut")
def keeps_texts_as_they_are(original: Any_) -> Any_:
    """Error texts are neither cut nor escaped."""
    return lambda text, limit: text


@broken_core("aide_de_camp.settling.checked_snooze", "RET-6.bad")
def any_delay(original: Any_) -> Any_:
    """A bad delay of a Snooze is taken for none."""

    def checked_snooze(value: Any) -> int:
        try:
            delay: int = original(value)
        except ValueError:
            return 0
        return delay

    return checked_snooze


@broken_core("aide_de_camp.claiming.retry_limits", "RET-8.once", "RET-8.sources")
def types_have_no_limit(original: Any_) -> Any_:
    """The limit of retries that a type states isn't passed on."""
    return lambda types: RetryLimits()


@broken_core("aide_de_camp.claiming.retry_limits", "RET-8.sources")
def three_by_default(original: Any_) -> Any_:
    """There are three retries by default."""
    return lambda types: evolve(original(types), default=3)


@broken_core("aide_de_camp.dead.DeadQueue._all", "RET-4.all")
def all_means_all(original: Any_) -> Any_:
    """Requeueing and deleting by filter ignore the filter."""

    async def act_on_all(self: Any, verb: str, act: Any, *_: Any) -> int:
        done: int = await original(self, verb, act, None, None)
        return done

    return act_on_all


@broken_core("aide_de_camp.dead.DeadQueue._one", "ERR-1.words", "LIV-4.delete", "RET-4.refused")
def nothing_to_say(original: Any_) -> Any_:
    """Requeueing what isn't dead says nothing."""

    async def one(self: Any, job_id: UUID, act: Any, done: str) -> None:
        with suppress(JobNotFound):
            await original(self, job_id, act, done)

    return one


@broken_core(
    "aide_de_camp.dead.DeadQueue._tell",
    "LIV-4.caller",
    "LIV-4.delete",
    "LIV-4.requeue",
    "OBS-5.accounted",
)
def tells_nobody(original: Any_) -> Any_:
    """Nobody is told of what happens to the dead."""
    return lambda self, kind, ids, statuses: None


# --- sessions -----------------------------------------------------------------------------------


@broken_core(
    "aide_de_camp.session.Session.call",
    "LIV-4.caller",
    "LIV-4.cancel",
    "LIV-4.claim",
    "LIV-4.delete",
    "LIV-4.handle",
    "LIV-4.poll",
    "LIV-4.refused",
    "LIV-4.requeue",
    "LIV-4.runner",
    "LIV-4.schedule",
)
def never_repeats(original: Any_) -> Any_:
    """A call whose reply was lost isn't repeated."""

    async def call(self: Any, verb: Callable[[Any], Awaitable[Any]], tries: Any = None) -> Any:
        return await verb(self.storage)

    return call


@broken_core(
    "aide_de_camp.session.Session.call",
    "ENQ-8.unavailable",
    "LIV-2.calls",
    "LIV-2.runner",
    "LIV-4.caller",
    "LIV-4.poll",
    "LIV-4.refused",
)
def raises_what_it_got(original: Any_) -> Any_:
    """Where a storage is away an error leaves that isn't the framework's."""

    async def call(self: Any, verb: Callable[[Any], Awaitable[Any]], tries: Any = None) -> Any:
        try:
            return await original(self, verb, tries)
        except StorageUnavailable as error:
            raise ConnectionError(str(error)) from error

    return call


@broken_core("aide_de_camp.session.Session.close", "LIV-3.closed")
def closed_is_open(original: Any_) -> Any_:
    """A closed queue can be used."""

    async def close(self: Any) -> None:
        storage = self._storage
        await original(self)
        self._storage = storage

    return close


@broken_core("aide_de_camp.session.Session.storage", "LIV-3.fork", "LIV-3.loop")
def any_loop_will_do(original: Any) -> Any:
    """A queue may be used in any event loop, and after a fork."""

    def storage(self: Any) -> Any:
        if self._storage is None:
            raise QueueClosed("it is closed: open it")
        return self._storage

    return property(storage)


# --- replies that are lost ----------------------------------------------------------------------


@broken_core("aide_de_camp.dead.Tries", "LIV-4.caller", "LIV-4.delete")
def forgets_lost_replies(original: Any_) -> Any_:
    """A delete whose reply was lost is told, by its repeat, that there is no such job."""

    class Forgetful:
        def __init__(self, *, unknown: bool = False) -> None:
            pass

        @property
        def unknown(self) -> bool:
            return False

        @unknown.setter
        def unknown(self, value: bool) -> None:
            """Forget it."""

    return Forgetful


@broken_core("aide_de_camp.claiming._asked_again", "LIV-4.poll", "LIV-4.refused")
def asks_anew(original: Any_) -> Any_:
    """What a poll_next took whose reply was lost is left to lose its lease."""

    async def asked_again(*_: Any) -> tuple[()]:
        return ()

    return asked_again


@broken_core("aide_de_camp.claiming._asked_again", "LIV-4.refused")
def asks_once_more(original: Any_) -> Any_:
    """A poll_next without a reply is repeated once; where that is refused, it is forgotten."""

    async def asked_again(session: Any, *rest: Any) -> Any:
        try:
            return await original(session, *rest)
        except StorageUnavailable:
            session.unanswered.clear()
            raise

    return asked_again


@broken_core("aide_de_camp.repeats.Repeats._remember", "LIV-4.caller")
def every_call_is_new(original: Any_) -> Any_:
    """What a caller repeats is a request that the storage has never seen."""
    return lambda self, verb, request_id, job_id: None


@broken_core("aide_de_camp.repeats.Request.in_doubt", "LIV-4.caller")
def refusals_are_answers(original: Any_) -> Any_:
    """A repeat that is refused has the caller's first request forgotten."""

    def in_doubt(request: Any, error: BaseException) -> bool:
        return isinstance(error, StorageUnavailable) and error.outcome_unknown

    return in_doubt
