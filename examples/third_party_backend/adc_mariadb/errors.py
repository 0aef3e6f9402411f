"""How the error that ended an attempt is written into two columns, and read back."""

from __future__ import annotations

import json
from typing import Any

from attrs import asdict

from aide_de_camp.spi import ErrorRecord

_LONG = ("traceback", "detail")
"""What listings leave out."""


def error_columns(error: ErrorRecord) -> tuple[bytes, bytes]:
    """Write an error as JSON: what listings show, and the rest."""
    fields = asdict(error)
    rest = {name: fields.pop(name) for name in _LONG}
    return (json.dumps(fields).encode(), json.dumps(rest).encode())


def read_error(shown: bytes | None, rest: bytes | None) -> ErrorRecord | None:
    """Read an error back.

    Args:
        shown: the column ``error``.
        rest: the column ``error_detail``; None where a listing leaves it out.
    """
    if shown is None:
        return None
    fields: dict[str, Any] = json.loads(shown)
    if rest is not None:
        fields |= json.loads(rest)
    return ErrorRecord(**fields)
