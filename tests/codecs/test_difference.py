"""What counts as different, and how it is named (clause ENQ-3)."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import attrs
import msgspec
import pytest

from aide_de_camp.difference import first_difference


@attrs.frozen
class Line:
    price: Any
    note: str = attrs.field(default="", eq=False)


@attrs.frozen
class Order:
    items: Any


@dataclasses.dataclass
class Data:
    a: Any


class Struct(msgspec.Struct):
    a: Any


class Named(NamedTuple):
    left: Any
    right: Any


class Bare:
    def __init__(self, a: Any) -> None:
        self.a = a

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Bare) and self.a == other.a

    __hash__ = None  # type: ignore[assignment] # as Python itself makes it beside __eq__


class Raising:
    def __eq__(self, other: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment] # as above


LONDON = ZoneInfo("Europe/London")
SUMMER = datetime(2026, 7, 1, 12, tzinfo=LONDON)
TWICE = datetime(2026, 10, 25, 1, 30, tzinfo=LONDON)
NAIVE = datetime(2026, 10, 25, 1, 30)  # noqa: DTZ001 - a naive one is the point
NAN = float("nan")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1),
        (1, 1.0),
        (Order([Line(1)]), Order([Line(1)])),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}),
        ({1, 2}, {2, 1}),
        (Named(1, [2]), Named(1, [2])),
        (Struct(Data(1)), Struct(Data(1))),
        (SUMMER, SUMMER.replace(tzinfo=timezone(timedelta(hours=1)))),
        (TWICE.replace(fold=1), NAIVE.replace(tzinfo=UTC)),
        (Bare(1), Bare(1)),
        (Decimal("1.0"), Decimal("1.0")),
        (object, object),
    ],
)
def test_the_same(one: Any, other: Any) -> None:
    assert first_difference(one, other) is None


@pytest.mark.parametrize(
    ("one", "other", "path"),
    [
        (1, True, "$"),
        (1.0, 1, "$"),
        (2**53 + 1, float(2**53), "$"),
        ((1,), [1], "$"),
        (NAN, NAN, "$"),
        (Decimal("NaN"), Decimal("NaN"), "$"),
        (Decimal("sNaN"), Decimal("sNaN"), "$"),
        (Order([Line(1), Line(2)]), Order([Line(1), Line(3)]), "$.items[1].price"),
        (Order([Line(1)]), Order([Line(1), Line(1)]), "$.items"),
        (Line(1, "a"), Line(1, "b"), "$.note"),
        (Data([1]), Data([True]), "$.a[0]"),
        (Struct({"k": 1}), Struct({"k": 2}), "$.a[...]"),
        (Struct({"k": 1}), Struct({"j": 1}), "$.a[...]"),
        (Struct({"k": 1}), Struct({}), "$.a"),
        ({1: 2}, {True: 2}, "$[...]"),
        ({1, 2}, {True, 2}, "$[...]"),
        ({1, 2}, {1, 3}, "$[...]"),
        (frozenset({1}), frozenset(), "$[...]"),
        (Named(1, 2), Named(1, 3), "$.right"),
        (SUMMER, SUMMER.astimezone(UTC), "$"),
        (TWICE, TWICE.replace(fold=1), "$"),
        (NAIVE, NAIVE.replace(fold=1), "$"),
        (NAIVE, NAIVE.replace(tzinfo=UTC), "$"),
        (time(1, tzinfo=UTC), time(1), "$"),
        (Bare([1, 2]), Bare([1, 3]), "$.a[1]"),
        (Raising(), Raising(), "$"),
        ({"a": (1, 2)}, {"a": [1, 2]}, "$[...]"),
    ],
)
def test_different(one: Any, other: Any, path: str) -> None:
    assert first_difference(one, other) == path
    assert first_difference([one], [other]) == path.replace("$", "$[0]", 1)


def test_a_field_that_was_never_set_equals_only_itself() -> None:
    @attrs.define
    class Late:
        a: int = attrs.field(init=False)

    late = Late()
    assert first_difference(late, Late()) is None
    late.a = 1
    assert first_difference(late, Late()) == "$.a"


def test_what_is_nested_too_deeply_counts_as_different() -> None:
    one: list[Any] = []
    other: list[Any] = []
    one.append(one)
    other.append(other)
    assert first_difference(one, other) == "$"
