"""From a report to its JSON form, and back from a file that somebody wrote."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any, Final, TypeAlias, cast

import attrs
import msgspec

from aide_de_camp.spi import SPI_VERSION
from aide_de_camp_conformance.bearing import check_claims
from aide_de_camp_conformance.form import (
    FORMAT,
    BackendForm,
    ClauseForm,
    KitForm,
    ReportForm,
    RequirementForm,
    RunForm,
)
from aide_de_camp_conformance.report import Report
from aide_de_camp_conformance.running import Result
from aide_de_camp_conformance.said import escaped
from aide_de_camp_conformance.suite import REQUIREMENTS
from aide_de_camp_conformance.version import KIT_VERSION, digest

_PROJECT: Final = "aide-de-camp"
_Json: TypeAlias = "str | int | float | list[_Json] | dict[str, _Json] | None"


def form_of(report: Report) -> ReportForm:
    """Give a report's JSON form."""
    said, where = report.introduction, report.where
    return ReportForm(
        format=FORMAT,
        kit=KitForm(
            version=KIT_VERSION,
            digest=digest(REQUIREMENTS),
            project=metadata.version(_PROJECT),
            spi=".".join(map(str, SPI_VERSION)),
        ),
        backend=BackendForm(
            module=said.backend,
            distribution=said.distribution,
            version=said.version,
            server=said.server,
            capabilities=sorted(each.value for each in said.capabilities),
        ),
        run=None
        if where is None
        else RunForm(
            python=where.python,
            platform=where.platform,
            started=where.started,
            seconds=where.seconds,
        ),
        seed=None,
        asked=report.asked,
        deselected=list(report.deselected),
        complete=report.complete,
        level=report.level,
        clauses=[
            ClauseForm(
                clause=clause.clause,
                level=clause.level,
                outcome=clause.outcome.value,
                requirements=[_requirement(each) for each in clause.results],
            )
            for clause in report.clauses
        ],
    )


def _requirement(result: Result) -> RequirementForm:
    requirement = result.requirement
    return RequirementForm(
        id=requirement.id,
        level=requirement.level,
        since=requirement.since,
        sentence=requirement.sentence,
        outcome=result.outcome.value,
        seconds=round(result.seconds, 3),
        message=result.message,
    )


def published(form: ReportForm) -> ReportForm:
    """Take out what differs from run to run, so that what is committed changes with reason."""
    clauses = [
        attrs.evolve(
            clause,
            requirements=[attrs.evolve(each, seconds=None) for each in clause.requirements],
        )
        for clause in form.clauses
    ]
    return attrs.evolve(
        form,
        run=None,
        kit=attrs.evolve(form.kit, project=None),
        backend=attrs.evolve(form.backend, version=None),
        clauses=clauses,
    )


def as_json(form: ReportForm) -> dict[str, Any]:
    """Give it as what :mod:`json` writes."""
    return cast("dict[str, Any]", msgspec.to_builtins(form))


def text_of(form: ReportForm) -> str:
    """Give the text of its file."""
    return json.dumps(as_json(form), indent=1) + "\n"


def read(path: Path) -> ReportForm:
    """Read a report's file.

    Raises:
        ValueError: it is no report, or claims what is in it doesn't bear out.
        OSError: it can't be read.
    """
    try:
        plain = _cleaned(msgspec.json.decode(path.read_bytes()))
        if isinstance(plain, dict) and "codec" in plain:
            raise ValueError(
                f"{path} is a codec's report, and this is for a storage's: 'adc conformance codec' "
                "makes its other files"
            )
        form = msgspec.convert(plain, type=ReportForm)
    except msgspec.DecodeError as error:
        raise ValueError(f"{path} is no report of this kit: {error}") from error
    check_claims(form, str(path))
    return form


def _cleaned(value: _Json) -> _Json:
    """Have no text of a file steer the terminal or the page that it is shown on."""
    if isinstance(value, str):
        return escaped(value)
    if isinstance(value, list):
        return [_cleaned(each) for each in value]
    if isinstance(value, dict):
        return {key: _cleaned(each) for key, each in value.items()}
    return value
