"""Whatever reason a job died or was cancelled for, it can be found by it (clauses OBS-2, OBS-3)."""

from __future__ import annotations

import asyncio

import pytest

from aide_de_camp import InvalidArgument, JobState, JobType, open_queue

TEXT = JobType("text", str)

REASONS = [
    "",
    " ",
    "no such customer!",
    " with spaces around ",
    "two\nlines\tand tabs",
    "NUL \x00 within",
    "half a pair \ud800",
    "é, as one or two: e\u0301",
    "x" * 129,
    "y" * 20_000,
    'it\'s 100% _sure_ \\ "quoted"',
]


@pytest.fixture(params=["memory", "sqlite"])
def url(request, tmp_path):
    return "memory://" if request.param == "memory" else f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.mark.parametrize("end", ["dead", "cancelled"])
def test_any_string_that_was_given_finds_the_job(url, end):
    async def main():
        async with open_queue(url) as queue:
            jobs = {}
            for reason in REASONS:
                jobs[reason] = await queue.schedule(TEXT, "x")
                handle = await queue.poll_next(TEXT)
                if end == "dead":
                    await handle.dead_queue(reason=reason)
                else:
                    await handle.cancel(reason)
            for reason, job_id in jobs.items():
                page = await queue.list_jobs(reasons=[reason])
                assert [job.id for job in page.jobs] == [job_id]
                # What a listing shows finds it too.
                again = await queue.list_jobs(reasons=[page.jobs[0].reason])
                assert again == page
                if end == "dead":
                    assert await queue.dead.count(reasons=[reason]) == 1
            everything = await queue.list_jobs(reasons=REASONS, states=[JobState(end)])
            assert {job.id for job in everything.jobs} == set(jobs.values())
            if end == "dead":
                assert await queue.dead.requeue_all(reasons=REASONS[:3]) == 3

    asyncio.run(main())


@pytest.mark.parametrize("reasons", ["failed", b"failed", 3, [3], [None], [b"failed"], object()])
def test_what_is_no_string_is_refused_by_name(reasons):
    async def main():
        async with open_queue("memory://") as queue:
            for act in (queue.list_jobs, queue.dead.list, queue.dead.count, queue.dead.delete_all):
                with pytest.raises(InvalidArgument) as refused:
                    await act(reasons=reasons)
                assert refused.value.argument == "reasons"

    asyncio.run(main())
