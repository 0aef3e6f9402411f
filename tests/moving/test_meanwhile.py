"""What changes at the source between any two steps of a move is moved, or named."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from aide_de_camp import JobState, MoveProgress, Queue, move_jobs, moving, open_queue
from aide_de_camp.spi import SettleKind, Settlement, Storage

from ..calls import Calls

VERBS = ["hold", "import_jobs", "unhold", "discard", "get", "list", "count", "reap"]


class Before:
    """Does something before the n-th call of a storage."""

    def __init__(self, number: int, act: Callable[[], Awaitable[object]]) -> None:
        self.left = number
        self._act = act

    def watch(self, storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
        for verb in VERBS:
            monkeypatch.setattr(storage, verb, self._around(getattr(storage, verb)))

    def _around(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def around(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                await self._act()
            return await call(*arguments, **named)

        return around


@pytest.mark.parametrize("kind", list(SettleKind))
def test_a_job_that_ends_its_attempt_meanwhile_is_not_forgotten(
    kind: SettleKind, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def run() -> None:
        number = 0
        while await moved_while(number := number + 1, kind, monkeypatch):
            assert number < 60, "the move doesn't end"
        assert number > 6

    asyncio.run(run())


async def moved_while(number: int, kind: SettleKind, monkeypatch: pytest.MonkeyPatch) -> bool:
    """End a job's attempt before one of the calls of a move; say whether it made so many."""
    calls = Calls()
    async with (
        open_queue("memory://", name=calls.queue) as source,
        open_queue("memory://", name=calls.queue) as target,
    ):
        await calls.put(source.storage, calls.job(), calls.job())
        (job,) = (await calls.claim(source.storage, limit=1, lease=10**15)).jobs
        reason = "why" if kind in (SettleKind.DEAD, SettleKind.CANCELLED) else None
        ending = Settlement(job.id, job.token, kind, reason=reason)
        settle = source.storage.settle

        async def end() -> None:
            await settle(calls.queue, [ending], now=calls.now)

        before = Before(number, end)
        with monkeypatch.context() as patch:
            before.watch(source.storage, patch)
            report = await move_jobs(source, target, wait=False)
        happened = before.left <= 0
        states = await states_of(source)
        if not happened:
            assert (states, report.running) == ([JobState.RUNNING], (job.id,))
        elif kind in (SettleKind.COMPLETED, SettleKind.CANCELLED):
            assert [each.value for each in states] == [kind.value]
            assert report.moved == 1
        elif states:
            # It ended after the last look at it: then it was running when the move was done.
            assert report.running == (job.id,)
        else:
            assert (report.moved, report.running) == (2, ())
        return happened


async def states_of(queue: Queue) -> list[JobState]:
    return [job.state for job in (await queue.list_jobs()).jobs]


def test_what_is_waited_for_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever looks on is told of what runs, once all else was moved, and no more at the end."""
    monkeypatch.setattr(moving, "_LOOK_AGAIN", timedelta(0))
    calls = Calls()

    async def run() -> None:
        async with (
            open_queue("memory://", name=calls.queue) as source,
            open_queue("memory://", name=calls.queue) as target,
        ):
            await calls.put(source.storage, calls.job())
            claimed = await source.storage.claim(source.name, calls.request(limit=1), now=None)
            (running,) = claimed.jobs
            await calls.put(source.storage, calls.job(), calls.job())
            end = Settlement(running.id, running.token, SettleKind.RETRY, delay=0)
            told: list[MoveProgress] = []
            ending: list[asyncio.Task[object]] = []

            def look(progress: MoveProgress) -> None:
                told.append(progress)
                if progress.waiting and not ending:
                    settling = source.storage.settle(source.name, [end], now=None)
                    ending.append(asyncio.create_task(settling))

            report = await move_jobs(source, target, progress=look)
            assert (report.moved, report.running) == (3, ())
            waits = [each for each in told if each.waiting]
            assert waits
            assert waits[0] == MoveProgress(2, 2, (running.id,))
            assert told[0] == MoveProgress(2, 2)
            assert told[-1] == MoveProgress(3, 2)

    asyncio.run(run())
