"""Stored text made fit for a terminal, and times and sizes made fit for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_KIB: Final = 1024


def safe(text: str) -> str:
    r"""Escape what could steer a terminal, line ends and tabs excepted.

    What is stored was written by others: an escape sequence in it becomes ``\x1b``.
    """
    return "".join(
        each if each in "\n\t" or each.isprintable() else _escaped(each) for each in text
    )


def one_line(text: str) -> str:
    """Make one line of any text."""
    return safe(" ".join(text.split()))


def iso(moment: datetime | None) -> str | None:
    """Write a time as ISO 8601 in UTC, with offset and microseconds; None stays None."""
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="microseconds")


def short(span: timedelta) -> str:
    """Write a time span, its sign left out, as its one largest unit: ``5m``, ``3h``, ``12d``."""
    seconds = abs(span).total_seconds()
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds // size:.0f}{unit}"
    return "0s"


def size(count: int) -> str:
    """Write a number of bytes: ``512 B``, ``3.4 KiB``."""
    if count < _KIB:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        value /= _KIB
        if value < _KIB:
            return f"{value:.1f} {unit}"
    return f"{value / _KIB:.1f} TiB"


def counted(number: int, noun: str) -> str:
    """Write a number of things: ``1 job``, ``2,000 jobs``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
