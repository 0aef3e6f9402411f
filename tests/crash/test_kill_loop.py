"""Kill -9, again and again, at random: LEA-4, LEA-3, RET-5 and DUR-1 on one SQLite file (P34).

``ADC_CRASH_ROUNDS``, ``ADC_CRASH_WORKERS`` and ``ADC_CRASH_SEED`` make it longer, wider, or the
same once more (as far as processes can be).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from uuid import UUID

import pytest
from attrs import define, field

from aide_de_camp import JobState, JobView, Queue, Registry, open_queue
from aide_de_camp.spi import JobRecord
from aide_de_camp_conformance.histories import calls_of, check, read, smallest, told

ROUNDS = int(os.environ.get("ADC_CRASH_ROUNDS", "50"))
WORKERS = int(os.environ.get("ADC_CRASH_WORKERS", "3"))
SEED = int(os.environ.get("ADC_CRASH_SEED", "0")) or Random().randrange(1, 2**31)

PATIENCE_S = 90.0  # for what is left when the killing is over; it takes a few seconds
HERE = Path(__file__).parent


@define
class Field:
    """Where it happens: the file, the log, and the processes that are alive."""

    folder: Path
    random: Random
    workers: list[subprocess.Popen[bytes]] = field(factory=list)
    histories: dict[int, Path] = field(factory=dict)
    producer: subprocess.Popen[bytes] | None = None
    kills: int = 0
    started: int = 0

    @property
    def url(self) -> str:
        return f"sqlite:///{self.folder / 'jobs.db'}"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def ids(self) -> Path:
        return self.folder / "ids"

    def begun(self) -> int:
        """How many claims have been answered with a job."""
        calls = calls_of(read(self.folder.glob("*.history")))
        return sum(bool(call.handed_out) for call in calls)

    def start(self, script: str, *arguments: object) -> subprocess.Popen[bytes]:
        self.started += 1
        name = f"{script}-{self.started}"
        history = self.folder / f"{name}.history"
        command = [sys.executable, HERE / f"{script}.py", self.url, history, name, *arguments]
        with (self.folder / "words").open("ab") as words:
            process = subprocess.Popen([str(word) for word in command], stderr=words)
        self.histories[process.pid] = history
        return process

    def start_worker(self) -> None:
        self.workers.append(self.start("worker", self.log))

    def start_producer(self) -> None:
        self.producer = self.start("producer", self.ids, self.random.randrange(2**31))

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kill a process that must have been alive."""
        assert process.poll() is None, f"a process ended by itself with {process.returncode}"
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.kills += 1

    def wait_for_workers(self) -> None:
        """Wait until each worker has called the storage: its signal handlers were there before.

        One that is still starting when all is done would be ended by a signal, not stopped.
        """
        end = time.monotonic() + PATIENCE_S
        histories = [self.histories[worker.pid] for worker in self.workers]
        while not all(each.exists() and each.stat().st_size for each in histories):
            assert time.monotonic() < end, "a worker doesn't begin"
            time.sleep(0.02)

    def wait_for_a_claim(self) -> None:
        end = time.monotonic() + PATIENCE_S
        while not self.begun():
            assert time.monotonic() < end, "nothing is claimed"
            time.sleep(0.02)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Field]:
    place = Field(tmp_path, Random(SEED))
    yield place
    for process in (*place.workers, *filter(None, [place.producer])):
        process.kill()
        process.wait()


async def every_job(queue: Queue) -> dict[UUID, JobView]:
    jobs: dict[UUID, JobView] = {}
    cursor = None
    while True:
        page = await queue.list_jobs(limit=1_000, cursor=cursor)
        jobs |= {job.id: job for job in page.jobs}
        cursor = page.cursor
        if cursor is None:
            return jobs


async def records(place: Field, ids: list[UUID]) -> dict[UUID, JobRecord]:
    storage = Registry().storage(place.url)()
    await storage.open()
    found = [await storage.get("default", ids[at : at + 500]) for at in range(0, len(ids), 500)]
    await storage.close()
    return {record.id: record for page in found for record in page if record is not None}


async def finished(place: Field) -> dict[UUID, JobView]:
    """Wait until no job is live any more, and give them all."""
    end = time.monotonic() + PATIENCE_S
    async with open_queue(place.url) as queue:
        while True:
            live = await queue.count_jobs(states=[JobState.SCHEDULED, JobState.RUNNING])
            if not live.total:
                return await every_job(queue)
            assert time.monotonic() < end, f"still live: {live.by_state}"
            assert all(worker.poll() is None for worker in place.workers)
            await asyncio.sleep(0.1)


def test_p34_a_loop_of_kills_loses_and_doubles_nothing(place: Field) -> None:
    """Nothing acknowledged is lost, nothing completed runs again, no two leases overlap."""
    print(f"ADC_CRASH_SEED={SEED}, {ROUNDS} rounds, {WORKERS} workers")
    for _ in range(WORKERS):
        place.start_worker()
    place.start_producer()
    place.wait_for_a_claim()
    for number in range(ROUNDS):
        time.sleep(place.random.uniform(0.05, 0.7))
        victim = place.random.randrange(WORKERS)
        place.kill(place.workers.pop(victim))
        place.start_worker()
        if number % 5 == 4:
            assert place.producer is not None
            place.kill(place.producer)
            place.start_producer()
        if number % 17 == 16:
            # All at once, so that nobody is there to take anything back.
            for worker in place.workers:
                place.kill(worker)
            place.workers.clear()
            for _ in range(WORKERS):
                place.start_worker()
    assert place.producer is not None
    place.kill(place.producer)
    jobs = asyncio.run(finished(place))
    place.wait_for_workers()
    for worker in place.workers:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(30) for worker in place.workers] == [0] * WORKERS

    acknowledged = [UUID(line) for line in place.ids.read_text().splitlines() if len(line) == 36]
    calls = calls_of(read(place.folder.glob("*.history")))
    final = asyncio.run(records(place, list(jobs)))
    verdict = check(calls, final, drained=True)
    states = [job.state for job in jobs.values()]
    retried = sum(job.claims > 1 for job in jobs.values())
    print(
        f"{place.kills} kills, {len(acknowledged)} jobs acknowledged of {len(jobs)}, "
        f"{states.count(JobState.COMPLETED)} completed, {states.count(JobState.DEAD)} dead, "
        f"{retried} run more than once, {sum(call.unknown for call in calls)} of {len(calls)} "
        f"calls of unknown outcome"
    )
    for finding in verdict.findings[:1]:
        small = told(smallest(calls, final, finding, drained=True))
        pytest.fail(f"ADC_CRASH_SEED={SEED}\n{verdict.findings}\n{small}")
    assert set(acknowledged) <= set(jobs), f"ADC_CRASH_SEED={SEED}"
    effects = set(place.log.read_text().splitlines())
    for job in jobs.values():
        if job.state is JobState.COMPLETED:
            assert f"{job.id} {job.token}" in effects, "completed, and its attempt had no effect"
        else:
            assert (job.state, job.reason) == (JobState.DEAD, "lease"), f"{job.id}: {job.state}"
    assert place.kills >= ROUNDS
    assert retried, "no kill met a running job: the loop proves nothing"
    assert any(call.taken_back for call in calls)
    connection = sqlite3.connect(place.folder / "jobs.db")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


def test_what_a_producer_was_told_survives_its_death(place: Field) -> None:
    """DUR-1: a producer killed 10 times over: every id that it noted is there, no worker being."""
    for number in range(10):
        place.start_producer()
        assert place.producer is not None
        before = place.ids.stat().st_size if place.ids.exists() else 0
        end = time.monotonic() + PATIENCE_S
        while not place.ids.exists() or place.ids.stat().st_size <= before:
            assert time.monotonic() < end, f"the producer of round {number} schedules nothing"
            time.sleep(0.005)
        time.sleep(place.random.uniform(0, 0.3))
        place.kill(place.producer)

    async def stored() -> dict[UUID, JobView]:
        async with open_queue(place.url) as queue:
            return await every_job(queue)

    noted = [UUID(line) for line in place.ids.read_text().splitlines() if len(line) == 36]
    jobs = asyncio.run(stored())
    assert len(noted) == len(set(noted)) >= 10
    assert set(noted) <= set(jobs), f"ADC_CRASH_SEED={SEED}"
    assert {job.state for job in jobs.values()} == {JobState.SCHEDULED}
