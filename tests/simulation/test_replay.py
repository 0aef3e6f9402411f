"""One seed makes one run: in this process, in others, and whatever was found is had again."""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import threading

import pytest

from aide_de_camp import new_job_id
from aide_de_camp_conformance.simulation import simulate, tell

SEEDS = range(40, 60)


def test_the_same_seed_makes_the_same_run_and_another_another():
    first = [simulate(seed).digest for seed in SEEDS]
    assert [simulate(seed).digest for seed in SEEDS] == first
    assert len(set(first)) == len(SEEDS)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_same_seed_makes_the_same_run_in_another_process(hash_seed):
    command = [sys.executable, "-m", "aide_de_camp_conformance.simulation", "--digest"]
    command += ["--seed", str(SEEDS.start), "--count", str(len(SEEDS))]
    environment = {
        **os.environ,
        "PYTHONHASHSEED": hash_seed,
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    expected = [f"{seed} {simulate(seed).digest}" for seed in SEEDS]
    assert done.stdout.splitlines() == [*expected, f"{len(SEEDS)} seeds, 0 broken"]
    assert done.stderr == ""


def test_a_run_leaves_nothing_behind():
    jitter, threads = random.getstate(), threading.active_count()
    before = new_job_id()
    run = simulate(7)
    assert run.broken is None, tell(run)
    assert random.getstate() == jitter
    assert threading.active_count() == threads
    assert new_job_id() > before
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


def test_hours_pass_in_a_run():
    runs = [simulate(seed) for seed in SEEDS]
    assert max(run.seconds for run in runs) > 3_600
    assert sum(run.seconds for run in runs) > 3_600 * 3


def test_what_is_broken_is_told_with_the_command_that_has_it_again(monkeypatch):
    monkeypatch.setattr("aide_de_camp.runner.work.Work._rest_after", _gives_up)
    run = next(run for run in map(simulate, range(50)) if run.broken)
    told = tell(run)
    assert f"again: python -m aide_de_camp_conformance.simulation --seed {run.seed} --trace" in told
    assert str(run.broken) in told
    assert tell(simulate(run.seed)) == told


def test_the_trace_told_is_of_the_jobs_concerned(monkeypatch):
    monkeypatch.setattr("aide_de_camp.runner.work.Work._lose", lambda self, job_id: None)
    run = next(run for run in map(simulate, range(200)) if run.broken and run.concerned)
    told = list(run.trace.about(run.concerned))
    assert run.concerned <= {line.job for line in told}
    assert {line.job for line in told} <= {*run.concerned, None}
    assert len(told) < len(run.trace) / 2
    assert all(str(line) in tell(run, whole=True) for line in told)


async def _gives_up(self, error, failures):
    raise error
