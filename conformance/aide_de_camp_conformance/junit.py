"""A report as JUnit's XML, for what shows the tests of a build."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from aide_de_camp_conformance.codec_form import CodecForm
from aide_de_camp_conformance.form import ReportForm

_ELEMENTS: Final = {
    "failed": "failure",
    "error": "error",
    "deviation": "skipped",
    "not_asked": "skipped",
}
_SKIPPED: Final = ("deviation", "not_declared", "not_asked")
_NOT_DECLARED: Final = "not asked of what declares, or takes, what this does"


class _Asked(Protocol):
    """A requirement of a report, of a backend's or of a codec's."""

    @property
    def id(self) -> str: ...
    @property
    def sentence(self) -> str: ...
    @property
    def outcome(self) -> str: ...
    @property
    def message(self) -> str | None: ...
    @property
    def seconds(self) -> float | None: ...


def junit(form: ReportForm) -> str:
    """Give the text of the XML file: a test case per requirement.

    A deviation that was declared counts as skipped, as in pytest's; so does what wasn't asked.
    """
    properties = {
        "kit": form.kit.version,
        "level": str(form.level) if form.complete else "none: the run is partial",
        "not asked": " ".join(form.unasked),
        "backend": form.backend.module,
        "server": form.backend.server,
        "capabilities": " ".join(form.backend.capabilities),
    }
    cases = [(clause.clause, each) for clause in form.clauses for each in clause.requirements]
    when: dict[str, str] = {}
    if form.run is not None:
        when = {"time": f"{form.run.seconds:.3f}", "timestamp": form.run.started}
    return _text("aide-de-camp conformance", properties, cases, when)


def codec_junit(form: CodecForm) -> str:
    """Give the same of a codec's report."""
    properties = {
        "kit": form.kit.version,
        "codec": form.codec,
        "refuses": " ".join(form.refuses),
        "verdict": form.verdict,
    }
    cases = [(each.clause, each) for each in form.requirements]
    when = {"time": f"{sum(each.seconds for each in form.requirements):.3f}"}
    return _text("aide-de-camp codec conformance", properties, cases, when)


def _text(
    name: str,
    properties: Mapping[str, str],
    cases: Sequence[tuple[str, _Asked]],
    when: Mapping[str, str],
) -> str:
    outcomes = [each.outcome for _, each in cases]
    counts = {
        "tests": len(cases),
        "failures": outcomes.count("failed"),
        "errors": outcomes.count("error"),
        "skipped": sum(map(outcomes.count, _SKIPPED)),
    }
    attributes = {what: str(count) for what, count in counts.items()}
    suites = Element("testsuites")
    suite = SubElement(suites, "testsuite", {"name": name, **attributes, **when})
    listed = SubElement(suite, "properties")
    for what, value in properties.items():
        SubElement(listed, "property", {"name": what, "value": value})
    for clause, each in cases:
        _add(suite, clause, each)
    indent(suites)
    return tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _add(suite: Element, clause: str, each: _Asked) -> None:
    case = SubElement(suite, "testcase", {"classname": f"conformance.{clause}", "name": each.id})
    if each.seconds is not None:
        case.set("time", f"{each.seconds:.3f}")
    if each.outcome == "not_declared":
        SubElement(case, "skipped", {"message": _NOT_DECLARED})
    elif each.outcome in _ELEMENTS:
        message = each.message or each.outcome
        found = SubElement(case, _ELEMENTS[each.outcome], {"message": message.split("\n")[0]})
        found.text = f"{each.sentence}\n{message}"
