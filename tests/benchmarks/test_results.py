"""What a rerun takes as done."""

from __future__ import annotations

from attrs import evolve
from benchmarks.suite.results import FAILED, OK, UNSUPPORTED, Cell, Result, Results

CELL = Cell("redis/rq", "drain", 1, 500, "abc", "def")


def test_a_rerun_goes_on_and_tries_again_what_failed(tmp_path):
    path = tmp_path / "results.jsonl"
    first = Results(path)
    first.add(Result(CELL, OK, {"rate_per_s": 5.0}, noted={"version": "1"}))
    first.add(Result(evolve(CELL, round=2), FAILED, reason="it broke"))
    first.add(Result(evolve(CELL, workload="bulk"), UNSUPPORTED, reason="no such call"))

    again = Results(path)

    assert again.all() == first.all()
    assert again.done(CELL)
    assert not again.done(evolve(CELL, round=2))
    assert again.done(evolve(CELL, workload="bulk"))


def test_anything_that_differs_is_another_measurement(tmp_path):
    results = Results(tmp_path / "results.jsonl")
    results.add(Result(CELL, OK))
    changes = {
        "contestant": "redis/saq",
        "workload": "bulk",
        "round": 3,
        "jobs": 501,
        "commit": "abd",
        "environment": "deg",
    }
    for name, value in changes.items():
        assert not results.done(evolve(CELL, **{name: value})), name


def test_the_latest_result_of_a_cell_counts(tmp_path):
    path = tmp_path / "results.jsonl"
    results = Results(path)
    results.add(Result(CELL, FAILED, reason="it broke"))
    results.add(Result(CELL, OK, {"rate_per_s": 5.0}))
    (found,) = Results(path).all()
    assert found.status == OK


def test_a_line_cut_off_by_the_end_of_a_run_is_passed_over(tmp_path):
    path = tmp_path / "results.jsonl"
    Results(path).add(Result(CELL, OK))
    whole = path.read_text()
    path.write_text(whole + whole[: len(whole) // 2])
    assert len(Results(path).all()) == 1
    Results(path).add(Result(evolve(CELL, round=2), OK))
    assert [each.cell.round for each in Results(path).all()] == [1, 2]
