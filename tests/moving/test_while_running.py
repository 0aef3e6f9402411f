"""A move while runners work at both places: every job runs exactly once."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from uuid import UUID

import pytest
from attrs import define, field

from aide_de_camp import (
    ConstantBackoff,
    JobContext,
    JobRequest,
    JobRouter,
    JobRunner,
    JobState,
    MoveProgress,
    Queue,
    held,
    move_jobs,
    open_queue,
)

from .conftest import Place
from .kinds import PAIRS

JOBS = 200
AT_ONCE = 5
PATIENCE_S = 120.0


@define
class Runs:
    """What ran where. The first jobs of the source run until some were moved."""

    moved_some: asyncio.Event = field(factory=asyncio.Event)
    source: Counter[UUID] = field(factory=Counter[UUID])
    target: Counter[UUID] = field(factory=Counter[UUID])

    def router(self, runs: Counter[UUID], gate: asyncio.Event | None) -> JobRouter:
        router = JobRouter()

        @router.job("work", backoff=ConstantBackoff(timedelta(0)))
        async def work(number: int, job: JobContext) -> None:
            runs[job.id] += 1
            if gate is not None:
                await gate.wait()
            if number % 10 == 3 and job.retries == 0:
                runs[job.id] -= 1  # it is to run again, here or there
                raise RuntimeError("once")

        return router


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_every_job_runs_once(
    place: Place, here: str, there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "BATCH_JOBS", 10)
    urls = place(here), place(there)

    async def run() -> None:
        runs = Runs()
        async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:

            async def opened(url: str) -> Queue:
                return await stack.enter_async_context(open_queue(url))

            source, target = [await opened(url) for url in urls]
            at_source = runs.router(runs.source, runs.moved_some)
            at_target = runs.router(runs.target, None)
            work = at_source.routes["work"].job_type
            ids = await source.schedule_many([JobRequest(work, n) for n in range(JOBS)])
            runners = [
                JobRunner(await opened(urls[0]), at_source, concurrency=AT_ONCE),
                JobRunner(await opened(urls[1]), at_target, concurrency=AT_ONCE),
            ]
            working = [asyncio.create_task(each.run()) for each in runners]
            while len(runs.source) < AT_ONCE:
                await asyncio.sleep(0.001)

            def told(_: MoveProgress) -> None:
                runs.moved_some.set()

            report = await move_jobs(source, target, progress=told)
            assert (report.running, report.conflicts) == ((), ())
            for runner in runners:
                runner.shutdown()
            await asyncio.gather(*working)
            await JobRunner(target, at_target).drain()
            await check(runs, ids, source, target)

    asyncio.run(run())


async def check(runs: Runs, ids: list[UUID], source: Queue, target: Queue) -> None:
    assert +(runs.source + runs.target) == Counter(dict.fromkeys(ids, 1))
    assert +runs.source, "nothing ran at the source"
    assert +runs.target, "nothing ran at the target"
    for queue, done in ((source, +runs.source), (target, +runs.target)):
        counts = (await queue.count_jobs()).by_state
        assert {state: n for state, n in counts.items() if n} == {JobState.COMPLETED: len(done)}
