"""A report as one page of HTML: no script, nothing from anywhere else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from aide_de_camp_conformance.codec_form import CodecForm, CodecRequirementForm
from aide_de_camp_conformance.form import ClauseForm, ReportForm, RequirementForm
from aide_de_camp_conformance.table import tally, verdict

LEVELS: Final = {
    1: "one caller, one step after the other",
    2: "races, leases, crashes, lost replies",
    3: "declared capabilities",
}
_MARKS: Final = {
    "passed": "✓",
    "failed": "✗",
    "error": "!",
    "deviation": "△",
    "not_declared": "·",
    "not_asked": "?",
}
_WORDS: Final = {
    "passed": "holds",
    "failed": "doesn't hold",
    "error": "couldn't be run",
    "deviation": "declared deviation",
    "not_declared": "not asked of it",
    "not_asked": "couldn't be asked",
}


@frozen
class _Section:
    """The clauses of one level, each with those of its requirements that are asked there."""

    level: int
    title: str
    clauses: list[tuple[str, list[RequirementForm]]]

    @property
    def counts(self) -> dict[str, int]:
        """How many requirements fared how; those that don't occur are left out."""
        found = [each.outcome for _, asked in self.clauses for each in asked]
        return {word: found.count(word) for word in _WORDS if word in found}


def page(form: ReportForm) -> str:
    """Give the text of the page. Failures come first, each with the way to run it again."""
    return _template("report.html").render(
        form=form,
        verdict=verdict(form),
        tally=tally(form),
        sections=list(_sections(form)),
        unsaid=[each for each in form.clauses if not each.requirements],
        deviations=[each for each in form.requirements if each.outcome == "deviation"],
        unasked=[each for each in form.requirements if each.outcome == "not_asked"],
        marks=_MARKS,
        words=_WORDS,
    )


def codec_page(form: CodecForm) -> str:
    """Give the text of the page of a codec's report."""
    clauses: dict[str, list[CodecRequirementForm]] = {}
    for each in form.requirements:
        clauses.setdefault(each.clause, []).append(each)
    return _template("codec.html").render(
        form=form, clauses=list(clauses.items()), marks=_MARKS, words=_WORDS
    )


def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("aide_de_camp_conformance", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["coded"] = _coded
    return environment.get_template(name)


def _coded(sentence: str) -> Markup:
    """Set what stands between backticks as code."""
    parts = sentence.split("`")
    if len(parts) % 2 == 0:
        return escape(sentence)
    pieces = [
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part)
        for index, part in enumerate(parts)
    ]
    return Markup("").join(pieces)


def _sections(form: ReportForm) -> Iterator[_Section]:
    for level, title in LEVELS.items():
        found = [(each.clause, _at(each, level)) for each in form.clauses]
        clauses = [(clause, asked) for clause, asked in found if asked]
        if clauses:
            yield _Section(level, title, clauses)


def _at(clause: ClauseForm, level: int) -> list[RequirementForm]:
    return [each for each in clause.requirements if each.level == level]
