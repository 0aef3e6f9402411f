"""Statements as text with named parameters, and what the driver takes instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from attrs import frozen

_PARAMETER: Final = re.compile(r"(?<![:\w]):([a-z_]+)")
_TABLE: Final = re.compile(r"\badc_(job|meta)\b")


def quoted(name: str) -> str:
    """Give a name as SQL writes it, whatever is in it."""
    doubled = name.replace('"', '""')
    return f'"{doubled}"'


@frozen
class Layout:
    """Where the tables are.

    Attributes:
        schema: the schema's name.
        prefix: what the tables' names begin with.
    """

    schema: str
    prefix: str

    def table(self, name: str) -> str:
        """Give the quoted and qualified name of a table, ``job`` or ``meta``."""
        return f"{quoted(self.schema)}.{quoted(self.prefix + name)}"

    def placed(self, text: str) -> str:
        """Put the qualified names in the place of ``adc_job`` and ``adc_meta``."""
        return _TABLE.sub(lambda found: self.table(found[1]), text)


@frozen
class Statement:
    """One statement as the driver takes it.

    Attributes:
        sql: the text, with ``$1`` and so on.
        names: which parameter stands at each number.
    """

    sql: str
    names: tuple[str, ...]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        """Put the values in the order of their numbers."""
        return [values[name] for name in self.names]


@cache
def prepare(text: str, layout: Layout) -> Statement:
    """Translate a text with ``:name`` parameters and plain table names, once."""
    numbers: dict[str, int] = {}

    def number(found: re.Match[str]) -> str:
        return f"${numbers.setdefault(found[1], len(numbers) + 1)}"

    # First the parameters: a schema's name may look like one.
    sql = layout.placed(_PARAMETER.sub(number, text))
    return Statement(sql, tuple(numbers))
