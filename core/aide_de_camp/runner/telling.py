"""What a runner says: log lines and events, never a payload unless asked for (clause DEC-6)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from aide_de_camp.ends import end_event
from aide_de_camp.runner.attempt import Attempt
from aide_de_camp.session import Session
from aide_de_camp.spi import (
    ErrorRecord,
    Event,
    EventKind,
    LeaseResult,
    SettleKind,
    Settlement,
)

_log = logging.getLogger("aide_de_camp.runner")

_LEVELS: Final = {
    SettleKind.RETRY: logging.WARNING,
    SettleKind.RELEASED: logging.INFO,
    SettleKind.DEAD: logging.ERROR,
}

_MOST_NAMED: Final = 10


class Teller:
    """Tells of the attempts of one runner.

    Args:
        session: the runner's.
        worker: the runner's name.
        log_errors: whether what exceptions say is logged, which may quote payloads.
    """

    def __init__(self, session: Session, worker: str, *, log_errors: bool = False) -> None:
        self._session = session
        self._worker = worker
        self._log_errors = log_errors
        self._stop_began: float | None = None

    def runner_started(self) -> None:
        """Tell that the runner begins."""
        self._runner(logging.INFO, "runner started: %s on queue %s")
        self._emit_runner(EventKind.RUNNER_STARTED)

    def stopping(self, count: int, left: timedelta) -> None:
        """Tell that a stop begins.

        Args:
            count: of jobs that run.
            left: how long they have.
        """
        self._stop_began = self._session.clock.monotonic()
        self._runner(
            logging.INFO,
            "runner stopping: %s on queue %s; jobs that still run: %d; they have %g s",
            count,
            left.total_seconds(),
        )

    def forced(self, count: int) -> None:
        """Tell that a stop that had begun is forced."""
        self._runner(
            logging.INFO, "runner forced to stop: %s on queue %s; jobs interrupted: %d", count
        )

    def runner_stopped(self, left_behind: Mapping[UUID, str]) -> None:
        """Tell that the runner has ended."""
        present = self._session.clock.monotonic()
        began = present if self._stop_began is None else self._stop_began
        self._runner(
            logging.WARNING if left_behind else logging.INFO,
            "runner stopped: %s on queue %s, in %.1f s%s",
            present - began,
            f"; left behind, still running: {in_short(left_behind)}" if left_behind else "",
        )
        self._emit_runner(EventKind.RUNNER_STOPPED)

    def blocked(self, seconds: float, jobs: Mapping[UUID, str], *, known: bool) -> None:
        """Tell that the event loop doesn't turn; called in another thread.

        Args:
            seconds: for how long.
            jobs: the async jobs that may be the cause.
            known: the cause is known to be among them.
        """
        if not jobs:
            cause = "something else in it than a handler blocks it"
        elif known:
            cause = f"it is blocked by {in_short(jobs)}"
        else:
            cause = f"it is blocked, maybe by one of these: {in_short(jobs)}"
        self._runner(
            logging.WARNING,
            "runner %s on queue %s: its event loop hasn't turned for %.1f s: %s; have work that "
            "blocks done by a plain `def` handler, or in asyncio.to_thread",
            seconds,
            cause,
        )

    def late(self, words: str) -> None:
        """Warn that claims keep being answered when their leases may be over.

        Args:
            words: what happened, and what to do.
        """
        self._runner(logging.WARNING, "runner %s on queue %s: %s", words)

    def started(self, attempt: Attempt) -> None:
        """Tell that a handler begins."""
        if self._session.bus.active:
            self._emit(EventKind.STARTED, attempt)

    def ended(self, attempt: Attempt, outcome: Settlement, result: LeaseResult) -> None:
        """Tell how an attempt ended, once that is stored or refused."""
        if result is LeaseResult.LOST:
            self.lost(attempt, "its outcome was refused")
            return
        level = _LEVELS.get(outcome.kind, logging.DEBUG)
        if _log.isEnabledFor(level):
            error = outcome.error
            fields = self._fields(
                attempt,
                adc_outcome=str(outcome.kind),
                adc_error=error.type if error else None,
            )
            if self._log_errors and error:
                fields |= {"adc_error_message": error.message, "adc_traceback": error.traceback}
            _log.log(
                level,
                "job %s (%s): %s",
                attempt.id,
                attempt.job.job_type,
                _in_words(outcome, self._cause(error)),
                extra=fields,
            )
        if self._session.bus.active:
            self._session.bus.emit(
                end_event(
                    self._session.queue,
                    attempt.job,
                    outcome,
                    result,
                    worker=self._worker,
                    seconds=self._seconds(attempt),
                )
            )

    def lost(self, attempt: Attempt, why: str) -> None:
        """Tell that an attempt's lease was lost."""
        _log.warning(
            "lease lost: job %s (%s): %s",
            attempt.id,
            attempt.job.job_type,
            why,
            extra=self._fields(attempt),
        )
        if self._session.bus.active:
            self._emit(EventKind.LEASE_LOST, attempt)

    def overrun(self, attempt: Attempt) -> None:
        """Tell that a handler goes on after it was told to stop (clause RET-9)."""
        _log.warning(
            "job %s (%s) was told to stop and still runs: its slot stays taken until it ends",
            attempt.id,
            attempt.job.job_type,
            extra=self._fields(attempt),
        )

    def outlived(self, attempt: Attempt) -> None:
        """Tell that a handler goes on though its runner ends (clause LIV-1)."""
        _log.warning(
            "job %s (%s) was told to stop and still runs: it is given back, and what this "
            "attempt does from now on counts for nothing",
            attempt.id,
            attempt.job.job_type,
            extra=self._fields(attempt),
        )

    def _cause(self, error: ErrorRecord | None) -> str | None:
        if error is None:
            return None
        if not self._log_errors:
            return error.type
        words = [each for each in (error.message, error.detail) if each]
        return ": ".join([error.type, *map(_one_line, words)])

    def _runner(self, level: int, message: str, *more: object) -> None:
        extra = {"adc_worker": self._worker, "adc_queue": self._session.queue}
        _log.log(level, message, self._worker, self._session.queue, *more, extra=extra)

    def _emit_runner(self, kind: EventKind) -> None:
        if self._session.bus.active:
            self._session.bus.emit(Event(kind, self._session.queue, worker=self._worker))

    def _fields(self, attempt: Attempt, **more: Any) -> dict[str, Any]:
        return {
            "adc_job_id": str(attempt.id),
            "adc_job_type": attempt.job.job_type,
            "adc_queue": self._session.queue,
            "adc_worker": self._worker,
            "adc_retries": attempt.job.retries,
            **more,
        }

    def _seconds(self, attempt: Attempt) -> float | None:
        began = attempt.started
        return None if began is None else self._session.clock.monotonic() - began

    def _emit(self, kind: EventKind, attempt: Attempt) -> None:
        self._session.bus.emit(
            Event(
                kind,
                self._session.queue,
                attempt.id,
                attempt.job.job_type,
                worker=self._worker,
                retries=attempt.job.retries,
                seconds=self._seconds(attempt),
            )
        )


def _in_words(outcome: Settlement, error: str | None) -> str:
    match outcome.kind:
        case SettleKind.RETRY:
            return f"failed ({error}), will be retried in {outcome.delay / 1e6:.1f} s"
        case SettleKind.DEAD:
            cause = f" ({error})" if error else ""
            return f"dead, reason {outcome.reason!r}{cause}: `adc dead show` tells more"
        case _:
            return str(outcome.kind)


def in_short(jobs: Mapping[UUID, str]) -> str:
    """Name jobs by id and type, the first ten of them."""
    named = [f"{job_id} ({job_type})" for job_id, job_type in list(jobs.items())[:_MOST_NAMED]]
    more = len(jobs) - len(named)
    return f"{'job' if len(jobs) == 1 else 'jobs'} {', '.join(named)}" + (
        f" and {more} more" if more else ""
    )


def _one_line(text: str) -> str:
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in " ".join(text.split())
    )


class Sparingly:
    """Says True at once, and then at most once in a while: for errors that repeat.

    Args:
        seconds: between two.
        monotonic: gives the seconds.
    """

    def __init__(self, seconds: float, monotonic: Callable[[], float]) -> None:
        self._seconds = seconds
        self._monotonic = monotonic
        self._last = float("-inf")

    def __call__(self) -> bool:
        """Say whether it is time to speak again."""
        present = self._monotonic()
        if present - self._last < self._seconds:
            return False
        self._last = present
        return True
