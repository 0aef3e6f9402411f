"""A msgspec codec bound to one payload type: strict in what it reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import frozen

from aide_de_camp.spi import DecodeError, EncodeError, UnsupportedPayload
from aide_de_camp_codecs._msgspec.shape import find_surplus
from aide_de_camp_codecs._msgspec.shaping import Format, Layout, lay_out
from aide_de_camp_codecs._msgspec.traps import refuse_traps
from aide_de_camp_codecs._msgspec.values import holds_non_finite, locate
from aide_de_camp_codecs._msgspec.words import decode_error, unwritable


class Encode(Protocol):
    """What writes a value."""

    def __call__(self, value: Any, /) -> bytes:
        """Write one value."""
        ...


@frozen
class Reading:
    """How a format is read.

    Attributes:
        target: the format.
        encode: writes a value.
        decoder: makes what reads a typed value.
        raw: reads the same bytes without a type, and raises DecodeError for a key given twice
            if the format's reader can tell.
        may_hold_non_finite: a quick look whether bytes may hold a NaN or an infinity.
    """

    target: Format
    encode: Encode
    decoder: Callable[[Any], Callable[[bytes], Any]]
    raw: Callable[[bytes], Any]
    may_hold_non_finite: Callable[[bytes], bool]


def bind(payload_type: Any, reading: Reading) -> BoundMsgspec:
    """Inspect a payload type and make a codec for it.

    Raises:
        UnsupportedPayload: values of the type wouldn't survive the trip.
    """
    refuse_traps(payload_type)
    layout = lay_out(payload_type, reading.target)
    try:
        decode = reading.decoder(payload_type)
    except Exception as error:
        raise UnsupportedPayload(
            "payload_type", f"msgspec can't take it: {error}; use a type that it can"
        ) from error
    name = getattr(payload_type, "__qualname__", None) or str(payload_type)
    return BoundMsgspec(reading, layout, decode, name)


class BoundMsgspec:
    """Encodes and decodes the payloads of one type."""

    __slots__ = ("_decode", "_encode", "_layout", "_non_finite", "_reading", "_type_name")

    def __init__(
        self,
        reading: Reading,
        layout: Layout,
        decode: Callable[[bytes], Any],
        type_name: str,
    ) -> None:
        self._reading = reading
        self._layout = layout
        self._encode = reading.encode
        self._decode = decode
        self._type_name = type_name
        self._non_finite = reading.may_hold_non_finite if layout.floats else None

    def encode(self, payload: Any) -> bytes:
        """Turn a payload into bytes.

        Raises:
            EncodeError: a part of it can't be written; the error names the part by its path,
                and shows nothing of its value.
        """
        try:
            return self._encode(payload)
        except Exception as error:  # noqa: BLE001 - whatever a payload's own code raises
            failed = self._encode_error(payload, error)
        # Outside the handler, so that no traceback quotes the payload through the first error.
        raise failed

    def decode(self, data: bytes) -> Any:
        """Turn stored bytes into a payload, strictly (clause DEC-4).

        Bytes that are just what encoding the payload gives can't hold anything else; only
        others (an older class, another writer, sets) are read once more to look for it.

        Raises:
            DecodeError: the bytes aren't exactly a payload of this type.
        """
        try:
            payload = self._decode(data)
            if self._written(payload) != data:
                self._refuse_surplus(data)
            if self._non_finite is not None and self._non_finite(data):
                self._refuse_non_finite(payload)
        except DecodeError:
            raise
        except Exception as error:  # noqa: BLE001 - DEC-4: whatever a codec raises
            failed = decode_error(
                error,
                title=self._reading.target.title,
                type_name=self._type_name,
                names=self._layout.names,
            )
        else:
            return payload
        raise failed

    def _written(self, value: Any) -> bytes | None:
        try:
            return self._encode(value)
        except Exception:  # noqa: BLE001 - whatever a payload's own code raises
            return None

    def _refuse_surplus(self, data: bytes) -> None:
        found = find_surplus(self._layout.shape, self._reading.raw(data))
        if found is not None:
            reason = "it holds a field that the type doesn't have"
            raise self._refusal(found.path, reason, found.words)

    def _refuse_non_finite(self, payload: Any) -> None:
        if holds_non_finite(payload):
            path, _ = locate(payload, holds_non_finite, self._layout.names)
            raise self._refusal(path, "a number isn't finite")

    def _refusal(self, path: str, reason: str, detail: str | None = None) -> DecodeError:
        where = "" if path == "$" else f" at {path}"
        title = self._reading.target.title
        return DecodeError(
            f"the bytes are no {title} of `{self._type_name}`{where}: {reason}",
            path=path,
            detail=detail,
        )

    def _encode_error(self, payload: Any, error: Exception) -> EncodeError:
        title = self._reading.target.title
        if isinstance(error, RecursionError):
            return EncodeError(f"the payload is nested too deeply for {title}, or within itself")
        path, value = locate(payload, self._fails, self._layout.names)
        return EncodeError(f"{path}: {unwritable(value, title)}", path=path)

    def _fails(self, value: Any) -> bool:
        return self._written(value) is None
