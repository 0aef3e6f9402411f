"""Bytes that aren't exactly a payload of their type are refused (clauses DEC-4 and DEC-6)."""

from __future__ import annotations

import dataclasses
import enum
import json
import traceback
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple, NotRequired, TypedDict
from uuid import UUID

import attrs
import msgspec
import pytest

from aide_de_camp.spi import Codec, DecodeError, EncodeError
from aide_de_camp_codecs.json.codec import JsonCodec
from aide_de_camp_codecs.msgpack.codec import MsgpackCodec

CODECS: dict[str, Codec] = {"json": JsonCodec(), "msgpack": MsgpackCodec()}
WRITE = {"json": msgspec.json.encode, "msgpack": msgspec.msgpack.encode}
every_codec = pytest.mark.parametrize("codec", CODECS)
CANARY = "CANARY-7f3a"


class Kind(enum.Enum):
    A = "a"


class Options(TypedDict):
    retries: int
    label: NotRequired[str]


@dataclasses.dataclass(frozen=True)
class Address:
    street: str
    zip_code: str = ""


class Circle(msgspec.Struct, tag="circle", frozen=True):
    radius: int


class Square(msgspec.Struct, tag="square", frozen=True, rename="camel", omit_defaults=True):
    side_length: int
    address: Address | None = None


class Row(msgspec.Struct, array_like=True, frozen=True):
    key: str
    address: Address | None = None


class Pair(NamedTuple):
    left: Address
    right: int = 0


def positive(instance: Any, attribute: Any, value: int) -> None:
    if value < 0:
        raise ValueError(f"bad - at `$.{CANARY}`")


@attrs.frozen
class Order:
    number: int
    real: float = 0.5
    count: int = attrs.field(default=1, validator=positive)
    address: Address | None = None
    by_name: dict[str, Address] = attrs.Factory(dict)
    several: tuple[Address, ...] = ()
    fixed: tuple[int, Address] | None = None
    pair: Pair | None = None
    options: Options | None = None
    shape: Circle | Square | None = None
    row: Row | None = None
    unique: frozenset[Address] = frozenset()
    kind: Kind | None = None
    choice: Literal["x", 3] | None = None
    moment: datetime | None = None
    ident: UUID | None = None
    money: Decimal | None = None
    blob: bytes = b""
    nested: Order | None = None


FULL = Order(
    number=1,
    address=Address("a", "b"),
    by_name={"k": Address("c")},
    several=(Address("d"),),
    fixed=(1, Address("e")),
    pair=Pair(Address("f"), 2),
    options={"retries": 1},
    shape=Square(3, Address("g")),
    row=Row("h", Address("i")),
    unique=frozenset({Address("j")}),
    kind=Kind.A,
    blob=b"\xfe\x00",
    nested=Order(2, shape=Circle(4)),
)
ORDER = {name: codec.bind(Order) for name, codec in CODECS.items()}


def refused(codec: str, data: bytes, payload_type: Any = Order) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        CODECS[codec].bind(payload_type).decode(data)
    return caught.value


ADDRESS = {"street": "s", CANARY: 1}
SURPLUS: list[tuple[dict[str, Any], str]] = [
    ({CANARY: 1}, "$"),
    ({"address": ADDRESS}, "$.address"),
    ({"by_name": {CANARY: ADDRESS}}, "$.by_name[...]"),
    ({"several": [{"street": "s"}, ADDRESS]}, "$.several[1]"),
    ({"fixed": [1, ADDRESS]}, "$.fixed[1]"),
    ({"pair": [ADDRESS]}, "$.pair[0]"),
    ({"options": {"retries": 1, CANARY: 1}}, "$.options"),
    ({"shape": {"type": "circle", "radius": 1, CANARY: 1}}, "$.shape"),
    ({"shape": {"type": "circle", "radius": 1, "sideLength": 1}}, "$.shape"),
    ({"shape": {"type": "square", "sideLength": 1, "side_length": 2}}, "$.shape"),
    ({"shape": {"type": "square", "sideLength": 1, "address": ADDRESS}}, "$.shape.address"),
    ({"row": ["k", None, CANARY]}, "$.row"),
    ({"row": ["k", ADDRESS]}, "$.row[1]"),
    ({"unique": [ADDRESS]}, "$.unique[0]"),
    ({"nested": {"number": 1, "nested": {"number": 2, CANARY: 3}}}, "$.nested.nested"),
]


@every_codec
@pytest.mark.parametrize(("fields", "path"), SURPLUS)
def test_unknown_fields_are_refused_at_every_level(
    codec: str, fields: dict[str, Any], path: str
) -> None:
    error = refused(codec, WRITE[codec]({"number": 1, **fields}))
    assert error.path == path
    assert "field that the type doesn't have" in str(error)
    assert CANARY not in str(error)


@every_codec
@pytest.mark.parametrize(
    ("fields", "detail"),
    [
        ({"address": ADDRESS}, f"the type has no field '{CANARY}'"),
        ({"x": 1, "y": 2}, "the type has no field 'x', 'y'"),
        (dict.fromkeys("abcdefgh"), "the type has no field 'a', 'b', 'c', 'd', 'e'"),
        ({"row": ["k", None, CANARY]}, "3 items, and the type has 2"),
    ],
)
def test_the_unknown_field_is_named_in_the_detail_alone(
    codec: str, fields: dict[str, Any], detail: str
) -> None:
    """DEC-6: a key is payload content, so it is told to those alone who ask."""
    error = refused(codec, WRITE[codec]({"number": 1, **fields}))
    assert error.detail == detail
    assert CANARY not in "".join(traceback.format_exception(error))


@every_codec
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"real": 2},
        {"address": {"street": "s"}},
        {"shape": {"type": "square", "sideLength": 1, "address": None}},
        {"shape": {"sideLength": 1, "type": "square"}},
        {"row": ["k"]},
        {"pair": [{"street": "s"}]},
        {"unique": [{"street": "a"}, {"street": "b"}, {"zip_code": "", "street": "c"}]},
        {"options": {"label": "l", "retries": 1}},
    ],
)
def test_what_an_older_or_other_writer_wrote_is_taken(codec: str, fields: dict[str, Any]) -> None:
    assert ORDER[codec].decode(WRITE[codec]({"number": 1, **fields})).number == 1


def test_json_laid_out_otherwise_is_taken() -> None:
    text = json.dumps({"real": 1e0, "number": 1, "kind": "a"}, indent=2).encode()
    assert ORDER["json"].decode(text) == Order(1, real=1.0, kind=Kind.A)


@every_codec
def test_a_tag_that_fits_a_lone_struct_is_known(codec: str) -> None:
    ready = CODECS[codec].bind(Circle)
    assert ready.decode(WRITE[codec]({"radius": 1, "type": "circle"})) == Circle(1)
    refused(codec, WRITE[codec]({"radius": 1, "type": "square"}), Circle)


@every_codec
@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"number": CANARY}, "$.number"),
        ({"number": True}, "$.number"),
        ({"number": 1.0}, "$.number"),
        ({"number": None}, "$.number"),
        ({"real": CANARY}, "$.real"),
        ({"count": -1}, None),
        ({"address": {"zip_code": CANARY}}, "$.address"),
        ({"address": [CANARY]}, "$.address"),
        ({"by_name": {CANARY: 1}}, "$.by_name[...]"),
        ({"by_name": {CANARY: {"street": 1}}}, "$.by_name[...].street"),
        ({"fixed": [1]}, "$.fixed"),
        ({"shape": {"type": CANARY}}, "$.shape.type"),
        ({"kind": CANARY}, "$.kind"),
        ({"kind": f"x - at `$.{CANARY}`"}, "$.kind"),
        ({"choice": CANARY}, "$.choice"),
        ({"choice": 4}, "$.choice"),
        ({"moment": CANARY}, "$.moment"),
        ({"ident": CANARY}, "$.ident"),
        ({"money": CANARY}, "$.money"),
    ],
)
def test_wrong_values_are_refused_without_showing_them(
    codec: str, fields: dict[str, Any], path: str | None
) -> None:
    error = refused(codec, WRITE[codec]({"number": 1, **fields}))
    assert error.path == path
    shown = "".join(traceback.format_exception(error)) + str(error)
    assert CANARY not in shown
    assert error.detail


@every_codec
def test_a_missing_field_is_named(codec: str) -> None:
    error = refused(codec, WRITE[codec]({"real": 1.5}))
    assert "`number` is missing" in str(error)


@every_codec
@pytest.mark.parametrize("payload", [None, [], 1, "text", True, {"a": 1}])
def test_another_type_at_the_top(codec: str, payload: Any) -> None:
    refused(codec, WRITE[codec](payload))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" ",
        b"{",
        b'{"number":1,}',
        b'{"number":1,"number":2}',
        b'{"number":1,"by_name":{"CANARY-7f3a":{"street":"a"},"CANARY-7f3a":{"street":"b"}}}',
        b'{"number":1,"real":NaN}',
        b'{"number":1,"real":Infinity}',
        b'{"number":1,"real":1e999}',
        b'{"number":' + b"1" * 5000 + b"}",
        b'{"number":1,"address":{"street":"\xff"}}',
        b'{"number":1,"address":{"street":"\xed\xa0\x80"}}',
        b'{"number":1,"address":{"street":"\\ud800"}}',
        b"\xef\xbb\xbf" + b'{"number":1}',
        '{"number":1}'.encode("utf-16"),
        b'{"number":1,"nested":' * 5000,
        b"[" * 100_000,
    ],
)
def test_hostile_json(data: bytes) -> None:
    error = refused("json", data)
    assert CANARY not in str(error)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        b"\xc7\x03\x05abc",
        b"\xd6\xff\xff\xff\xff\xff",
        b"\x82\xa6number\x01\xa6moment\xc7\x0c\xff" + b"\xff" * 12,
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01",
        b"\x91" * 100_000,
        b"\x82\xa6number\x01\xa4real\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
        b"\x82\xa6number\x01\xa4real\xcb\xff\xf0\x00\x00\x00\x00\x00\x00",
        b"\x82\xa6number\x01\xa4real\xca\x7f\xc0\x00\x00",
        b"\x81\xa6number\xa1\xff",
    ],
)
def test_hostile_msgpack(data: bytes) -> None:
    refused("msgpack", data)


@pytest.mark.parametrize(("codec", "data"), [("json", b"[" * 100_000), ("msgpack", b"\x91" * 9999)])
def test_too_deep_nesting_in_any(codec: str, data: bytes) -> None:
    assert "nested too deeply" in str(refused(codec, data, Any))


@pytest.mark.parametrize(
    ("codec", "data", "offset"), [("json", b'{"number"x', 9), ("msgpack", b"\x81\xa6number\xc1", 8)]
)
def test_the_offset_is_given_where_it_is_known(codec: str, data: bytes, offset: int) -> None:
    assert refused(codec, data).offset == offset


@attrs.define(slots=False)
class Holder:
    content: Any = None


class Secretive:
    def __repr__(self) -> str:
        return CANARY


@every_codec
@pytest.mark.parametrize(
    ("content", "path"),
    [
        (Secretive(), "$.content"),
        ({CANARY: Secretive()}, "$.content[...]"),
        ([Holder({CANARY: [1, Secretive()]})], "$.content[0].content[...][1]"),
        (f"{CANARY}\ud800", "$.content"),
        ({f"{CANARY}\ud800": 1}, "$.content[...]"),
    ],
)
def test_what_cannot_be_encoded_is_named_without_showing_it(
    codec: str, content: Any, path: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        CODECS[codec].bind(Holder).encode(Holder(content))
    assert caught.value.path == path
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@attrs.frozen
class Base:
    a: int


@attrs.frozen
class Derived(Base):
    b: int = 2


@every_codec
def test_a_subclass_in_the_place_of_its_base_is_noticed(codec: str) -> None:
    ready = CODECS[codec].bind(list[Base])
    with pytest.raises(DecodeError) as caught:
        ready.decode(ready.encode([Base(1), Derived(1)]))
    assert caught.value.path == "$[1]"


@every_codec
def test_an_attribute_that_is_no_field_is_noticed(codec: str) -> None:
    holder = Holder(1)
    holder.extra = 2  # type: ignore[attr-defined] # a stray attribute is the point
    ready = CODECS[codec].bind(Holder)
    with pytest.raises(DecodeError):
        ready.decode(ready.encode(holder))
