"""Medians of rounds, ratios to this project, and that nobody is left out in silence."""

from __future__ import annotations

import io
import json

import pytest
from attrs import asdict
from benchmarks.report import page
from benchmarks.suite.results import FAILED, OK, UNSUPPORTED, Cell, Result
from benchmarks.suite.summary import Line, summarise
from benchmarks.suite.tables import on_screen
from rich.console import Console


def result(contestant, number, measures, *, status=OK, reason="", workload="drain"):
    cell = Cell(contestant, workload, number, 500, "abc", "def")
    return Result(cell, status, measures, reason, {"version": "x 1.0"} if measures else {})


RESULTS = [
    result("redis/aide-de-camp", 1, {"rate_per_s": 100.0, "worker_us": 10.0}),
    result("redis/rq", 1, {"rate_per_s": 40.0, "worker_us": 30.0}),
    result("redis/aide-de-camp", 2, {"rate_per_s": 300.0, "worker_us": 20.0}),
    result("redis/rq", 2, {}, status=FAILED, reason="a worker ended"),
    result("redis/aide-de-camp", 3, {"rate_per_s": 200.0, "worker_us": 12.0}),
    result("redis/rq", 3, {"rate_per_s": 60.0, "worker_us": 50.0}),
    result("redis/arq", 1, {}, status=FAILED, reason="it can't be [installed]"),
    result("sqlite/rq", 1, {"rate_per_s": 1.0}),
    result("redis/saq", 1, {}, status=UNSUPPORTED, reason="no such call", workload="bulk"),
]


def test_medians_and_ratios_of_the_rounds_that_succeeded():
    ours, rq, arq, elsewhere, saq = summarise(RESULTS)
    assert (ours.measures, ours.rounds, ours.ratios) == (
        {"rate_per_s": 200.0, "worker_us": 12.0},
        3,
        {},
    )
    assert (ours.least["rate_per_s"], ours.most["rate_per_s"]) == (100.0, 300.0)
    assert rq.measures == {"rate_per_s": 50.0, "worker_us": 40.0}
    assert rq.ratios == {"rate_per_s": 4.0, "worker_us": pytest.approx(40 / 12)}
    assert (rq.rounds, rq.reasons) == (2, ("a worker ended",))
    assert (arq.rounds, arq.measures, arq.reasons) == (0, {}, ("it can't be [installed]",))
    assert elsewhere.ratios == {}, "another backend's figures are no measure"
    assert saq.reasons == ("no such call",)


def test_the_tables_name_everybody_and_every_reason():
    lines = summarise(RESULTS)
    screen = io.StringIO()
    console = Console(file=screen, width=200)
    for table in on_screen(lines):
        console.print(table)
    environment = {
        "rounds": 3,
        "scale": "small",
        "commit": "abc",
        "cores": 2,
        "processor": "P",
        "memory_gb": 8,
        "system": "S",
        "python": "3",
        "servers": {"redis": "Redis 7"},
    }
    for text in (screen.getvalue(), page(environment, lines)):
        for wanted in ("rq", "arq", "saq", "a worker ended", "it can't be [installed]", "4.00"):
            assert wanted in text
        assert "no such call" in text


def test_a_summary_comes_back_from_json():
    lines = summarise(RESULTS)
    read = json.loads(json.dumps([asdict(each) for each in lines]))
    assert [Line(**{**each, "reasons": tuple(each["reasons"])}) for each in read] == lines
