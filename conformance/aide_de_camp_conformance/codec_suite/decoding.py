"""DEC-4, ERR-1: bytes that aren't a payload."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from uuid import UUID

from hypothesis import strategies as st

from aide_de_camp import JobState, JobType, Queue
from aide_de_camp.spi import BoundCodec, DecodeError
from aide_de_camp_conformance.codec_suite.alike import alike
from aide_de_camp_conformance.codec_suite.hostile import HOSTILE, damaged, foreign
from aide_de_camp_conformance.codec_suite.kit import SAMPLE, CodecKit
from aide_de_camp_conformance.codec_suite.requirement import NotAsked, codec_requirement
from aide_de_camp_conformance.expect import raises, same

_SIMPLE: Final[dict[str, type]] = {
    "bool": bool,
    "int": int,
    "float": float,
    "str": str,
    "bytes": bytes,
    "UUID": UUID,
    "list": list,
    "tuple": tuple,
    "dict": dict,
}
"""Kinds whose values are of a class that is plain to see."""


@codec_requirement("DEC-4.prefix")
def prefix(kit: CodecKit) -> None:
    """A record that is cut short, at any byte, is a DecodeError."""
    for what, (_, value, ready) in kit.orders().items():
        data = ready.encode(value)
        alike(ready.decode(data), value, f"the whole {what}")
        for end in range(len(data)):
            kit.refused(ready, data[:end], f"{what}, cut to {end} of {len(data)} bytes")


@codec_requirement("DEC-4.surplus")
def surplus(kit: CodecKit) -> None:
    """A record with more bytes behind it is a DecodeError, also where that is a whole record."""
    for what, (_, value, ready) in kit.orders().items():
        data = ready.encode(value)
        for more in (b"\x00", b"\xff", b"x", b"{}", b"\x80", data):
            kit.refused(ready, data + more, f"{what} with {len(more)} bytes behind it")


@codec_requirement("DEC-4.hostile")
def hostile(kit: CodecKit) -> None:
    """Whatever bytes there are, decoding gives a payload of the type, or raises DecodeError."""
    for what, (_, ready) in kit.taken.items():
        for name, data in HOSTILE.items():
            _payload_or_error(kit, ready, data, what, name)
        kit.each(
            st.binary(max_size=24),
            partial(_payload_or_error, kit, ready, what=what, name="random bytes"),
        )


@codec_requirement("DEC-4.damaged")
def damaged_bytes(kit: CodecKit) -> None:
    """Each bit turned, byte lost or length forged leaves a payload of the type, or DecodeError."""
    for what, (_, value, ready) in kit.orders().items():
        for how, data in damaged(ready.encode(value)):
            back = kit.read(ready, data, f"{what} with {how}")
            if isinstance(back, DecodeError):
                continue
            assert type(back) is type(value), (
                f"{what} with {how} came back as {type(back).__name__}"
            )
            assert type(_number(back)) is int, f"{what} with {how} has a wrong type in it"


def _number(record: Any) -> Any:
    return record.number if hasattr(record, "number") else record["number"]


def _payload_or_error(
    kit: CodecKit, ready: BoundCodec[Any], data: bytes, what: str, name: str
) -> None:
    back = kit.read(ready, data, f"{name} as {what}")
    if isinstance(back, DecodeError):
        return
    wanted = _SIMPLE.get(what)
    assert wanted is None or type(back) is wanted, (
        f"{name} came back as {type(back).__name__}, and was to be {what}"
    )


@codec_requirement("DEC-4.foreign")
def from_another(kit: CodecKit) -> None:
    """What another codec wrote is refused, or is decoded as just what was written."""
    for what, (_, value, ready) in kit.orders().items():
        for name, data in foreign({**SAMPLE, "flag": True}).items():
            back = kit.read(ready, data, f"{name} as {what}")
            if not isinstance(back, DecodeError):
                alike(back, value, f"{what}, written as {name}")


@codec_requirement("DEC-4.crossed")
def crossed(kit: CodecKit) -> None:
    """What was written as one kind of payload is no payload of quite another kind."""
    pairs = [("str", "int"), ("int", "str"), ("bool", "int"), ("None", "str"), ("dict", "list")]
    pairs += [("list", "dict"), ("str", "UUID"), ("int", "bool"), ("str", "None"), ("list", "int")]
    tried = False
    for written, read in pairs:
        if written in kit.taken and read in kit.taken:
            tried = True
            (kind, writer), (_, reader) = kit.taken[written], kit.taken[read]
            kit.each(
                # An empty container, or a text, may be that of either kind.
                kind.values.filter(lambda value: not hasattr(value, "__len__") or len(value) > 0),
                partial(_crossed, kit, writer, reader, read=read),
            )
    if not tried:
        raise NotAsked("the codec takes too few kinds")


def _crossed(
    kit: CodecKit, writer: BoundCodec[Any], reader: BoundCodec[Any], value: Any, read: str
) -> None:
    kit.refused(reader, writer.encode(value), f"a {type(value).__name__} as {read}")


@codec_requirement("DEC-4.queued")
def queued(kit: CodecKit) -> None:
    """In a queue, what can't be decoded is dead with its bytes kept, and the next one runs."""

    async def work(
        sent: tuple[Any, Any, JobType[Any]], writer: Queue, reader: Queue, job: JobType[Any]
    ) -> None:
        value, other, other_job = sent
        bad = await writer.schedule(other_job, other)
        good = await writer.schedule(job, value)
        with raises(DecodeError, "unscheduling what can't be decoded"):
            await reader.unschedule_job(bad, job)
        handle = await reader.poll_next(job)
        assert handle is not None, "what could be decoded wasn't handed out"
        same(handle.id, good, "the job that is handed out")
        alike(handle.payload, value, "its payload")
        view = await reader.get_job(bad)
        same((view.state, view.reason), (JobState.DEAD, "decode"), "the state of the other")

    for what, (cls, value, _) in kit.orders().items():
        other_cls = kit.makers[what]("Other", {"title": (str, "")})
        other, other_job = other_cls(title="a"), JobType("payload", other_cls)
        kit.through_queues(cls, partial(work, (value, other, other_job)))
