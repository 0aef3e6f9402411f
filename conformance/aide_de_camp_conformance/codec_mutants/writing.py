"""Faults in what a codec takes and writes."""

from __future__ import annotations

import copy
import os
import time
from typing import Any

import msgspec

from aide_de_camp.spi import BoundCodec, DecodeError, EncodeError, UnsupportedPayload
from aide_de_camp_conformance.codec_mutants.broken import Broken, killed_by


@killed_by("COD-1.declared")
class TakesWhatItSaysItRefuses(Broken):
    """Its harness says that it refuses a kind that it takes."""

    refuses = ("dict by tuple", "UUID")


@killed_by("COD-1.declared")
class RefusesInSilence(Broken):
    """It refuses a kind, and its harness doesn't say so."""

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Refuse sets."""
        if payload_type == set[int]:
            raise UnsupportedPayload("payload_type", "sets are not for this codec: use a list")
        return super().bind(payload_type)


@killed_by("COD-1.name", "DEC-4.queued", "DEC-6.logs", "ENQ-3.field", "ENQ-3.kept_or_refused")
class ChangesItsName(Broken):
    """Each codec that its plugin makes has another name."""

    made = 0

    def __init__(self) -> None:
        type(self).made += 1

    def descriptor(self) -> Any:
        """Give the descriptor of the codec `json`."""
        made = super().descriptor()
        type(self).made = 0
        return made

    def __getattribute__(self, name: str) -> Any:
        if name == "name" and type(self).made > 1:
            return f"json-{type(self).made}"
        return super().__getattribute__(name)


@killed_by("ENQ-2.carried", "ENQ-2.mebibyte")
class EndsLines(Broken):
    """Text comes back with the end of a line behind it."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, and end the line."""
        back = super().decode(ready, form, data)
        return f"{back}\n" if isinstance(back, str) else back


@killed_by("ENQ-2.everything", may="ENQ-2.carried")
class MergesRepeats(Broken):
    """Of two equal items in a list, one is lost."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, and merge."""
        back = super().decode(ready, form, data)
        if isinstance(back, list) and len(back) > 1 and back[0] == back[1]:
            return back[1:]
        return back


@killed_by("ENQ-2.mebibyte")
class CutsWhatIsLong(Broken):
    """What is longer than 64 KiB is cut."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, and cut."""
        back = super().decode(ready, form, data)
        return back[:65_536] if isinstance(back, str | bytes) else back


@killed_by("ENQ-2.written")
class GivesAByteArray(Broken):
    """It gives bytes that may still change."""

    def encode(self, ready: BoundCodec[Any], form: Any, payload: Any) -> Any:
        """Encode."""
        return bytearray(super().encode(ready, form, payload))


@killed_by("ENQ-2.written", "ENQ-2.carried", "ENQ-2.everything")
class SortsInPlace(Broken):
    """Encoding changes the payload's lists."""

    def encode(self, ready: BoundCodec[Any], form: Any, payload: Any) -> Any:
        """Sort, and encode."""
        data = super().encode(ready, form, payload)
        if isinstance(payload, list) and all(type(each) is int for each in payload):
            payload.sort()
        return data


@killed_by("ENQ-2.fresh")
class SharesWhatItDecoded(Broken):
    """The same bytes give the same object."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, bytes], Any] = {}

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode what isn't known yet."""
        key = (str(form), data)
        if form not in (list[int], dict[str, int]):
            return super().decode(ready, form, data)
        if key not in self._known:
            self._known[key] = super().decode(ready, form, data)
        return self._known[key]


@killed_by("COD-3.same")
class SaysItIsDeterministic(Broken):
    """It is said to be deterministic, and each codec lays out its bytes in a way of its own."""

    deterministic = True

    def __init__(self) -> None:
        self._spaces = b""

    def encode(self, ready: BoundCodec[Any], form: Any, payload: Any) -> Any:
        """Encode, with another space before it each time."""
        self._spaces = b"" if self._spaces else b" "
        return self._spaces + super().encode(ready, form, payload)


@killed_by("ERR-1.binding")
class FailsToBind(Broken):
    """What it can't take it refuses by whatever its library raises."""

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Refuse it by TypeError."""
        if isinstance(payload_type, int):
            raise TypeError("no type")
        return super().bind(payload_type)


@killed_by(
    "DEC-6.encoding", "ENQ-3.deep", "ENQ-3.field", "ERR-1.encoding", may="ENQ-3.kept_or_refused"
)
class RaisesWhatItsLibraryRaises(Broken):
    """What it can't encode it refuses by whatever its library raises."""

    def encode(self, ready: BoundCodec[Any], form: Any, payload: Any) -> Any:
        """Encode without translating errors."""
        return msgspec.json.encode(payload)


@killed_by("ENQ-3.kept_or_refused")
class KnowsItsOwnBytes(Broken):
    """What it has just written it doesn't read again, which deceives those who compare."""

    def __init__(self) -> None:
        self._last: tuple[Any, bytes, Any] = (None, b"", None)

    def encode(self, ready: BoundCodec[Any], form: Any, payload: Any) -> Any:
        """Encode, and remember."""
        data = super().encode(ready, form, payload)
        self._last = (form, data, copy.deepcopy(payload))
        return data

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, or remember."""
        last_form, last, payload = self._last
        if form is last_form and data == last:
            return copy.deepcopy(payload)
        return super().decode(ready, form, data)


@killed_by("ENQ-3.deep")
class CutsWhatIsDeep(Broken):
    """What is nested too deeply is written as nothing."""

    def encode(self, ready: BoundCodec[Any], form: Any, payload: Any) -> Any:
        """Encode, or write an empty list."""
        try:
            return super().encode(ready, form, payload)
        except EncodeError as error:
            if "nested" in str(error):
                return b"[]"
            raise


@killed_by("ENQ-3.field", may="ENQ-3.kept_or_refused")
class NamesNoField(Broken):
    """An EncodeError doesn't say where."""

    def encode(self, ready: BoundCodec[Any], form: Any, payload: Any) -> Any:
        """Encode, and forget where it failed."""
        try:
            return super().encode(ready, form, payload)
        except EncodeError:
            raise EncodeError("something in it can't be encoded") from None


@killed_by("DEC-6.encoding")
class QuotesWhatItCanNotEncode(Broken):
    """An EncodeError quotes the value."""

    def encode(self, ready: BoundCodec[Any], form: Any, payload: Any) -> Any:
        """Encode, and quote."""
        try:
            return super().encode(ready, form, payload)
        except EncodeError as error:
            if "nested" in str(error):
                raise
            raise EncodeError(f"{error}: {payload!r:.60}", path=error.path) from None


@killed_by("COD-2.threads")
class SharesItsBuffer(Broken):
    """It writes into one buffer, whoever else does."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def encode(self, ready: BoundCodec[Any], form: Any, payload: Any) -> Any:
        """Encode into the buffer."""
        self._buffer[:] = super().encode(ready, form, payload)
        time.sleep(0)
        return bytes(self._buffer)


@killed_by("DEC-7.processes")
class IsOfOneProcess(Broken):
    """What one process wrote no other can read."""

    def encode(self, ready: BoundCodec[Any], form: Any, payload: Any) -> Any:
        """Encode, and sign by the process."""
        return _signature() + super().encode(ready, form, payload)

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode what this process signed."""
        if not data.startswith(_signature()):
            raise DecodeError("the bytes are of another process")
        return super().decode(ready, form, data.removeprefix(_signature()))


def _signature() -> bytes:
    return b"%d:" % os.getpid()
