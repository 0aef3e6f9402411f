"""The marks of moves are no jobs: nobody who counts, lists or looks at jobs sees one."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from aide_de_camp import (
    JobNotFound,
    JobState,
    JobType,
    Queue,
    StorageUnavailable,
    marks,
    move_jobs,
    new_job_id,
    open_queue,
)
from aide_de_camp.cli.app import main as adc
from aide_de_camp.held import get_records
from aide_de_camp.mark_kinds import MarkKind
from aide_de_camp.marks import Mark
from aide_de_camp.spi import CountFilter

from .conftest import Place

KINDS = ["memory", "sqlite", "postgresql", "redis"]
TEXT = JobType("text", str)


async def seen_in(queue: Queue) -> list[JobState]:
    """Give the states of the jobs that a user sees, by every way of looking alike."""
    counts = await queue.count_jobs()
    paged: list[JobState] = []
    cursor: str | None = None
    while True:
        page = await queue.list_jobs(limit=1, cursor=cursor)
        paged += [job.state for job in page.jobs]
        cursor = page.cursor
        if cursor is None:
            break
    listed = [job.state for job in (await queue.list_jobs(newest_first=True)).jobs]
    assert sorted(listed) == sorted(paged)
    assert counts.total == len(paged)
    assert set(counts.by_type) <= {"text"}
    held = [state for state in paged if state is JobState.HELD]
    assert (await queue.count_jobs(states=[JobState.HELD])).total == len(held)
    return paged


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_sees_marks(kind: str, place: Place) -> None:
    async def main() -> None:
        async with open_queue(place(kind)) as queue:
            first = await queue.schedule(TEXT, "x")
            move = new_job_id()
            for mark in (MarkKind.IDLE, MarkKind.OUT, MarkKind.IN):
                await marks.put(queue, mark, move)
            await queue.schedule(TEXT, "y")
            # Whoever asks the storage itself finds them.
            rows = await queue.storage.count(queue.name, CountFilter())
            assert sum(row.count for row in rows) == 5
            assert await seen_in(queue) == [JobState.SCHEDULED] * 2
            standing = Mark(MarkKind.OUT, move).id
            assert await get_records(queue, [standing]) != [None]
            with pytest.raises(JobNotFound) as told:
                await queue.get_job(standing)
            assert told.value.state is None
            assert (await queue.get_job(first)).state is JobState.SCHEDULED

    asyncio.run(main())


def test_nor_while_a_move_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        async with open_queue("memory://") as source, open_queue("memory://") as target:
            for _ in range(3):
                await source.schedule(TEXT, "x")

            async def away(*arguments: object, **named: object) -> None:
                raise StorageUnavailable("away", outcome_unknown=False)

            with monkeypatch.context() as patch:
                patch.setattr("aide_de_camp.session._PAUSES", ())
                patch.setattr(target.storage, "unhold", away)
                with pytest.raises(StorageUnavailable):
                    await move_jobs(source, target)
            assert await seen_in(source) == []
            assert await seen_in(target) == [JobState.HELD] * 3
            assert (await move_jobs(source, target)).finished == 3
            assert await seen_in(target) == [JobState.SCHEDULED] * 3

    asyncio.run(main())


def test_a_queue_of_marks_alone_is_not_named(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'jobs.db'}"

    async def main() -> None:
        async with open_queue(url) as queue:
            await marks.put(queue, MarkKind.IDLE, new_job_id())

    asyncio.run(main())
    done = CliRunner().invoke(adc, ["queues", "--queue", url, "--json"])
    assert json.loads(done.stdout)["queues"] == []
