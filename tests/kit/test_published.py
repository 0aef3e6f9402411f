"""The reports that are committed are of this kit, and the pages show them.

That their outcomes are what is found is checked where the suites are run, in ``tests/conformance``.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from aide_de_camp_conformance import REQUIREMENTS
from aide_de_camp_conformance.forming import published, read
from aide_de_camp_conformance.matrix import forms_of, page, short
from aide_de_camp_conformance.publishing import compare_kit

ROOT = Path(__file__).parents[2]
NAMES = ("memory", "sqlite", "postgresql", "redis")
FILES = [ROOT / "conformance" / "results" / f"{name}.json" for name in NAMES]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_committed_report_is_of_this_kit_and_reaches_the_highest_level(path):
    form = read(path)
    compare_kit(form, path.name)
    assert form.level == 3
    assert form == published(form)
    told = {each.id: (each.level, each.since, each.sentence) for each in form.requirements}
    asked = {each.id: (each.level, each.since, each.sentence) for each in REQUIREMENTS.values()}
    assert told == asked


def test_every_committed_report_is_one_of_these():
    assert sorted(FILES[0].parent.iterdir()) == sorted(FILES)


def test_the_page_of_the_backends_shows_them():
    shown = (ROOT / "docs" / "reference" / "backends.md").read_text()
    assert shown == page(forms_of(FILES)), "run: nox -s results"


def test_the_readme_shows_the_short_form():
    shown = (ROOT / "README.md").read_text()
    assert short(forms_of(FILES)) in shown, "put in what 'nox -s results' prints"
