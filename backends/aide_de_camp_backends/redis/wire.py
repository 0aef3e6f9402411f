"""How records are written for the scripts, and read back."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from aide_de_camp.spi import ClaimedJob, JobRecord, JobState, NewJob
from aide_de_camp_backends._sql.codes import HELD, STATES
from aide_de_camp_backends._sql.errors import error_columns, read_error

_BIAS: Final = 1 << 63
_HEAD: Final = struct.Struct(">BBQQQIIIIIH")
_RUN: Final = struct.Struct(">QQIQBQ")
_LEVEL_0: Final = 127
"""The level of priority 0; the highest priority has level 0, so that it sorts first."""
_NO_LIMIT: Final = 0xFFFF_FFFF
"""Stands for a job without a limit of retries of its own."""


def number(value: int) -> bytes:
    """Write a whole number so that its bytes sort as it does.

    Args:
        value: any; what doesn't fit into 64 bits becomes the nearest that does.
    """
    return (max(-_BIAS + 1, min(_BIAS - 1, value)) + _BIAS).to_bytes(8, "big")


def text(value: str) -> bytes:
    """Write a text; a lone surrogate is no reason to lose a job."""
    return value.encode("utf-8", "surrogatepass")


def read_text(value: bytes) -> str:
    """Read what :func:`text` wrote."""
    return value.decode("utf-8", "surrogatepass")


def optional_text(value: str | None) -> bytes:
    """Write a text or None: empty, or a plus sign and the text."""
    return b"" if value is None else b"+" + text(value)


def head_of(job: NewJob) -> bytes:
    """Write a new job's head; the script fills in the times that it decides."""
    codec = text(job.codec)
    fixed = _HEAD.pack(
        0,
        _LEVEL_0 - job.priority,
        (job.scheduled_at or 0) + _BIAS,
        _BIAS,
        _BIAS,
        0,
        0,
        0,
        len(job.payload),
        _NO_LIMIT if job.max_retries is None else job.max_retries,
        len(codec),
    )
    return fixed + codec + text(job.job_type)


def held_head_of(job: JobRecord) -> bytes:
    """Write the head of a job that another storage holds; it is held here too."""
    codec = text(job.codec)
    fixed = _HEAD.pack(
        HELD,
        _LEVEL_0 - job.priority,
        job.scheduled_at + _BIAS,
        job.enqueued_at + _BIAS,
        job.token + _BIAS,
        job.claims,
        job.retries,
        job.snoozes,
        len(job.payload or b""),
        _NO_LIMIT if job.max_retries is None else job.max_retries,
        len(codec),
    )
    return fixed + codec + text(job.job_type)


def run_of(job: JobRecord) -> bytes:
    """Write what attempts and ends brought to a job that another storage holds; empty if none.

    What only repeats of earlier calls would ask for stays behind: they ask where they asked first.
    """
    if not job.claims and job.finished_at is None:
        return b""
    started, finished = (
        0 if moment is None else moment + _BIAS for moment in (job.started_at, job.finished_at)
    )
    worker = text(job.worker or "")
    fixed = _RUN.pack(started, 0, 0, 0, 0, finished)
    return fixed + b"\0\0\0" + len(worker).to_bytes(2, "big") + worker + optional_text(job.reason)


def error_of(job: JobRecord) -> bytes:
    """Write the last error of a job that another storage holds; empty if there was none."""
    shown, detail = error_columns(job.error)
    if shown is None or job.error_at is None:
        return b""
    first = shown.encode()
    return number(job.error_at) + len(first).to_bytes(4, "big") + first + (detail or "").encode()


def read_number(value: bytes) -> int:
    """Read what :func:`number` wrote."""
    return int.from_bytes(value, "big") - _BIAS


def claimed(job_id: UUID, head: bytes, most: int, ends: bytes, payload: bytes) -> ClaimedJob:
    """Read one job that a claim hands out."""
    (_, level, due, enqueued, token, claims, retries, snoozes, _, _, size) = _HEAD.unpack_from(head)
    names = _HEAD.size + size
    # The fields by place: by name they take half as long again.
    return ClaimedJob(
        job_id,
        read_text(head[names:]),
        payload,
        read_text(head[_HEAD.size : names]),
        _LEVEL_0 - level,
        due - _BIAS,
        enqueued - _BIAS,
        token - _BIAS,
        claims,
        retries,
        snoozes,
        most,
        read_number(ends),
    )


def record(queue: str, job_id: UUID, parts: Sequence[bytes | None]) -> JobRecord | None:
    """Read all that is stored of one job; None where nothing is.

    Args:
        queue: the queue's name.
        job_id: the job's id.
        parts: its head, which is there from the first; its run, that is what attempts and ends
            bring; its last error; its payload, left out in listings.
    """
    head, run, error, *payloads = parts
    if head is None:
        return None
    code, level, due, enqueued, token, claims, retries, snoozes, length, most, size = (
        _HEAD.unpack_from(head)
    )
    names = _HEAD.size + size
    after = _Run.read(run)
    state = STATES.get(code)
    shown, detail = _error_texts(error)
    return JobRecord(
        id=job_id,
        queue=queue,
        job_type=read_text(head[names:]),
        codec=read_text(head[_HEAD.size : names]),
        payload=payloads[0] if payloads else None,
        payload_size=length,
        priority=_LEVEL_0 - level,
        state=JobState.DEAD if state is None else state,
        scheduled_at=due - _BIAS,
        enqueued_at=enqueued - _BIAS,
        started_at=after.started_at,
        finished_at=after.finished_at,
        claims=claims,
        retries=retries,
        snoozes=snoozes,
        max_retries=None if most == _NO_LIMIT else most,
        token=token - _BIAS,
        lease_until=after.lease_until,
        worker=after.worker if claims else None,
        reason=f"unknown state {code}" if state is None else after.reason,
        error=read_error(shown, detail),
        error_at=None if error is None else read_number(error[:8]),
    )


class _Run:
    """What attempts and ends bring, read."""

    __slots__ = ("finished_at", "lease_until", "reason", "started_at", "worker")

    def __init__(self) -> None:
        self.started_at: int | None = None
        self.lease_until: int | None = None
        self.finished_at: int | None = None
        self.worker: str | None = None
        self.reason: str | None = None

    @classmethod
    def read(cls, packed: bytes | None) -> _Run:
        run = cls()
        if packed is None:
            return run
        started, ends, _, _, _, finished = _RUN.unpack_from(packed)
        run.started_at, run.lease_until, run.finished_at = map(_moment, (started, ends, finished))
        behind = _RUN.size
        for _ in range(3):  # what repeats of earlier calls ask for, which nobody reads back
            behind += 1 + packed[behind]
        size = int.from_bytes(packed[behind : behind + 2], "big")
        behind += 2
        run.worker = read_text(packed[behind : behind + size])
        reason = packed[behind + size :]
        run.reason = read_text(reason[1:]) if reason else None
        return run


def _moment(value: int) -> int | None:
    return value - _BIAS if value else None


def _error_texts(error: bytes | None) -> tuple[str | None, str | None]:
    if error is None:
        return (None, None)
    size = int.from_bytes(error[8:12], "big")
    shown, detail = error[12 : 12 + size], error[12 + size :]
    return (shown.decode(), detail.decode() or None)


def in_groups(flat: Sequence[Any], size: int) -> list[Sequence[Any]]:
    """Cut a flat list into groups of so many."""
    return [flat[i : i + size] for i in range(0, len(flat), size)]
