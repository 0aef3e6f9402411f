"""The kinds of payload that the kit tries, each with values that must and that may be carried."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any, Final, Generic, Literal, NamedTuple, NewType, TypeVar
from uuid import UUID

import attrs
import msgspec
from attrs import frozen
from hypothesis import strategies as st

from aide_de_camp_conformance.codec_suite.records import REQUIRED, Fields, Make

T = TypeVar("T")
Cents = NewType("Cents", int)


class Colour(enum.Enum):
    """Names as values."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    """Members that are numbers, too."""

    LOW = 1
    HIGH = 2


class Loud(str):
    """No plain text, though it compares as such."""

    __slots__ = ()


class Point(NamedTuple):
    """A tuple with names."""

    x: int
    y: int = 0


@dataclasses.dataclass(frozen=True)
class Box(Generic[T]):
    """A generic class."""

    content: T


@dataclasses.dataclass(frozen=True)
class Tree:
    """A class that holds itself."""

    name: str
    children: list[Tree]


@attrs.define
class Leaf:
    """The same as an attrs class, which may be changed."""

    name: str
    next: Leaf | None = None


class Circle(msgspec.Struct, tag="circle", frozen=True):
    """One member of a tagged union."""

    radius: int


class Square(msgspec.Struct, tag="square", frozen=True):
    """The other."""

    side: int


@frozen
class Kind:
    """One kind of payload.

    Attributes:
        name: by which a harness says that its codec refuses the kind.
        form: the payload type.
        values: what a codec that takes the kind must carry.
        edges: what it may refuse to encode, and may not change; None where there is no such.
    """

    name: str
    form: Any
    values: st.SearchStrategy[Any]
    edges: st.SearchStrategy[Any] | None = None


INTEGERS: Final = st.integers(-(2**63), 2**63 - 1)
TEXTS: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
REALS: Final = st.floats(allow_nan=False, allow_infinity=False)
MOMENTS: Final = st.datetimes(timezones=st.just(UTC))
_ODD_TEXTS: Final = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=2)
_ANYTHING: Final = st.recursive(
    st.none() | st.booleans() | INTEGERS | REALS | TEXTS,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3),
    max_leaves=6,
)
_TREES: Final = st.recursive(
    st.builds(Tree, name=TEXTS, children=st.just([])),
    lambda below: st.builds(Tree, name=TEXTS, children=st.lists(below, max_size=3)),
    max_leaves=6,
)
_LEAVES: Final = st.recursive(
    st.builds(Leaf, name=TEXTS),
    lambda below: st.builds(Leaf, name=TEXTS, next=below),
    max_leaves=4,
)
_OFFSETS: Final = [
    None,
    UTC,
    timezone(timedelta(hours=5, minutes=30)),
    timezone(-timedelta(hours=3)),
]
_NANS: Final = [Decimal("NaN"), Decimal("sNaN"), Decimal("-Infinity")]

SCALARS: Final = (
    Kind("None", type(None), st.none()),
    Kind("bool", bool, st.booleans(), st.sampled_from([0, 1, None])),
    Kind("int", int, INTEGERS, st.integers() | st.sampled_from([True, Level.LOW, 2**64, 10**400])),
    Kind("float", float, REALS, st.floats()),
    Kind("str", str, TEXTS, _ODD_TEXTS | TEXTS.map(Loud)),
    Kind("bytes", bytes, st.binary(max_size=20), st.binary(max_size=9).map(bytearray)),
    Kind("datetime", datetime, MOMENTS, st.datetimes(timezones=st.sampled_from(_OFFSETS))),
    Kind("date", date, st.dates(), MOMENTS),
    Kind("time", time, st.times().map(lambda each: each.replace(fold=0)), st.times()),
    Kind("timedelta", timedelta, st.timedeltas()),
    Kind("UUID", UUID, st.uuids()),
    Kind(
        "Decimal",
        Decimal,
        st.decimals(allow_nan=False, allow_infinity=False, places=4),
        st.decimals() | st.sampled_from(_NANS),
    ),
    Kind("Enum", Colour, st.sampled_from(Colour), st.sampled_from(["red", Level.LOW])),
    Kind("IntEnum", Level, st.sampled_from(Level), st.sampled_from([1, 2, True])),
    Kind("Literal", Literal["a", 3], st.sampled_from(["a", 3]), st.sampled_from(["b", 4])),
    Kind("NewType", Cents, INTEGERS),
)
CONTAINERS: Final = (
    Kind("list", list[int], st.lists(INTEGERS, max_size=3), st.just((1, 2))),
    Kind("tuple", tuple[int, str], st.tuples(INTEGERS, TEXTS), st.just([1, "a"])),
    Kind("tuple of any length", tuple[str, ...], st.lists(TEXTS, max_size=3).map(tuple)),
    Kind("set", set[int], st.sets(INTEGERS, max_size=3), st.just(frozenset([1]))),
    Kind("frozenset", frozenset[str], st.frozensets(TEXTS, max_size=3), st.just({1, "a"})),
    Kind("dict", dict[str, int], st.dictionaries(TEXTS, INTEGERS, max_size=3), st.just({1: 1})),
    Kind("dict by int", dict[int, str], st.dictionaries(INTEGERS, TEXTS, max_size=3)),
    Kind("dict by UUID", dict[UUID, int], st.dictionaries(st.uuids(), INTEGERS, max_size=3)),
    Kind("dict by tuple", dict[tuple[int, int], int], st.just({(1, 2): 3})),
    Kind("optional", str | None, st.none() | TEXTS),
    Kind("union", int | str | list[bool], INTEGERS | TEXTS | st.lists(st.booleans(), max_size=2)),
    Kind("Any", Any, _ANYTHING, st.just((1, 2)) | st.just({1, 2}) | MOMENTS | st.just({1: "a"})),
    Kind("NamedTuple", Point, st.builds(Point, x=INTEGERS, y=INTEGERS), st.just((1, 2))),
    Kind("generic class", Box[int], st.builds(Box, content=INTEGERS), st.just(Box("a"))),
    Kind("class that holds itself", Tree, _TREES),
    Kind("attrs class that holds itself", Leaf, _LEAVES),
    Kind(
        "tagged union",
        Circle | Square,
        st.builds(Circle, radius=INTEGERS) | st.builds(Square, side=INTEGERS),
    ),
)

ORDER: Final[Fields] = {
    "number": (int, REQUIRED),
    "note": (str, REQUIRED),
    "price": (float, 0.5),
    "flag": (bool, False),
}
"""The fields of a record."""


def record_kind(name: str, make: Make) -> Kind:
    """Give a kind of record, with another of the same kind in it, several times."""
    part = make("Part", ORDER)
    parts = st.builds(part, number=INTEGERS, note=TEXTS, price=REALS, flag=st.booleans())
    whole = make(
        "Whole",
        {
            "first": (part, REQUIRED),
            "several": (list[part], REQUIRED),  # type: ignore[valid-type] # made at run time
            "by_name": (dict[str, part], REQUIRED),  # type: ignore[valid-type] # as above
            "maybe": (part | None, None),
        },
    )
    values = st.builds(
        whole,
        first=parts,
        several=st.lists(parts, max_size=2),
        by_name=st.dictionaries(TEXTS, parts, max_size=2),
        maybe=st.none() | parts,
    )
    return Kind(name, whole, values, parts.map(lambda each: _with_a_wrong_part(whole, each)))


def _with_a_wrong_part(whole: Any, part: Any) -> Any:
    try:
        return whole(first=part, several=[1], by_name={})
    except Exception:  # noqa: BLE001 (a class that looks at its fields may raise what it likes)
        return part


def kinds_of(makers: Mapping[str, Make]) -> tuple[Kind, ...]:
    """Give every kind that the kit tries, those of these records included."""
    return (*SCALARS, *CONTAINERS, *(record_kind(name, make) for name, make in makers.items()))
