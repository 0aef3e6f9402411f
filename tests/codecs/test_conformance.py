"""The kit judges our codecs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, ClassVar

import pydantic

from aide_de_camp_conformance.codec import CodecConformance, CodecHarness
from aide_de_camp_conformance.codec_suite.records import REQUIRED


def model(name: str, fields: Mapping[str, tuple[Any, Any]]) -> Any:
    made = {
        each: (kind, ... if default is REQUIRED else default)
        for each, (kind, default) in fields.items()
    }
    loose: Any = pydantic.create_model
    return loose(name, __config__=pydantic.ConfigDict(frozen=True), **made)


class Json(CodecHarness):
    name = "json"
    refuses = ("dict by tuple",)


class Msgpack(CodecHarness):
    name = "msgpack"


class Pydantic(CodecHarness):
    name = "pydantic"
    records: ClassVar = {"model": model}
    refuses = (
        "attrs class",
        "attrs class that holds itself",
        "bytes",
        "dict by tuple",
        "Struct",
        "tagged union",
        # Before 3.12 it takes that of typing_extensions alone.
        *(["TypedDict"] if sys.version_info < (3, 12) else []),
    )


class TestJson(CodecConformance):
    harness = Json


class TestMsgpack(CodecConformance):
    harness = Msgpack


class TestPydantic(CodecConformance):
    harness = Pydantic
