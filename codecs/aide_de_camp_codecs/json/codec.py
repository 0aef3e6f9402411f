"""Payloads as JSON, by msgspec."""

from __future__ import annotations

from typing import Any

import msgspec

from aide_de_camp.spi import BoundCodec
from aide_de_camp_codecs._json.raw import raw_json
from aide_de_camp_codecs._msgspec.bound import Reading, bind
from aide_de_camp_codecs._msgspec.shaping import Format


def _typed(payload_type: Any) -> Any:
    return msgspec.json.Decoder(payload_type).decode


def _never(_: bytes) -> bool:
    return False


class JsonCodec:
    """The codec `json`."""

    @property
    def name(self) -> str:
        """``json``."""
        return "json"

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Make ready for one payload type.

        Args:
            payload_type: an attrs class, dataclass, msgspec Struct, TypedDict, NamedTuple, or
                any plain type or container that JSON can hold.

        Raises:
            UnsupportedPayload: values of this type wouldn't survive the trip.
        """
        reading = Reading(
            target=Format("JSON", text_keys=True),
            encode=msgspec.json.Encoder().encode,
            decoder=_typed,
            raw=raw_json,
            may_hold_non_finite=_never,
        )
        return bind(payload_type, reading)
