"""Registers the codec `json`."""

from __future__ import annotations

from aide_de_camp.spi import CodecDescriptor, hookimpl
from aide_de_camp_codecs.json.codec import JsonCodec


@hookimpl
def adc_codecs() -> list[CodecDescriptor]:
    """Offer the codec."""
    return [
        CodecDescriptor(
            name="json",
            spi=(0, 1),
            factory=JsonCodec,
            data_only=True,
            summary="JSON by msgspec: attrs, dataclasses, Structs and plain types, strictly",
        )
    ]
