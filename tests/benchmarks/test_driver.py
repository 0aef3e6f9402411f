"""The protocol, with a contestant that is a folder of files."""

from __future__ import annotations

import pytest
from benchmarks.suite.driver import Failed, Unsupported
from benchmarks.suite.places import Place, nothing, unknown
from benchmarks.suite.workloads import WORKLOADS, Size

PATIENCE = 60
PLACE = Place("", nothing, unknown)


@pytest.mark.parametrize("workload", WORKLOADS, ids=lambda each: each.name)
def test_each_workload_gives_its_figures(fake, workload):
    with fake() as driver:
        if workload.name == "bulk":
            with pytest.raises(Unsupported, match="no call for many jobs"):
                workload.run(driver, PLACE, Size(10, PATIENCE))
            return
        found = workload.run(driver, PLACE, Size(10, PATIENCE))
        scheduled_besides = {"one": 1, "concurrent": 1}.get(workload.name, 0)
        waiting = 10 + scheduled_besides if not workload.needs_workers else 0
        assert driver.ask("pending") == {"pending": waiting}
    assert workload.main in found
    assert all(value >= 0 for value in found.values())
    if "p50_ms" in found:
        assert 0 < found["p50_ms"] <= found["p95_ms"] <= found["p99_ms"]


def test_two_workers_begin_together(fake):
    with fake() as driver:
        driver.ask("fill", n=20)
        driver.start_workers(2)
        driver.wait_for_workers(PATIENCE)
        assert driver.tallies.count().jobs == 0, "both wait with their first job"
        driver.tallies.go()
        driver.wait_for(20, PATIENCE)
        count = driver.tallies.count()
        assert (count.jobs, count.workers) == (20, 2)
        assert 0 < count.first <= count.last


def test_what_a_contestant_raises_is_its_result(fake):
    with fake("schedule") as driver, pytest.raises(Failed, match="RuntimeError: the store is gone"):
        driver.ask("schedule_one", n=1)


def test_an_adapter_that_ends_is_told_with_its_last_words(fake):
    with fake("exit") as driver, pytest.raises(Failed, match=r"the adapter ended.*so long"):
        driver.ask("schedule_one", n=1)


def test_a_worker_that_ends_is_told_with_its_last_words(fake):
    with fake("worker") as driver:
        driver.ask("fill", n=1)
        driver.start_workers(1)
        with pytest.raises(Failed, match=r"a worker ended \(1\).*this worker can't start"):
            driver.wait_for_workers(PATIENCE)


def test_a_job_that_is_run_twice_fails_the_measurement(fake):
    drain = next(each for each in WORKLOADS if each.name == "drain")
    with fake("twice") as driver, pytest.raises(Failed, match="attempts were made for 3 jobs"):
        drain.run(driver, PLACE, Size(3, PATIENCE))


def test_no_process_is_left(fake):
    with fake() as driver:
        driver.start_workers(2)
        processes = [*driver.workers, driver._adapter]
    assert all(each.poll() is not None for each in processes)
