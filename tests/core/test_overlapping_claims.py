"""Storage and slots work at once: the next claim is sent before a batch is run (PRI-8)."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp import JobRequest, JobRouter, JobRunner, ManualClock, open_queue
from aide_de_camp.spi import ClaimRequest, ClaimResult


class Watched:
    """A queue in memory whose claims are noted, and take as long as they are told to."""

    def __init__(self, seconds: float = 0) -> None:
        self.clock = ManualClock()
        self.asked: list[int] = []
        self.ran_when_sent: list[int] = []
        self.ran = 0
        self._seconds = seconds

    async def drain(self, jobs: int, slots: int, monkeypatch: pytest.MonkeyPatch) -> None:
        router = JobRouter()

        @router.job("number")
        async def number(_: int) -> None:
            self.ran += 1

        async with open_queue("memory://", clock=self.clock) as queue:
            claim = queue.storage.claim

            async def noted(name: str, request: ClaimRequest, *, now: int | None) -> ClaimResult:
                self.asked.append(request.limit)
                self.ran_when_sent.append(self.ran)
                self.clock.advance(self._seconds)
                return await claim(name, request, now=now)

            monkeypatch.setattr(queue.storage, "claim", noted)
            await queue.schedule_many([JobRequest(number, each) for each in range(jobs)])
            assert await JobRunner(queue, router, concurrency=slots).drain() == jobs


def test_a_claim_is_for_half_of_many_slots_and_sent_before_the_batch_before_is_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = Watched()
    asyncio.run(watched.drain(400, 100, monkeypatch))
    assert max(watched.asked) == 50
    # When the second is sent, hardly any of the first fifty have been run.
    assert watched.ran_when_sent[:2] == [0, 0]


def test_where_the_way_is_long_a_claim_is_for_all_there_is_room_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    watched = Watched(seconds=0.05)
    asyncio.run(watched.drain(400, 100, monkeypatch))
    assert max(watched.asked) == 100


@pytest.mark.parametrize("slots", [1, 2, 16])
def test_few_slots_are_claimed_for_at_once(slots: int, monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    asyncio.run(watched.drain(50, slots, monkeypatch))
    assert max(watched.asked) == slots
