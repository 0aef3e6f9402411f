"""Records made to order: the same fields as an attrs class, a dataclass, a Struct or a TypedDict.

Made, not written down, so that one field can be other than in the next version of the class.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, NotRequired, TypedDict

import attrs
import msgspec

REQUIRED: Final = attrs.NOTHING
"""Stands for the default of a field that has none."""

Fields = Mapping[str, tuple[Any, Any]]
"""The type and the default of each field by its name, those without a default first."""
Make = Callable[[str, Fields], Any]
"""Makes a class of a name with these fields; calling it with keyword arguments makes a value."""


def _dataclass(name: str, fields: Fields) -> Any:
    made = [
        (each, kind) if default is REQUIRED else (each, kind, dataclasses.field(default=default))
        for each, (kind, default) in fields.items()
    ]
    return dataclasses.make_dataclass(name, made, frozen=True)


def _attrs_class(name: str, fields: Fields) -> Any:
    made = {each: attrs.field(type=kind, default=value) for each, (kind, value) in fields.items()}
    return attrs.make_class(name, made, frozen=True)


def _struct(name: str, fields: Fields) -> Any:
    made = [
        (each, kind) if default is REQUIRED else (each, kind, default)
        for each, (kind, default) in fields.items()
    ]
    return msgspec.defstruct(name, made, frozen=True)


def _typed_dict(name: str, fields: Fields) -> Any:
    made = {
        each: kind if default is REQUIRED else NotRequired[kind]
        for each, (kind, default) in fields.items()
    }
    make: Any = TypedDict
    return make(name, made)


RECORDS: Final[Mapping[str, Make]] = MappingProxyType(
    {
        "dataclass": _dataclass,
        "attrs class": _attrs_class,
        "Struct": _struct,
        "TypedDict": _typed_dict,
    }
)
"""The kinds of record that the kit makes, by name."""
