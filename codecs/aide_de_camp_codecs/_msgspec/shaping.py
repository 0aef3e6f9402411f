"""Build the shape of a payload type, and refuse what the format has no faithful form for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import Factory, define, frozen
from msgspec import inspect

from aide_de_camp.spi import UnsupportedPayload
from aide_de_camp_codecs._msgspec.forms import ELEMENT
from aide_de_camp_codecs._msgspec.shape import (
    ChoiceShape,
    EachShape,
    ObjectShape,
    RowShape,
    Shape,
)

_KEYS = (
    inspect.StrType,
    inspect.IntType,
    inspect.FloatType,
    inspect.DecimalType,
    inspect.UUIDType,
    inspect.BytesType,
    inspect.DateTimeType,
    inspect.DateType,
    inspect.TimeType,
    inspect.TimeDeltaType,
    inspect.EnumType,
    inspect.AnyType,
)
_MORE_BINARY_KEYS = (inspect.BoolType, inspect.NoneType)
_ARRAYS = (inspect.ListType, inspect.SetType, inspect.FrozenSetType, inspect.VarTupleType)
_ROWS = (inspect.TupleType, inspect.NamedTupleType)


@frozen
class Format:
    """What differs between the formats.

    Attributes:
        title: the format's name in messages.
        text_keys: True if the keys of its objects are text, whatever they were.
    """

    title: str
    text_keys: bool


@define
class Layout:
    """What is known of a payload type once it was walked.

    Attributes:
        shape: where names and positions are known; None if nowhere.
        names: every field's name in the bytes, which messages may show.
        floats: True if a float may stand in a payload.
    """

    shape: Shape | None = None
    names: set[str] = Factory(set[str])
    floats: bool = False


def lay_out(payload_type: Any, target: Format) -> Layout:
    """Walk a payload type.

    Args:
        payload_type: the form that a codec is to be bound to.
        target: the format that it is to be written in.

    Raises:
        UnsupportedPayload: some type within has no faithful form in the format; the message has
            its path, the reason and the way out.
    """
    builder = _Builder(target)
    try:
        builder.layout.shape = builder.shape(inspect.type_info(payload_type), "$")
    except UnsupportedPayload:
        raise
    except Exception as error:
        raise UnsupportedPayload(
            "payload_type", f"msgspec can't take it: {error}; use a type that it can"
        ) from error
    return builder.layout


@define
class _Builder:
    target: Format
    layout: Layout = Factory(Layout)
    known: dict[int, Shape] = Factory(dict[int, Shape])

    def shape(self, info: inspect.Type, path: str) -> Shape | None:
        """Give the shape of one type; None if nothing beneath it has a name or position."""
        match info:
            case inspect.Metadata():
                return self.shape(info.type, path)
            case inspect.CustomType() | inspect.RawType() | inspect.ExtType():
                raise self.refusal(path, _name(info), _way_out(info))
            case inspect.FloatType() | inspect.AnyType():
                self.layout.floats = True
                return None
            case inspect.UnionType():
                return self.choice(info.types, path)
            case _:
                return self.container(info, path) or self.record(info, path)

    def container(self, info: inspect.Type, path: str) -> Shape | None:
        match info:
            case inspect.DictType():
                self.key(info.key_type, path)
                return EachShape(self.shape(info.value_type, path + ELEMENT))
            case inspect.TupleType():
                return RowShape([self.shape(item, path + ELEMENT) for item in info.item_types])
            case inspect.SetType() | inspect.FrozenSetType():
                self.hashable(info.item_type, path)
                return EachShape(self.shape(info.item_type, path + ELEMENT))
            case inspect.ListType() | inspect.VarTupleType():
                return EachShape(self.shape(info.item_type, path + ELEMENT))
            case _:
                return None

    def record(self, info: inspect.Type, path: str) -> Shape | None:
        if id(info) in self.known:
            return self.known[id(info)]
        if isinstance(info, inspect.NamedTupleType) or (
            isinstance(info, inspect.StructType) and info.array_like
        ):
            row = self.known[id(info)] = RowShape()
            if isinstance(info, inspect.StructType) and info.tag_field is not None:
                row.items.append(None)
            for field in info.fields:
                self.layout.names.add(field.encode_name)
                row.items.append(self.shape(field.type, f"{path}.{field.name}"))
            return row
        if not isinstance(info, inspect.StructType | inspect.DataclassType | inspect.TypedDictType):
            return None
        names = {field.encode_name for field in info.fields}
        if isinstance(info, inspect.StructType) and info.tag_field is not None:
            names.add(info.tag_field)
        self.layout.names |= names
        made = self.known[id(info)] = ObjectShape(frozenset(names))
        for field in info.fields:
            below = self.shape(field.type, f"{path}.{field.name}")
            if below is not None:
                made.fields[field.encode_name] = below
        return made

    def choice(self, types: Sequence[inspect.Type], path: str) -> Shape | None:
        union = ChoiceShape()
        for member in types:
            bare = member.type if isinstance(member, inspect.Metadata) else member
            shape = self.shape(bare, path)
            if isinstance(bare, inspect.StructType) and bare.tag_field is not None and shape:
                union.tagged[bare.tag] = shape
                union.tag_field = None if bare.array_like else bare.tag_field
            elif isinstance(bare, _ARRAYS + _ROWS) or isinstance(shape, RowShape):
                union.arrays = shape
            elif shape is not None:
                union.objects = shape
        return union

    def key(self, info: inspect.Type, path: str) -> None:
        """Refuse a mapping whose keys the format can't carry faithfully."""
        bare = info.type if isinstance(info, inspect.Metadata) else info
        if not self.target.text_keys:
            self.binary_key(bare, path)
        elif isinstance(bare, inspect.LiteralType):
            if len({type(value) for value in bare.values}) > 1:
                raise self.refusal(
                    path, "a mapping with keys of several types", "use one type of key"
                )
        elif isinstance(bare, inspect.UnionType):
            raise self.refusal(
                path,
                "a mapping with keys of several types, which text can't tell apart",
                "use one type of key, a list of pairs, or the codec `msgpack`",
            )
        elif not isinstance(bare, _KEYS):
            raise self.refusal(
                path,
                f"a mapping with keys of {_name(bare)}",
                "use text, numbers or the like as keys, or a list of pairs",
            )
        self.shape(bare, path + ELEMENT)

    def binary_key(self, info: inspect.Type, path: str) -> None:
        if isinstance(info, inspect.Metadata):
            return self.binary_key(info.type, path)
        if isinstance(info, inspect.UnionType | inspect.TupleType):
            members = info.types if isinstance(info, inspect.UnionType) else info.item_types
            for member in members:
                self.binary_key(member, path)
            return None
        if not isinstance(info, (*_KEYS, *_MORE_BINARY_KEYS, inspect.LiteralType)):
            raise self.refusal(
                path,
                f"a mapping with keys of {_name(info)}",
                "use plain values or tuples of them as keys, or a list of pairs",
            )
        return None

    def hashable(self, info: inspect.Type, path: str) -> None:
        cls: Any = getattr(info, "cls", None)
        unhashable = (inspect.ListType, inspect.SetType, inspect.DictType, inspect.ByteArrayType)
        if isinstance(info, (*unhashable, inspect.TypedDictType)) or (
            isinstance(cls, type) and cls.__hash__ is None
        ):
            raise self.refusal(
                path, f"a set of {_name(info)}, which can't be hashed", "use a list or tuple"
            )

    def refusal(self, path: str, what: str, way_out: str) -> UnsupportedPayload:
        return UnsupportedPayload(
            "payload_type", f"{path} is {what}: {self.target.title} can't carry it; {way_out}"
        )


def _name(info: inspect.Type) -> str:
    cls: Any = getattr(info, "cls", None)
    if isinstance(cls, type):
        return f"`{cls.__module__}.{cls.__qualname__}`".replace("`builtins.", "`")
    return f"`{type(info).__name__.removesuffix('Type').lower()}`"


def _way_out(info: inspect.Type) -> str:
    if isinstance(info, inspect.CustomType):
        return (
            "use an attrs class, a dataclass, a Struct or a plain type (`Any` for whatever the "
            "format can hold)"
        )
    return "use `bytes`"
