"""Walk a payload's values, to say where something is that can't be written or read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from aide_de_camp_codecs._msgspec.forms import ELEMENT, record_fields

_ABSENT = object()
_DEEPEST = 64


def _class_of(value: object) -> type:
    return type(value)


def parts(value: Any, declared: AbstractSet[str]) -> Iterator[tuple[str, Any]]:
    """Yield what a value is made of, each with what it adds to the path.

    Keys of mappings are payload content, so a path shows ``[...]`` in their place; but a
    TypedDict is a mapping too, and the payload type itself names its keys.

    Args:
        value: the value.
        declared: the field names of the payload type.
    """
    kind = _class_of(value)
    names = record_fields(kind)
    if names is not None:
        for name in names:
            found = getattr(value, name, _ABSENT)
            if found is not _ABSENT:
                yield f".{name}", found
    elif issubclass(kind, Mapping):
        for key, item in value.items():
            yield ELEMENT, key
            yield f".{key}" if isinstance(key, str) and key in declared else ELEMENT, item
    elif issubclass(kind, list | tuple):
        for index, item in enumerate(value):
            yield f"[{index}]", item
    elif issubclass(kind, set | frozenset):
        for item in value:
            yield ELEMENT, item


def locate(value: Any, fails: Callable[[Any], bool], declared: AbstractSet[str]) -> tuple[str, Any]:
    """Descend to the smallest part that fails by itself.

    Args:
        value: a payload, which fails.
        fails: says whether a value, with all that it holds, fails.
        declared: the field names of the payload type, which a path may show.

    Returns:
        The path of the part, and the part.
    """
    path = "$"
    for _ in range(_DEEPEST):
        for suffix, part in parts(value, declared):
            if fails(part):
                path, value = path + suffix, part
                break
        else:
            break
    return path, value


def holds_non_finite(value: Any) -> bool:
    """Say whether a float in a value is NaN or infinite."""
    if isinstance(value, float):
        return not math.isfinite(value)
    return any(holds_non_finite(part) for _, part in parts(value, frozenset()))
