"""Put what went wrong into words that hold nothing of a payload (clause DEC-6)."""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from aide_de_camp.spi import DecodeError

_AT: Final = re.compile(r" - at (?:`key` in )?`(\$[^`]*)`$")
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[\d+\]|\[\.\.\.\]")
_BYTE: Final = re.compile(r" \(byte (\d+)\)$")
_TYPES: Final = re.compile(r"Expected `[\w.| ]+`, got `[\w.]+`")
_MISSING: Final = re.compile(r"Object missing required field `([^`]*)`")
_PLAIN: Final = (
    "Integer value out of range",
    "Invalid base64 encoded string",
    "Invalid decimal string",
    "Invalid ISO8601 duration",
    "Invalid MessagePack timestamp",
    "Invalid RFC3339 encoded date",
    "Invalid RFC3339 encoded datetime",
    "Invalid RFC3339 encoded time",
    "Invalid UUID",
    "Number out of range",
)
_BY_START: Final = {
    "Expected ": "a value breaks a constraint of its type",
    "Invalid enum value": "a value is none of those that its enum or Literal allows",
    "Invalid value": "a tag is none of those that the type allows",
    "Object contains unknown field": "it holds a field that the type doesn't have",
}


def decode_error(
    error: Exception, *, title: str, type_name: str, names: AbstractSet[str]
) -> DecodeError:
    """Turn what msgspec raised into a DecodeError.

    Args:
        error: what decoding raised.
        title: the format's name.
        type_name: the payload type's name.
        names: the field names of the payload type; no other name gets into the message.

    Returns:
        The error to raise. msgspec's own words, which may quote the payload, are its ``detail``
        alone; it shouldn't be raised ``from`` the original, whose text a traceback would show.
    """
    text = str(error)
    path = _path(text, names) if isinstance(error, msgspec.ValidationError) else None
    byte = _BYTE.search(text) if type(error) is msgspec.DecodeError else None
    reason = _reason(error, _AT.sub("", text), names)
    where = f" at {path}" if path and path != "$" else ""
    return DecodeError(
        f"the bytes are no {title} of `{type_name}`{where}: {reason}",
        path=path,
        offset=int(byte[1]) if byte else None,
        detail=f"{type(error).__name__}: {text}",
    )


def _path(text: str, names: AbstractSet[str]) -> str | None:
    """Read the path out of msgspec's message, unless a value in it only looks like one."""
    found = _AT.search(text)
    if found is None:
        return "$"
    path = found[1]
    position = 1
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None or (step[1] is not None and step[1] not in names):
            return None
        position = step.end()
    return path


def _reason(error: Exception, head: str, names: AbstractSet[str]) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, UnicodeError):
        return "it holds text that isn't UTF-8"
    if isinstance(error, msgspec.ValidationError):
        return _validation(error, head, names)
    if isinstance(error, msgspec.DecodeError):
        byte = _BYTE.search(head)
        if "truncated" in head:
            return "the bytes end too early"
        return f"malformed at byte {byte[1]}" if byte else "malformed"
    return f"decoding raised {type(error).__name__}"


def _validation(error: msgspec.ValidationError, head: str, names: AbstractSet[str]) -> str:
    if error.__cause__ is not None:
        return f"the class's own check raised {type(error.__cause__).__name__}"
    missing = _MISSING.fullmatch(head)
    if missing is not None and missing[1] in names:
        return f"the field `{missing[1]}` is missing"
    if head in _PLAIN or _TYPES.fullmatch(head):
        return head[0].lower() + head[1:]
    return next(
        (reason for start, reason in _BY_START.items() if head.startswith(start)),
        "a value doesn't fit its type",
    )


def unwritable(value: object, title: str) -> str:
    """Say why a value can't be encoded, by its type alone."""
    if isinstance(value, str):
        return "text with lone surrogates can't be encoded"
    if isinstance(value, int):
        return f"an integer is too large for {title}"
    if isinstance(value, dict):
        return f"a mapping has a key that {title} can't carry"
    kind = type(value)
    return f"a value of type `{kind.__module__}.{kind.__qualname__}` can't be written as {title}"
