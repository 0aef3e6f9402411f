"""Four lines adopt the kit, and nothing in it can be left out or talked away."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import closing

import pytest

from aide_de_camp_conformance import REQUIREMENTS, Outcome, UrlHarness, run, run_requirement
from aide_de_camp_conformance.backend import BackendConformance
from aide_de_camp_conformance.mutants import MUTANTS

FOUR_LINES = """
from aide_de_camp_conformance import UrlHarness
from aide_de_camp_conformance.backend import BackendConformance
class Mine(UrlHarness): template = "memory://{namespace}"
class TestMine(BackendConformance): harness = Mine
"""


def test_four_lines_give_a_test_per_requirement(tmp_path):
    (tmp_path / "test_mine.py").write_text(FOUR_LINES)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "PRI_2 or SHR_1"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout
    assert "4 passed, 1 skipped" in ran.stdout


def test_a_requirement_can_not_be_overridden():
    with pytest.raises(TypeError, match="test_PRI_2_priority"):

        class TestLenient(BackendConformance):
            harness = UrlHarness

            def test_PRI_2_priority(self): ...  # noqa: N802 (it is called so)


def test_a_partial_run_reaches_no_level():
    with closing(UrlHarness("memory://{namespace}")) as harness:
        report = run(harness, only=["PRI-2"])
    assert report.passed
    assert not report.complete
    assert report.level == 0
    assert [clause.clause for clause in report.clauses] == ["PRI-2"]


def test_a_report_says_what_failed_and_why():
    report = run(MUTANTS["IgnoresPriority"].harness(), only=["PRI-2"])
    assert not report.passed
    told = json.loads(json.dumps(report.as_json()))
    (clause,) = told["clauses"]
    assert clause["outcome"] == "failed"
    messages = {each["id"]: each["message"] for each in clause["requirements"]}
    assert messages["PRI-2.priority"].startswith("AssertionError: ")
    assert messages["PRI-2.time"] is None


def test_a_harness_that_is_broken_is_an_error_not_a_failure():
    with closing(UrlHarness("memory://{namespace}?unknown=option")) as harness:
        result = run_requirement(REQUIREMENTS["PRI-2.priority"], harness)
    assert result.outcome is Outcome.ERROR


def test_the_command_prints_the_table_and_writes_the_report(tmp_path):
    file = tmp_path / "report.json"
    arguments = ("memory://{namespace}", "--only", "KEP-1", "--json", str(file))
    ran = subprocess.run(
        [sys.executable, "-m", "aide_de_camp_conformance", *arguments],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert "KEP-1" in ran.stdout
    assert "no level: not everything was run" in ran.stdout
    assert json.loads(file.read_text())["clauses"][0]["outcome"] == "passed"
