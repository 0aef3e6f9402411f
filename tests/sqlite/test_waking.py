from __future__ import annotations

import asyncio
from uuid import uuid4

from aide_de_camp.spi import Requeue, SettleKind, Wake

LONG = 3_600.0


def test_scheduling_wakes_who_waits_in_the_process(bench):
    """Clause WAK-1."""

    async def run() -> None:
        async with bench.opened() as storage:
            waiting = asyncio.ensure_future(storage.wait("q", storage.ticket("q"), LONG))
            await asyncio.sleep(0)
            await bench.put(storage, bench.job())
            assert await waiting is Wake.WORK

    asyncio.run(run())


def test_what_came_since_the_ticket_is_not_slept_through(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            ticket = storage.ticket("q")
            await bench.put(storage, bench.job())
            assert await storage.wait("q", ticket, LONG) is Wake.WORK

    asyncio.run(run())


def test_another_process_wakes_who_waits(bench, outcome):
    """Clause WAK-1: with an hour's patience, by the file's data version."""

    async def run() -> None:
        async with bench.opened() as storage:
            child = bench.child("schedule", bench.url)
            assert await asyncio.to_thread(child.stdout.readline) == "ready\n"
            # Opening the file may have been noticed: an alarm of its own.
            ticket = storage.ticket("q")
            assert (await bench.claim(storage, now=None)).jobs == ()
            waiting = asyncio.ensure_future(storage.wait("q", ticket, LONG))
            child.stdin.write("go\n")
            child.stdin.flush()
            assert await waiting is Wake.WORK
            jobs = (await bench.claim(storage, now=None)).jobs
            while not jobs:
                ticket = storage.ticket("q")
                jobs = (await bench.claim(storage, now=None)).jobs
                if not jobs:
                    assert await storage.wait("q", ticket, LONG) is Wake.WORK
            assert len(jobs) == 1
            await asyncio.to_thread(outcome, child)

    asyncio.run(run())


def test_another_storage_of_the_process_wakes_too(bench):
    async def run() -> None:
        async with bench.opened() as one, bench.opened() as two:
            ticket = one.ticket("q")
            await bench.put(two, bench.job())
            assert await one.wait("q", ticket, LONG) is Wake.WORK

    asyncio.run(run())


def test_a_wait_ends_in_time(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            assert await storage.wait("q", storage.ticket("q"), 0.0) is Wake.TIMEOUT
            assert await storage.wait("q", storage.ticket("q"), 0.03) is Wake.TIMEOUT

    asyncio.run(run())


def test_own_claims_and_completions_wake_nobody(bench):
    """Else a runner would look again after each job that it finished."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            ticket = storage.ticket("q")
            (job,) = (await bench.claim(storage)).jobs
            await bench.settle(storage, job)
            assert await storage.wait("q", ticket, 0.05) is Wake.TIMEOUT

    asyncio.run(run())


def test_an_empty_claim_wakes_no_other_process(bench):
    async def run() -> None:
        async with bench.opened() as one, bench.opened() as two:
            await bench.put(two, bench.job(delay=1))
            # Takes note of what happened so far.
            await one.wait("q", one.ticket("q"), 0.1)
            ticket = one.ticket("q")
            for _ in range(5):
                assert (await bench.claim(two)).jobs == ()
            assert await one.wait("q", ticket, 0.1) is Wake.TIMEOUT

    asyncio.run(run())


def test_a_retry_and_a_requeue_wake(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            for kind in (SettleKind.RETRY, SettleKind.SNOOZED, SettleKind.RELEASED):
                (job,) = (await bench.claim(storage)).jobs
                ticket = storage.ticket("q")
                await bench.settle(storage, job, kind)
                assert await storage.wait("q", ticket, LONG) is Wake.WORK
            (job,) = (await bench.claim(storage)).jobs
            await bench.settle(storage, job, SettleKind.DEAD, reason="failed")
            ticket = storage.ticket("q")
            await storage.requeue("q", [Requeue(job.id, uuid4())], now=None)
            assert await storage.wait("q", ticket, LONG) is Wake.WORK

    asyncio.run(run())


def test_other_queues_of_the_process_sleep_on(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            ticket = storage.ticket("other")
            await bench.put(storage, bench.job())
            assert await storage.wait("other", ticket, 0.0) is Wake.TIMEOUT

    asyncio.run(run())


def test_closing_wakes_all(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            waiting = asyncio.ensure_future(storage.wait("q", storage.ticket("q"), LONG))
            await asyncio.sleep(0)
            await storage.close()
            assert await waiting is Wake.WORK

    asyncio.run(run())
