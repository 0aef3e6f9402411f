"""Put pydantic's errors into words that hold nothing of a payload (clause DEC-6)."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from typing import Final

from pydantic import ValidationError

from aide_de_camp.spi import DecodeError

_PLACE: Final = re.compile(r" at line (\d+) column (\d+)$")
_CODE: Final = re.compile(r"[a-z0-9_]+")


def decode_error(
    error: Exception, data: bytes, *, type_name: str, names: AbstractSet[str]
) -> DecodeError:
    """Turn what pydantic raised into a DecodeError.

    Args:
        error: what decoding raised.
        data: the bytes that were being decoded.
        type_name: the payload type's name.
        names: the field names of the payload type; nothing else gets into a path.

    Returns:
        The error to raise; pydantic's own words are its ``detail`` alone.
    """
    detail = f"{type(error).__name__}: {error}"
    if not isinstance(error, ValidationError):
        reason = (
            "it is nested too deeply"
            if isinstance(error, RecursionError)
            else f"decoding raised {type(error).__name__}"
        )
        return DecodeError(f"the bytes are no JSON of `{type_name}`: {reason}", detail=detail)
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    code = first["type"]
    if code == "json_invalid":
        return DecodeError(
            f"the bytes are no JSON of `{type_name}`: malformed or cut short",
            offset=_offset(first["msg"], data),
            detail=detail,
        )
    location = first["loc"][:-1] if code == "extra_forbidden" else first["loc"]
    path = "$" + "".join(_step(step, names) for step in location)
    where = "" if path == "$" else f" at {path}"
    # A class may make up codes of its own, so only one that looks like a code is shown.
    reason = code if _CODE.fullmatch(code) else "a value doesn't fit its type"
    return DecodeError(
        f"the bytes are no JSON of `{type_name}`{where}: {reason}", path=path, detail=detail
    )


def _step(step: int | str, names: AbstractSet[str]) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step in names else "[...]"


def _offset(message: str, data: bytes) -> int | None:
    """Turn pydantic's line and column, both from 1, into a byte position."""
    found = _PLACE.search(message)
    if found is None:
        return None
    before = data.split(b"\n")[: int(found[1]) - 1]
    return min(sum(len(line) + 1 for line in before) + max(int(found[2]) - 1, 0), len(data))
