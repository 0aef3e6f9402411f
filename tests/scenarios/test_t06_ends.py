"""What a runner owes at odd ends: a torn-down loop, a clock that leaps, a driver that talks."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any

import pytest

from aide_de_camp import (
    JobContext,
    JobRouter,
    JobRunner,
    JobState,
    JobType,
    ManualClock,
    Queue,
    StopReason,
    StorageUnavailable,
    open_queue,
)
from aide_de_camp.spi import ClaimResult

SECRET = "canary-0815"


class NoHeartbeat:
    """Drives nothing: the process was suspended, say."""

    def __init__(self, pulse: object) -> None: ...
    def start(self) -> None: ...
    async def stop(self) -> None: ...


def test_a_torn_down_loop_loses_no_outcome(queue_url: str) -> None:
    """LIV-1, RET-5: asyncio.run ends with a runner in the background and an outcome on its way."""
    runs: list[int] = []
    queue_url = queue_url.replace("memory://", "memory://torn-down")
    keep = open_queue(queue_url)  # holds a memory's world between the two loops

    async def first() -> Any:
        queue = await open_queue(queue_url).open()
        router, ended = JobRouter(), asyncio.Event()

        @router.job("quick", max_retries=0)
        async def quick(payload: int) -> None:
            runs.append(payload)
            ended.set()

        settle = queue.storage.settle

        async def slowly(*args: Any, **kwargs: Any) -> Any:
            await asyncio.sleep(0.05)
            return await settle(*args, **kwargs)

        queue.storage.settle = slowly  # type: ignore[method-assign]
        job_id = await queue.schedule(quick, 1)
        background = asyncio.create_task(JobRunner(queue, router).run())
        await ended.wait()
        await asyncio.sleep(0.01)
        assert not background.done()
        return job_id, queue

    async def second(job_id: Any, left_open: Queue) -> None:
        await left_open.close()
        async with keep as queue:
            job = await queue.get_job(job_id)
            assert (job.state, job.retries) == (JobState.COMPLETED, 0)

    job_id, left_open = asyncio.run(first())
    asyncio.run(second(job_id, left_open))
    assert runs == [1]


def test_a_runner_that_takes_back_its_own_job_tells_the_first_handler(queue_url: str) -> None:
    """LEA-6: the storage's clock leaps, and the next claim hands this runner its own job."""

    async def scenario() -> None:
        clock = ManualClock()
        async with open_queue(queue_url, clock=clock) as queue:
            router, tokens = JobRouter(), []
            two = asyncio.Event()

            @router.job("long")
            async def long(payload: int, job: JobContext) -> None:
                tokens.append(job.token)
                if len(tokens) == 2:
                    two.set()
                await job.token.wait()
                await asyncio.Event().wait()

            await queue.schedule(long, 1)
            runner = JobRunner(queue, router, concurrency=2, heartbeat=NoHeartbeat)
            task = asyncio.create_task(runner.run())
            while not tokens:
                await asyncio.sleep(0)
            clock.advance(timedelta(minutes=2))
            async with asyncio.timeout(10):
                await two.wait()
            assert tokens[0].reason is StopReason.LEASE_LOST
            assert not tokens[1].cancelled
            runner.kill()
            await task
            (job,) = (await queue.list_jobs()).jobs
            assert (job.state, job.retries) == (JobState.SCHEDULED, 1)

    asyncio.run(scenario())


@pytest.mark.parametrize("verb", ["settle", "claim", "reap"])
def test_p131_a_drivers_own_words_reach_no_log(
    verb: str, queue_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """DEC-6: a storage that lets its driver's error through may quote what it was given."""

    async def scenario() -> None:
        async with open_queue(queue_url) as queue:
            router, ran = JobRouter(), asyncio.Event()

            @router.job("quick")
            async def quick(payload: int) -> None:
                ran.set()

            await queue.schedule(quick, 1)
            failed = asyncio.Event()

            async def fails(*args: Any, **kwargs: Any) -> Any:
                failed.set()
                raise ValueError(SECRET) from KeyError(SECRET)

            setattr(queue.storage, verb, fails)
            runner = JobRunner(queue, router)
            task = asyncio.create_task(runner.run())
            await failed.wait()
            await asyncio.sleep(0.05)
            runner.kill()
            await task

    with caplog.at_level(logging.DEBUG, "aide_de_camp"):
        asyncio.run(scenario())
    assert "ValueError" in caplog.text
    assert SECRET not in caplog.text


@pytest.mark.parametrize("way", ["run", "drain"])
def test_p36_a_claim_whose_reply_was_lost_is_given_back_at_the_end(
    way: str, queue_url: str
) -> None:
    """LIV-1, LIV-4: the storage took the job, said nothing, and then the runner ended."""

    async def scenario() -> None:
        async with open_queue(queue_url) as queue:
            router, runs = JobRouter(), list[int]()

            @router.job("quick", max_retries=0)
            async def quick(payload: int) -> None:
                runs.append(payload)

            job_id = await queue.schedule(quick, 1)
            claim, tries = queue.storage.claim, 0

            async def loses_replies(*args: Any, **kwargs: Any) -> Any:
                nonlocal tries
                tries += 1
                result = await claim(*args, **kwargs)
                if tries <= 3:  # as often as one call is repeated by itself
                    raise StorageUnavailable("gone", outcome_unknown=True)
                return result

            queue.storage.claim = loses_replies  # type: ignore[method-assign]
            runner = JobRunner(queue, router)
            if way == "drain":
                with pytest.raises(StorageUnavailable):
                    await runner.drain()
            else:
                task = asyncio.create_task(runner.run())
                while tries < 3:
                    await asyncio.sleep(0.001)
                runner.shutdown()
                await task
            job = await queue.get_job(job_id)
            assert (job.state, job.retries, runs) == (JobState.SCHEDULED, 0, [])

    asyncio.run(scenario())


def test_p36_a_poll_that_is_cancelled_gives_back_what_it_was_to_get(queue_url: str) -> None:
    """RET-1: whoever waits for poll_next with a time limit must not lose the job to nobody."""

    async def scenario() -> None:
        async with open_queue(queue_url) as queue:
            kind = JobType("quick", int, max_retries=0)
            job_id = await queue.schedule(kind, 1)
            claim, claimed = queue.storage.claim, asyncio.Event()

            async def slowly(*args: Any, **kwargs: Any) -> Any:
                result = await claim(*args, **kwargs)
                claimed.set()
                await asyncio.sleep(0.01)
                return result

            queue.storage.claim = slowly  # type: ignore[method-assign]
            polling = asyncio.create_task(queue.poll_next(kind))
            await claimed.wait()
            polling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await polling
            job = await queue.get_job(job_id)
            assert (job.state, job.retries) == (JobState.SCHEDULED, 0)
            handle = await queue.poll_next(kind)
            assert handle is not None
            assert (handle.id, handle.retries) == (job_id, 0)

    asyncio.run(scenario())


def test_p126_a_hint_that_is_past_is_not_spun_on(queue_url: str) -> None:
    """P126: something is due, and somebody else has it by the head, so that claims stay empty."""

    async def scenario() -> None:
        async with open_queue(queue_url) as queue:
            router, claims = JobRouter(), 0

            @router.job("quick")
            async def quick(payload: int) -> None: ...

            async def empty(*args: Any, **kwargs: Any) -> ClaimResult:
                nonlocal claims
                claims += 1
                return ClaimResult((), now=10, next_due=10)

            queue.storage.claim = empty  # type: ignore[method-assign]
            runner = JobRunner(queue, router)
            task = asyncio.create_task(runner.run())
            for _ in range(30):
                await asyncio.sleep(0.01)
            runner.shutdown()
            await task
            # 0.02 + 0.04 + 0.08 + 0.16 s: some five looks, where it was thousands.
            assert 2 <= claims < 30

    asyncio.run(scenario())
