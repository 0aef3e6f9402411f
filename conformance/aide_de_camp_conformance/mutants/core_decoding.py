"""Faults in the core: in how payloads are decoded, and what comes of those that can't be.

They replace one name of the core, for as long as they are applied.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any
from uuid import UUID

from attrs import evolve

from aide_de_camp.spi import (
    DecodeError,
    SettleKind,
    Settlement,
)
from aide_de_camp_conformance.mutants.mutant import broken_core

Any_ = Callable[..., Any]

# --- decoding -----------------------------------------------------------------------------------


def _decoding(
    on_error: Callable[[Any, DecodeError, bytes], Any],
) -> Callable[[Any_], Any_]:
    def replace(original: Any_) -> Any_:
        def decode(self: Any, job_type: Any, codec: str, data: bytes, job_id: UUID) -> Any:
            try:
                return original(self, job_type, codec, data, job_id)
            except DecodeError as error:
                return on_error(self, error, data)

        return decode

    return replace


@broken_core(
    "aide_de_camp.payloads.Payloads.decode",
    "CAN-6.decode",
    "DEC-1.poll",
    "DEC-1.runner",
    "DEC-2.kept",
    "DEC-2.retry",
    "DEC-3.behind",
    "DEC-4.codec",
    "DEC-4.cut",
    "DEC-4.json",
    "DEC-4.loads",
    "DEC-4.msgpack",
    "DEC-4.raises",
    "DEC-5.mended",
    "DEC-6.silent",
    "ERR-1.words",
)
def hands_on_the_bytes(original: Any_) -> Any_:
    """A payload that can't be decoded is handed on as it is."""
    return _decoding(lambda _self, _error, data: data)(original)


@broken_core("aide_de_camp.payloads.Payloads.decode", "DEC-3.behind", "DEC-4.raises")
def lets_errors_through(original: Any_) -> Any_:
    """What a codec raises and isn't an ordinary error comes through."""

    def unordinary(_self: Any, error: DecodeError, _data: bytes) -> Any:
        cause = error.__cause__
        if cause is None or isinstance(cause, (DecodeError, ValueError)):
            raise error
        raise cause

    return _decoding(unordinary)(original)


@broken_core("aide_de_camp.payloads.Payloads.decode", "DEC-6.silent")
def quotes_the_codec(original: Any_) -> Any_:
    """The message of a DecodeError quotes the codec's own words."""

    def quoting(_self: Any, error: DecodeError, _data: bytes) -> Any:
        raise DecodeError(
            f"{error} ({error.detail})",
            path=error.path,
            offset=error.offset,
            detail=error.detail,
            job_id=error.job_id,
        ) from error.__cause__

    return _decoding(quoting)(original)


@broken_core("aide_de_camp.payloads._PASS_THROUGH", "DEC-4.passes")
def catches_everything(original: Any) -> tuple[type[BaseException], ...]:
    """Also what is meant for the whole process becomes a DecodeError."""
    return ()


@broken_core("aide_de_camp.payloads.Payloads.decode", "DEC-4.codec")
def guesses_the_codec(original: Any_) -> Any_:
    """Where a codec isn't enabled the default one is tried."""

    def decode(self: Any, job_type: Any, codec: str, data: bytes, job_id: UUID) -> Any:
        known = codec if codec in self.codecs else self.default
        return original(self, job_type, known, data, job_id)

    return decode


@broken_core(
    "aide_de_camp.payloads.Payloads.decode",
    "DEC-4.codec",
    "DEC-4.cut",
    "DEC-4.msgpack",
    "DEC-7.codec",
)
def default_codec_decodes(original: Any_) -> Any_:
    """The queue's default codec decodes what json and msgpack wrote."""

    def decode(self: Any, job_type: Any, codec: str, data: bytes, job_id: UUID) -> Any:
        known = self.default if codec in ("json", "msgpack") else codec
        return original(self, job_type, known, data, job_id)

    return decode


@broken_core(
    "aide_de_camp.claiming.as_undecodable",
    "DEC-1.poll",
    "DEC-2.kept",
    "DEC-2.retry",
    "DEC-4.codec",
    "DEC-4.cut",
    "DEC-4.json",
    "DEC-4.msgpack",
    "DEC-5.mended",
)
def poll_raises(original: Any_) -> Any_:
    """`poll_next` raises the DecodeError."""

    def as_undecodable(job: Any, job_type: Any, error: DecodeError) -> Settlement:
        raise error

    return as_undecodable


@broken_core(
    "aide_de_camp.claiming.as_undecodable",
    "DEC-1.poll",
    "DEC-2.kept",
    "DEC-4.codec",
    "DEC-4.cut",
    "DEC-4.json",
    "DEC-4.msgpack",
)
def decode_failures_retry(original: Any_) -> Any_:
    """A decode failure is retried, whether or not that was asked for."""
    return lambda job, job_type, error: original(
        job, evolve(job_type, on_decode_error="retry"), error
    )


@broken_core("aide_de_camp.claiming.as_undecodable", "DEC-2.retry")
def decode_failures_die(original: Any_) -> Any_:
    """A decode failure is dead at once, whatever was asked for."""
    return lambda job, job_type, error: original(
        job, evolve(job_type, on_decode_error="dead"), error
    )


@broken_core(
    "aide_de_camp.runner.slots.as_undecodable",
    "DEC-1.runner",
    "DEC-3.behind",
    "DEC-4.loads",
    "DEC-4.raises",
    "DEC-6.silent",
)
def completes_the_undecodable(original: Any_) -> Any_:
    """A runner completes what it can't decode."""
    return lambda job, job_type, error: Settlement(job.id, job.token, SettleKind.COMPLETED)


@broken_core(
    "aide_de_camp.runner.slots.as_undecodable",
    "DEC-1.runner",
    "DEC-3.behind",
    "DEC-4.loads",
    "DEC-4.raises",
    "DEC-6.silent",
)
def slot_dies(original: Any_) -> Any_:
    """A runner's slot doesn't survive a payload that can't be decoded."""

    def as_undecodable(job: Any, job_type: Any, error: DecodeError) -> Settlement:
        raise RuntimeError

    return as_undecodable


@broken_core(
    "aide_de_camp_codecs._msgspec.bound.BoundMsgspec._refuse_surplus",
    "DEC-4.json",
    "DEC-4.msgpack",
    "DEC-6.silent",
)
def ignores_surplus(original: Any_) -> Any_:
    """Fields that a payload's type doesn't have are ignored."""
    return lambda self, data: None


@broken_core(
    "aide_de_camp_codecs._msgspec.bound.BoundMsgspec.decode",
    "DEC-4.cut",
    "DEC-4.json",
    "DEC-4.msgpack",
    "DEC-6.silent",
)
def mends_the_end(original: Any_) -> Any_:
    """Bytes that lack their end, or have too much of it, are mended."""

    def decode(self: Any, data: bytes) -> Any:
        for mended in (data, data + b"}", data + b'"}', data[:-1]):
            try:
                return original(self, mended)
            except DecodeError as error:
                failed = error
        raise failed

    return decode


@broken_core("aide_de_camp.payloads.Payloads.decode", "DEC-4.loads")
def loads_whatever_is_named(original: Any_) -> Any_:
    """A codec that a stored job names is imported, enabled or not."""

    def decode(self: Any, job_type: Any, codec: str, data: bytes, job_id: UUID) -> Any:
        if "." in codec:
            import_module(codec)
        return original(self, job_type, codec, data, job_id)

    return decode


@broken_core("aide_de_camp.payloads.Payloads.decode", "DEC-4.raises", "ERR-1.words")
def forgets_the_cause(original: Any_) -> Any_:
    """A DecodeError doesn't lead to what the codec raised."""

    def decode(self: Any, job_type: Any, codec: str, data: bytes, job_id: UUID) -> Any:
        try:
            return original(self, job_type, codec, data, job_id)
        except DecodeError as error:
            error.__cause__ = None
            raise

    return decode
