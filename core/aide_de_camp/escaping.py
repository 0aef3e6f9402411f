"""Error texts made storable, alike for every backend (clause RET-3)."""

from __future__ import annotations

import traceback as tracebacks
from typing import Final

from aide_de_camp.spi import (
    ERROR_MESSAGE_BYTES,
    ERROR_TRACEBACK_BYTES,
    DecodeError,
    ErrorRecord,
)

_CUT: Final = "\n[... {} bytes cut ...]\n"


def storable(text: str, limit: int) -> str:
    r"""Escape what some storage can't hold, and cut what is too long in the middle.

    Args:
        text: any string at all.
        limit: the most UTF-8 bytes of the result.

    Returns:
        The text with NUL and lone surrogates as ``\x00`` and ``\udc80``; where it was cut, the
        beginning and the end with a mark between them that says how many bytes are missing.
    """
    raw = text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace")
    if len(raw) <= limit:
        return raw.decode()
    room = limit - len(_CUT) - len(str(len(raw)))
    head, tail = raw[: room // 2], raw[len(raw) - room // 2 :]
    mark = _CUT.format(len(raw) - 2 * (room // 2))
    return head.decode(errors="ignore") + mark + tail.decode(errors="ignore")


def describe(error: BaseException) -> ErrorRecord:
    """Turn what ended an attempt into what is kept of it.

    Args:
        error: any exception; a DecodeError's own words stay apart (clause DEC-6).

    Returns:
        Its class, message and traceback, each cut to its limit.
    """
    try:
        message = str(error)
    except BaseException:  # noqa: BLE001 (a user's __str__ may raise anything; the job mustn't suffer)
        message = "(its message could not be read)"
    decode = error if isinstance(error, DecodeError) else None
    return ErrorRecord(
        type=storable(type(error).__qualname__, 256),
        message=storable(message, ERROR_MESSAGE_BYTES),
        # A decode failure's traceback is the codec's, and may quote the payload.
        traceback=None if decode else storable(_traceback_of(error), ERROR_TRACEBACK_BYTES),
        detail=storable(decode.detail, ERROR_MESSAGE_BYTES) if decode and decode.detail else None,
        path=storable(decode.path, 1_024) if decode and decode.path else None,
        offset=decode.offset if decode else None,
    )


def _traceback_of(error: BaseException) -> str:
    try:
        return "".join(tracebacks.format_exception(error))
    except BaseException:  # noqa: BLE001 (as above: formatting calls the user's __str__)
        return "(its traceback could not be read)"
