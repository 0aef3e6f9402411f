"""Faults in what a codec says, and in what it lets happen."""

from __future__ import annotations

import contextlib
import importlib
import logging
import pickle
from typing import Any

from aide_de_camp.spi import BoundCodec, DecodeError
from aide_de_camp_conformance.codec_mutants.broken import Broken, killed_by


@killed_by("DEC-6.decoding", "DEC-6.logs")
class QuotesTheBytes(Broken):
    """A DecodeError quotes what could not be read."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, and quote."""
        try:
            return super().decode(ready, form, data)
        except DecodeError as error:
            raise DecodeError(f"{error}: {data[:80]!r}") from None


@killed_by("DEC-6.decoding")
class ChainsTheLibrary(Broken):
    """A DecodeError is raised from the library's own, which quotes the bytes."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, and say what the error came of."""
        try:
            return super().decode(ready, form, data)
        except DecodeError as error:
            raise DecodeError(str(error)) from ValueError(repr(data))


@killed_by("DEC-6.decoding", "DEC-6.logs")
class ShowsKeysInPaths(Broken):
    """The path of a DecodeError holds the keys of mappings."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, and name the first key."""
        try:
            return super().decode(ready, form, data)
        except DecodeError as error:
            raise DecodeError(str(error), path=f"$.{data[:60].decode('latin-1')}") from None


@killed_by("DEC-6.logs")
class LogsWhatItReads(Broken):
    """What it reads is logged, for those who debug."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Log, and decode."""
        logging.getLogger("mine").debug("decoding %r", data)
        return super().decode(ready, form, data)


@killed_by("ERR-1.passes")
class StopsForNobody(Broken):
    """Whatever is raised is a DecodeError, also what was to stop the program."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, and catch all."""
        try:
            return super().decode(ready, form, data)
        except DecodeError:
            raise
        except BaseException as error:  # noqa: BLE001 (the fault)
            raise DecodeError(f"decoding raised {type(error).__name__}") from None


@killed_by("COD-4.inert")
class ImportsWhatItReads(Broken):
    """A class that the bytes name is imported and made."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, and build what it names."""
        back = super().decode(ready, form, data)
        if isinstance(back, dict) and "__module__" in back and form is Any:
            return getattr(importlib.import_module(back["__module__"]), back["__class__"])()
        return back


@killed_by("COD-4.inert")
class Unpickles(Broken):
    """What isn't JSON may be a pickle, from the time before."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, or unpickle."""
        try:
            return super().decode(ready, form, data)
        except DecodeError:
            if data.endswith(b"R."):
                with contextlib.suppress(Exception):
                    pickle.loads(data)  # noqa: S301 (the fault)
            raise


@killed_by("COD-4.inert")
class Evaluates(Broken):
    """What isn't JSON may be Python."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode, or evaluate."""
        try:
            return super().decode(ready, form, data)
        except DecodeError:
            if data.startswith(b"__import__("):
                eval(data)  # noqa: S307 (the fault)
            raise


@killed_by("COD-5.bounded")
class MakesRoomFirst(Broken):
    """It makes room for as much as the bytes say that there is."""

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Believe a length, and decode."""
        if data[:4] == b"\x0f\xff\xff\xff":
            bytearray(int.from_bytes(data[:4], "big"))
        return super().decode(ready, form, data)
