"""Whether a report that is committed still says what is found."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

from aide_de_camp_conformance.bearing import check_details
from aide_de_camp_conformance.form import ReportForm
from aide_de_camp_conformance.forming import read
from aide_de_camp_conformance.introduction import Introduction
from aide_de_camp_conformance.running import Result
from aide_de_camp_conformance.suite import REQUIREMENTS
from aide_de_camp_conformance.version import KIT_VERSION, digest

_ANEW: Final = "write it anew by 'pytest --adc-publish', in a run that leaves nothing out"


def compare(introduction: Introduction, path: Path, level: int) -> None:
    """Compare what doesn't depend on any one requirement.

    Args:
        introduction: what the storage says of itself.
        path: the report's file.
        level: the highest level that the tests beside it ask for, 1 to 3.

    Raises:
        AssertionError: the report is of another kit, partial, of another level, or of a storage
            that declares something else.
        ValueError: it contradicts itself.
    """
    form = _read(path)
    compare_kit(form, path.name)
    assert form.complete, f"{path.name} is of a partial run: {_ANEW}"
    assert form.asked == level, (
        f"{path.name} is of what is asked up to level {form.asked}, and these tests ask up to "
        f"level {level}: {_ANEW}"
    )
    declared = sorted(each.value for each in introduction.capabilities)
    assert form.backend.capabilities == declared, (
        f"{path.name} says that the storage declares {form.backend.capabilities}, and it declares "
        f"{declared}: {_ANEW}"
    )
    check_details(form, path.name)


def compare_kit(form: ReportForm, name: str) -> None:
    """Compare the kit of a report with this one.

    Raises:
        AssertionError: it was another, or asked something else.
    """
    assert form.kit.version == KIT_VERSION, (
        f"{name} is of kit {form.kit.version}, and this is kit {KIT_VERSION}: {_ANEW}"
    )
    assert form.kit.digest == digest(REQUIREMENTS), (
        f"{name} is of a kit with other requirements: {_ANEW}"
    )


def compare_outcome(result: Result, path: Path) -> None:
    """Compare how one requirement fared with what is published.

    Raises:
        AssertionError: they differ, or nothing is published of it.
    """
    outcomes = {each.id: each.outcome for each in _read(path).requirements}
    found, said = result.outcome.value, outcomes.get(result.requirement.id, "nothing")
    assert found == said, (
        f"{path.name} says {said} of {result.requirement.id}, and it is {found}: {_ANEW}"
    )


def _read(path: Path) -> ReportForm:
    try:
        return _read_at(path, path.stat().st_mtime_ns)
    except OSError as error:
        raise AssertionError(f"{path.name} can't be read ({error.strerror}): {_ANEW}") from error


@lru_cache(maxsize=8)
def _read_at(path: Path, _changed: int) -> ReportForm:
    return read(path)
