"""Read JSON without a type, refusing what typed readers let pass."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from aide_de_camp.spi import DecodeError


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise DecodeError("the bytes are JSON in which an object has the same key twice")
    return members


def _no_constant(_: str) -> NoReturn:
    raise DecodeError("the bytes hold NaN or an infinity, which JSON doesn't have")


def raw_json(data: bytes) -> Any:
    """Read JSON without a type.

    Args:
        data: bytes that a typed reader took.

    Raises:
        DecodeError: an object has the same key twice, or a number is NaN or infinite.
        RecursionError: it is nested too deeply.
    """
    return json.loads(data.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
