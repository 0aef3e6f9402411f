"""Times and tokens are 64-bit numbers, which a script's own numbers don't hold."""

from __future__ import annotations

import asyncio
import random

import pytest

from aide_de_camp.spi import TIME_MAX, TIME_MIN, Lease, LeaseResult, SettleKind, Settlement, later
from aide_de_camp_backends.redis.wire import number, read_number

BIG = 2**53
EDGES = [
    number
    for edge in (TIME_MIN, -BIG, -(2**32), 0, 2**32, BIG, TIME_MAX)
    for number in (edge - 1, edge, edge + 1)
    if TIME_MIN <= number <= TIME_MAX
]


def test_bytes_sort_as_their_numbers_do():
    values = [*EDGES, -(2**63) + 1, 2**63 - 1]
    assert sorted(values, key=number) == sorted(values)
    assert [read_number(number(value)) for value in values] == values
    assert read_number(number(10**30)) == 2**63 - 1  # no job has such a token, so none matches


def test_jobs_come_in_the_order_of_their_times_to_the_microsecond(bench):
    """PRI-2: over the whole range, several types merged; the times come back as they went."""
    chance = random.Random(7)
    times = EDGES + [chance.randint(TIME_MIN, TIME_MAX) for _ in range(200)]
    chance.shuffle(times)
    jobs = [
        bench.job(scheduled_at=time, job_type=chance.choice("abc"), priority=chance.choice([-1, 5]))
        for time in times
    ]
    ordered = sorted(jobs, key=lambda job: (-job.priority, job.scheduled_at, job.id.bytes))

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *jobs)
            claimed = await bench.claim(storage, limit=1_000, now=TIME_MAX)
            assert [job.id for job in claimed.jobs] == [job.id for job in ordered]
            assert [job.scheduled_at for job in claimed.jobs] == [
                job.scheduled_at for job in ordered
            ]

    asyncio.run(run())


@pytest.mark.parametrize("due", [TIME_MIN + 1, -BIG - 1, 0, BIG + 1, TIME_MAX])
def test_a_job_is_due_at_its_microsecond_and_not_before(bench, due):
    async def run() -> None:
        async with bench.opened() as storage:
            (job_id,) = await bench.put(storage, bench.job(scheduled_at=due), now=due - 1)
            early = await bench.claim(storage, now=due - 1)
            assert (early.jobs, early.next_due, early.now) == ((), due, due - 1)
            claimed = await bench.claim(storage, now=due)
            assert [job.id for job in claimed.jobs] == [job_id]
            assert claimed.jobs[0].lease_until == later(due, 60_000_000)

    asyncio.run(run())


@pytest.mark.parametrize("delay", [2**62, 2**63 - 1, 2**63, 10**30])
def test_delays_of_any_length_lead_to_a_legal_time(bench, delay):
    """RET-7: also where the sum is more than 64 bits hold."""

    async def run() -> None:
        async with bench.opened() as storage:
            (one, two) = await bench.put(storage, bench.job(), bench.job(delay=delay))
            (job,) = (await bench.claim(storage)).jobs
            assert job.id == one
            await storage.extend("q", [Lease(job.id, job.token)], delay, now=bench.now)
            assert [each.lease_until for each in await storage.get("q", [one])] == [TIME_MAX]
            await bench.settle(storage, job, SettleKind.RETRY, delay=delay)
            found = await storage.get("q", [one, two])
            assert [each.scheduled_at for each in found] == [TIME_MAX] * 2
            assert await storage.prune("q", delay, 9, now=bench.now) == 0

    asyncio.run(run())


def test_tokens_grow_by_one_above_what_a_double_holds(bench):
    """LEA-3: and only the very token holds the job."""
    now = BIG + 1

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job(), now=now)
            tokens = []
            for _ in range(4):
                (job,) = (await bench.claim(storage, now=now)).jobs
                tokens.append(job.token)
                near = [Lease(job.id, job.token + step) for step in (-1, 1)]
                for lease in near:
                    assert await storage.extend("q", [lease], 10**6, now=now) == [LeaseResult.LOST]
                    ending = Settlement(lease.id, lease.token, SettleKind.COMPLETED)
                    assert await storage.settle("q", [ending], now=now) == [LeaseResult.LOST]
                released = await bench.settle(storage, job, SettleKind.RELEASED, now=now)
                assert released is LeaseResult.APPLIED
            assert tokens == [now, now + 1, now + 2, now + 3]

    asyncio.run(run())


def test_leases_end_at_their_microsecond(bench):
    """LEA-2: the longest expired are taken back first, beyond what a double holds."""

    async def run() -> None:
        async with bench.opened() as storage:
            ids = await bench.put(storage, *[bench.job() for _ in range(3)], now=BIG)
            held = (await bench.claim(storage, now=BIG, lease=10**6)).jobs
            longer = zip(reversed(held), (3, 2, 1), strict=True)
            for job, extra in longer:
                await storage.extend("q", [Lease(job.id, job.token)], 10**6 + extra, now=BIG)
            end = BIG + 10**6
            assert await storage.reap("q", 9, now=end) == ()
            assert [job.id for job in await storage.reap("q", 9, now=end + 1)] == [ids[0]]
            assert [job.id for job in await storage.reap("q", 9, now=end + 3)] == ids[1:]

    asyncio.run(run())


def test_the_present_never_goes_back(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            assert (await bench.claim(storage, now=BIG + 3)).now == BIG + 3
            assert (await bench.claim(storage, now=BIG + 2)).now == BIG + 3
            # The server's clock is behind the test's.
            assert (await bench.claim(storage, now=None)).now == BIG + 3

    asyncio.run(run())


def test_the_present_is_the_servers(bench, redis_server):
    async def run() -> None:
        async with bench.opened() as storage:
            seconds, microseconds = redis_server.call("TIME")
            before = int(seconds) * 10**6 + int(microseconds)
            now = (await bench.claim(storage, now=None)).now
            seconds, microseconds = redis_server.call("TIME")
            assert before <= now <= int(seconds) * 10**6 + int(microseconds)

    asyncio.run(run())
