"""The pydantic codec: strict, and silent about what it read (clauses ENQ-3, DEC-4, DEC-6)."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import attrs
import pydantic
import pytest
from hypothesis import strategies as st
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from aide_de_camp.difference import first_difference
from aide_de_camp.spi import DecodeError, EncodeError, UnsupportedPayload
from aide_de_camp_codecs.pydantic.codec import PydanticCodec

CANARY = "CANARY-7f3a"


class Item(BaseModel):
    name: str
    price: Decimal = Decimal(1)


class Order(BaseModel):
    number: int
    ident: UUID = UUID(int=1)
    moment: datetime | None = None
    items: list[Item] = []
    by_name: dict[str, Item] = {}
    real: float = 0.5
    new: int = Field(default=1, validation_alias=AliasChoices("new", "old"))


class Liberal(BaseModel):
    model_config = ConfigDict(extra="allow")
    number: int
    items: list[Item] = []


class Checked(BaseModel):
    number: int

    @pydantic.field_validator("number")
    @classmethod
    def small(cls, value: int) -> int:
        if value > 9:
            raise ValueError(CANARY)
        return value


class Arbitrary:
    pass


class Holding(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    thing: Arbitrary


@pydantic.dataclasses.dataclass
class Data:
    number: int
    note: str = ""


@attrs.define
class Foreign:
    a: int


def bound(payload_type: Any) -> Any:
    return PydanticCodec().bind(payload_type)


def refused(data: bytes, payload_type: Any = Order) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        bound(payload_type).decode(data)
    shown = "".join(traceback.format_exception(caught.value))
    assert CANARY not in shown
    return caught.value


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=9)
items = st.builds(
    Item, name=texts, price=st.decimals(allow_nan=False, allow_infinity=False, places=2)
)
orders = st.builds(
    Order,
    number=st.integers(),
    ident=st.uuids(),
    moment=st.none() | st.datetimes(timezones=st.just(timezone(timedelta(hours=5, minutes=30)))),
    items=st.lists(items, max_size=3),
    by_name=st.dictionaries(texts, items, max_size=3),
    real=st.floats(allow_nan=False, allow_infinity=False),
)


@pytest.mark.parametrize(
    ("payload_type", "payload"),
    [
        (Data, Data(1, "\x00")),
        (list[Data], [Data(1)]),
        (dict[str, int], {"": 1}),
        (int, 10**400),
        (tuple[int, str], (1, "a")),
        (Liberal, Liberal(number=1, other=[1])),  # type: ignore[call-arg] # that it may is the point
    ],
)
def test_other_types_round_trip(payload_type: Any, payload: Any) -> None:
    ready = bound(payload_type)
    assert first_difference(ready.decode(ready.encode(payload)), payload) is None


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b'{"number":"1"}', "$.number"),
        (b'{"number":true}', "$.number"),
        (b"{}", "$.number"),
        (b'{"number":1,"CANARY-7f3a":1}', "$"),
        (b'{"number":1,"items":[{"name":"a"},{"name":"b","CANARY-7f3a":1}]}', "$.items[1]"),
        (b'{"number":1,"by_name":{"CANARY-7f3a":{"name":1}}}', "$.by_name[...].name"),
        (b'{"number":1,"ident":"CANARY-7f3a"}', "$.ident"),
        (b"[]", "$"),
    ],
)
def test_wrong_payloads_are_refused_by_path(data: bytes, path: str) -> None:
    assert refused(data).path == path


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b'{"number":1} x',
        b'{"number":1,"number":2}',
        b'{"number":1,"real":NaN}',
        b'{"number":1,"real":Infinity}',
        b'{"number":1,"items":[{"name":"\xff"}]}',
        b"[" * 100_000,
    ],
)
def test_hostile_bytes(data: bytes) -> None:
    refused(data)


def test_the_offset_is_given_for_malformed_json() -> None:
    assert refused(b'{"number":1,\n"x"y').offset == 16


def test_an_older_writer_is_understood() -> None:
    ready = bound(Order)
    assert ready.decode(b'{"number":1}') == Order(number=1)
    assert ready.decode(b'{"number":1,"old":7}').new == 7


def test_a_model_may_allow_more_but_those_within_do_not() -> None:
    ready = bound(Liberal)
    assert ready.decode(b'{"number": 1, "more": 2}').model_extra == {"more": 2}
    error = refused(b'{"number":1,"items":[{"name":"a","CANARY-7f3a":2}]}', Liberal)
    assert error.path == "$.items[0]"


def test_a_validator_s_words_stay_in_the_detail() -> None:
    error = refused(b'{"number":10}', Checked)
    assert error.path == "$.number"
    assert CANARY in (error.detail or "")


def test_a_value_that_the_model_does_not_allow_is_named() -> None:
    payload = Order.model_construct(number=1, items=CANARY)
    with pytest.raises(EncodeError) as caught:
        bound(Order).encode(payload)
    assert caught.value.path == "$.items"
    assert CANARY not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize("payload_type", [Foreign, Arbitrary, Holding, Callable[[], int]])
def test_what_pydantic_cannot_give_back_is_refused(payload_type: Any) -> None:
    with pytest.raises(UnsupportedPayload):
        bound(payload_type)
