"""The page of the contract is the one that the kit writes."""

from __future__ import annotations

from pathlib import Path

from aide_de_camp_conformance.contract import page

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "contract.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == page(), (
        "run: python -m aide_de_camp_conformance.contract > docs/reference/contract.md"
    )
