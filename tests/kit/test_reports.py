"""Every form of a report: what it says, that it fits its schema, and that it can't say too much."""

from __future__ import annotations

import io
import json
import re
from contextlib import closing
from functools import cache
from pathlib import Path
from types import MappingProxyType
from xml.etree import ElementTree as ET

import attrs
import pytest
from jsonschema import Draft202012Validator
from rich.console import Console

import aide_de_camp_conformance
from aide_de_camp.spi import Capability
from aide_de_camp_conformance import (
    KIT_VERSION,
    REQUIREMENTS,
    Harness,
    Need,
    Outcome,
    UrlHarness,
    run,
)
from aide_de_camp_conformance.badge import badge
from aide_de_camp_conformance.bearing import check_details
from aide_de_camp_conformance.form import ReportForm
from aide_de_camp_conformance.forming import as_json, form_of, published, read, text_of
from aide_de_camp_conformance.junit import junit
from aide_de_camp_conformance.matrix import page as matrix
from aide_de_camp_conformance.mutants import MUTANTS
from aide_de_camp_conformance.page import page
from aide_de_camp_conformance.report import Report
from aide_de_camp_conformance.requirement import requirement
from aide_de_camp_conformance.running import Result, run_requirement
from aide_de_camp_conformance.schema import page as schema_page
from aide_de_camp_conformance.table import print_report
from aide_de_camp_conformance.version import digest

SCHEMA = Path(aide_de_camp_conformance.__file__).with_name("report.schema.json")
NASTY = "<b>&'\"\x00\x1b[31m\ud800</b> ]]>"


def validate(form: ReportForm) -> None:
    Draft202012Validator(json.loads(SCHEMA.read_text())).validate(json.loads(text_of(form)))


def parsed(xml: str) -> ET.Element:
    return ET.fromstring(xml)  # noqa: S314 (we wrote it)


def mutant(name: str, deviations: dict[str, str] | None = None) -> Harness:
    harness = MUTANTS[name].harness()
    # Set on the object, since the class is every mutant's.
    harness.__dict__["deviations"] = MappingProxyType(deviations or {})
    return harness


def fast(harness: Harness, level: int, **changed: Outcome) -> Report:
    """A report on the storage of a harness, in which no requirement was run but given out."""
    report = run(harness, level=level, only=["KEP-1.kept"])
    outcomes = {name.replace("_", "-", 1).replace("__", "."): how for name, how in changed.items()}
    assert outcomes.keys() <= REQUIREMENTS.keys()
    results = []
    for each in REQUIREMENTS.values():
        if each.level <= level:
            asked = each.applies(report.capabilities)
            outcome = outcomes.get(each.id, Outcome.PASSED if asked else Outcome.NOT_DECLARED)
            said = None if outcome in (Outcome.PASSED, Outcome.NOT_DECLARED) else "because"
            results.append(Result(each, outcome, None, 0.25, said))
    return attrs.evolve(report, results=tuple(results))


@cache
def reports() -> dict[str, ReportForm]:
    """One of each kind, really run where that says more."""
    with closing(UrlHarness("memory://")) as memory, closing(UrlHarness("memory://")) as broken:
        broken._template = "memory://{namespace}?unknown=option"
        broken._scratch = None
        found = {
            "one": run(memory, level=1),
            "all": fast(memory, 3),
            "undeclared": fast(memory, 3, TXN_1__commit=Outcome.NOT_DECLARED),
            "partial": run(memory, only=["PRI-2", "TXN-1", "SHR-1"]),
            "failed": run(mutant("IgnoresPriority"), level=1, only=["PRI-2", "KEP-1"]),
            "refuted": fast(memory, 3, WAK_1__wait=Outcome.FAILED),
            "deviating": fast(memory, 3, LEA_4__task=Outcome.DEVIATION),
            "unasked": fast(
                memory, 3, LIV_2__restart=Outcome.NOT_ASKED, LIV_2__dropped=Outcome.NOT_ASKED
            ),
            "deviation": run(
                mutant("IgnoresPriority", {"PRI-2.priority": "known, see 7"}), only=["PRI-2"]
            ),
            "error": fast(memory, 2, PRI_7__once=Outcome.ERROR),
            "nothing": fast(memory, 3, PRI_2__priority=Outcome.FAILED),
        }
    return {name: form_of(each) for name, each in found.items()}


KINDS = [
    "one",
    "all",
    "undeclared",
    "partial",
    "failed",
    "refuted",
    "deviating",
    "unasked",
    "deviation",
    "error",
    "nothing",
]


def test_the_published_schema_is_that_of_the_form():
    assert SCHEMA.read_text() == schema_page(), (
        "run: python -m aide_de_camp_conformance.schema > "
        "conformance/aide_de_camp_conformance/report.schema.json"
    )
    Draft202012Validator.check_schema(json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize("kind", KINDS)
def test_every_report_fits_the_schema_and_comes_back_the_same(kind, tmp_path):
    form = reports()[kind]
    for each in (form, published(form)):
        validate(each)
        (tmp_path / "report.json").write_text(text_of(each))
        assert read(tmp_path / "report.json") == each


def test_the_schema_describes_every_field():
    schema = json.loads(SCHEMA.read_text())
    for each in (schema, *schema["$defs"].values()):
        assert each["description"]
        assert [
            name for name, field in each["properties"].items() if "description" not in field
        ] == []


@pytest.mark.parametrize(
    "lie",
    [
        {"level": 1},
        {"level": 4},
        {"complete": True},
        {"deselected": []},
        {"asked": 0},
        {"format": 2},
        {"kit": {"version": "0.1"}},
        {"clauses": [{"clause": "PRI-2"}]},
    ],
    ids=str,
)
def test_the_schema_refuses_what_is_no_report_or_claims_too_much(lie):
    told = as_json(reports()["partial"])
    validator = Draft202012Validator(json.loads(SCHEMA.read_text()))
    assert validator.is_valid(told)
    assert not validator.is_valid({**told, **lie})


def test_a_file_that_claims_what_it_does_not_bear_out_is_refused(tmp_path):
    file = tmp_path / "report.json"
    partial, refuted, whole = (as_json(reports()[kind]) for kind in ("partial", "refuted", "all"))
    assert (refuted["level"], whole["level"]) == (2, 3)
    elsewhere = {**whole["kit"], "digest": f"sha256:{'0' * 64}"}
    told = {**whole["clauses"][0], "outcome": "failed"}
    shortened = {**whole, "clauses": whole["clauses"][1:]}
    twice = {**whole, "clauses": [*whole["clauses"], whole["clauses"][0]]}
    lies = [
        ({**partial, "complete": True, "level": 3}, "don't bear out"),
        ({**partial, "complete": True, "deselected": [], "level": 3}, "nothing was asked"),
        ({**refuted, "level": 3}, "don't bear out"),
        (shortened, "account for every"),
        (twice, "twice"),
        ({**whole, "kit": elsewhere, "clauses": []}, "nothing was asked"),
        (changed(whole, "PRI-2.priority", level=3), "says level 3"),
        (changed(whole, "PRI-2.priority", outcome="not_declared"), "against what is declared"),
        (changed(whole, "TXN-1.commit", outcome="passed"), "against what is declared"),
        ({**whole, "clauses": [told, *whole["clauses"][1:]]}, "what its requirements don't"),
        (changed(whole, "MOV-3.itself", outcome="not_declared"), "against what is declared"),
        (unasked(whole, "MOV-3.itself"), "it needs nothing"),
        (unasked(whole, "DUR-1.server"), "against what is declared"),
        ({"format": 1}, "no report"),
        ([], "no report"),
    ]
    for lie, why in lies:
        file.write_text(json.dumps(lie))
        with pytest.raises(ValueError, match=why):
            check_details(read(file), "it")
    file.write_text("{")
    with pytest.raises(ValueError, match="no report"):
        read(file)


def changed(form, requirement, **to):
    """Change what a report says of one requirement."""
    form = json.loads(json.dumps(form))
    (found,) = [
        one for each in form["clauses"] for one in each["requirements"] if one["id"] == requirement
    ]
    found.update(to)
    return form


def unasked(form, requirement):
    """Have a report say that one requirement couldn't be asked, and its clause accordingly."""
    form = changed(form, requirement, outcome="not_asked")
    (clause,) = [each for each in form["clauses"] if requirement.startswith(f"{each['clause']}.")]
    clause["outcome"] = "not_asked"
    return form


def test_what_a_file_says_steers_no_terminal_and_no_page(tmp_path):
    file = tmp_path / "report.json"
    form = as_json(reports()["all"])
    form["backend"]["server"] = "\x1b[2J[/red]\x00 server"
    form["clauses"][0]["clause"] = "[/red]x"
    form["kit"]["digest"] = f"sha256:{'0' * 64}"
    file.write_text(json.dumps(form))
    found = read(file)
    assert found.backend.server == "\\x1b[2J[/red]\\x00 server"
    parsed(junit(found))
    with io.StringIO() as out:
        print_report(found, Console(file=out, width=200))
        assert "[/red]x" in out.getvalue()
        assert "\x1b" not in out.getvalue()


def test_a_report_says_on_what_it_was_run():
    form = reports()["one"]
    assert form.kit.version == KIT_VERSION
    assert form.kit.digest == digest(REQUIREMENTS)
    assert form.backend.module == "aide_de_camp_backends.memory.storage"
    assert (form.backend.distribution, form.backend.capabilities) == (
        "aide-de-camp",
        ["MOV-1", "WAK-1"],
    )
    assert form.backend.version == form.kit.project
    assert form.run is not None
    assert re.fullmatch(r"\w+ 3\.\d+\.\d+\S*", form.run.python)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", form.run.started)
    assert form.run.seconds > 0


def test_what_is_published_tells_nothing_of_the_machine_or_the_moment():
    told = text_of(published(reports()["one"]))
    assert '"run": null' in told
    assert {each.seconds for each in published(reports()["one"]).requirements} == {None}
    assert reports()["one"].kit.project is not None
    assert published(reports()["one"]).kit.project is None


@pytest.mark.parametrize(
    ("kind", "level", "message", "colour"),
    [
        ("one", 1, "level 1", "yellow"),
        ("all", 3, "level 3", "brightgreen"),
        ("undeclared", 3, "level 3", "brightgreen"),
        ("partial", 0, "partial run", "lightgrey"),
        ("failed", 0, "partial run", "lightgrey"),
        ("refuted", 2, "failing", "red"),
        ("deviating", 1, "level 1", "yellow"),
        ("unasked", 3, "level 3, 2 not asked", "brightgreen"),
        ("deviation", 0, "partial run", "lightgrey"),
        ("error", 1, "failing", "red"),
        ("nothing", 0, "failing", "red"),
    ],
)
def test_levels_and_badges(kind, level, message, colour):
    form = reports()[kind]
    assert form.level == level
    assert badge(form) == {
        "schemaVersion": 1,
        "label": "aide-de-camp conformance",
        "message": f"{message} · kit {KIT_VERSION}",
        "color": colour,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_xml_counts_what_the_report_says(kind):
    form = reports()[kind]
    suite = parsed(junit(form)).find("testsuite")
    assert suite is not None
    outcomes = [each.outcome for each in form.requirements]
    assert {
        name: int(suite.attrib[name]) for name in ("tests", "failures", "errors", "skipped")
    } == {
        "tests": len(outcomes),
        "failures": outcomes.count("failed"),
        "errors": outcomes.count("error"),
        "skipped": sum(map(outcomes.count, ("deviation", "not_declared", "not_asked"))),
    }
    names = [case.attrib["name"] for case in suite.iter("testcase")]
    assert names == [each.id for each in form.requirements]
    assert len(list(suite.iter("failure"))) == outcomes.count("failed")
    (level,) = [p.attrib["value"] for p in suite.iter("property") if p.attrib["name"] == "level"]
    assert level == (str(form.level) if form.complete else "none: the run is partial")


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_stands_alone(kind):
    form = reports()[kind]
    told = page(form)
    assert not re.search(r"<script|<link|<img|src=|url\(|@import|https?:", told)
    assert "prefers-color-scheme: dark" in told
    assert 'name="viewport"' in told
    for each in form.requirements:
        assert told.count(f">{each.id}<") >= 1
        assert each.sentence.partition("`")[0].partition("'")[0] in told
    failed = [f'id="{each.id}"' for each in form.broken]
    assert all(told.index(each) < told.index("<h2>Level ") for each in failed)
    for each in form.broken:
        assert f"adc conformance run URL --only {each.id}" in told
    assert ("were not run" in told) == (not form.complete)


def test_what_was_not_asked_is_named_with_the_level_in_every_form():
    form = reports()["unasked"]
    outcomes = {each.clause: each.outcome for each in form.clauses}
    assert outcomes["LIV-2"] == "not_asked"
    with io.StringIO() as out:
        print_report(form, Console(file=out, width=200))
        told = out.getvalue()
    assert "reaches level 3 of kit 0.1; not asked: LIV-2.dropped, LIV-2.restart" in told
    assert "because" in told
    shown = page(form)
    assert "not asked: LIV-2.dropped, LIV-2.restart" in shown
    assert 'id="LIV-2.restart"' in shown
    assert "because" in shown
    (case,) = [
        each
        for each in parsed(junit(form)).iter("testcase")
        if each.attrib["name"] == "LIV-2.restart"
    ]
    (skipped,) = case
    assert (skipped.tag, skipped.attrib["message"]) == ("skipped", "because")
    told = {each.get("name"): each.get("value") for each in parsed(junit(form)).iter("property")}
    assert (told["level"], told["not asked"]) == ("3", "LIV-2.dropped LIV-2.restart")
    assert "| LIV-2 (2) | in part |" in matrix({"mine": form})


def test_the_page_of_backends_says_what_was_refused_and_what_is_only_said():
    form, power = reports()["all"], Capability.SURVIVES_POWER_LOSS.value
    said = [
        attrs.evolve(each, outcome="passed") if each.clause == power else each
        for each in form.clauses
    ]
    undeclared = attrs.evolve(form.backend, capabilities=[])
    shown = matrix({"mine": attrs.evolve(form, backend=undeclared, clauses=said)})
    for row in ("TXN-1 (3) | refused", "WAK-1 (3) | yes", f"{power} (3) | declared"):
        assert f"| {row} |" in shown


def test_what_an_exception_says_can_steer_no_report():
    @requirement("PRI-2.nasty", level=1)
    async def check(kit) -> None:
        """It says what no report can hold."""
        raise AssertionError(NASTY + "x" * 100_000)

    with closing(UrlHarness("memory://")) as harness:
        result = run_requirement(check, harness)
        report = attrs.evolve(fast(harness, 1), results=(result,))
    form = form_of(report)
    validate(form)
    assert len(form.requirements[0].message or "") < 10_000
    suite = parsed(junit(form))
    (failure,) = suite.iter("failure")
    assert r"\x00\x1b[31m\ud800" in (failure.text or "")
    assert "&lt;b&gt;&amp;" in page(form)
    assert "<b>&" not in page(form)


def test_the_digest_changes_with_what_is_asked():
    first = next(iter(REQUIREMENTS.values()))
    changes = [
        attrs.evolve(first, sentence=f"{first.sentence} More."),
        attrs.evolve(first, level=3),
        attrs.evolve(first, needs=Need.SERVER),
        attrs.evolve(first, capability=Capability.SHARED),
        attrs.evolve(first, capability=Capability.SHARED, also=Capability.WAKE_UP),
        attrs.evolve(first, since="9.9"),
        attrs.evolve(first, id="ENQ-1.other"),
    ]
    found = {digest({**REQUIREMENTS, first.id: each}) for each in [first, *changes]}
    assert len(found) == 8
    assert digest(dict(reversed(REQUIREMENTS.items()))) == digest(REQUIREMENTS)


def test_no_requirement_is_newer_than_the_kit():
    numbers = {tuple(map(int, each.since.split("."))) for each in REQUIREMENTS.values()}
    assert max(numbers) <= tuple(map(int, KIT_VERSION.split(".")))
