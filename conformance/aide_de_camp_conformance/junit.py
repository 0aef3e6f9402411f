"""A report as JUnit's XML, for what shows the tests of a build."""

from __future__ import annotations

from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from aide_de_camp_conformance.form import ReportForm, RequirementForm

_ELEMENTS: Final = {
    "failed": "failure",
    "error": "error",
    "deviation": "skipped",
    "not_asked": "skipped",
}
_SKIPPED: Final = ("deviation", "not_declared", "not_asked")


def junit(form: ReportForm) -> str:
    """Give the text of the XML file: a test case per requirement.

    A deviation that was declared counts as skipped, as in pytest's; so does what wasn't asked.
    """
    requirements = form.requirements
    counts = {
        "tests": len(requirements),
        "failures": sum(each.outcome == "failed" for each in requirements),
        "errors": sum(each.outcome == "error" for each in requirements),
        "skipped": sum(each.outcome in _SKIPPED for each in requirements),
    }
    attributes = {name: str(count) for name, count in counts.items()}
    if form.run is not None:
        attributes |= {"time": f"{form.run.seconds:.3f}", "timestamp": form.run.started}
    suites = Element("testsuites")
    suite = SubElement(suites, "testsuite", {"name": "aide-de-camp conformance", **attributes})
    properties = SubElement(suite, "properties")
    for name, value in _properties(form).items():
        SubElement(properties, "property", {"name": name, "value": value})
    for clause in form.clauses:
        for each in clause.requirements:
            _add(suite, clause.clause, each)
    indent(suites)
    return tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _properties(form: ReportForm) -> dict[str, str]:
    return {
        "kit": form.kit.version,
        "level": str(form.level) if form.complete else "none: the run is partial",
        "backend": form.backend.module,
        "server": form.backend.server,
        "capabilities": " ".join(form.backend.capabilities),
    }


def _add(suite: Element, clause: str, each: RequirementForm) -> None:
    case = SubElement(suite, "testcase", {"classname": f"conformance.{clause}", "name": each.id})
    if each.seconds is not None:
        case.set("time", f"{each.seconds:.3f}")
    if each.outcome == "not_declared":
        SubElement(case, "skipped", {"message": "not asked with these capabilities"})
    elif each.outcome in _ELEMENTS:
        message = each.message or each.outcome
        found = SubElement(case, _ELEMENTS[each.outcome], {"message": message.split("\n")[0]})
        found.text = f"{each.sentence}\n{message}"
