"""Payload types that msgspec would change in silence are refused when they are bound (ENQ-3)."""

from __future__ import annotations

import dataclasses
import functools
from collections import OrderedDict, deque
from pathlib import Path
from typing import Any, ClassVar, Generic, Literal, NamedTuple, TypedDict, TypeVar

import attrs
import msgspec
import pydantic
import pytest

from aide_de_camp.spi import Codec, UnsupportedPayload
from aide_de_camp_codecs.json.codec import JsonCodec
from aide_de_camp_codecs.msgpack.codec import MsgpackCodec

CODECS: dict[str, Codec] = {"json": JsonCodec(), "msgpack": MsgpackCodec()}
every_codec = pytest.mark.parametrize("codec", CODECS)
T = TypeVar("T")


@attrs.define
class Private:
    _a: int = 1


@attrs.define
class Converted:
    a: int = attrs.field(converter=int)


@attrs.define
class Aliased:
    a: int = attrs.field(alias="b")


@attrs.define
class TakesSelf:
    a: int
    b: int = attrs.field()

    @b.default
    def _b(self) -> int:
        return self.a


@attrs.define
class OwnInit:
    a: int

    def __init__(self, x: int) -> None:
        self.a = x * 2


@attrs.define
class NotInit:
    a: int = attrs.field(init=False, default=3)


@attrs.define(eq=False)
class Identity:
    a: int


@attrs.define
class Cached:
    a: int

    @functools.cached_property
    def twice(self) -> int:
        return self.a * 2


@attrs.define(slots=False)
class CachedLoose:
    a: int

    @functools.cached_property
    def twice(self) -> int:
        return self.a * 2


class PlainSubclass(Identity):
    b: int = 3


@dataclasses.dataclass
class DataNotInit:
    a: int = dataclasses.field(init=False, default=3)


@dataclasses.dataclass(init=False)
class DataOwnInit:
    a: int

    def __init__(self, x: int) -> None:
        self.a = x * 2


@dataclasses.dataclass
class DataInitVar:
    a: int
    b: dataclasses.InitVar[int] = 3


@dataclasses.dataclass(eq=False)
class DataIdentity:
    a: int


@dataclasses.dataclass
class DataBase:
    a: int


class DataPlainSubclass(DataBase):
    b: int = 4


class StructIdentity(msgspec.Struct, eq=False):
    a: int


class Model(pydantic.BaseModel):
    a: int


@pydantic.dataclasses.dataclass
class ModelData:
    a: int


class Anything:
    pass


TRAPS: list[tuple[Any, str]] = [
    (Private, "private"),
    (Converted, "converter"),
    (Aliased, "alias"),
    (TakesSelf, "other fields"),
    (OwnInit, "__init__"),
    (NotInit, "init=False"),
    (Identity, "identity"),
    (Cached, "twice"),
    (CachedLoose, "twice"),
    (PlainSubclass, "plain subclass"),
    (DataNotInit, "init=False"),
    (DataOwnInit, "__init__"),
    (DataInitVar, "InitVar"),
    (DataIdentity, "identity"),
    (DataPlainSubclass, "plain subclass"),
    (StructIdentity, "identity"),
    (Model, "pydantic"),
    (ModelData, "pydantic"),
    (Anything, "Anything"),
    (Path, "Path"),
    (complex, "complex"),
    (object, "Any"),
    (OrderedDict[str, int], "OrderedDict"),
    (deque[int], "deque"),
    (msgspec.Raw, "bytes"),
    (msgspec.msgpack.Ext, "bytes"),
]


@every_codec
@pytest.mark.parametrize(("payload_type", "reason"), TRAPS)
def test_a_trap_is_refused_with_its_reason(codec: str, payload_type: Any, reason: str) -> None:
    with pytest.raises(UnsupportedPayload, match=reason) as caught:
        CODECS[codec].bind(payload_type)
    assert caught.value.argument == "payload_type"


@attrs.define
class Holder:
    parts: dict[str, list[tuple[int, Private | None]]]


class InNamedTuple(NamedTuple):
    inner: Holder


class InTypedDict(TypedDict):
    named: InNamedTuple


class InStruct(msgspec.Struct):
    typed: InTypedDict


@dataclasses.dataclass
class InGeneric(Generic[T]):
    value: T


@attrs.define
class Chain:
    next: Chain | None
    trap: Private | None = None


@every_codec
@pytest.mark.parametrize(
    ("payload_type", "path"),
    [
        (Private, r"\$ "),
        (Holder, r"\$\.parts\[\.\.\.\]\[\.\.\.\]\[\.\.\.\] "),
        (InStruct, r"\$\.typed\.named\.inner\.parts\[\.\.\.\]\[\.\.\.\]\[\.\.\.\] "),
        (InGeneric[Private], r"\$\[\.\.\.\] "),
        (Chain, r"\$\.trap "),
        (list[Chain], r"\$\[\.\.\.\]\.trap "),
    ],
)
def test_a_nested_trap_is_refused_by_its_path(codec: str, payload_type: Any, path: str) -> None:
    with pytest.raises(UnsupportedPayload, match=f"{path}.*`Private`.*private"):
        CODECS[codec].bind(payload_type)


@attrs.define
class Left:
    a: int


@attrs.define
class Right:
    b: int


@every_codec
@pytest.mark.parametrize(
    "payload_type", [Left | Right, Left | dict[str, int], list[int] | set[int], int | Anything]
)
def test_unions_that_bytes_cannot_tell_apart_are_refused(codec: str, payload_type: Any) -> None:
    with pytest.raises(UnsupportedPayload):
        CODECS[codec].bind(payload_type)


@pytest.mark.parametrize(
    "key", [bool, None, tuple[int, int], int | str, str | None, Literal[1, "1"]]
)
def test_keys_that_json_cannot_carry_are_refused(key: Any) -> None:
    with pytest.raises(UnsupportedPayload, match=r"\$\[\.\.\.\] is a mapping with keys"):
        CODECS["json"].bind(list[dict[key, int]])
    CODECS["msgpack"].bind(list[dict[key, int]])


@attrs.frozen
class FrozenKey:
    a: int


@every_codec
@pytest.mark.parametrize("key", [FrozenKey, frozenset[int], list[int]])
def test_keys_that_no_codec_carries_are_refused(codec: str, key: Any) -> None:
    with pytest.raises(UnsupportedPayload):
        CODECS[codec].bind(dict[key, int])


@every_codec
@pytest.mark.parametrize("element", [Left, list[int], dict[str, int], InTypedDict])
def test_sets_of_what_cannot_be_hashed_are_refused(codec: str, element: Any) -> None:
    with pytest.raises(UnsupportedPayload):
        CODECS[codec].bind(set[element])


@every_codec
def test_an_annotation_that_cannot_be_resolved_is_refused(codec: str) -> None:
    @attrs.define
    class Local:
        a: Nowhere  # type: ignore[name-defined] # noqa: F821 - it isn't there on purpose

    with pytest.raises(UnsupportedPayload, match="module's top level"):
        CODECS[codec].bind(Local)


@attrs.frozen
class Fine:
    a: int
    kept: int = attrs.field(eq=False, default=3, kw_only=True)
    shared: ClassVar[int] = 5

    @property
    def twice(self) -> int:
        return self.a * 2


@every_codec
@pytest.mark.parametrize("payload_type", [Fine, list[Fine], Fine | None, dict[Any, Any], Any])
def test_what_is_faithful_is_not_refused(codec: str, payload_type: Any) -> None:
    CODECS[codec].bind(payload_type)


@every_codec
def test_a_field_outside_the_comparison_is_carried(codec: str) -> None:
    ready = CODECS[codec].bind(Fine)
    assert ready.decode(ready.encode(Fine(1, kept=9))).kept == 9
