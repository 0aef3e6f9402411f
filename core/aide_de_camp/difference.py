"""Find the first part in which two payloads differ (clause ENQ-3).

Stricter than ``==``: ``1`` and ``True`` differ, and so do a tuple and a list, also where the
payload's class leaves a field out of its comparison. An int that came back as the equal float
doesn't: whoever declares a float may be given an int, as type checkers have it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, cast
from uuid import UUID

_PLAIN: Final = frozenset({int, str, bool, bytes, type(None), float, UUID, date, timedelta})
_ABSENT: Final = object()


def first_difference(one: object, other: object) -> str | None:
    """Name the first part in which two payloads differ.

    Types count, and so does everything that the classes declare as a field. Aware datetimes are
    equal if they are the same instant at the same offset from UTC. NaN differs from itself. The
    order of a mapping doesn't count.

    Args:
        one: a payload.
        other: what came back in its stead.

    Returns:
        The path of the part, such as ``$.items[2].price``, with ``[...]`` for the keys of
        mappings and the elements of sets, which are payload content; None if there is no
        difference. What is nested too deeply to compare counts as different.
    """
    try:
        found = _difference(one, other)
    except RecursionError:
        return "$"
    return None if found is None else "$" + found


def _difference(one: object, other: object) -> str | None:
    kind = type(one)
    if kind is not type(other):
        return None if kind is int and type(other) is float and one == other else ""
    if kind in _PLAIN:
        return None if one == other else ""
    # The commonest containers go first: asking for a class's fields costs more.
    if kind is list or kind is tuple:
        return _in_sequence(one, other)
    if kind is datetime or kind is time:
        return None if _same_time(one, other) else ""
    names = _fields(cast("Hashable", kind))
    if names is not None:
        return _in_fields(names, one, other)
    return _in_unnamed(kind, one, other)


def _in_unnamed(kind: Any, one: Any, other: Any) -> str | None:
    if issubclass(kind, list | tuple):
        return _in_sequence(one, other)
    if kind is dict or issubclass(kind, Mapping):
        return _in_mapping(one, other)
    if issubclass(kind, set | frozenset):
        return None if _same_elements(one, other) else "[...]"
    return _in_other(one, other)


@lru_cache(maxsize=1024)
def _fields(kind: Hashable) -> tuple[str, ...] | None:
    """Name the fields of an attrs class, dataclass, Struct or NamedTuple; None for others."""
    declared: Any = getattr(kind, "__struct_fields__", None)
    if declared is not None:
        return tuple(declared)
    declared = getattr(kind, "__attrs_attrs__", None)
    if declared is not None:
        return tuple(field.name for field in declared)
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    named: tuple[str, ...] | None = getattr(kind, "_fields", None)
    return named if issubclass(cast("type", kind), tuple) else None


def _in_fields(names: tuple[str, ...], one: Any, other: Any) -> str | None:
    for name in names:
        left = getattr(one, name, _ABSENT)
        right = getattr(other, name, _ABSENT)
        # The commonest values are settled here, without another call.
        if type(left) is type(right) and type(left) in _PLAIN and left == right:
            continue
        found = None if left is right is _ABSENT else _difference(left, right)
        if found is not None:
            return f".{name}{found}"
    return None


def _in_sequence(one: Any, other: Any) -> str | None:
    for index, (left, right) in enumerate(zip(one, other, strict=False)):
        if type(left) is type(right) and type(left) in _PLAIN and left == right:
            continue
        found = _difference(left, right)
        if found is not None:
            return f"[{index}]{found}"
    return None if len(one) == len(other) else ""


def _in_mapping(one: Any, other: Any) -> str | None:
    if len(one) != len(other):
        return ""
    keys = {key: key for key in other}
    for key, value in one.items():
        if key not in keys:
            return "[...]"
        found = _difference(key, keys[key])
        if found is None:
            found = _difference(value, other[key])
        if found is not None:
            return f"[...]{found}"
    return None


def _same_elements(one: Any, other: Any) -> bool:
    if len(one) != len(other):
        return False
    elements = {element: element for element in other}
    return all(
        element in elements and _difference(element, elements[element]) is None for element in one
    )


def _same_time(one: Any, other: Any) -> bool:
    if one.tzinfo is other.tzinfo and one == other and one.fold == other.fold:
        return True
    offset = one.utcoffset()
    if offset != other.utcoffset() or one.replace(tzinfo=None) != other.replace(tzinfo=None):
        return False
    # Without an offset, fold is all that tells the two passes of a repeated hour apart.
    return offset is not None


def _in_other(one: Any, other: Any) -> str | None:
    if isinstance(one, Decimal) and (one.is_nan() or other.is_nan()):
        return ""
    try:
        if one == other:
            return None
    except Exception:  # noqa: BLE001 - a stranger's `==` may raise anything
        return ""
    # Where a class's own comparison says that they differ, its attributes may say where.
    if hasattr(one, "__dict__") and hasattr(other, "__dict__"):
        theirs = cast("dict[str, Any]", vars(other))
        for name, value in vars(one).items():
            found = _difference(value, theirs.get(name, _ABSENT))
            if found is not None:
                return f".{name}{found}"
    return ""
