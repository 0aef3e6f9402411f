"""ENQ-3, ERR-1: what can't be carried, and how a codec says so."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aide_de_camp import JobState, JobType, Queue
from aide_de_camp.spi import BoundCodec, EncodeError, UnsupportedPayload
from aide_de_camp_conformance.codec_suite.alike import alike
from aide_de_camp_conformance.codec_suite.canaries import CANARY, Secretive, clean
from aide_de_camp_conformance.codec_suite.kinds import Kind
from aide_de_camp_conformance.codec_suite.kit import CodecKit
from aide_de_camp_conformance.codec_suite.records import REQUIRED
from aide_de_camp_conformance.codec_suite.requirement import NotAsked, codec_requirement
from aide_de_camp_conformance.expect import same

_DEPTHS: Final = (50, 1_000, 30_000)


class Unresolved:
    """Its annotation names what isn't there."""

    part: Nowhere  # type: ignore[name-defined] # noqa: F821 - that is what is wrong with it


_NO_TYPES: Final = {
    "a class with an annotation that leads nowhere": Unresolved,
    "a class without fields": Secretive,
    "object": object,
    "a function": len,
    "a number": 7,
    "the name of nothing": "Nowhere",
    "a list of a class without fields": list[Secretive],
    "a function's type": Callable[[], int],
}


@codec_requirement("ERR-1.binding")
def binding(kit: CodecKit) -> None:
    """Binding to what is no type of payload raises UnsupportedPayload, or nothing."""
    for what, form in _NO_TYPES.items():
        try:
            kit.codec.bind(form)
        except UnsupportedPayload as error:
            if len(str(error)) < 20:
                raise AssertionError(f"refusing {what} says too little") from error
        except Exception as error:
            raise AssertionError(f"binding to {what} raised {type(error).__name__}") from error


@codec_requirement("ERR-1.encoding")
def only_encode_errors(kit: CodecKit) -> None:
    """Encoding raises EncodeError, or nothing, whatever it is given."""
    strangers = [None, object(), Secretive(), 7, "text", b"\xff", [Secretive()], {"a": Secretive()}]
    for what, (kind, ready) in kit.taken.items():
        for stranger in strangers:
            kit.written(ready, stranger, f"{type(stranger).__name__} as {what}")
        if kind.edges is not None:
            kit.each(
                kind.edges,
                partial(_written, kit, ready, what=what),
            )


def _written(kit: CodecKit, ready: BoundCodec[Any], value: Any, what: str) -> None:
    kit.written(ready, value, f"a value at the edge of {what}")


@codec_requirement("ENQ-3.kept_or_refused")
def kept_or_refused(kit: CodecKit) -> None:
    """A value at the edge of its type is refused when it is scheduled, or comes back equal."""

    async def all_of(
        kind: Kind, values: list[Any], writer: Queue, reader: Queue, job_type: JobType[Any]
    ) -> None:
        for value in values:
            try:
                job_id = await writer.schedule(job_type, value)
            except EncodeError as error:
                _at(error, "$", kind.name)
                continue
            back = await reader.unschedule_job(job_id, job_type)
            alike(_as_declared(back, value), value, f"a value at the edge of {kind.name!r}")
        left = (await reader.count_jobs()).by_state[JobState.SCHEDULED]
        same(left, 0, f"how many jobs of kind {kind.name!r} were stored and refused")

    for kind, _ in kit.taken.values():
        values: list[Any] = []
        if kind.edges is not None:
            kit.each(kind.edges, values.append)
            kit.through_queues(
                kind.form,
                partial(all_of, kind, values),
            )


def _at(error: EncodeError, path: str, what: str) -> None:
    assert error.path.startswith(path), f"{what}: {path} is refused as {error.path}"
    assert path in str(error), f"{what}: the message doesn't name {path}: {error}"


def _as_declared(back: Any, value: Any) -> Any:
    """Let an int stand for the equal float, as type checkers do."""
    return value if type(value) is int and type(back) is float and back == value else back


@codec_requirement("ENQ-3.field")
def names_the_field(kit: CodecKit) -> None:
    """What can't be encoded is an EncodeError that names the field, deep within too."""
    for what, make in kit.records.items():
        part = make("Part", {"good": (int, REQUIRED), "odd": (Any, REQUIRED)})
        whole = make("Whole", {"first": (part, REQUIRED), "second": (list[Any], REQUIRED)})
        ready = kit.bound(whole)
        if ready is None:
            continue
        _named(kit, whole(first=part(good=1, odd=Secretive()), second=[1]), whole, "$.first", what)
        _named(kit, whole(first=part(good=1, odd=2), second=[Secretive()]), whole, "$.second", what)


def _named(kit: CodecKit, payload: Any, form: Any, path: str, what: str) -> None:
    async def schedule(writer: Queue, reader: Queue, job: JobType[Any]) -> None:
        try:
            await writer.schedule(job, payload)
        except EncodeError as error:
            _at(error, path, what)
        else:
            raise AssertionError(f"{what}: a value that is no data was taken at {path}")
        same((await reader.count_jobs()).total, 0, "how many jobs were stored")

    kit.through_queues(form, schedule)


@codec_requirement("ENQ-3.deep")
def too_deep(kit: CodecKit) -> None:
    """What is nested deeply comes back or is refused; within itself it is refused."""
    if "Any" not in kit.taken:
        raise NotAsked("the codec doesn't take whatever it is given")
    ready = kit.taken["Any"][1]
    for depth in _DEPTHS:
        deep: list[Any] = []
        for _ in range(depth):
            deep = [deep]
        data = kit.written(ready, deep, f"{depth:,} lists in each other")
        if isinstance(data, bytes):
            back = kit.read(ready, data, f"what {depth:,} lists in each other were written as")
            assert isinstance(back, list | Exception), "lists came back as something else"
    endless: list[Any] = []
    endless.append(endless)
    answer = kit.written(ready, endless, "a list within itself")
    assert isinstance(answer, EncodeError), "a list within itself was encoded"


@codec_requirement("ERR-1.passes")
def passes(kit: CodecKit) -> None:
    """What stops a program passes through decoding; all else that a class raises is DecodeError."""
    raising: list[type[BaseException]] = []

    @dataclasses.dataclass(frozen=True)
    class Armed:
        number: int

        def __post_init__(self) -> None:
            if raising:
                raise raising[0](CANARY)

    ready = kit.bound(Armed)
    if ready is None:
        raise NotAsked("the codec takes no class with a check of its own")
    data = ready.encode(Armed(7))
    for kind in (ValueError, KeyError, RecursionError, MemoryError, StopIteration, OSError):
        raising[:] = [kind]
        answer = kit.read(ready, data, f"what a class refuses by {kind.__name__}")
        if isinstance(answer, Exception):
            clean(answer, f"the error of a class that raises {kind.__name__}")
    for stop in (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
        raising[:] = [stop]
        try:
            answer = ready.decode(data)
        except stop:
            continue
        except BaseException as error:
            raise AssertionError(f"{stop.__name__} became {type(error).__name__}") from error
        # A codec need not run what a class does when it is made; then nothing was raised.
        raising.clear()
        alike(answer, ready.decode(data), "a payload whose class raised nothing")
