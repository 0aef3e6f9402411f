"""What the machine stands on: one storage, one model, a clock, and ways to choose among jobs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, TypeVar
from uuid import UUID

from attrs import evolve
from hypothesis.stateful import RuleBasedStateMachine

from aide_de_camp.spi import (
    Cancellation,
    Capability,
    ClaimRequest,
    JobFilter,
    JobRecord,
    JobState,
    Lease,
    Requeue,
    Storage,
    StorageOpener,
)
from aide_de_camp_conformance.harness import Harness
from aide_de_camp_conformance.model import strategies as some
from aide_de_camp_conformance.model.comparing import shown
from aide_de_camp_conformance.model.job import ModelJob
from aide_de_camp_conformance.model.reference import Model

T = TypeVar("T")
QUEUE: Final = "model"
NOBODYS: Final = UUID(int=0x7000_8000_0000_0000_0000)
"""An id that is never scheduled."""
PATIENCE: Final = 60.0
"""Seconds for one call."""


class Driven(RuleBasedStateMachine):
    """One run, without its rules.

    Every run has a place of its own, so that nothing that an earlier one left can matter. Rules
    are sync, as Hypothesis wants them, and run what they call in a loop of the machine's own.
    """

    harness: ClassVar[Harness]

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._namespace = f"adc_{uuid.uuid4().hex[:16]}"
        self._opener: StorageOpener = self.harness.opener(self._namespace)
        self.storage: Storage = self._opener()
        self._do(self.storage.open())
        self.moves = Capability.MOVE in self.storage.capabilities
        self.clock = some.START
        self.model = Model(self.clock)
        self.known: list[UUID] = [NOBODYS]
        self.leases: list[Lease] = [Lease(NOBODYS, 1)]
        self.claims: list[ClaimRequest] = []
        self.cancellations: list[Cancellation] = []
        self.requeues: list[Requeue] = []
        self.records: list[JobRecord] = []
        self._requests = 0
        self._turn = 0

    def teardown(self) -> None:
        """Close what is open; how a storage closes isn't what is asked here."""
        try:
            with suppress(Exception):  # an error here would hide the one that was found
                self._do(self.storage.close())
        finally:
            self._runner.close()
            self.harness.remove(self._namespace)

    # --- helpers ------------------------------------------------------------------------------

    def _do(self, call: Awaitable[T]) -> T:
        async def bounded() -> T:
            async with asyncio.timeout(PATIENCE):
                return await call

        work: Coroutine[Any, Any, T] = bounded()
        return self._runner.run(work)

    def _request(self) -> UUID:
        self._requests += 1
        return UUID(int=0x7000_8000_0000_0000_0000 + self._requests)

    def shown(self, job: ModelJob | None) -> JobRecord | None:
        """Give what a reader is told of a job of the model, if it is there."""
        return None if job is None else job.record(QUEUE)

    def _jobs(self) -> list[ModelJob]:
        return list(self.model.jobs.values())

    def _some_ids(self, which: Sequence[int], first: JobState) -> list[UUID]:
        """Choose jobs, the first of them in a certain state if there is any."""
        wished = [job.id for job in self._jobs() if job.state is first] or self.known
        ids = [pick(wished, which[0]), *(pick(self.known, each) for each in which[1:])]
        return list(dict.fromkeys(ids))

    def _some_leases(self, which: Sequence[int], *, held: bool) -> list[Lease]:
        """Choose leases, the first of them one that holds if there is any."""
        running = [Lease(j.id, j.token) for j in self._jobs() if j.state is JobState.RUNNING]
        first = running if held and running else self.leases
        picked = [pick(first, which[0]), *(pick(self.leases, each) for each in which[1:])]
        chosen: dict[UUID, Lease] = {}
        for lease in picked:
            chosen.setdefault(lease.id, lease)
        return list(chosen.values())

    def _learn(self) -> list[JobRecord | None]:
        """Read every job, and learn how far the tokens were raised of those taken back."""
        given = self._get()
        for record in given:
            if record is not None and record.id in self.model.jobs:
                self.model.jobs[record.id].raised(record.token)
        return given

    def _get(self) -> list[JobRecord | None]:
        return list(self._do(self.storage.get(QUEUE, self.known)))

    def _list(
        self, where: JobFilter, limit: int, after: UUID | None, *, newest_first: bool
    ) -> list[JobRecord]:
        records: list[JobRecord] = []
        for _ in range(1_000):
            page = self._do(
                self.storage.list(QUEUE, where, limit=limit, after=after, newest_first=newest_first)
            )
            assert len(page.records) <= limit, "a page is longer than asked for"
            records += [shown(record) for record in page.records]
            after = page.after
            if after is None:
                return records
        raise AssertionError("a listing never ends")

    def _listed(
        self, where: JobFilter, after: UUID | None, *, newest_first: bool
    ) -> list[JobRecord]:
        jobs = self.model.matching(where)
        if newest_first:
            jobs.reverse()
        if after is not None:
            last = after.bytes
            jobs = [j for j in jobs if (j.id.bytes < last if newest_first else j.id.bytes > last)]
        return [shown(evolve(job.record(QUEUE), payload=None)) for job in jobs]


def pick(choices: Sequence[T], which: int) -> T:
    """Choose one, counted from the latest: so the numbers that shrink name what is recent."""
    return choices[-1 - which % len(choices)]
