"""The codec contract: how a payload becomes bytes and comes back.

A codec is bound to a payload type once, when the type is registered; what it can't carry
faithfully it refuses then, with the reason and the way out. The core checks after every encode
that what comes back is equal (clause ENQ-3), so a codec needs no check of its own for that.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeVar, runtime_checkable

P = TypeVar("P")


class BoundCodec(Protocol[P]):
    """A codec made ready for one payload type. Safe to use from several threads."""

    def encode(self, payload: P) -> bytes:
        """Turn a payload into bytes.

        Raises:
            EncodeError: it can't be encoded; the error names the field by its path.
        """
        ...

    def decode(self, data: bytes) -> P:
        """Turn stored bytes into a payload, strictly.

        Raises:
            DecodeError: the bytes aren't exactly a payload of this type (clause DEC-4). Its
                message holds nothing of the payload; the codec's own words go to ``detail``.
        """
        ...


@runtime_checkable
class Codec(Protocol):
    """A way of writing payloads. Its name is stored with every job that it wrote."""

    @property
    def name(self) -> str:
        """The name by which stored jobs refer to it; never changes its meaning."""
        ...

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Make ready for one payload type.

        Args:
            payload_type: a class or any other type form that annotations allow.

        Raises:
            UnsupportedPayload: values of this type wouldn't survive the trip; the message says
                why, and what to use instead.
        """
        ...
