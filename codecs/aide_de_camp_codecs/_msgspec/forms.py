"""Take type forms apart: which classes a payload type is made of, and where each stands."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterator
from typing import Any, Literal, cast

import attrs
import msgspec

ELEMENT = "[...]"
"""Stands in a path for an item, a key or a value of a container."""


def record_fields(cls: type) -> tuple[str, ...] | None:
    """Name the fields of an attrs class, dataclass, Struct, TypedDict or NamedTuple.

    Args:
        cls: any class.

    Returns:
        The names in the class's order; None for any other class.
    """
    if typing.is_typeddict(cls):
        return tuple(typing.get_type_hints(cls))
    if attrs.has(cls):
        return tuple(field.name for field in attrs.fields(cls))
    if dataclasses.is_dataclass(cls):
        return tuple(field.name for field in dataclasses.fields(cls))
    if issubclass(cls, msgspec.Struct):
        return cls.__struct_fields__
    if issubclass(cls, tuple):
        return cast("tuple[str, ...] | None", getattr(cast("Any", cls), "_fields", None))
    return None


def resolved(cls: type) -> dict[str, Any]:
    """Resolve a class's annotations.

    Raises:
        Exception: whatever evaluating them raises, NameError for a name that isn't there.
    """
    return typing.get_type_hints(cls, include_extras=True)


def _parts(form: Any) -> Iterator[tuple[str, Any]]:
    """Yield the forms that a form is made of, each with what it adds to the path."""
    if isinstance(form, typing.NewType):
        yield "", form.__supertype__
        return
    alias_of = getattr(form, "__value__", None)
    if alias_of is not None and type(form).__name__ == "TypeAliasType":
        yield "", alias_of
        return
    origin = typing.get_origin(form)
    if origin is None or origin is Literal:
        return
    arguments = typing.get_args(form)
    if origin is typing.Annotated:
        yield "", arguments[0]
        return
    transparent = not isinstance(origin, type) or origin.__module__ in {"typing", "types"}
    if isinstance(origin, type):
        yield "", origin
    for argument in arguments:
        yield "" if transparent else ELEMENT, argument


def walk_classes(form: Any) -> Iterator[tuple[str, type]]:
    """Walk a type form and yield every class in it once, with its path.

    The caller may stop at any class: the fields of one are only looked at after it was yielded,
    so a class that was found wanting never has its annotations evaluated.

    Args:
        form: a class or any other form that annotations allow.

    Yields:
        ``(path, class)``; the path of the form itself is ``$``.

    Raises:
        Exception: what evaluating a class's annotations raises.
    """
    seen: set[int] = set()
    waiting: list[tuple[str, Any]] = [("$", form)]
    kept: list[Any] = []
    while waiting:
        path, current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        # An id is only unique while its object lives, and alias objects are made on the fly.
        kept.append(current)
        found = [(path + suffix, part) for suffix, part in _parts(current)]
        if isinstance(current, type) and typing.get_origin(current) is None:
            yield path, current
            names = record_fields(current)
            if names is not None:
                hints = resolved(current)
                found += [(f"{path}.{name}", hints[name]) for name in names if name in hints]
        waiting.extend(reversed(found))
