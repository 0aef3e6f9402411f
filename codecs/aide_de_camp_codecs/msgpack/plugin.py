"""Registers the codec `msgpack`."""

from __future__ import annotations

from aide_de_camp.spi import CodecDescriptor, hookimpl
from aide_de_camp_codecs.msgpack.codec import MsgpackCodec


@hookimpl
def adc_codecs() -> list[CodecDescriptor]:
    """Offer the codec."""
    return [
        CodecDescriptor(
            name="msgpack",
            spi=(0, 1),
            factory=MsgpackCodec,
            data_only=True,
            summary="MessagePack by msgspec: the same payloads as json, in fewer bytes",
        )
    ]
