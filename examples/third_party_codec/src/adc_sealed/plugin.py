"""Registers the codec; keys are read when it is made."""

from __future__ import annotations

from importlib import metadata

from adc_sealed.codec import NAME, SealedCodec
from adc_sealed.keys import KeyRing
from aide_de_camp.spi import Codec, CodecDescriptor, PluginNotFound, hookimpl

_INNER = "json"


def _inner() -> Codec:
    # By its entry point, as the core finds it: where it is imported from is its own affair.
    for point in metadata.entry_points(group="aide_de_camp.codecs", name=_INNER):
        for descriptor in point.load().adc_codecs():
            if descriptor.name == _INNER:
                codec: Codec = descriptor.factory()
                return codec
    raise PluginNotFound(_INNER, f"codec {NAME!r} needs codec {_INNER!r}, which isn't installed")


def _make() -> Codec:
    return SealedCodec(_inner(), KeyRing.from_environment())


@hookimpl
def adc_codecs() -> list[CodecDescriptor]:
    """Offer the codec."""
    return [
        CodecDescriptor(
            name=NAME,
            spi=(0, 1),
            factory=_make,
            data_only=True,
            summary="JSON encrypted by AES-256-GCM; keys from ADC_SEALED_KEYS",
        )
    ]
