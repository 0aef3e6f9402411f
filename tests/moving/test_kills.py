"""MOV-3: ``adc move``, killed at random and run again, loses nothing and doubles nothing."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID

import pytest

from aide_de_camp import JobState, Queue, open_queue
from aide_de_camp.spi import JobRecord

from ..calls import Calls
from .conftest import Place
from .crowd import all_ids, fill
from .kinds import SHARED_PAIRS

KILLS = int(os.environ.get("ADC_MOVE_KILLS", "6"))
SEED = int(os.environ.get("ADC_MOVE_SEED", "0")) or random.randrange(1, 2**31)
STAYS = (JobState.COMPLETED, JobState.CANCELLED)
NOTING = Path(__file__).with_name("noting.py")


class Mover:
    """Runs the command with an extension that notes events, and may kill it."""

    def __init__(self, folder: Path) -> None:
        self.site = folder / "site"
        self.log = folder / "log"
        info = self.site / "adc_noting-1.0.dist-info"
        info.mkdir(parents=True)
        shutil.copy(NOTING, self.site / "adc_noting.py")
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: adc-noting\nVersion: 1.0\n")
        points = "[aide_de_camp.extensions]\nnoting = adc_noting\n"
        (info / "entry_points.txt").write_text(points)

    def run(self, source: str, target: str, *, lines: int) -> int:
        given = {
            "PYTHONPATH": str(self.site),
            "ADC_TEST_LOG": str(self.log),
            "ADC_TEST_LINES": str(lines),
        }
        command = [sys.executable, "-m", "aide_de_camp", "move", source, target, "--name", "q"]
        return subprocess.run(
            command, env={**os.environ, **given}, capture_output=True, timeout=120
        ).returncode

    def noted(self) -> Counter[tuple[str, UUID]]:
        words = [line.split() for line in self.log.read_text().splitlines()]
        return Counter((kind, UUID(job_id)) for kind, job_id in words)


async def stored(queue: Queue) -> dict[UUID, JobRecord]:
    ids = await all_ids(queue.storage, queue.name)
    found = [record for record in await queue.storage.get(queue.name, ids) if record is not None]
    return {record.id: record for record in found}


async def both(urls: tuple[str, str]) -> list[dict[UUID, JobRecord]]:
    async with AsyncExitStack() as stack:
        queues = [
            await stack.enter_async_context(open_queue(url, name=Calls.queue)) for url in urls
        ]
        return [await stored(queue) for queue in queues]


async def filled(url: str) -> dict[UUID, JobRecord]:
    async with open_queue(url, name=Calls.queue) as queue:
        await fill(Calls(), queue.storage, seed=SEED)
        return await stored(queue)


def check_each_is_in_one_place(wanted: set[UUID], places: list[dict[UUID, JobRecord]]) -> None:
    for job_id in wanted:
        states = [place[job_id].state for place in places if job_id in place]
        in_use = [state for state in states if state is not JobState.HELD]
        assert states, f"ADC_MOVE_SEED={SEED}: a job is lost"
        assert len(in_use) < 2, f"ADC_MOVE_SEED={SEED}: a job is in use at both places"


@pytest.mark.parametrize(("here", "there"), SHARED_PAIRS)
def test_killed_and_made_again_it_ends_well(
    place: Place, tmp_path: Path, here: str, there: str
) -> None:
    chance = random.Random(SEED)
    mover = Mover(tmp_path)
    urls = place(here), place(there)
    before = asyncio.run(filled(urls[0]))
    moved = {i: job for i, job in before.items() if job.state not in STAYS}
    stays = {i: job for i, job in before.items() if job.state in STAYS}
    for kill in range(KILLS):
        lines = 0 if kill == 0 else chance.randrange(1, len(moved) // KILLS)
        code = mover.run(*urls, lines=lines)
        assert code == -signal.SIGKILL, f"ADC_MOVE_SEED={SEED}: {kill} ended with {code}"
        check_each_is_in_one_place(set(moved), asyncio.run(both(urls)))
    assert mover.run(*urls, lines=-1) == 0, f"ADC_MOVE_SEED={SEED}"
    assert asyncio.run(both(urls)) == [stays, moved], f"ADC_MOVE_SEED={SEED}"
    check_events(mover.noted(), set(moved))


def check_events(noted: Counter[tuple[str, UUID]], moved: set[UUID]) -> None:
    """An event may be lost with the process that was to tell it; none comes twice."""
    assert set(noted.values()) == {1}, f"ADC_MOVE_SEED={SEED}"
    assert {job_id for _, job_id in noted} <= moved
    for kind in ("moved_away", "moved_here"):
        told = {job_id for each, job_id in noted if each == kind}
        assert len(told) >= len(moved) - 2 * KILLS * 10, f"ADC_MOVE_SEED={SEED}: {kind}"
