from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from aide_de_camp.spi import (
    TIME_MAX,
    Cancellation,
    CancelStatus,
    DeadStatus,
    ErrorRecord,
    JobState,
    Lease,
    LeaseResult,
    Requeue,
    RetryLimits,
    SettleKind,
    Settlement,
)
from aide_de_camp_backends.sqlite.plugin import connect

SECOND = 1_000_000


def test_a_repeated_claim_gives_what_the_first_gave(bench):
    """Clause LIV-4."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *(bench.job(priority=i % 3) for i in range(9)))
            request = bench.request(limit=4)
            first = await storage.claim("q", request, now=bench.now)
            again = await storage.claim("q", request, now=bench.now + 5)
            assert again.jobs == first.jobs
            other = await bench.claim(storage, limit=9)
            assert len(other.jobs) == 5

    asyncio.run(run())


def test_a_repeated_settlement_is_applied_even_after_another_claim(bench):
    """Clause LIV-4."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            (first,) = (await bench.claim(storage)).jobs
            error = ErrorRecord(
                "ValueError", "no", traceback="here", detail="x", path="$", offset=3
            )
            assert await bench.settle(storage, first, SettleKind.RETRY, error=error) is (
                LeaseResult.APPLIED
            )
            (second,) = (await bench.claim(storage)).jobs
            assert second.token > first.token
            assert await bench.settle(storage, first, SettleKind.RETRY) is LeaseResult.APPLIED
            assert await bench.settle(storage, first, SettleKind.COMPLETED) is LeaseResult.LOST
            (record,) = await storage.get("q", [first.id])
            assert (record.state, record.retries) == (JobState.RUNNING, 1)
            assert (record.error, record.error_at) == (error, bench.now)

    asyncio.run(run())


def test_settlements_of_one_call_are_taken_in_their_order(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *(bench.job() for _ in range(3)))
            from aide_de_camp.spi import Settlement

            jobs = (await bench.claim(storage)).jobs
            ends = [
                Settlement(jobs[0].id, jobs[0].token, SettleKind.COMPLETED),
                Settlement(jobs[0].id, jobs[0].token, SettleKind.RETRY),
                Settlement(jobs[0].id, jobs[0].token, SettleKind.COMPLETED),
                Settlement(jobs[1].id, jobs[1].token + 1, SettleKind.DEAD),
                Settlement(jobs[2].id, jobs[2].token, SettleKind.SNOOZED, delay=10**18),
                Settlement(uuid4(), 1, SettleKind.COMPLETED),
            ]
            applied, lost = LeaseResult.APPLIED, LeaseResult.LOST
            results = await storage.settle("q", ends, now=bench.now)
            assert results == [applied, lost, applied, lost, applied, lost]
            records = await storage.get("q", [job.id for job in jobs])
            assert [r.state for r in records] == ["completed", "running", "scheduled"]
            assert (records[2].scheduled_at, records[2].snoozes) == (TIME_MAX, 1)

    asyncio.run(run())


@pytest.mark.parametrize("own", [None, 0, 1])
def test_expired_leases_come_back_until_no_retry_is_left(bench, own):
    """Clauses LEA-2, RET-8: the job's own limit wins, else the claim's counts."""
    limits = RetryLimits(default=7, by_type={"t": 2})
    allowed = 2 if own is None else own

    async def run() -> None:
        async with bench.opened() as storage:
            (job_id,) = await bench.put(storage, bench.job(max_retries=own))
            now = bench.now
            tokens = []
            for attempt in range(allowed + 1):
                (job,) = (
                    await bench.claim(storage, lease=SECOND, retry_limits=limits, now=now)
                ).jobs
                assert (job.retries, job.max_retries) == (attempt, allowed)
                tokens.append(job.token)
                # Not by time alone: until somebody takes it back, the lease can be extended.
                now += SECOND
                if attempt == 0:
                    held = [Lease(job.id, job.token)]
                    assert await storage.extend("q", held, SECOND, now=now) == [LeaseResult.APPLIED]
                    now += SECOND
            result = await bench.claim(storage, now=now)
            assert result.jobs == ()
            assert [(r.id, r.state) for r in result.reaped] == [(job_id, JobState.DEAD)]
            assert tokens == sorted(set(tokens))
            (record,) = await storage.get("q", [job_id])
            assert (record.reason, record.finished_at) == ("lease", now)
            assert (record.retries, record.token) == (allowed, tokens[-1] + 1)
            assert await storage.extend("q", [Lease(job_id, tokens[-1])], SECOND, now=now) == [
                LeaseResult.LOST
            ]

    asyncio.run(run())


def test_an_extension_never_shortens(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            (job,) = (await bench.claim(storage, lease=60 * SECOND)).jobs
            await storage.extend("q", [Lease(job.id, job.token)], SECOND, now=bench.now)
            (record,) = await storage.get("q", [job.id])
            assert record.lease_until == bench.now + 60 * SECOND

    asyncio.run(run())


def test_a_lease_given_by_another_connection_is_taken_back_in_time(bench):
    """What an instance remembers of the leases must hold for those of others too."""

    async def run() -> None:
        async with bench.opened() as one, bench.opened() as two:
            await bench.put(one, bench.job())
            assert (await bench.claim(one, ["none"])).jobs == ()
            (job,) = (await bench.claim(two, lease=SECOND)).jobs
            assert (await bench.claim(one, now=bench.now + SECOND - 1)).jobs == ()
            result = await bench.claim(one, now=bench.now + SECOND)
            assert [found.id for found in result.jobs] == [job.id]
            assert [found.id for found in result.reaped] == [job.id]

    asyncio.run(run())


def test_a_rolled_back_look_at_the_leases_is_forgotten(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, bench.job())
            await bench.claim(storage, lease=SECOND)

            def look_then_fail(tx):
                tx.leases_looked_at("q", bench.now + 10 * SECOND, None)
                raise ValueError

            with pytest.raises(Exception, match="ValueError"):
                await storage._writer().submit(look_then_fail)
            assert len((await bench.claim(storage, now=bench.now + SECOND)).reaped) == 1

    asyncio.run(run())


def test_reap_takes_some_at_a_time(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *(bench.job() for _ in range(5)))
            await bench.claim(storage, lease=SECOND)
            later = bench.now + SECOND
            sizes = [len(await storage.reap("q", 2, now=later)) for _ in range(4)]
            assert sizes == [2, 2, 1, 0]

    asyncio.run(run())


def test_cancel_and_its_repeat(bench):
    """Clauses CAN-1 to CAN-3, LIV-4."""

    async def run() -> None:
        async with bench.opened() as storage:
            a, b = await bench.put(storage, bench.job(priority=9), bench.job())
            (job,) = (await bench.claim(storage, limit=1)).jobs
            request = Cancellation(b, uuid4())
            answers = [
                (await storage.cancel("q", [each], now=bench.now))[0]
                for each in (
                    Cancellation(a, uuid4()),
                    Cancellation(b, uuid4(), token=5),
                    request,
                    request,
                    Cancellation(b, uuid4()),
                    Cancellation(uuid4(), uuid4()),
                )
            ]
            assert [(each.status, each.state) for each in answers] == [
                (CancelStatus.RUNNING, None),
                (CancelStatus.CHANGED, None),
                (CancelStatus.CANCELLED, None),
                (CancelStatus.CANCELLED, None),
                (CancelStatus.NOT_LIVE, JobState.CANCELLED),
                (CancelStatus.NOT_LIVE, None),
            ]
            assert await bench.settle(storage, job) is LeaseResult.APPLIED
            (record,) = await storage.get("q", [b])
            assert (record.payload, record.state) == (b"{}", JobState.CANCELLED)

    asyncio.run(run())


def test_the_dead_are_requeued_or_deleted_and_the_others_pruned(bench):
    """Clauses RET-4, KEP-1."""

    async def run() -> None:
        async with bench.opened() as storage:
            ids = await bench.put(storage, *(bench.job() for _ in range(5)))
            jobs = (await bench.claim(storage)).jobs
            for job in jobs[:2]:
                await bench.settle(storage, job, SettleKind.DEAD, reason="failed")
            await bench.settle(storage, jobs[2])
            await bench.settle(
                storage, jobs[3], SettleKind.CANCELLED, reason="why", now=bench.now + 9
            )
            done, alive, gone = DeadStatus.DONE, DeadStatus.NOT_DEAD, DeadStatus.NOT_FOUND
            unknown = uuid4()
            wanted = [Requeue(each, uuid4()) for each in (ids[0], ids[2], unknown)]
            assert await storage.requeue("q", wanted, now=bench.now) == [
                done,
                alive,
                gone,
            ]
            assert await storage.delete("q", [ids[0], ids[1], ids[1]]) == [alive, done, gone]
            assert await storage.prune("q", 10, 9, now=bench.now + 9) == 0
            assert await storage.prune("q", 10, 9, now=bench.now + 10) == 1
            assert await storage.prune("q", 0, 9, now=bench.now + 10) == 1
            left = await storage.get("q", ids)
            assert [record and record.state for record in left] == [
                JobState.SCHEDULED,
                None,
                None,
                None,
                JobState.RUNNING,
            ]
            assert (left[0].retries, left[0].reason, left[0].finished_at) == (0, None, None)

    asyncio.run(run())


def test_pruning_goes_in_steps(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *(bench.job() for _ in range(10)))
            for job in (await bench.claim(storage)).jobs:
                kind = SettleKind.CANCELLED if job.id.int % 2 else SettleKind.COMPLETED
                await bench.settle(storage, job, kind)
            assert [await storage.prune("q", 0, 4, now=bench.now) for _ in range(4)] == [4, 4, 2, 0]
            assert await storage.queues() == []

    asyncio.run(run())


def test_queues_do_not_mix(bench):
    async def run() -> None:
        async with bench.opened() as storage:
            job = bench.job()
            for queue in ("b", "a", "c"):
                await storage.enqueue(queue, [job], now=None)
            assert await storage.queues() == ["a", "b", "c"]
            (claimed,) = (await storage.claim("a", bench.request(), now=None)).jobs
            assert await storage.extend("b", [Lease(job.id, claimed.token)], SECOND, now=None) == [
                LeaseResult.LOST
            ]
            assert [(await storage.get(queue, [job.id]))[0].state for queue in ("a", "b", "c")] == [
                "running",
                "scheduled",
                "scheduled",
            ]

    asyncio.run(run())


def test_two_storages_of_one_opener_share_the_data(bench):
    opener = connect(bench.url, {})

    async def run() -> None:
        one, two = opener(), opener()
        await one.open()
        await two.open()
        (job_id,) = await bench.put(one, bench.job())
        assert [job.id for job in (await bench.claim(two)).jobs] == [job_id]
        await one.close()
        await two.close()

    asyncio.run(run())


def test_completions_that_are_partly_repeats_are_answered_alike(bench):
    """What one statement does for many is told of each: a repeat finds its own doing (LIV-4)."""

    async def run() -> None:
        async with bench.opened() as storage:
            await bench.put(storage, *(bench.job() for _ in range(4)))
            jobs = (await bench.claim(storage)).jobs
            ends = [Settlement(job.id, job.token, SettleKind.COMPLETED) for job in jobs]
            lost = Settlement(jobs[0].id, jobs[0].token - 1, SettleKind.COMPLETED)
            applied, gone = LeaseResult.APPLIED, LeaseResult.LOST
            assert await storage.settle("q", ends[:2], now=bench.now) == [applied] * 2
            # One of them twice in one call, too.
            batch = [*ends, lost, ends[3]]
            wanted = [applied] * 4 + [gone, applied]
            assert await storage.settle("q", batch, now=bench.now) == wanted

    asyncio.run(run())
