"""Payloads through codecs of all kinds of manners (clauses ENQ-3, ENQ-6, DEC-4, DEC-6, DEC-7)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from attrs import frozen

from aide_de_camp import (
    ConfigurationError,
    DecodeError,
    EncodeError,
    JobType,
    PayloadTooLarge,
    Registry,
    UnsupportedPayload,
    new_job_id,
)
from aide_de_camp.escaping import describe
from aide_de_camp.payloads import Payloads

SECRET = "canary-4711"


@frozen
class Bound:
    raises_on_encode: BaseException | None = None
    raises_on_decode: BaseException | None = None
    changes: bool = False

    def encode(self, payload: Any) -> bytes:
        if self.raises_on_encode:
            raise self.raises_on_encode
        return str(payload).encode()

    def decode(self, data: bytes) -> Any:
        if self.raises_on_decode:
            raise self.raises_on_decode
        return data.decode() + ("!" if self.changes else "")


@frozen
class Rude:
    """A codec that behaves as it is told to."""

    bound: Bound
    name: str = "rude"

    def bind(self, payload_type: Any) -> Bound:
        if payload_type is int:
            raise UnsupportedPayload("payload", "no integers here")
        return self.bound


TEXT = JobType("text", str)


def rude(**manners) -> Payloads:
    return Payloads(default="rude", codecs={"rude": Rude(Bound(**manners))}, limit=100)


def test_what_goes_in_comes_out_with_the_codecs_name():
    job_id = new_job_id()
    data, codec = rude().encode(TEXT, "hello", job_id)
    assert (data, codec) == (b"hello", "rude")
    assert rude().decode(TEXT, codec, data, job_id) == "hello"


def test_a_payload_over_the_limit_is_refused():
    job_id = new_job_id()
    assert len(rude().encode(TEXT, "x" * 100, job_id)[0]) == 100
    with pytest.raises(PayloadTooLarge) as refused:
        rude().encode(TEXT, "x" * 101, job_id)
    assert refused.value.job_id == job_id


@pytest.mark.parametrize(
    "manners",
    [
        {"raises_on_encode": EncodeError("bad", path="$.a")},
        {"raises_on_encode": ValueError(SECRET)},
        {"raises_on_decode": DecodeError("bad", path="$.a", detail=SECRET)},
        {"raises_on_decode": ValueError(SECRET)},
        {"changes": True},
    ],
)
def test_whatever_goes_wrong_on_the_way_in_is_an_encode_error_without_content(manners):
    job_id = new_job_id()
    with pytest.raises(EncodeError) as refused:
        rude(**manners).encode(TEXT, SECRET, job_id)
    assert refused.value.job_id == job_id
    assert refused.value.path.startswith("$")
    assert SECRET not in str(refused.value)
    assert str(job_id) in str(refused.value)


class MuteError(DecodeError):
    def __str__(self):
        raise RuntimeError("not even words")


class OddError(BaseException):
    def __str__(self):
        raise RuntimeError("not even words")


@pytest.mark.parametrize(
    "error",
    [
        DecodeError("safe", path="$.a", offset=7, detail=SECRET),
        ValueError(SECRET),
        RecursionError(),
        MemoryError(),
        StopIteration(),
        BaseExceptionGroup("several", [ValueError(SECRET)]),
        OddError(),
        MuteError("x"),
        DecodeError("safe", path=5, offset="x", detail=123),  # type: ignore[arg-type]
    ],
)
def test_whatever_goes_wrong_on_the_way_out_is_a_decode_error_without_content(error):
    job_id = new_job_id()
    with pytest.raises(DecodeError) as refused:
        rude(raises_on_decode=error).decode(TEXT, "rude", b"x", job_id)
    assert refused.value.job_id == job_id
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is error
    kept = (refused.value.path, refused.value.offset, refused.value.detail)
    if getattr(error, "detail", None) == SECRET:
        assert kept == ("$.a", 7, SECRET)
    assert [type(each) for each in kept if each is not None] in ([], [str], [str, int, str])
    describe(refused.value)


@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(1), GeneratorExit(), asyncio.CancelledError()]
)
def test_what_must_pass_through_passes_through(error):
    with pytest.raises(type(error)):
        rude(raises_on_decode=error).decode(TEXT, "rude", b"x", new_job_id())


def test_a_codec_that_is_not_enabled_is_never_used():
    with pytest.raises(DecodeError, match="isn't enabled"):
        rude().decode(TEXT, "json", b'"x"', new_job_id())
    with pytest.raises(ConfigurationError, match="json"):
        rude().register(JobType("text", str, codec="json"))


def test_an_unsupported_payload_is_told_with_the_job_types_name():
    with pytest.raises(UnsupportedPayload, match=r"'number'.*no integers"):
        rude().register(JobType("number", int))
    with pytest.raises(DecodeError):
        rude().decode(JobType("number", int), "rude", b"1", new_job_id())


def test_job_types_made_on_the_fly_share_one_bound_codec():
    payloads = rude()
    for number in range(10):
        payloads.register(JobType(f"text-{number}", str))
    assert len(payloads._bound) == 1


def test_each_job_is_decoded_by_the_codec_that_wrote_it():
    registry = Registry()
    codecs = {name: registry.codec(name) for name in ("json", "msgpack")}
    as_json = Payloads(default="json", codecs=codecs, limit=1_000)
    as_msgpack = Payloads(default="msgpack", codecs=codecs, limit=1_000)
    job_id = new_job_id()
    data, codec = as_json.encode(TEXT, "hello", job_id)
    assert codec == "json"
    assert as_msgpack.decode(TEXT, codec, data, job_id) == "hello"
    assert as_msgpack.encode(TEXT, "hello", job_id)[1] == "msgpack"
    own = JobType("own", str, codec="msgpack")
    assert as_json.encode(own, "hello", job_id)[1] == "msgpack"
