"""Runs: their order, going on, what can't be measured, and our own adapter in earnest."""

from __future__ import annotations

import sys

import pytest
from benchmarks.suite import venvs
from benchmarks.suite.contestants import CONTESTANTS, Contestant, chosen
from benchmarks.suite.places import Places
from benchmarks.suite.results import FAILED, OK, UNSUPPORTED, Results
from benchmarks.suite.running import Run, Task, plan
from benchmarks.suite.workloads import WORKLOADS, Scale, Size

ONE = {each.name: each for each in WORKLOADS}


def tasks_of(contestants, workloads, rounds=1):
    environment = {each.backend: "e" for each in contestants}
    return list(
        plan(contestants, workloads, rounds, scale=Scale.SMALL, commit="c", environment=environment)
    )


@pytest.fixture
def run_in(tmp_path):
    with Places(tmp_path / "files") as places:

        def make(python=lambda _: sys.executable):
            results = Results(tmp_path / "results.jsonl")
            return Run(places, tmp_path / "files", results, python)

        yield make


def test_contestants_are_interleaved_and_each_round_begins_with_another():
    pair = chosen(("redis",), ("aide-de-camp", "rq"))
    order = [
        (task.cell.round, task.workload.name, task.contestant.name)
        for task in tasks_of(pair, WORKLOADS[:2], rounds=2)
    ]
    assert order == [
        (number, workload.name, contestant)
        for number in (1, 2)
        for workload in WORKLOADS[:2]
        for contestant in (("aide-de-camp", "rq") if number == 1 else ("rq", "aide-de-camp"))
    ]
    once = sum(each.once for each in WORKLOADS)
    assert len({task.cell.key for task in tasks_of(CONTESTANTS, WORKLOADS, rounds=3)}) == (
        len(CONTESTANTS) * (3 * len(WORKLOADS) - 2 * once)
    )


def test_slow_ones_get_fewer_jobs_where_there_are_many():
    environment = {"redis": "e"}
    pair = chosen(("redis",), ("aide-de-camp", "rq"))
    wanted = [ONE["drain"], ONE["one"]]
    plans = plan(pair, wanted, 1, scale=Scale.FULL, commit="c", environment=environment)
    sizes = {(task.workload.name, task.contestant.name): task.cell.jobs for task in plans}
    assert sizes == {
        ("drain", "aide-de-camp"): 20_000,
        ("drain", "rq"): 5_000,
        ("one", "aide-de-camp"): 5_000,
        ("one", "rq"): 5_000,
    }


def test_a_brief_run_does_a_fifth():
    assert ONE["drain"].size(Scale.BRIEF).jobs == 4_000
    assert ONE["drain"].size(Scale.BRIEF, slow=True).jobs == 1_000
    assert ONE["steady"].size(Scale.BRIEF).seconds == 3
    assert ONE["drain"].size(Scale.SMALL, slow=True) == ONE["drain"].small


def test_a_broken_off_run_goes_on(run_in):
    def broken(_):
        raise venvs.NotInstalled("there is no such version")

    (task,) = tasks_of(chosen(("memory",), ()), [ONE["one"]])
    told = []
    run_in(broken).make([task], lambda _, result: told.append(result and result.status))
    assert told == [None, FAILED]
    small = Task(task.contestant, task.workload, Size(50), task.cell)
    run_in().make([small], lambda _, result: told.append(result and result.status))
    assert told == [None, FAILED, None, OK]
    run_in(broken).make([task], lambda _, result: told.append(result and result.status))
    assert told == [None, FAILED, None, OK], "what is there isn't measured again"


def test_what_cannot_be_installed_is_told(run_in):
    def broken(_):
        raise venvs.NotInstalled("there is no such version")

    (task,) = tasks_of(chosen(("sqlite",), ("huey",)), [ONE["one"]])
    result = run_in(broken).one(task)
    assert (result.status, result.reason) == (FAILED, "there is no such version")


def test_jobs_in_memory_have_no_workers_elsewhere(run_in):
    (task,) = tasks_of(chosen(("memory",), ()), [ONE["drain"]])
    result = run_in().one(task)
    assert result.status == UNSUPPORTED
    assert "one process" in result.reason


@pytest.mark.parametrize(
    "backend, workload", [("memory", "bulk"), ("sqlite", "drain"), ("sqlite", "steady")]
)
def test_our_own_adapter(run_in, backend, workload):
    (task,) = tasks_of(chosen((backend,), ("aide-de-camp",)), [ONE[workload]])
    result = run_in().one(Task(task.contestant, task.workload, Size(50, 60), task.cell))
    assert result.status == OK, result.reason
    assert result.measures[task.workload.main] > 0
    assert result.noted["version"].startswith("aide-de-camp")


def test_our_floor(run_in):
    (task,) = tasks_of(chosen(("sqlite",), ("floor",)), [ONE["drain"]])
    result = run_in().one(Task(task.contestant, task.workload, Size(50, 60), task.cell))
    assert result.status == OK, result.reason
    assert result.measures["rate_per_s"] > 0


def test_every_peer_has_an_adapter_and_pinned_versions():
    pinned = venvs.requirements()
    for each in CONTESTANTS:
        assert (venvs.PEERS / f"{each.adapter}.py").exists(), each.key
        if each.environment is not None:
            packages = pinned[each.environment]["packages"]
            assert packages, each.key
            assert all("==" in package for package in packages), each.key
    used = {each.environment for each in CONTESTANTS} - {None}
    assert used == set(pinned)


def test_a_python_that_is_not_there_is_named():
    with pytest.raises(venvs.NotInstalled, match=r"needs Python 3\.99"):
        venvs.interpreter("3.99")


def test_contestants_are_told_apart():
    assert len({each.key for each in CONTESTANTS}) == len(CONTESTANTS)
    assert isinstance(CONTESTANTS[0], Contestant)
