"""Claims that are answered, or take effect, when their lease is long over (LEA-6, LIV-4, CAN-1)."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from attrs import frozen

from aide_de_camp import (
    ConstantBackoff,
    JobContext,
    JobRouter,
    JobRunner,
    JobState,
    ManualClock,
    StorageUnavailable,
    open_queue,
)
from aide_de_camp_conformance.faults import Passing

LEASE = timedelta(seconds=60)


@frozen
class Nothing:
    """A payload."""


class Slow(Passing):
    """Lets time pass, and loses replies, in the first claims.

    Attributes:
        script: for each claim to come: seconds that pass before it takes effect (None: it never
            does), seconds that pass from then on, and whether it is answered.
        requests: the request of each claim that was made.
    """

    def __init__(self, inner, clock, script, requests):
        super().__init__(inner)
        self._clock = clock
        self._script = script
        self._requests = requests

    async def settle(self, queue, settlements, *, now):
        for _ in range(20):  # slower than a claim that is sent at the same time
            await asyncio.sleep(0)
        return await self.inner.settle(queue, settlements, now=now)

    async def claim(self, queue, request, *, now):
        self._requests.append(request.request_id)
        if not self._script:
            return await self.inner.claim(queue, request, now=self._clock.now())
        before, after, answered = self._script.pop(0)
        if before is None:
            self._clock.advance(after)
            raise StorageUnavailable("it broke", outcome_unknown=True)
        self._clock.advance(before)
        answer = await self.inner.claim(queue, request, now=self._clock.now())
        self._clock.advance(after)
        if not answered:
            raise StorageUnavailable("the reply was lost", outcome_unknown=True)
        return answer


LATE = [(0, 61, True)]
"""One claim is answered when its lease is over."""
LOST = [(None, 61, False), (0, 0, False), (None, 0, False)]
"""The first try fails after more than a lease; the second takes the job, and its reply is lost."""


@pytest.fixture(autouse=True)
def hasty(monkeypatch):
    monkeypatch.setattr("aide_de_camp.session._PAUSES", (0.0, 0.0))
    monkeypatch.setattr("aide_de_camp.runner.work._PAUSES", ConstantBackoff(timedelta(0)))


def _queue(script):
    clock, requests = ManualClock(), []
    queue = open_queue("memory://", clock=clock)
    opener = queue.session.opener
    queue.session.opener = lambda: Slow(opener(), clock, script, requests)
    return queue, requests


@pytest.mark.parametrize("script", [LATE, LOST], ids=["late", "lost"])
def test_a_runner_begins_no_job_whose_lease_is_over_and_loses_none(script):
    async def main():
        queue, requests = _queue(list(script))
        router, ran = JobRouter(), []
        runner = JobRunner(queue, router_with(router, ran), lease=LEASE)
        ran.append(runner)
        async with queue:
            job_id = await queue.schedule(router.routes["work"].job_type, Nothing(), max_retries=0)
            async with asyncio.timeout(20):
                await runner.run()
            view = await queue.get_job(job_id)
            return ran[1:], view, requests

    ran, view, requests = asyncio.run(main())
    assert ran == [(0, 2)]  # no retry used, and begun in its second claim alone
    assert view.state is JobState.COMPLETED
    if script is LOST:
        assert len(set(requests[:4])) == 1


def router_with(router, ran):
    @router.job("work")
    async def work(payload: Nothing, job: JobContext) -> None:
        ran.append((job.retries, job.claims))
        ran[0].shutdown()

    return router


def _warnings(caplog):
    return [each.message for each in caplog.records if "took 61.0 s" in each.message]


def test_a_runner_whose_claims_keep_coming_late_uses_no_retry_and_says_why_once(caplog):
    async def main():
        queue, _ = _queue(LATE * 5)
        router, ran = JobRouter(), []
        runner = JobRunner(queue, router_with(router, ran), lease=LEASE)
        ran.append(runner)
        async with queue:
            job_id = await queue.schedule(router.routes["work"].job_type, Nothing(), max_retries=0)
            async with asyncio.timeout(20):
                await runner.run()
            return ran[1:], await queue.get_job(job_id)

    ran, view = asyncio.run(main())
    assert ran == [(0, 6)]
    assert view.state is JobState.COMPLETED
    (warning,) = _warnings(caplog)
    assert "lease holds for 60 s" in warning
    assert "give the runner a `lease`" in warning


def test_one_late_claim_is_no_reason_to_warn(caplog):
    async def main():
        queue, _ = _queue(list(LATE))
        router, ran = JobRouter(), []
        runner = JobRunner(queue, router_with(router, ran), lease=LEASE)
        ran.append(runner)
        async with queue:
            await queue.schedule(router.routes["work"].job_type, Nothing())
            return await runner.drain()

    assert asyncio.run(main()) == 1
    assert _warnings(caplog) == []


def test_a_drain_whose_claims_keep_coming_late_ends_and_says_why(caplog):
    async def main():
        queue, requests = _queue(LATE * 100)
        router = router_with(JobRouter(), [])
        kind = router.routes["work"].job_type
        async with queue:
            ids = [await queue.schedule(kind, Nothing(), max_retries=0) for _ in range(3)]
            async with asyncio.timeout(20):
                with pytest.raises(
                    StorageUnavailable, match=r"give the runner a `lease`"
                ) as raised:
                    await JobRunner(queue, router, lease=LEASE).drain()
            assert not raised.value.outcome_unknown
            views = [await queue.get_job(job_id) for job_id in ids]
            return [(view.state, view.retries) for view in views], len(requests)

    views, claims = asyncio.run(main())
    assert views == [(JobState.SCHEDULED, 0)] * 3
    assert claims == 3
    assert len(_warnings(caplog)) == 1


def test_by_hand_a_job_that_is_handed_out_late_is_given_back():
    async def main():
        queue, _ = _queue(list(LATE))
        router = router_with(JobRouter(), [])
        kind = router.routes["work"].job_type
        async with queue:
            job_id = await queue.schedule(kind, Nothing(), max_retries=0)
            with pytest.raises(StorageUnavailable, match="given back") as raised:
                await queue.poll_next([kind], lease=LEASE)
            assert not raised.value.outcome_unknown
            assert (await queue.get_job(job_id)).state is JobState.SCHEDULED
            handle = await queue.poll_next([kind], lease=LEASE)
            assert (handle.id, handle.retries) == (job_id, 0)
            await handle.complete()

    asyncio.run(main())


def test_by_hand_a_claim_is_remembered_from_its_last_try_on():
    async def main():
        queue, requests = _queue(list(LOST))
        router = router_with(JobRouter(), [])
        kind = router.routes["work"].job_type
        async with queue:
            job_id = await queue.schedule(kind, Nothing(), max_retries=0)
            with pytest.raises(StorageUnavailable):
                await queue.poll_next([kind], lease=LEASE)
            handle = await queue.poll_next([kind], lease=LEASE)
            # Its first try may have been the one, so that it went back, and was claimed anew.
            assert (handle.id, handle.retries, handle.claims) == (job_id, 0, 2)
            await handle.complete()
            return requests

    requests = asyncio.run(main())
    assert len(requests) == 5
    assert len(set(requests[:4])) == 1


def test_what_waited_for_a_slot_beyond_its_lease_goes_back_unbegun():
    """LEA-6: a handler that blocks the loop, and so hides that no lease could be extended."""

    async def main():
        clock, ran = ManualClock(), []
        router = JobRouter()

        @router.job("work", max_retries=0)
        async def work(payload: Nothing, job: JobContext):
            ran.append((job.id, job.retries))
            if len(ran) == 1:
                clock.advance(LEASE)

        async with open_queue("memory://", clock=clock) as queue:
            ids = [await queue.schedule(work, Nothing()) for _ in range(2)]
            runner = JobRunner(queue, router, concurrency=1, prefetch=1, lease=LEASE)
            await runner.drain()
            second = await queue.get_job(ids[1])
            assert ran == [(each, 0) for each in ids]
            assert (second.state, second.claims) == (JobState.COMPLETED, 2)

    asyncio.run(main())
