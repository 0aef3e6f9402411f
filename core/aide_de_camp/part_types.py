"""Name the types of a payload's part: the one declared and the one given (clause ENQ-3)."""

from __future__ import annotations

import collections.abc
import re
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, Final

_STEP: Final = re.compile(r"\.(\w+)|\[(\d+)\]|(\[\.\.\.\])")
_UNKNOWN: Final = object()
_LIKE_LISTS: Final = (list, set, frozenset, collections.abc.Sequence, collections.abc.Iterable)


def types_at(form: Any, payload: object, path: str) -> tuple[str | None, str | None]:
    """Name the types of one part of a payload. Neither name holds anything of its content.

    Args:
        form: the payload's declared type.
        payload: the payload.
        path: the part, such as ``$.items[2].price``; behind ``[...]`` only what is declared
            can be known.

    Returns:
        The names of the type declared and of the type given, each None where it isn't known.
    """
    declared, given = form, payload
    end = 1
    for step in _STEP.finditer(path, 1):
        if step.start() != end:
            return None, None
        end = step.end()
        declared = _quietly(_declared_below, declared, step)
        given = _quietly(_given_below, given, step)
    if end != len(path):
        return None, None
    return (
        None if declared is _UNKNOWN else _quietly_named(declared),
        None if given is _UNKNOWN else type(given).__qualname__,
    )


def _quietly(follow: Any, whole: Any, step: re.Match[str]) -> Any:
    if whole is _UNKNOWN:
        return _UNKNOWN
    try:
        return follow(whole, step)
    except Exception:  # noqa: BLE001 - a payload's own code may raise anything; the error counts
        return _UNKNOWN


def _given_below(whole: Any, step: re.Match[str]) -> Any:
    name, index, _ = step.groups()
    if name is not None:
        return whole[name] if issubclass(type(whole), Mapping) else getattr(whole, name)
    return _UNKNOWN if index is None else whole[int(index)]


def _declared_below(whole: Any, step: re.Match[str]) -> Any:
    found = [part for member in _members(whole) if (part := _part_of(member, step)) is not _UNKNOWN]
    # Two members of a union that both have such a part: nobody knows which was meant.
    return found[0] if len(found) == 1 else _UNKNOWN


def _members(form: Any) -> Iterator[Any]:
    """Give what a form may stand for: the members of a union, and what it merely wraps."""
    if isinstance(form, typing.NewType):
        yield from _members(form.__supertype__)
    elif typing.get_origin(form) is typing.Annotated:
        yield from _members(typing.get_args(form)[0])
    elif typing.get_origin(form) in (typing.Union, types.UnionType):
        for member in typing.get_args(form):
            yield from _members(member)
    else:
        yield form


def _part_of(form: Any, step: re.Match[str]) -> Any:
    name, index, _ = step.groups()
    origin: Any = typing.get_origin(form)
    arguments: tuple[Any, ...] = typing.get_args(form)
    if name is not None:
        hint: Any = typing.get_type_hints(origin or form).get(name, _UNKNOWN)
        return _UNKNOWN if isinstance(hint, typing.TypeVar) else hint
    if origin is tuple and index is not None:
        if len(arguments) == 2 and arguments[1] is Ellipsis:  # noqa: PLR2004 (tuple[X, ...])
            return arguments[0]
        return arguments[int(index)]
    if origin in _LIKE_LISTS and len(arguments) == 1:
        return arguments[0]
    return _UNKNOWN


def _quietly_named(form: Any) -> str | None:
    if form is None:
        return "None"
    if isinstance(form, type) and typing.get_origin(form) is None:
        return form.__qualname__
    try:
        return str(form).replace("typing.", "")
    except Exception:  # noqa: BLE001 - as above
        return None
