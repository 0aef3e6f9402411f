"""Payloads to bytes and back, by the codecs that a queue has enabled (clauses ENQ-3, DEC)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from attrs import field, frozen

from aide_de_camp.difference import first_difference
from aide_de_camp.job_type import JobType
from aide_de_camp.part_types import types_at
from aide_de_camp.spi import (
    BoundCodec,
    Codec,
    ConfigurationError,
    DecodeError,
    EncodeError,
    PayloadTooLarge,
    UnsupportedPayload,
)

P = TypeVar("P")

_PASS_THROUGH = (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError)
"""What is never a decode failure, whatever a codec does (clause DEC-4)."""


@frozen(eq=False)
class Payloads:
    """The codecs of one queue.

    Only these are ever used: a codec's name that is found in the storage selects among them,
    and never has anything loaded.

    Attributes:
        default: the name of the codec for job types that name none.
        codecs: the enabled codecs by name.
        limit: the most bytes that an encoded payload may have, 1 or more.
    """

    default: str
    codecs: Mapping[str, Codec]
    limit: int
    _bound: dict[tuple[Any, str], BoundCodec[Any]] = field(
        init=False, factory=dict[tuple[Any, str], BoundCodec[Any]]
    )

    def register(self, job_type: JobType[Any]) -> None:
        """Make ready for a job type, so that what can't work is refused now.

        Raises:
            ConfigurationError: its codec isn't enabled on this queue.
            UnsupportedPayload: its payload type can't be carried faithfully.
        """
        self._bind(job_type, job_type.codec or self.default)

    def encode(self, job_type: JobType[P], payload: P, job_id: UUID) -> tuple[bytes, str]:
        """Encode a payload, and check that it comes back equal.

        Returns:
            The bytes, and the name of the codec that wrote them.

        Raises:
            EncodeError: it can't be encoded, or would come back different; names the field, its
                declared type and the given one.
            PayloadTooLarge: it has more bytes than the queue takes.
            ConfigurationError: as :meth:`register`.
        """
        name = job_type.codec or self.default
        bound = self._bind(job_type, name)
        data = self._encode(bound, job_type, payload, job_id)
        if len(data) > self.limit:
            raise PayloadTooLarge(
                f"the payload of job {job_id} ({job_type.name}) has {len(data):,} bytes, "
                f"and the queue takes {self.limit:,}: store the data elsewhere and schedule a "
                "reference to it, or raise payload_limit",
                job_id=job_id,
            )
        try:
            back = bound.decode(data)
        except Exception as error:
            path = error.path if isinstance(error, DecodeError) else None
            where = path if isinstance(path, str) and path else "$"
            raise EncodeError(
                f"the payload of job {job_id} ({job_type.name}) can't be scheduled: {where}"
                f"{_types(job_type, payload, where)} would not come back from codec {name!r}; "
                "check that its value has the declared type",
                path=where,
                job_id=job_id,
            ) from error
        different = first_difference(payload, back)
        if different is not None:
            raise EncodeError(
                f"the payload of job {job_id} ({job_type.name}) can't be scheduled: {different}"
                f"{_types(job_type, payload, different)} would come back different from codec "
                f"{name!r}; use a type that it carries",
                path=different,
                job_id=job_id,
            )
        return data, name

    def decode(self, job_type: JobType[P], codec: str, data: bytes, job_id: UUID) -> P:
        """Decode stored bytes with the codec that wrote them (clause DEC-7).

        Raises:
            DecodeError: whatever goes wrong with it (clause DEC-4).
        """
        if codec not in self.codecs:
            raise DecodeError(
                f"{_undecodable(job_type, job_id)}: codec {codec!r} isn't enabled on this queue; "
                "enable it where the queue is opened, then requeue the job",
                job_id=job_id,
            )
        try:
            return self._bind(job_type, codec).decode(data)  # type: ignore[no-any-return]
        except _PASS_THROUGH:
            raise
        except DecodeError as error:
            what = _undecodable(job_type, job_id)
            raise DecodeError(
                f"{what} by codec {codec!r}: {_words_of(error) or 'it does not say why'}",
                # Whatever a codec put into it: a stranger's need not be of these types.
                path=error.path if isinstance(error.path, str) else None,
                offset=error.offset if isinstance(error.offset, int) else None,
                detail=error.detail if isinstance(error.detail, str) else None,
                job_id=job_id,
            ) from error
        except BaseException as error:
            raise DecodeError(
                f"{_undecodable(job_type, job_id)}: codec {codec!r} raised {type(error).__name__}",
                detail=_words_of(error),
                job_id=job_id,
            ) from error

    def _encode(
        self, bound: BoundCodec[Any], job_type: JobType[Any], payload: Any, job_id: UUID
    ) -> bytes:
        try:
            return bound.encode(payload)
        except EncodeError as error:
            what = _unencodable(job_type, job_id)
            words = _words_of(error) or "it does not say why"
            types = _types(job_type, payload, error.path)
            raise EncodeError(f"{what}: {words}{types}", path=error.path, job_id=job_id) from error
        except Exception as error:
            raise EncodeError(
                f"{_unencodable(job_type, job_id)}: the codec raised {type(error).__name__}",
                job_id=job_id,
            ) from error

    def _bind(self, job_type: JobType[Any], codec: str) -> BoundCodec[Any]:
        # By the payload's type: job types made on the fly must not pile up here.
        key = (job_type.payload_type, codec)
        try:
            bound = self._bound.get(key)
        except TypeError:
            # Annotated with something that has no hash: it is bound anew each time.
            return self._bind_anew(job_type, codec)
        if bound is None:
            bound = self._bound[key] = self._bind_anew(job_type, codec)
        return bound

    def _bind_anew(self, job_type: JobType[Any], codec: str) -> BoundCodec[Any]:
        found = self.codecs.get(codec)
        if found is None:
            raise ConfigurationError(
                "codec",
                f"job type {job_type.name!r} wants codec {codec!r}, which isn't enabled on "
                f"this queue (enabled: {', '.join(sorted(self.codecs))}); enable it with "
                f"open_queue(..., codecs=[..., {codec!r}])",
            )
        try:
            return found.bind(job_type.payload_type)
        except UnsupportedPayload as error:
            raise UnsupportedPayload(
                f"payload of job type {job_type.name!r}", str(error)
            ) from error


def _undecodable(job_type: JobType[Any], job_id: UUID) -> str:
    return f"the payload of job {job_id} ({job_type.name}) can't be decoded"


def _unencodable(job_type: JobType[Any], job_id: UUID) -> str:
    return f"the payload of job {job_id} ({job_type.name}) can't be encoded"


def _types(job_type: JobType[Any], payload: object, path: object) -> str:
    """Name the declared and the given type of a part, as far as they are known."""
    if not isinstance(path, str):
        return ""  # a stranger's codec may put anything there
    declared, given = types_at(job_type.payload_type, payload, path)
    known = [
        f"{what} `{name}`" for what, name in (("declared", declared), ("given", given)) if name
    ]
    return f" ({', '.join(known)})" if known else ""


def _words_of(error: BaseException) -> str | None:
    try:
        return str(error)
    except _PASS_THROUGH:
        raise
    except BaseException:  # noqa: BLE001 (a hostile codec's error may not even have words)
        return None
