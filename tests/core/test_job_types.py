"""Job types, processors and the router: what names a job, and what is refused."""

from __future__ import annotations

import asyncio
import functools
from datetime import timedelta
from typing import Generic, TypeVar

import pytest
from attrs import frozen

from aide_de_camp import (
    ConfigurationError,
    ConstantBackoff,
    InvalidArgument,
    JobContext,
    JobProcessor,
    JobRouter,
    JobType,
)
from aide_de_camp.job_type import job_type_of

T = TypeVar("T")


@frozen
class Invoice:
    customer: int


class SendInvoice(JobProcessor[Invoice]):
    job_type = "send_invoice"
    max_retries = 7
    backoff = ConstantBackoff(timedelta(seconds=9))
    time_limit = timedelta(seconds=3)

    def __init__(self, sent):
        self.sent = sent

    async def handle(self, payload, job):
        self.sent.append(payload)


def test_a_processor_its_class_and_a_job_type_all_name_the_job():
    by_class, by_instance = job_type_of(SendInvoice), job_type_of(SendInvoice([]))
    assert by_class is by_instance
    assert (by_class.name, by_class.payload_type) == ("send_invoice", Invoice)
    assert (by_class.max_retries, by_class.time_limit) == (7, timedelta(seconds=3))
    plain = JobType("x", int)
    assert job_type_of(plain) is plain


def test_a_subclass_of_a_processor_has_its_own_job_type():
    class Urgent(SendInvoice):
        job_type = "urgent_invoice"

    assert job_type_of(SendInvoice).name == "send_invoice"
    assert job_type_of(Urgent).name == "urgent_invoice"
    assert job_type_of(Urgent).payload_type is Invoice


def test_a_generic_processor_takes_the_payload_type_of_its_subclass():
    class Generally(JobProcessor[T], Generic[T]):
        def handle(self, payload, job):
            return None

    class Special(Generally[Invoice], JobProcessor[Invoice]):
        job_type = "special"

    assert job_type_of(Special).payload_type is Invoice


def test_a_processor_that_does_not_say_enough_is_refused():
    class Nameless(JobProcessor[Invoice]):
        pass

    class Typeless(JobProcessor):
        job_type = "typeless"

    with pytest.raises(ConfigurationError, match="job_type"):
        job_type_of(Nameless)
    with pytest.raises(ConfigurationError, match="payload"):
        job_type_of(Typeless)
    with pytest.raises(NotImplementedError):
        Nameless().handle(Invoice(1), None)


@pytest.mark.parametrize("what", [None, "send_invoice", int, object(), SendInvoice.handle])
def test_what_names_no_job_is_refused(what):
    with pytest.raises(InvalidArgument, match="job"):
        job_type_of(what)


@pytest.mark.parametrize(
    ("options", "argument"),
    [
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": True}, "max_retries"),
        ({"max_retries": 1.0}, "max_retries"),
        ({"backoff": 3}, "backoff"),
        ({"time_limit": timedelta(0)}, "time_limit"),
        ({"time_limit": 3}, "time_limit"),
        ({"on_decode_error": "drop"}, "on_decode_error"),
        ({"codec": ""}, "codec"),
    ],
)
def test_bad_options_of_a_job_type_are_refused_by_name(options, argument):
    with pytest.raises(InvalidArgument) as refused:
        JobType("x", int, **options)
    assert refused.value.argument == argument


@pytest.mark.parametrize("name", ["", " x", "x ", "x" * 129, "a\nb", "a\x00b", 7, None, b"x"])
def test_bad_names_are_refused(name):
    with pytest.raises(InvalidArgument):
        JobType(name, int)


def test_a_registered_function_still_is_one():
    router = JobRouter()

    @router.job("double")
    def double(number: int) -> int:
        return number * 2

    assert double(4) == 8
    assert double.payload_type is int
    assert router.types == ("double",)
    assert not router.routes["double"].is_async
    assert not router.routes["double"].takes_context


def test_the_router_sees_who_is_async_and_who_wants_the_context():
    router = JobRouter()

    @router.job("a")
    async def a(payload: int, job: JobContext) -> None: ...

    class Callable:
        async def __call__(self, payload: int) -> None: ...

    router.job("b")(functools.partial(a.handler))
    router.job("c")(Callable())
    router.add(SendInvoice([]))
    assert router.routes["a"].is_async
    assert router.routes["a"].takes_context
    assert router.routes["b"].is_async
    assert router.routes["c"].is_async
    assert router.routes["c"].job_type.payload_type is int
    assert router.routes["send_invoice"].is_async
    assert router.types == ("a", "b", "c", "send_invoice")


def test_a_name_can_be_taken_once():
    router = JobRouter()
    router.add(SendInvoice([]))
    with pytest.raises(ConfigurationError, match="already"):
        router.add(SendInvoice([]))


def test_the_router_takes_only_processors():
    with pytest.raises(ConfigurationError, match="processor"):
        JobRouter().add(SendInvoice)


def no_argument() -> None: ...
def three(a: int, b: int, c: int) -> None: ...
def keyword(payload: int, *, job: JobContext) -> None: ...
def starred(*payload: int) -> None: ...
def bare(payload) -> None: ...
def dangling(payload: Missing) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize("handler", [no_argument, three, keyword, starred, bare, dangling])
def test_a_handler_whose_arguments_do_not_fit_is_refused(handler):
    with pytest.raises(ConfigurationError, match="handler"):
        JobRouter().job("x")(handler)


def test_a_processor_handles_with_its_services():
    sent = []
    asyncio.run(SendInvoice(sent).handle(Invoice(3), None))
    assert sent == [Invoice(3)]


def with_default(payload: int, dry_run: bool = False) -> None: ...
def other_second(payload: int, dry_run: bool) -> None: ...
def swapped(job: JobContext, payload: int) -> None: ...


@pytest.mark.parametrize("handler", [with_default, other_second, swapped])
def test_a_second_argument_that_is_not_the_context_is_refused(handler):
    with pytest.raises(ConfigurationError, match="JobContext"):
        JobRouter().job("x")(handler)


def test_a_decorator_without_a_name_is_refused_at_once():
    with pytest.raises(ConfigurationError, match="name"):
        JobRouter().job(with_default)
    with pytest.raises(InvalidArgument, match="name"):
        JobRouter().job("")
