"""The shape of a payload type: where names and positions are known, and where they are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import Factory, define, frozen

_MOST_KEYS: Final = 5


class Shape:
    """The shape of one type; those below are all that there are."""

    __slots__ = ()


@define(eq=False)
class ObjectShape(Shape):
    """An object whose keys are known: attrs class, dataclass, Struct or TypedDict.

    Attributes:
        names: the keys in the bytes, a Struct's tag included.
        fields: the shapes beneath, by key; keys without a shape hold nothing to check.
    """

    names: frozenset[str]
    fields: dict[str, Shape] = Factory(dict[str, Shape])


@define(eq=False)
class RowShape(Shape):
    """An array whose positions are known: fixed tuple, NamedTuple or Struct as an array.

    Attributes:
        items: the shape at each position, a Struct's tag included.
    """

    items: list[Shape | None] = Factory(list[Shape | None])


@define(eq=False)
class EachShape(Shape):
    """A container of like elements: a mapping (its values) or a list, set or tuple.

    Attributes:
        element: the shape of each.
    """

    element: Shape | None = None


@define(eq=False)
class ChoiceShape(Shape):
    """A union: at most one of each, or tagged Structs.

    Attributes:
        objects: the member that is written as an object.
        arrays: the member that is written as an array.
        tagged: the members that a tag tells apart, by tag.
        tag_field: the key that holds the tag; None if it is the first element of an array.
    """

    objects: Shape | None = None
    arrays: Shape | None = None
    tagged: dict[Any, Shape] = Factory(dict[Any, Shape])
    tag_field: str | None = None


@frozen
class Surplus:
    """What a typed decode passed over.

    Attributes:
        path: of the object or array that holds too much; names no key of the payload.
        words: what it is, keys included: payload content, for those who ask (clause DEC-6).
    """

    path: str
    words: str


def find_surplus(shape: Shape | None, raw: Any, path: str = "$") -> Surplus | None:
    """Find data that a typed decode passed over (clause DEC-4, unknown fields).

    Args:
        shape: the shape of the type that ``raw`` was decoded as.
        raw: the same bytes, decoded without a type.
        path: where ``raw`` stands.

    Returns:
        The first that was found; None if there is none.
    """
    match shape:
        case ObjectShape():
            return _in_object(shape, raw, path) if _is_object(raw) else None
        case RowShape():
            return _in_row(shape, raw, path) if _is_array(raw) else None
        case EachShape():
            return _in_each(shape.element, raw, path)
        case ChoiceShape():
            return find_surplus(_chosen(shape, raw), raw, path)
        case _:
            return None


def _is_object(raw: Any) -> bool:
    return isinstance(raw, Mapping)


def _is_array(raw: Any) -> bool:
    return isinstance(raw, Sequence) and not isinstance(raw, str | bytes)


def _in_object(shape: ObjectShape, raw: Mapping[Any, Any], path: str) -> Surplus | None:
    if not shape.names.issuperset(raw):
        keys = [repr(key) for key in raw if key not in shape.names]
        return Surplus(path, f"the type has no field {', '.join(keys[:_MOST_KEYS])}")
    for name, below in shape.fields.items():
        if name in raw:
            found = find_surplus(below, raw[name], f"{path}.{name}")
            if found is not None:
                return found
    return None


def _in_row(shape: RowShape, raw: Sequence[Any], path: str) -> Surplus | None:
    if len(raw) > len(shape.items):
        return Surplus(path, f"{len(raw)} items, and the type has {len(shape.items)}")
    # A row may be shorter: trailing fields with defaults may be missing.
    for index, (below, value) in enumerate(zip(shape.items, raw, strict=False)):
        found = find_surplus(below, value, f"{path}[{index}]")
        if found is not None:
            return found
    return None


def _in_each(element: Shape | None, raw: Any, path: str) -> Surplus | None:
    if element is None:
        return None
    parts: list[tuple[str, Any]]
    if _is_object(raw):
        parts = [("[...]", value) for value in raw.values()]
    elif _is_array(raw):
        parts = [(f"[{index}]", value) for index, value in enumerate(raw)]
    else:
        return None
    for suffix, value in parts:
        found = find_surplus(element, value, path + suffix)
        if found is not None:
            return found
    return None


def _chosen(shape: ChoiceShape, raw: Any) -> Shape | None:
    if _is_object(raw):
        if shape.tag_field in raw and raw[shape.tag_field] in shape.tagged:
            return shape.tagged[raw[shape.tag_field]]
        return shape.objects
    if _is_array(raw):
        if shape.tagged and shape.tag_field is None and len(raw) and raw[0] in shape.tagged:
            return shape.tagged[raw[0]]
        return shape.arrays
    return None
