"""Whether what a report claims is borne out by what is in it."""

from __future__ import annotations

from aide_de_camp.spi import Capability
from aide_de_camp_conformance.form import ReportForm
from aide_de_camp_conformance.levels import asked_of, reached
from aide_de_camp_conformance.report import WORST_FIRST
from aide_de_camp_conformance.running import Outcome
from aide_de_camp_conformance.suite import REQUIREMENTS
from aide_de_camp_conformance.version import digest


def check_claims(form: ReportForm, name: str) -> None:
    """Refuse a claim that isn't borne out; nothing here stops a liar, only a mistake.

    Args:
        form: the report.
        name: of its file, for messages.

    Raises:
        ValueError: it isn't.
    """
    found = [each.id for each in form.requirements]
    if len(set(found)) != len(found):
        raise ValueError(f"{name} names a requirement twice")
    outcomes = [(each.level, Outcome(each.outcome)) for each in form.requirements]
    level = reached(outcomes, asked=form.asked, complete=form.complete)
    if form.complete != (not form.deselected) or form.level != level:
        raise ValueError(f"{name} claims a level that its own outcomes don't bear out")
    if {each for each, _ in outcomes} < {*range(1, form.level + 1)}:
        raise ValueError(f"{name} claims a level of which nothing was asked")
    if form.kit.digest == digest(REQUIREMENTS):
        found_or_left = {*found, *form.deselected}
        if found_or_left != {*asked_of(form.asked)}:
            raise ValueError(f"{name} doesn't account for every requirement that its kit asks")


def check_details(form: ReportForm, name: str) -> None:
    """Refuse what contradicts itself, or the kit's own requirements, as far as these were run.

    Args:
        form: the report.
        name: of its file, for messages.

    Raises:
        ValueError: it does.
    """
    for clause in form.clauses:
        told = [Outcome(each.outcome) for each in clause.requirements]
        if told and Outcome(clause.outcome) is not min(told, key=WORST_FIRST.index):
            raise ValueError(f"{name} says of clause {clause.clause} what its requirements don't")
    if form.kit.digest == digest(REQUIREMENTS):
        _check_by_kit(form, name)


def _check_by_kit(form: ReportForm, name: str) -> None:
    """Compare with the requirements themselves, where these are the ones that were run."""
    declared = frozenset(each for each in Capability if each.value in form.backend.capabilities)
    for each in form.requirements:
        known = REQUIREMENTS[each.id]
        if each.level != known.level:
            raise ValueError(f"{name} says level {each.level} of {each.id}: it is {known.level}")
        if each.outcome == "error":
            continue
        if each.outcome == "not_asked" and known.needs is None:
            raise ValueError(f"{name} says that {each.id} couldn't be asked: it needs nothing")
        if known.applies(declared) == (each.outcome == "not_declared"):
            raise ValueError(f"{name} says {each.outcome} of {each.id}, against what is declared")
