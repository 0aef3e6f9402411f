"""Faults in how strictly a codec reads."""

from __future__ import annotations

import json
import struct
from typing import Any, get_type_hints

import msgspec

from aide_de_camp.spi import BoundCodec, DecodeError
from aide_de_camp_conformance.codec_mutants.broken import Broken, killed_by


@killed_by("COD-2.threads", "DEC-4.prefix")
class ClosesWhatIsOpen(Broken):
    """What lacks its last brace is read as if it were there."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, or try with one more brace."""
        try:
            return super().decode(ready, form, data)
        except DecodeError:
            return super().decode(ready, form, data + b"}")


@killed_by("DEC-4.surplus")
class StopsAtTheEnd(Broken):
    """It reads one payload, and doesn't look whether that is all."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, or try what stands before the second brace."""
        try:
            return super().decode(ready, form, data)
        except DecodeError:
            end = data.find(b"}") + 1
            if not 0 < end < len(data):
                raise
            return super().decode(ready, form, data[:end])


@killed_by("DEC-4.hostile")
class TakesASpace(Broken):
    """Bytes that say nothing are read as None, whatever the type."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode what isn't a space."""
        return None if data == b" " else super().decode(ready, form, data)


@killed_by("DEC-4.damaged", "DEC-4.foreign", "DEC-4.hostile", "DEC-4.surplus")
class RaisesUnicodeErrors(Broken):
    """What isn't UTF-8 is refused by whatever Python raises."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode text first."""
        data.decode()
        return super().decode(ready, form, data)


@killed_by("DEC-4.damaged")
class TrustsLengths(Broken):
    """A length that is forged is an error of its library."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, but stumble over a length."""
        if b"\x0f\xff\xff\xff" in data:
            raise struct.error("unpack requires more bytes")
        return super().decode(ready, form, data)


@killed_by("DEC-4.foreign")
class ReadsForms(Broken):
    """What another codec wrote is read as well as can be."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, or read it as a form."""
        try:
            return super().decode(ready, form, data)
        except DecodeError:
            if not data.startswith(b"number=7&"):
                raise
            return super().decode(ready, form, b'{"number":7,"note":""}')


@killed_by("DEC-4.crossed")
class CountsBools(Broken):
    """A bool is as good as a number."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, with numbers for bools."""
        numbers = {b"true": b"1", b"false": b"0"}
        return super().decode(ready, form, numbers.get(data, data) if form is int else data)


@killed_by("DEC-4.wrong_type")
class Converts(Broken):
    """A value of another type is converted where it can be."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, converting text to numbers."""
        try:
            return super().decode(ready, form, data)
        except DecodeError:
            if b'"number":"7"' not in data:
                raise
            return super().decode(ready, form, data.replace(b'"7"', b"7"))


@killed_by("DEC-4.missing", "DEC-4.queued")
class MakesUpWhatIsMissing(Broken):
    """A missing field is empty."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, and fill up."""
        try:
            return super().decode(ready, form, data)
        except DecodeError:
            fields = _fields(data)
            if fields.keys() == {"title"}:
                fields = {"number": 0, "note": ""}
            elif "number" in fields and "note" not in fields:
                fields["note"] = ""
            else:
                raise
            return super().decode(ready, form, json.dumps(fields).encode())


@killed_by("DEC-4.unknown")
class PassesOverWhatItDoesNotKnow(Broken):
    """A field that the class doesn't have is passed over."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, and if need be as the library does."""
        try:
            return super().decode(ready, form, data)
        except DecodeError as error:
            if "field that the type doesn't have" not in str(error):
                raise
            return msgspec.json.decode(data, type=form)


@killed_by("DEC-4.older")
class FillsWithZeros(Broken):
    """A field that an older class didn't know is nothing, whatever its default."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, and forget the default."""
        back = super().decode(ready, form, data)
        if b'"price"' in data or not isinstance(form, type) or form.__name__ != "Order":
            return back
        if "price" not in get_type_hints(form) or "note" not in _fields(data):
            return back
        fields = {**_fields(data), "price": 0.0}
        return super().decode(ready, form, json.dumps(fields).encode())


def _fields(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
