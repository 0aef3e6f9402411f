"""One attempt at one job, from its claim until its end is stored."""

from __future__ import annotations

import asyncio
from uuid import UUID

from aide_de_camp.cancellation import CancellationToken, StopReason
from aide_de_camp.router import Route
from aide_de_camp.spi import ClaimedJob, Settlement


class Attempt:
    """What a runner knows of a job that it holds.

    Attributes:
        job: what was claimed.
        route: how it is handled.
        key: the job's id as a number: tables are kept by it, since it is hashed at once.
        outcome: how the attempt ends; the first chosen stands (clause LIV-1).
        sent: True once the outcome is on its way to the storage.
        lost: True once the lease was lost: whatever it ends as counts for nothing.
        interrupted: True once its async handler was cancelled by the runner.
        started: when its handler began, by the monotonic clock; None before.
        left: True once its slot is done with it.
        handler_task: the task in which its async handler runs just now; None else.
    """

    __slots__ = (
        "_token",
        "handler_task",
        "interrupted",
        "job",
        "key",
        "left",
        "lost",
        "outcome",
        "route",
        "sent",
        "started",
    )

    def __init__(self, job: ClaimedJob, route: Route) -> None:
        self.job = job
        self.route = route
        self.key = job.id.int
        self._token: CancellationToken | None = None
        self.outcome: Settlement | None = None
        self.sent = False
        self.lost = False
        self.left = False
        self.interrupted = False
        self.started: float | None = None
        self.handler_task: asyncio.Task[None] | None = None

    @property
    def id(self) -> UUID:
        """The job's id."""
        return self.job.id

    @property
    def token(self) -> CancellationToken:
        """The handler's cancellation token; made when somebody first asks for it."""
        if self._token is None:
            self._token = CancellationToken()
        return self._token

    @property
    def over(self) -> bool:
        """True where there is nothing left to run."""
        return self.lost or self.outcome is not None

    def choose(self, outcome: Settlement) -> bool:
        """Choose how the attempt ends, unless that is settled already.

        Returns:
            True if this is how it ends.
        """
        if self.over:
            return False
        self.outcome = outcome
        return True

    def stop(self, reason: StopReason) -> None:
        """Fire the token, and cancel an async handler that is running."""
        self.token.cancel(reason)
        if self.handler_task is not None:
            self.interrupted = True
            self.handler_task.cancel()

    def handler_begins(self, task: asyncio.Task[None]) -> None:
        """Note which task is to be cancelled if the handler is to stop."""
        self.handler_task = task

    def handler_ended(self) -> None:
        """Note that there is no handler to cancel any more, and that its task goes on."""
        task, self.handler_task = self.handler_task, None
        if task is not None and self.interrupted:
            # The cancellation was meant for the handler alone: its slot has other jobs to run.
            while task.cancelling():
                task.uncancel()
