"""Payloads as MessagePack, by msgspec."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from aide_de_camp.spi import BoundCodec
from aide_de_camp_codecs._msgspec.bound import Reading, bind
from aide_de_camp_codecs._msgspec.shaping import Format

# The first bytes of a float64 or float32 whose exponent is all ones: NaN or an infinity.
_NON_FINITE: Final = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]|\xca[\x7f\xff][\x80-\xff]")


def _typed(payload_type: Any) -> Any:
    return msgspec.msgpack.Decoder(payload_type).decode


def _may_hold_non_finite(data: bytes) -> bool:
    return _NON_FINITE.search(data) is not None


class MsgpackCodec:
    """The codec `msgpack`.

    MessagePack keeps an aware datetime as an instant in UTC, so one at another offset doesn't
    come back equal and is refused when it is scheduled; ``json`` keeps the offset. A key that
    stands twice in one map isn't noticed: the last one counts.
    """

    @property
    def name(self) -> str:
        """``msgpack``."""
        return "msgpack"

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Make ready for one payload type.

        Args:
            payload_type: an attrs class, dataclass, msgspec Struct, TypedDict, NamedTuple, or
                any plain type or container that MessagePack can hold.

        Raises:
            UnsupportedPayload: values of this type wouldn't survive the trip.
        """
        reading = Reading(
            target=Format("MessagePack", text_keys=False),
            encode=msgspec.msgpack.Encoder().encode,
            decoder=_typed,
            raw=msgspec.msgpack.Decoder().decode,
            may_hold_non_finite=_may_hold_non_finite,
        )
        return bind(payload_type, reading)
