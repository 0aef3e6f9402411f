"""Registers the codec `pydantic`; pydantic itself is imported when the codec is made."""

from __future__ import annotations

from aide_de_camp.spi import Codec, CodecDescriptor, hookimpl


def _make() -> Codec:
    # Imported late, so that this codec can be listed where pydantic isn't installed.
    from aide_de_camp_codecs.pydantic.codec import PydanticCodec  # noqa: PLC0415 - see above

    return PydanticCodec()


@hookimpl
def adc_codecs() -> list[CodecDescriptor]:
    """Offer the codec."""
    return [
        CodecDescriptor(
            name="pydantic",
            spi=(0, 1),
            factory=_make,
            data_only=True,
            summary="JSON by pydantic: models and pydantic dataclasses, strictly",
            extra="pydantic",
        )
    ]
