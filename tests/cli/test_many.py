"""``adc jobs cancel`` of all that match, ``adc queues`` and ``adc prune``."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from aide_de_camp import JobRequest, JobState, JobType, ManualClock, Queue, open_queue

from .conftest import LETTER, Adc, Letter, Within, in_terminal, loaded, schedule_dead

CARD = JobType("card", str)


async def some_jobs(queue: Queue) -> None:
    """One dead, one running, two letters and a card that wait."""
    await schedule_dead(queue, 1)
    await queue.schedule(LETTER, Letter("running"), priority=9)
    assert await queue.poll_next(LETTER) is not None
    await queue.schedule(LETTER, Letter("due"))
    await queue.schedule_in(LETTER, Letter("later"), timedelta(days=1))
    await queue.schedule(CARD, "due")


@pytest.fixture
def some(within: Within) -> None:
    within(some_jobs)


def states(adc: Adc) -> dict[str, int]:
    found = loaded(adc("jobs", "counts", "--json"))["by_state"]
    return {state: count for state, count in found.items() if count}


# --- cancelling --------------------------------------------------------------------------------


def test_all_of_a_type_once_agreed(adc: Adc, some: None) -> None:
    """CAN-1 and CAN-2 by command."""
    before = states(adc)
    refused = adc("jobs", "cancel", "--type", "letter")
    assert refused.exit_code == 1
    assert refused.stderr.startswith(
        "adc: error: Cancel 2 scheduled jobs of type letter: give --yes"
    )
    assert states(adc) == before

    done = adc("jobs", "cancel", "--type", "letter", "--yes")
    assert (done.exit_code, done.stdout) == (0, "2 scheduled jobs cancelled.\n")
    assert states(adc) == {"scheduled": 1, "running": 1, "cancelled": 2, "dead": 1}


def test_all_there_are(adc: Adc, some: None) -> None:
    assert loaded(adc("jobs", "cancel", "--all", "--yes", "--json")) == {"count": 3}
    assert states(adc) == {"running": 1, "cancelled": 3, "dead": 1}
    again = adc("jobs", "cancel", "--all")
    assert (again.exit_code, again.stdout) == (0, "0 scheduled jobs cancelled.\n")


def test_all_of_many(adc: Adc, within: Within) -> None:
    async def many(queue: Queue) -> None:
        await queue.schedule_bulk([JobRequest(LETTER, Letter("x")) for _ in range(2_100)])

    within(many)
    assert adc("jobs", "cancel", "--all", "--yes").stdout == "2,100 scheduled jobs cancelled.\n"
    assert states(adc) == {"cancelled": 2_100}


@pytest.mark.parametrize("agrees", [False, True])
def test_asking_on_a_terminal(url: str, adc: Adc, some: None, agrees: bool) -> None:
    words = ["jobs", "cancel", "--all", "--queue", url]
    ended, shown = in_terminal(words, typed="y\n" if agrees else "n\n")
    assert ended == (0 if agrees else 1)
    assert "Cancel 3 scheduled jobs? [y/N]" in shown
    assert states(adc).get("cancelled", 0) == (3 if agrees else 0)


# --- queues ------------------------------------------------------------------------------------


def test_the_queues_that_hold_jobs(adc: Adc, url: str, some: None) -> None:
    async def another() -> None:
        async with open_queue(url, name="another one") as queue:
            await queue.schedule(LETTER, Letter("x"))
        async with open_queue(url, name="emptied") as queue:
            (dead,) = await schedule_dead(queue, 1)
            await queue.dead.delete(dead.id)

    asyncio.run(another())

    found = loaded(adc("queues", "--json"))["queues"]
    none = dict.fromkeys(map(str, JobState), 0)
    assert found == [
        {"queue": "another one", "total": 1, "by_state": {**none, "scheduled": 1}},
        {
            "queue": "default",
            "total": 5,
            "by_state": {**none, "scheduled": 3, "running": 1, "dead": 1},
        },
    ]
    lines = adc("queues").stdout.splitlines()
    assert lines[0].split() == ["QUEUE", "SCHEDULED", "RUNNING", "COMPLETED", "CANCELLED", "DEAD"]
    assert lines[1].split() == ["another", "one", "1", "0", "0", "0", "0"]
    assert lines[2].split() == ["default", "3", "1", "0", "0", "1"]


def test_no_queues(adc: Adc) -> None:
    assert adc("queues").exit_code == 1  # nothing is created by looking
    assert adc("migrate").exit_code == 0
    assert adc("queues").stdout == "No queue holds any job.\n"
    assert loaded(adc("queues", "--json")) == {"queues": []}


# --- pruning -----------------------------------------------------------------------------------


@pytest.fixture
def old(url: str) -> None:
    """One completed, one cancelled and one dead job, of two hours ago."""

    async def finish() -> None:
        clock = ManualClock(datetime.now(UTC) - timedelta(hours=2))
        async with open_queue(url, clock=clock) as queue:
            await queue.schedule(LETTER, Letter("x"))
            handle = await queue.poll_next(LETTER)
            assert handle is not None
            await handle.complete()
            await queue.cancel_job(await queue.schedule(LETTER, Letter("x")))
            await queue.schedule(LETTER, Letter("x"))
            handle = await queue.poll_next(LETTER)
            assert handle is not None
            await handle.dead_queue()

    asyncio.run(finish())


def test_prune_removes_what_was_kept_long_enough(adc: Adc, old: None, some: None) -> None:
    """KEP-1 by command."""
    adc("jobs", "cancel", "--type", "card", "--yes")
    assert adc("prune", "--keep-finished", "3h").stdout == "0 finished jobs removed.\n"
    assert adc("prune", "--name", "other").stdout == "0 finished jobs removed.\n"

    assert adc("prune").stdout == "2 finished jobs removed.\n"

    assert states(adc) == {"scheduled": 2, "running": 1, "cancelled": 1, "dead": 2}
    assert loaded(adc("prune", "--json")) == {"count": 0}


def test_prune_says_how_many_as_json(adc: Adc, old: None) -> None:
    assert loaded(adc("prune", "--keep-finished", "90m", "--json")) == {"count": 2}
    assert states(adc) == {"dead": 1}
