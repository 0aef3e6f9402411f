"""A verb on its way to the writer's thread, and its answer on the way back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from attrs import define, field

from aide_de_camp_backends.sqlite.failures import translate
from aide_de_camp_backends.sqlite.transaction import Transaction


@define(eq=False)
class Call:
    """One call of a verb.

    Attributes:
        verb: what to do in the transaction. It may be done again if that was rolled back.
        future: what the caller awaits; touched in the loop's thread only, but for a look at
            whether it was cancelled.
        deadline: until when it waits for locks, by ``time.monotonic``.
        writes: False if it only reads.
        job_ids: the jobs that it is about, for its errors.
    """

    verb: Callable[[Transaction], Any]
    future: asyncio.Future[Any]
    deadline: float
    writes: bool
    job_ids: Sequence[UUID]
    result: Any = field(default=None, init=False)
    error: Exception | None = field(default=None, init=False)

    @property
    def given_up(self) -> bool:
        """True if nobody awaits it any more."""
        return self.future.cancelled()

    @property
    def expired(self) -> bool:
        """True if it has waited for as long as it may."""
        return time.monotonic() >= self.deadline

    def fail(self, error: Exception, *, outcome_unknown: bool = False) -> None:
        """Answer with an error of its own."""
        self.error = translate(error, job_ids=self.job_ids, outcome_unknown=outcome_unknown)

    def deliver(self) -> None:
        """Hand the answer over, in the loop's thread."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)
