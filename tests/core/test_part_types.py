"""The types that an EncodeError names, and which request it is about (clauses ENQ-3, ENQ-4)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Generic, NewType, TypedDict, TypeVar

import attrs
import pytest

from aide_de_camp import (
    EncodeError,
    InvalidArgument,
    InvalidPriority,
    JobRequest,
    JobType,
    PayloadTooLarge,
    open_queue,
)
from aide_de_camp.part_types import types_at

CANARY = "c4n4ry-55e1"
Cents = NewType("Cents", int)
T = TypeVar("T")


@attrs.frozen
class Line:
    price: int
    note: str | None = None


class Options(TypedDict):
    retries: int


@attrs.frozen
class Box(Generic[T]):
    content: T


@attrs.frozen
class Other:
    price: str


@attrs.frozen
class Order:
    lines: list[Line] = attrs.Factory(list[Line])
    fixed: tuple[int, Line] | None = None
    several: tuple[Line, ...] = ()
    each: Sequence[Line] = attrs.Factory(list[Line])
    options: Options | None = None
    by_name: dict[str, Line] = attrs.Factory(dict[str, Line])
    cents: Cents = Cents(1)
    marked: Annotated[Line, "x"] | None = None
    anything: Any = None
    box: Box[int] | None = None
    when: datetime | None = None


BAD: Any = CANARY


@pytest.mark.parametrize(
    ("payload", "path", "declared", "given"),
    [
        (BAD, "$", "Order", "str"),
        (Order([Line(1), Line(BAD)]), "$.lines[1].price", "int", "str"),
        (Order([Line(1)]), "$.lines", "list[", "list"),
        (Order([Line(1)]), "$.lines[0]", "Line", "Line"),
        (Order(fixed=(1, Line(BAD))), "$.fixed[1].price", "int", "str"),
        (Order(several=(Line(BAD),)), "$.several[0].price", "int", "str"),
        (Order(each=(Line(BAD),)), "$.each[0].price", "int", "str"),
        (Order(options={"retries": BAD}), "$.options.retries", "int", "str"),
        (Order(by_name={CANARY: Line(BAD)}), "$.by_name[...].price", None, None),
        (Order(anything=Line(BAD)), "$.anything.price", None, "str"),
        (Order(cents=BAD), "$.cents", "Cents", "str"),
        (Order(marked=Line(BAD)), "$.marked.price", "int", "str"),
        (Order(anything=(1,)), "$.anything", "Any", "tuple"),
        (Order(anything={CANARY: 1}), "$.anything[...]", None, None),
        (Order(box=Box(BAD)), "$.box.content", None, "str"),
        (Order(when=BAD), "$.when", "datetime", "str"),
        (Order(), "$.nosuch", None, None),
        (Order(), "$.lines[7]", "Line", None),
        (Order(), "$ lines", None, None),
        (Order(), "nonsense", None, None),
        (Order(), "", None, None),
    ],
)
def test_what_is_named(payload: Any, path: str, declared: str | None, given: str | None) -> None:
    found = types_at(Order, payload, path)
    assert found[1] == given
    if declared is None:
        assert found[0] is None
    else:
        assert found[0] is not None
        assert declared in found[0]
    assert CANARY not in str(found)


def test_of_two_that_may_be_meant_none_is_named() -> None:
    assert types_at(Line | Other | None, Line(BAD), "$.price") == (None, "str")
    assert types_at(Line | Other | None, Line(1), "$.note")[0] == "str | None"


def test_a_payload_whose_own_code_raises_is_named_as_far_as_it_goes() -> None:
    class Hostile:
        @property
        def price(self) -> int:
            raise RuntimeError(CANARY)

    assert types_at(Line, Hostile(), "$.price") == ("int", None)


ORDER = JobType("order", Order)


@pytest.mark.parametrize("codec", ["json", "msgpack"])
@pytest.mark.parametrize(
    ("payload", "said"),
    [
        (Order([Line(BAD)]), "$.lines[0].price (declared `int`, given `str`)"),
        (Order(anything=(1,)), "$.anything (declared `Any`, given `tuple`)"),
        (Order(anything=object()), "(declared `Any`, given `object`)"),
        (BAD, "$ (declared `Order`, given `str`)"),
    ],
)
def test_an_encode_error_names_both(codec: str, payload: Any, said: str) -> None:
    async def main() -> None:
        async with open_queue("memory://", codec=codec) as queue:
            with pytest.raises(EncodeError) as refused:
                await queue.schedule(ORDER, payload)
            assert said in str(refused.value)
            assert CANARY not in str(refused.value)
            assert (await queue.count_jobs()).total == 0

    asyncio.run(main())


@pytest.mark.parametrize(
    ("bad", "error", "said"),
    [
        (JobRequest(ORDER, Order([Line(BAD)])), EncodeError, "$.lines[0].price (declared `int`"),
        (JobRequest(ORDER, Order(), priority=200), InvalidPriority, "priority: must be"),
        (JobRequest(JobType("text", str), "x" * 2_000), PayloadTooLarge, "has 2,002 bytes"),
        ("no request", InvalidArgument, "must all be JobRequest"),
    ],
)
@pytest.mark.parametrize("verb", ["schedule_many", "schedule_bulk"])
def test_the_bad_one_of_many_is_named(
    verb: str, bad: Any, error: type[Exception], said: str
) -> None:
    async def main() -> None:
        async with open_queue("memory://", payload_limit=1_000) as queue:
            good = [JobRequest(ORDER, Order()) for _ in range(3)]
            with pytest.raises(error) as refused:
                await getattr(queue, verb)([*good, bad, *good])
            assert type(refused.value) is error
            assert str(refused.value).startswith("requests[3]: ")
            assert said in str(refused.value)
            if isinstance(refused.value, EncodeError):
                assert refused.value.path == "$.lines[0].price"
                assert refused.value.job_id is not None
            if isinstance(refused.value, InvalidPriority):
                assert refused.value.argument == "priority"
            assert (await queue.count_jobs()).total == 0

    asyncio.run(main())
