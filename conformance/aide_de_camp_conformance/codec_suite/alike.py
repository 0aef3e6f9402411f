"""Whether two payloads are the same: the kit's own view, beside the core's."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime, time
from typing import Any

import attrs
import msgspec


def told(value: Any) -> Any:
    """Tell all that there is to a value: types, fields, signs of zero, offsets, folds.

    Two values are the same if what is told of them is equal. NaN is told like any other value.
    """
    kind = _class_of(value)
    name = f"{kind.__module__}.{kind.__qualname__}"
    if kind.__module__ == "builtins" and issubclass(kind, str | bytes | int | None):
        return (name, value)
    return (name, *_parts(kind, value))


def _parts(kind: Any, value: Any) -> tuple[Any, ...]:
    names = _fields(kind)
    if names is not None:
        return tuple((each, told(getattr(value, each))) for each in names)
    if issubclass(kind, Mapping):
        return _in_one_order((told(key), told(item)) for key, item in value.items())
    if issubclass(kind, list | tuple):
        return tuple(told(each) for each in value)
    if issubclass(kind, set | frozenset):
        return _in_one_order(told(each) for each in value)
    if issubclass(kind, datetime | time):
        # Where the offset is known it says which pass of a repeated hour is meant; else fold does.
        offset = value.utcoffset()
        return (
            value.replace(tzinfo=None, fold=0).isoformat(),
            offset,
            value.fold if offset is None else 0,
        )
    return (repr(value),)


def _class_of(value: object) -> Any:
    return type(value)


def _in_one_order(parts: Iterable[Any]) -> tuple[Any, ...]:
    # By what they look like: they need not be of one type, and another process tells them alike.
    return tuple(sorted(parts, key=repr))


def _fields(kind: Any) -> tuple[str, ...] | None:
    if attrs.has(kind):
        return tuple(each.name for each in attrs.fields(kind))
    if dataclasses.is_dataclass(kind):
        return tuple(each.name for each in dataclasses.fields(kind))
    if issubclass(kind, msgspec.Struct):
        return tuple(kind.__struct_fields__)
    # A NamedTuple says no more by its names, and a model has them in its class.
    named: Any = getattr(kind, "model_fields", None)
    return tuple(named) if issubclass(_class_of(named), Mapping) else None


def alike(got: Any, wanted: Any, what: str) -> None:
    """Assert that a payload came back as it was; the message shows both."""
    assert told(got) == told(wanted), f"{what}: {wanted!r:.200} came back as {got!r:.200}"
