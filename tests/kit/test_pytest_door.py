"""The kit through pytest: without a file, with one, in several processes, and what it reports."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from aide_de_camp_conformance import REQUIREMENTS, Harness, Outcome, Result, UrlHarness
from aide_de_camp_conformance.backend import BackendConformance
from aide_de_camp_conformance.form import ReportForm
from aide_de_camp_conformance.forming import as_json, published, read, text_of
from aide_de_camp_conformance.introduction import introduce
from aide_de_camp_conformance.publishing import compare, compare_outcome

Run = Callable[..., subprocess.CompletedProcess[str]]

SUITE = ("--pyargs", "aide_de_camp_conformance.suite_tests")
ONLY_PRIORITY = ("-k", "PRI_1 or PRI_2")
MINE = """
from pathlib import Path
from aide_de_camp_conformance import Harness, UrlHarness
from aide_de_camp_conformance.backend import BackendConformance
from aide_de_camp_conformance.mutants import MUTANTS
class Fine(UrlHarness): template = "memory://{namespace}"
class Broken(Fine):
    deviations = {"PRI-2.mixed": "known, see 7", "KEP-1.kept": "was so once"}
    def opener(self, namespace):
        return MUTANTS["IgnoresPriority"].harness().opener(namespace)
"""
FINE = MINE + "class TestFine(BackendConformance):\n    harness = Fine\n"
BROKEN = MINE + "class TestBroken(BackendConformance): harness = Broken\n"
PUBLISHED = f"""{MINE}
class TestFine(BackendConformance):
    harness = Fine
    level = 1
    published = Path(__file__).with_name("published.json")
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def ran(*words: object, source: str = "") -> subprocess.CompletedProcess[str]:
        if source:
            (tmp_path / "test_it.py").write_text(source)
        # Plain: what is rewritten isn't kept everywhere, and takes longer than the tests.
        settings = ["-q", "-p", "no:cacheprovider", "--assert=plain"]
        arguments = ["-m", "pytest", *settings, *map(str, words)]
        return subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, capture_output=True, text=True
        )

    return ran


def outcomes(form: ReportForm) -> dict[str, str]:
    return {each.id: each.outcome for each in form.requirements}


def test_no_file_is_needed(run, tmp_path):
    ran = run(*SUITE, "--adc-url=memory://", "--adc-level=1", "--adc-json=a/report.json")
    assert ran.returncode == 0, ran.stdout
    assert "memory of this process: reaches level 1 of kit 0.1" in ran.stdout
    form = read(tmp_path / "a" / "report.json")
    assert (form.level, form.asked, form.complete) == (1, 1, True)
    assert len(form.requirements) == sum(each.level == 1 for each in REQUIREMENTS.values())


@pytest.mark.parametrize(
    "left_out",
    [
        ONLY_PRIORITY,
        ("-n", "2", *ONLY_PRIORITY),
    ],
    ids=["keyword", "processes"],
)
def test_a_partial_run_writes_no_level(run, tmp_path, left_out):
    ran = run(*SUITE, "--adc-url=memory://", "--adc-level=1", "--adc-json=r.json", *left_out)
    assert ran.returncode == 0, ran.stdout
    assert "no level: not everything was run" in ran.stdout
    form = read(tmp_path / "r.json")
    assert (form.level, form.complete) == (0, False)
    assert "KEP-1.kept" in form.deselected
    assert outcomes(form)["PRI-2.priority"] == "passed"


@pytest.mark.parametrize(
    ("of_the_class", "of_the_run", "asked"), [(3, 1, 1), (1, 3, 1), (2, None, 2)]
)
def test_the_lower_level_of_the_class_and_of_the_run_is_asked_for(
    run, tmp_path, of_the_class, of_the_run, asked
):
    source = f"{FINE}    level = {of_the_class}\n"
    words = () if of_the_run is None else (f"--adc-level={of_the_run}",)
    ran = run("--adc-json=r.json", "-rs", "-k", "PRI_2 or PRI_8 or SHR_1", *words, source=source)
    assert ran.returncode == 0, ran.stdout
    form = read(tmp_path / "r.json")
    assert form.asked == asked
    above = {each.id: each.level for each in REQUIREMENTS.values() if each.level > asked}
    assert outcomes(form)["PRI-2.priority"] == "passed"
    assert not above.keys() & outcomes(form).keys()
    assert "it is asked at level 3" in ran.stdout


def test_a_run_that_stops_early_writes_no_level(run, tmp_path):
    ran = run("-x", "--adc-json=r.json", "-k", "PRI_2", source=BROKEN)
    assert ran.returncode == 1
    form = read(tmp_path / "r.json")
    assert (form.level, form.complete) == (0, False)
    assert outcomes(form) == {"PRI-2.priority": "failed"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "name a storage: --adc-url=URL"),
        (("--adc-url=nosuch://x",), "no backend 'nosuch' is installed"),
        (("--adc-url=memory://{namespace}?a=b",), "no options"),
    ],
    ids=["none", "unknown", "option"],
)
def test_a_wrong_call_is_told_as_that(run, words, said):
    ran = run(*SUITE, *words, *ONLY_PRIORITY)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert said in ran.stdout + ran.stderr


def test_a_failure_a_deviation_and_a_stale_one(run, tmp_path):
    ran = run("--adc-json=r.json", "-k", "PRI_2 or KEP_1", source=BROKEN)
    assert ran.returncode == 1
    assert "2 failed" in ran.stdout
    assert "1 xfailed" in ran.stdout
    assert "KEP-1.kept is listed as a deviation and holds: take it off the list" in ran.stdout
    form = read(tmp_path / "r.json")
    told = outcomes(form)
    assert told["PRI-2.priority"] == "failed"
    assert told["PRI-2.mixed"] == "deviation"
    assert told["KEP-1.kept"] == "failed"
    assert told["KEP-1.steps"] == "passed"
    (reason,) = [each.message for each in form.requirements if each.id == "PRI-2.mixed"]
    assert (reason or "").startswith("known, see 7\nAssertionError: ")


def test_several_backends_have_a_report_each_or_none(run, tmp_path):
    both = FINE + "class TestBroken(BackendConformance): harness = Broken\n"
    ran = run("--adc-json=r.json", *ONLY_PRIORITY, source=both)
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "put {name} into the file's name" in ran.stdout
    assert not (tmp_path / "r.json").exists()
    run("--adc-json={name}.json", "-k", "PRI_2_priority")
    found = {name: read(tmp_path / f"{name}.json") for name in ("TestFine", "TestBroken")}
    told = {name: outcomes(form)["PRI-2.priority"] for name, form in found.items()}
    assert told == {"TestFine": "passed", "TestBroken": "failed"}


def test_a_report_of_nothing_is_not_written(run, tmp_path):
    ran = run("--adc-json=r.json", source="def test_mine(): pass\n")
    assert ran.returncode == pytest.ExitCode.USAGE_ERROR
    assert "no report: no requirement was run" in ran.stdout
    assert not (tmp_path / "r.json").exists()


def test_what_is_published_must_be_what_is_found(run, tmp_path):
    file = tmp_path / "published.json"
    partial = run("--adc-publish", *ONLY_PRIORITY, source=PUBLISHED)
    assert partial.returncode == pytest.ExitCode.USAGE_ERROR
    assert "published.json is left as it was" in partial.stdout
    assert not file.exists()
    lowered = run("--adc-publish", "--adc-level=1", source=PUBLISHED.replace("= 1", "= 2"))
    assert lowered.returncode == pytest.ExitCode.USAGE_ERROR
    assert "left as it was: --adc-level asks for less than TestFine does" in lowered.stdout
    assert not file.exists()
    written = run("--adc-publish", "-n", "2", source=PUBLISHED)
    assert written.returncode == 0, written.stdout
    assert read(file) == published(read(file))
    assert (read(file).level, read(file).asked) == (1, 1)
    file.write_text(stale(read(file), "outcome"))
    ran = run("-k", "PRI_1 or published")
    assert ran.returncode == 1
    assert "published.json says failed of PRI-1.range, and it is passed" in ran.stdout
    assert "1 failed, 2 passed" in ran.stdout


def stale(form: ReportForm, what: str) -> str:
    """A published report in which something is as it isn't any more."""
    told = as_json(form)
    if what == "outcome":
        (clause,) = [each for each in told["clauses"] if each["clause"] == "PRI-1"]
        clause["requirements"][0]["outcome"] = clause["outcome"] = "failed"
        told["level"] = 0
    elif what == "missing":
        told["kit"]["digest"] = "sha256:" + "0" * 64
        told["clauses"] = [each for each in told["clauses"] if each["clause"] != "PRI-1"]
    elif what == "clause":
        told["clauses"][0]["outcome"] = "failed"
    elif what == "level":
        above = {each["id"] for c in told["clauses"] for each in c["requirements"]}
        above -= {each.id for each in REQUIREMENTS.values() if each.level < 3}
        for each in told["clauses"]:
            kept = [it for it in each["requirements"] if it["id"] not in above]
            each["requirements"] = kept
        told["clauses"] = [each for each in told["clauses"] if each["requirements"]]
        told |= {"asked": 2, "level": 2}
    elif what == "kit":
        told["kit"]["version"] = "0.0"
    elif what == "digest":
        told["kit"]["digest"] = "sha256:" + "0" * 64
    elif what == "partial":
        gone = told["clauses"].pop(0)
        told["deselected"] = [each["id"] for each in gone["requirements"]]
        told |= {"complete": False, "level": 0}
    else:
        told["backend"]["capabilities"] = ["SHR-1"]
    return json.dumps(told)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("outcome", "says failed of PRI-1.range, and it is passed"),
        ("missing", "says nothing of PRI-1.range, and it is passed"),
        ("kit", "is of kit 0.0"),
        ("digest", "is of a kit with other requirements"),
        ("partial", "is of a partial run"),
        ("level", "is of what is asked up to level 2, and these tests ask up to level 3"),
        ("clause", "says of clause ENQ-1 what its requirements don't"),
        ("capabilities", "says that the storage declares"),
    ],
)
def test_what_is_stale_fails(tmp_path, what, said):
    fresh = read(Path(__file__).parents[2] / "conformance" / "results" / "memory.json")
    result = Result(REQUIREMENTS["PRI-1.range"], Outcome.PASSED)
    with closing(UrlHarness("memory://")) as harness:
        storage = introduce(harness)
    file = tmp_path / "published.json"

    def look() -> None:
        compare_outcome(result, file)
        compare(storage, file, 3)

    with pytest.raises(AssertionError, match="can't be read"):
        look()
    file.write_text(text_of(fresh))
    look()
    file.write_text(stale(fresh, what))
    with pytest.raises((AssertionError, ValueError), match=said):
        look()


def test_a_storage_that_can_not_be_opened_is_told_by_its_tests(run, tmp_path):
    source = PUBLISHED.replace("memory://{namespace}", "memory://{namespace}?a=b")
    ran = run("--adc-publish", "--adc-json=r.json", *ONLY_PRIORITY, source=source)
    assert "INTERNALERROR" not in ran.stdout + ran.stderr
    assert "6 failed" in ran.stdout
    assert "TestFine: its storage couldn't be opened" in ran.stdout
    assert [each.name for each in tmp_path.glob("*.json")] == []


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        ({"harness": UrlHarness, "level": 0}, ValueError, "TestMine: level must be 1 to 3, not 0"),
        ({"harness": UrlHarness, "level": 4}, ValueError, "not 4"),
        ({"harness": UrlHarness, "level": "1"}, ValueError, "not '1'"),
        ({"harness": UrlHarness("memory://")}, TypeError, "harness must be the class itself"),
    ],
    ids=["0", "4", "text", "instance"],
)
def test_what_a_class_says_is_checked_when_it_is_made(body, kind, said):
    with pytest.raises(kind, match=said):
        type("TestMine", (BackendConformance,), body)


def test_a_class_without_a_harness_and_a_harness_without_a_url_say_so():
    with pytest.raises(TypeError, match="TestMine names no harness"):
        type("TestMine", (BackendConformance,), {}).make_harness()
    with pytest.raises(ValueError, match="Mine has no URL: give its class a 'template'"):
        type("Mine", (UrlHarness,), {})()


def test_deviations_are_checked_when_the_class_is_made():
    for listed, said in (
        ({"PRI-2": "so"}, "'PRI-2' names no requirement"),
        ({"PRI-2.priority": " "}, "PRI-2.priority needs a reason"),
    ):
        listing = type("Listing", (UrlHarness,), {"deviations": listed})
        with pytest.raises(ValueError, match=said):
            type("TestMine", (BackendConformance,), {"harness": listing})
    assert Harness.deviations == {}


def test_the_plugin_costs_a_stranger_nothing(run):
    listing = run("--collect-only", "-p", "no:valkey", source="def test_mine(): pass\n")
    assert listing.returncode == 0
    program = (
        "import sys, aide_de_camp_conformance.pytest_plugin\n"
        "kit = 'aide_de_camp_conformance'\n"
        "names = sorted(n for n in sys.modules if n.startswith('aide_de_camp'))\n"
        "assert names == [kit, f'{kit}.pytest_plugin'], names"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
