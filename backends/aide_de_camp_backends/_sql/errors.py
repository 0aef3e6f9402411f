"""How the error that ended an attempt is written into two text columns, and read back."""

from __future__ import annotations

import json
from typing import Any, cast

from aide_de_camp.spi import ErrorRecord


def error_columns(error: ErrorRecord | None) -> tuple[str | None, str | None]:
    """Write an error as JSON: what listings show, and what only a look at the job does.

    Returns:
        The columns ``error`` and ``error_detail``; both None for no error.
    """
    if error is None:
        return (None, None)
    shown = {
        "type": error.type,
        "message": error.message,
        "path": error.path,
        "offset": error.offset,
    }
    return (
        json.dumps(shown),
        json.dumps({"traceback": error.traceback, "detail": error.detail}),
    )


def read_error(shown: str | None, detail: str | None) -> ErrorRecord | None:
    """Read an error back; one that can't be read doesn't hide the job (clause OBS-2).

    Args:
        shown: the column ``error``.
        detail: the column ``error_detail``; None where a listing leaves it out.
    """
    if shown is None:
        return None
    fields = _object(shown) | ({} if detail is None else _object(detail))
    offset = fields.get("offset")
    return ErrorRecord(
        type=_text(fields, "type") or "unreadable",
        message=_text(fields, "message") or "",
        traceback=_text(fields, "traceback"),
        detail=_text(fields, "detail"),
        path=_text(fields, "path"),
        offset=offset if isinstance(offset, int) else None,
    )


def _object(text: str) -> dict[str, Any]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(fields: dict[str, Any], name: str) -> str | None:
    value = fields.get(name)
    return value if isinstance(value, str) else None
