"""Codecs that only the kit uses: one that changes nothing, and one that does what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from aide_de_camp.spi import BoundCodec, Codec, CodecDescriptor, DecodeError, hookimpl


class _Raw:
    def encode(self, payload: bytes) -> bytes:
        return payload

    def decode(self, data: bytes) -> bytes:
        return data


class RawCodec:
    """Payloads of type ``bytes``, as they are."""

    @property
    def name(self) -> str:
        """``raw``."""
        return "raw"

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Make ready for ``bytes``."""
        return _Raw()


class Refused(BaseException):
    """Not even an Exception: what a careless library may raise."""


_HOSTILE: Final[Mapping[bytes, Callable[[str], BaseException]]] = {
    b"ValueError": ValueError,
    b"RecursionError": RecursionError,
    b"MemoryError": MemoryError,
    b"AssertionError": AssertionError,
    b"StopIteration": StopIteration,
    b"StopAsyncIteration": StopAsyncIteration,
    b"Refused": Refused,
    b"Located": lambda words: DecodeError(
        "it stops making sense", path="$.lines[2]", offset=17, detail=words
    ),
    b"KeyboardInterrupt": KeyboardInterrupt,
    b"SystemExit": SystemExit,
    b"GeneratorExit": GeneratorExit,
    b"CancelledError": asyncio.CancelledError,
}
HOSTILE_ERRORS: Final = tuple(_HOSTILE)[:7]
"""What the hostile codec may be told to raise that must become a DecodeError."""
LOCATED: Final = b"Located"
"""What has the hostile codec raise a DecodeError with a path and an offset."""


class _Hostile:
    def encode(self, payload: bytes) -> bytes:
        return payload

    def decode(self, data: bytes) -> bytes:
        kind, _, words = data.partition(b" ")
        if kind in _HOSTILE:
            raise _HOSTILE[kind](words.decode())
        return data


class HostileCodec:
    """Payloads of type ``bytes``; decoding ``b"NAME words"`` raises the error of that name."""

    @property
    def name(self) -> str:
        """``hostile``."""
        return "hostile"

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Make ready for ``bytes``."""
        return _Hostile()


def _describe(name: str, factory: Callable[[], Codec]) -> CodecDescriptor:
    return CodecDescriptor(name=name, spi=(0, 1), factory=factory, summary="of the kit")


class KitCodecs:
    """A plugin that offers the kit's codecs."""

    @hookimpl
    def adc_codecs(self) -> Iterable[CodecDescriptor]:
        """Offer them."""
        return [_describe("raw", RawCodec), _describe("hostile", HostileCodec)]
