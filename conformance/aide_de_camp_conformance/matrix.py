"""``python -m aide_de_camp_conformance.matrix FILE...``: published reports, side by side.

It prints a page of Markdown, clauses by backends; with ``--short`` the few lines of a README. The
backends are named as their files are.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from aide_de_camp.spi import Capability
from aide_de_camp_conformance.form import ClauseForm, ReportForm
from aide_de_camp_conformance.forming import read
from aide_de_camp_conformance.suite import REQUIREMENTS

_NOT_RUN: Final = "**not run**"
_CALLS: Final = frozenset(each.unless.value for each in REQUIREMENTS.values() if each.unless)
"""The capabilities that are calls: these are refused where they aren't declared."""
_MARKS: Final = {
    "passed": "yes",
    "failed": "**no**",
    "error": _NOT_RUN,
    "deviation": "**deviates**",
    "not_declared": "-",
    "not_asked": "not asked",
}
_INTRODUCTION: Final = """\
# What each backend keeps

Clause by clause, from the reports that are committed in `conformance/results/`; whenever the tests
run the kit, they compare what is found with them. This page is generated (`nox -s results`).

- *yes*: every requirement of the clause that is asked of the backend holds;
- *declared*: the storage says so, from the settings found; nothing can check it;
- *refused*: the call of a capability that isn't declared is refused, and changes nothing;
- *in part*: what was asked holds, and something couldn't be asked: there is no server to kill, say,
  or there are no connections to cut;
- *not asked*: none of it could be asked;
- *-*: nothing is asked of a storage that declares what this one does.

What each clause says stands in [the behaviour contract](contract.md), and which
clauses nothing asks yet.
"""


def page(forms: Mapping[str, ReportForm]) -> str:
    """Write the page.

    Args:
        forms: the reports by the backends' names.
    """
    clauses = {clause.clause: clause.level for form in forms.values() for clause in form.clauses}
    marks = {
        name: {each.clause: _mark(form, each) for each in form.clauses}
        for name, form in forms.items()
    }
    rows = [
        [f"{clause} ({level})", *(marks[name].get(clause, _NOT_RUN) for name in forms)]
        for clause, level in clauses.items()
    ]
    tested = [f"- **{name}**: {form.backend.server}" for name, form in forms.items()]
    return "\n".join(
        [
            _INTRODUCTION,
            *_table(["", *forms], _summary(forms)),
            "",
            "Tested:",
            "",
            *tested,
            "",
            "## Clauses (and levels)",
            "",
            *_table(["clause", *forms], rows),
            "",
        ]
    )


def short(forms: Mapping[str, ReportForm]) -> str:
    """Write the lines of a README."""
    return "\n".join([*_table(["", *forms], _summary(forms)), ""])


def _summary(forms: Mapping[str, ReportForm]) -> list[list[str]]:
    kits = sorted({form.kit.version for form in forms.values()})
    return [
        [f"level reached (of 3; kit {', '.join(kits)})", *map(_level, forms.values())],
        [f"requirements that hold (of {len(REQUIREMENTS)})", *map(_held, forms.values())],
        ["asked only of storages that declare something else", *map(_undeclared, forms.values())],
        ["that couldn't be asked", *map(_unasked, forms.values())],
        *(
            [_named(each), *(_declares(form, each) for form in forms.values())]
            for each in Capability
        ),
    ]


def _mark(form: ReportForm, clause: ClauseForm) -> str:
    if clause.outcome == "passed" and not clause.requirements:
        return "declared"
    is_refused = clause.clause in _CALLS and clause.clause not in form.backend.capabilities
    if is_refused and clause.outcome == "passed":
        return "refused"
    if clause.outcome == "not_asked" and any(
        each.outcome == "passed" for each in clause.requirements
    ):
        return "in part"
    return _MARKS[clause.outcome]


def _level(form: ReportForm) -> str:
    if not form.complete or form.broken:
        return "none: partial run" if not form.complete else "**failing**"
    return str(form.level) if form.level else "none"


def _held(form: ReportForm) -> str:
    return str(sum(each.outcome == "passed" for each in form.requirements))


def _undeclared(form: ReportForm) -> str:
    return str(sum(each.outcome == "not_declared" for each in form.requirements))


def _unasked(form: ReportForm) -> str:
    return str(len(form.unasked))


def _named(capability: Capability) -> str:
    words = capability.name.replace("_", " ").lower()
    return f"declares: {words} ({capability.value})"


def _declares(form: ReportForm, capability: Capability) -> str:
    return "yes" if capability.value in form.backend.capabilities else "-"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(cells)} |" for cells in lines]


def forms_of(paths: Sequence[Path]) -> dict[str, ReportForm]:
    """Read reports, each named as its file is.

    Raises:
        ValueError: one is no report.
        OSError: one can't be read.
    """
    return {each.stem: read(each) for each in paths}


def main(words: Sequence[str]) -> None:
    """Print the page of the files that are named."""
    forms = forms_of([Path(each) for each in words if each != "--short"])
    sys.stdout.write(short(forms) if "--short" in words else page(forms))


if __name__ == "__main__":
    main(sys.argv[1:])
