"""``adc conformance``: exit codes, files, and what it refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner, Result

from aide_de_camp import Registry
from aide_de_camp.spi import StorageDescriptor, hookimpl
from aide_de_camp_backends.memory.plugin import _WORLDS
from aide_de_camp_conformance import Harness, Outcome, UrlHarness, command
from aide_de_camp_conformance.command import conformance
from aide_de_camp_conformance.conducting import run_elsewhere, wanted_of
from aide_de_camp_conformance.forming import read
from aide_de_camp_conformance.levels import asked_of
from aide_de_camp_conformance.mutants import MUTANTS
from aide_de_camp_conformance.parallel import Processes

PASSWORD = "hunter2-secret"


def adc(*arguments: object) -> Result:
    return CliRunner().invoke(conformance, [str(each) for each in arguments])


def files(folder: Path) -> list[str]:
    kinds = ("json", "html", "junit", "badge")
    return [word for kind in kinds for word in (f"--{kind}", str(folder / kind))]


def broken_harness(url: str, folder: Path) -> Harness:
    return MUTANTS["IgnoresPriority"].harness()


def test_a_level_that_is_reached_ends_with_0_and_is_told_in_every_file(tmp_path):
    result = adc("run", "memory://", "--level", 1, *files(tmp_path))
    assert result.exit_code == 0, result.output
    assert "reaches level 1 of kit 0.1" in result.stdout
    assert read(tmp_path / "json").level == 1
    assert "reaches level 1 of kit 0.1" in (tmp_path / "html").read_text()
    assert json.loads((tmp_path / "badge").read_text())["message"] == "level 1 · kit 0.1"
    assert ET.parse(tmp_path / "junit").getroot().tag == "testsuites"  # noqa: S314 (we wrote it)


@pytest.mark.parametrize("only", ["PRI", "PRI-2", "PRI-2.priority"])
def test_a_partial_run_claims_no_level_in_any_file(tmp_path, only):
    result = adc("run", "memory://", "--only", only, *files(tmp_path))
    assert result.exit_code == 0, result.output
    assert "no level: not everything was run" in result.stdout
    form = read(tmp_path / "json")
    assert (form.level, form.complete) == (0, False)
    assert "level 0" not in (tmp_path / "badge").read_text()
    for name in ("html", "junit", "badge"):
        told = (tmp_path / name).read_text().lower()
        assert not any(f"reaches level {level}" in told for level in (0, 1, 2, 3))
        assert "partial" in told or "not everything was run" in told


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_a_url_leaves_unasked_is_said_with_its_reason(jobs):
    result = adc("run", "memory://", "--only", "LIV-2.restart", "--jobs", jobs)
    assert result.exit_code == 0, result.output
    assert "LIV-2.restart: not_asked: A server that is killed" in result.stdout
    assert "the harness has no server that it could kill" in result.stdout


def test_naming_everything_is_no_partial_run():
    groups = {each.partition("-")[0] for each in asked_of(1)}
    assert wanted_of(1, sorted(groups)) == wanted_of(1)


def test_a_failure_ends_with_1_whether_all_was_run_or_not(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "checked_harness", broken_harness)
    for words in (["--only", "PRI-2"], ["--level", "1", "--only", "P", "--only", "KEP"]):
        result = adc("run", "memory://", *words, "--json", tmp_path / "json")
        assert result.exit_code == 1
        assert "PRI-2.priority: failed: Due jobs are claimed by priority" in result.stdout
        assert read(tmp_path / "json").level == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nosuch://x"], "no backend 'nosuch' is installed"),
        (["memory"], "doesn't begin with a scheme"),
        (["memory://", "--level", "4"], "4 is not in the range"),
        (["memory://", "--only", "NON-1"], "no requirement up to level 3 is called NON-1"),
        (["memory://", "--level", "1", "--only", "SHR-1"], "no requirement up to level 1"),
        (["memory://", "--jobs", "0"], "0 is not in the range"),
        (["memory://", "--json", "/no/such/folder/x"], "the folder /no/such/folder doesn't exist"),
        (["memory://{namespace}?unknown=option"], "no options"),
        (["sqlite:////no/such/folder/jobs.db"], "create it"),
        (["postgresql://127.0.0.1:1/x"], "can't be opened"),
        ([f"postgresql://me:{PASSWORD}@127.0.0.1:1/x?nonsense=1"], "nonsense"),
        ([f"redis://me:{PASSWORD}@127.0.0.1:1/x"], "the database must be a number"),
        ([], "Missing argument"),
    ],
    ids=str,
)
def test_a_wrong_call_ends_with_2_and_says_what_is_wrong(words, said):
    result = adc("run", *words)
    assert result.exit_code == 2, result.output
    assert said in result.stderr.replace("\n", " ")
    assert PASSWORD not in result.output


class Strange:
    """A backend that doesn't say how its places are kept apart."""

    @hookimpl
    def adc_storages(self) -> list[StorageDescriptor]:
        return [StorageDescriptor("strange", (0, 1), lambda url, _: _WORLDS.connect(url, {}))]


def test_a_plain_url_is_refused_where_the_backend_can_not_keep_places_apart():
    registry = Registry(entry_points=(), disabled=())
    registry.register(Strange())
    with pytest.raises(
        ValueError, match=r"write \{namespace\} .* strange://host/\{namespace\}"
    ) as refused:
        UrlHarness(f"strange://me:{PASSWORD}@host/app", registry=registry)
    assert PASSWORD not in str(refused.value)
    harness = UrlHarness("strange://{namespace}", registry=registry)
    assert harness.url("adc_kit_1") == "strange://adc_kit_1"
    harness.close()


def test_a_url_may_hold_braces():
    harness = UrlHarness("redis://me:{x}{0}@host/{namespace}")
    assert harness.url("adc_kit_1") == "redis://me:{x}{0}@host/adc_kit_1"
    harness.close()


def test_several_at_once_find_the_same(tmp_path):
    words = ("--only", "PRI", "--only", "SHR", "--only", "KEP", "--only", "LEA-4")
    found = []
    for jobs in (1, 2):
        file = tmp_path / f"{jobs}.json"
        assert adc("run", "memory://", *words, "--jobs", jobs, "--json", file).exit_code == 0
        found.append([(each.id, each.outcome) for each in read(file).requirements])
    assert found[0] == found[1]
    assert {outcome for _, outcome in found[0]} == {"passed", "not_declared"}


def test_where_no_process_can_be_asked_anything_nothing_was_found_out():
    died = "ended with code 3 before it could be asked anything"
    with closing(Processes(2, partial(os._exit, 3))) as processes:
        results = list(processes.results(wanted_of(only=["KEP-1", "PRI-2"])))
        assert {each.outcome for each in results} == {Outcome.ERROR}
        assert len(results) == 7
        assert died in (results[0].message or "")
        with pytest.raises(ValueError, match=died):
            run_elsewhere(processes, only=["KEP-1"])


def test_a_report_is_shown_again_from_its_file(tmp_path):
    adc("run", "memory://", "--only", "KEP", "--json", tmp_path / "report.json")
    made = [word for word in files(tmp_path) if "json" not in word]
    result = adc("show", tmp_path / "report.json", *made)
    assert result.exit_code == 0, result.output
    assert "KEP-1" in result.stdout
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "badge",
        "html",
        "junit",
        "report.json",
    ]
    told = json.loads((tmp_path / "report.json").read_text())
    (tmp_path / "report.json").write_text(json.dumps({**told, "level": 3}))
    result = adc("show", tmp_path / "report.json")
    assert result.exit_code == 2
    assert "bear out" in result.stderr


def test_the_module_does_the_same_and_says_what_is_missing(tmp_path):
    arguments = ("memory://", "--only", "KEP-1", "--json", str(tmp_path / "json"))
    ran = subprocess.run(
        [sys.executable, "-m", "aide_de_camp_conformance", *arguments],
        capture_output=True,
        text=True,
    )
    assert (ran.returncode, ran.stderr.strip()) == (0, "")
    assert read(tmp_path / "json").requirements[0].outcome == "passed"
    without = (
        "import sys; sys.modules['jinja2'] = None\n"
        "from aide_de_camp_conformance.__main__ import main; main()"
    )
    ran = subprocess.run([sys.executable, "-c", without], capture_output=True, text=True)
    assert ran.returncode == 1
    assert "pip install 'aide-de-camp[conformance]'" in ran.stderr
    assert "Traceback" not in ran.stderr
