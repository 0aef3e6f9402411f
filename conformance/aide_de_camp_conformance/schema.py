"""``python -m aide_de_camp_conformance.schema``: the JSON Schema of a report.

It is published in this package as ``report.schema.json``.
"""

from __future__ import annotations

import inspect
import json
import re
from typing import Any, Final

import attrs
import msgspec

from aide_de_camp_conformance import form
from aide_de_camp_conformance.form import ReportForm

_NO_CLAIM: Final = {
    "if": {"properties": {"complete": {"const": False}}},
    "then": {"properties": {"level": {"const": 0}, "deselected": {"minItems": 1}}},
    "else": {"properties": {"deselected": {"maxItems": 0}}},
}
_NO_MORE_THAN_ASKED: Final = [
    {
        "if": {"properties": {"asked": {"const": asked}}},
        "then": {"properties": {"level": {"maximum": asked}}},
    }
    for asked in (1, 2)
]


def schema() -> dict[str, Any]:
    """Make the schema: the classes' own, and what a level may be."""
    (made,), definitions = msgspec.json.schema_components(
        (ReportForm,), ref_template="#/$defs/{name}"
    )
    for name, each in definitions.items():
        _describe(each, getattr(form, name))
    top = definitions.pop(made["$ref"].rpartition("/")[2])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **top,
        "allOf": [_NO_CLAIM, *_NO_MORE_THAN_ASKED],
        "$defs": definitions,
    }


def _describe(schema: dict[str, Any], of: type[attrs.AttrsInstance]) -> None:
    """Give each field the words of the class's docstring."""
    summary, _, rest = (inspect.getdoc(of) or "").partition("\n")
    schema["description"] = summary
    told = re.findall(r"^    (\w+): (.*(?:\n {6,}.*)*)", rest, re.MULTILINE)
    for name, words in told:
        schema["properties"][name]["description"] = " ".join(words.split())


def page() -> str:
    """Write it as a file."""
    return json.dumps(schema(), indent=1) + "\n"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 (that is what it is for)
