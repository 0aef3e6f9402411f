"""What a codec's report says, in each of its forms."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from xml.etree import ElementTree as ET

import attrs
import pytest
from click.testing import CliRunner

from aide_de_camp_conformance import KIT_VERSION, Outcome, Result
from aide_de_camp_conformance.badge import codec_badge
from aide_de_camp_conformance.codec_form import CodecForm, codec_form, codec_text
from aide_de_camp_conformance.codec_suite import CODEC_REQUIREMENTS
from aide_de_camp_conformance.command import conformance
from aide_de_camp_conformance.junit import codec_junit
from aide_de_camp_conformance.page import codec_page
from aide_de_camp_conformance.said import said

NASTY = "\x00\x1b[31m\ud800 <b>&</b>"


@cache
def forms() -> dict[str, CodecForm]:
    fine = [Result(each, Outcome.PASSED, seconds=0.25) for each in CODEC_REQUIREMENTS.values()]
    unasked = [Result(each.requirement, Outcome.NOT_DECLARED) for each in fine]
    failed = broken(fine[0], Outcome.FAILED, AssertionError(NASTY))
    error = broken(fine[1], Outcome.ERROR, LookupError("none such"))
    found = {
        "all": fine,
        "some unasked": [*unasked[:4], *fine[4:]],
        "broken": [failed, error, unasked[2], *fine[3:]],
        "partial": fine[:3],
        "partial and broken": [failed],
        "nothing asked": unasked,
    }
    return {kind: codec_form("mine", ["set", "dict"], each) for kind, each in found.items()}


def broken(result: Result, outcome: Outcome, error: Exception) -> Result:
    return attrs.evolve(result, outcome=outcome, error=error, message=said(error))


ALL = len(CODEC_REQUIREMENTS)


@pytest.mark.parametrize(
    ("kind", "message", "colour", "holds"),
    [
        ("all", f"passed {ALL} of {ALL}", "brightgreen", True),
        ("some unasked", f"passed {ALL - 4} of {ALL - 4}", "brightgreen", True),
        ("broken", f"passed {ALL - 3} of {ALL - 1}", "red", False),
        ("partial", "partial run", "lightgrey", False),
        ("partial and broken", "partial run", "lightgrey", False),
        ("nothing asked", "nothing asked", "lightgrey", True),
    ],
)
def test_the_badge_says_how_many_of_how_many(kind, message, colour, holds):
    form = forms()[kind]
    assert form.holds == holds
    assert codec_badge(form) == {
        "schemaVersion": 1,
        "label": "aide-de-camp codec mine",
        "message": f"{message} · kit {KIT_VERSION}",
        "color": colour,
    }


@pytest.mark.parametrize("kind", forms())
def test_the_xml_counts_what_the_report_says(kind):
    form = forms()[kind]
    suite = ET.fromstring(codec_junit(form)).find("testsuite")  # noqa: S314 (our own)
    assert suite is not None
    outcomes = [each.outcome for each in form.requirements]
    assert {
        name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")
    } == {
        "tests": len(outcomes),
        "failures": outcomes.count("failed"),
        "errors": outcomes.count("error"),
        "skipped": outcomes.count("not_declared"),
    }
    cases = [(case.attrib["classname"], case.attrib["name"]) for case in suite.iter("testcase")]
    assert cases == [(f"conformance.{each.clause}", each.id) for each in form.requirements]
    said = {each.attrib["name"]: each.attrib["value"] for each in suite.iter("property")}
    assert (said["codec"], said["refuses"], said["verdict"]) == ("mine", "dict set", form.verdict)
    for failure in suite.iter("failure"):
        assert r"\x00\x1b[31m\ud800" in (failure.text or "")


@pytest.mark.parametrize("kind", forms())
def test_the_page_stands_alone(kind):
    form = forms()[kind]
    told = codec_page(form)
    assert not re.search(r"<script|<link|<img|src=|url\(|@import|https?:", told)
    assert "prefers-color-scheme: dark" in told
    assert form.verdict in told
    assert "level" not in re.sub(r"<td>.*?</td>|There are no levels", "", told)
    for each in form.requirements:
        assert told.count(f">{each.id}<") >= 1
    for each in form.broken:
        assert told.index(f'id="{each.id}"') < told.index("<h2>Requirements ")
        assert f"adc conformance codec mine --only {each.id}" in told
    assert ("some were left out" in told) == (not form.complete)
    assert "<b>&" not in told


def test_the_json_says_how_long_each_took():
    told = json.loads(codec_text(forms()["broken"]))
    assert told["requirements"][3]["seconds"] == 0.25
    assert told["requirements"][0]["message"] == r"AssertionError: \x00\x1b[31m\ud800 <b>&</b>"


def test_the_command_writes_them(tmp_path: Path):
    words = [f"--{kind}={tmp_path / kind}" for kind in ("json", "html", "junit", "badge")]
    ended = CliRunner().invoke(conformance, ["codec", "json", "--only", "COD-1.name", *words])
    assert ended.exit_code == 0, ended.output
    assert ended.stdout.splitlines()[-1] == f"passed 1 of 1, in a partial run; kit {KIT_VERSION}"
    assert json.loads((tmp_path / "json").read_text())["requirements"][0]["id"] == "COD-1.name"
    assert "COD-1.name" in (tmp_path / "html").read_text()
    assert "<testsuites>" in (tmp_path / "junit").read_text()
    assert json.loads((tmp_path / "badge").read_text())["message"].startswith("partial run")


def test_show_says_that_it_is_not_for_them(tmp_path: Path):
    file = tmp_path / "c.json"
    file.write_text(codec_text(forms()["all"]))
    ended = CliRunner().invoke(conformance, ["show", str(file)])
    assert ended.exit_code == 2
    assert f"{file} is a codec's report, and this is for a storage's" in ended.stderr
