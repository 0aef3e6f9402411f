"""Codecs that do as good as nothing, and must pass nothing that matters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aide_de_camp.spi import BoundCodec, DecodeError, EncodeError, UnsupportedPayload
from aide_de_camp_conformance.codec_harness import CodecHarness
from aide_de_camp_conformance.codec_mutants.broken import Broken
from aide_de_camp_conformance.codec_suite.kinds import kinds_of
from aide_de_camp_conformance.codec_suite.records import RECORDS


class WritesNothing(Broken):
    """It writes nothing, and reads nothing."""

    refuses = ()

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Take it, whatever it is."""
        return _Nothing()


class _Nothing:
    def encode(self, payload: Any) -> bytes:
        return b""

    def decode(self, data: bytes) -> Any:
        return None


class RefusesEveryType(Broken):
    """It takes no type at all, and its harness says so."""

    refuses = tuple(each.name for each in kinds_of(RECORDS))

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Refuse it."""
        raise UnsupportedPayload("payload_type", "this codec takes nothing: use another one")


class RefusesEveryValue(Broken):
    """It takes every type, and no value; what it says is in order."""

    refuses = ()

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Take it, whatever it is."""
        return _NoValue()


class _NoValue:
    def encode(self, payload: Any) -> bytes:
        raise EncodeError("$.first and $.second can't be encoded: use another codec")

    def decode(self, data: bytes) -> Any:
        raise DecodeError("the bytes are no payload: use another codec")


NULLS: Final[Mapping[str, type[CodecHarness]]] = {
    each.__name__: each for each in (WritesNothing, RefusesEveryType, RefusesEveryValue)
}
"""Harnesses by their names."""
