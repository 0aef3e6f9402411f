"""Words planted in payloads, which no message may show."""

from __future__ import annotations

import base64
import traceback
from typing import Final

CANARY: Final = "Zq7xVnRosinante4711Kw9Lp"
"""Stands in payloads; no other word looks like a part of it."""
_WINDOW: Final = 6


def _parts() -> frozenset[str]:
    text = CANARY.encode()
    forms = (CANARY, text.hex(), base64.b64encode(text).decode().rstrip("="))
    return frozenset(
        form[start : start + _WINDOW] for form in forms for start in range(len(form) - _WINDOW)
    )


_PARTS: Final = _parts()


class Secretive:
    """No data, and its words are the canary."""

    def __repr__(self) -> str:
        return CANARY


def clean(error: BaseException, what: str) -> None:
    """Assert that nothing that is shown of an error by default holds a part of the canary.

    The message, the repr, the path, and what a traceback shows: the errors that it came of, too,
    unless they are kept out of it. The detail is shown on request alone, and may hold anything.
    """
    shown = {
        "message": str(error),
        "repr": repr(error),
        "path": str(getattr(error, "path", "")),
        "traceback": "".join(traceback.format_exception(error)),
    }
    for where, text in shown.items():
        found = any(part in text for part in _PARTS)
        assert not found, f"{what} shows a part of the payload in its {where}"
