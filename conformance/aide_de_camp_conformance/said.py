"""What an exception said, fit for any report."""

from __future__ import annotations

from typing import Final

MOST: Final = 8_192
"""Characters that are kept of one message."""


def said(error: BaseException) -> str:
    """Give an exception's class and words, of a bounded length, without control characters.

    What XML and terminals can't take is escaped; line ends stay.
    """
    try:
        words = str(error)
    except Exception as unsayable:  # noqa: BLE001 (an error of a backend's may not even have words)
        words = f"(its words can't be had: {type(unsayable).__name__})"
    kind = type(error).__name__
    return clean(f"{kind}: {words}" if words else kind)


def clean(text: str) -> str:
    """Cut a text, and escape what isn't printable."""
    return escaped(
        text if len(text) <= MOST else f"{text[:MOST]} ... ({len(text):,} characters in all)"
    )


def escaped(text: str) -> str:
    """Escape what isn't printable; line ends stay."""
    return "".join(
        each if each == "\n" or each.isprintable() else each.encode("unicode_escape").decode()
        for each in text
    )
