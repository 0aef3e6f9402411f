"""Where two long values differ: what a shortened repr of both can't show."""

from __future__ import annotations

import reprlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

SHOWN: Final = 12
"""Items of a list, a set or a mapping that are shown."""
_NAMED: Final = 3
"""Of those that are missing, or too many, so many are named."""
_CHARACTERS: Final = 120

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = _CHARACTERS
_SHORT.maxlist = _SHORT.maxtuple = _SHORT.maxset = _SHORT.maxfrozenset = _SHORT.maxdict = SHOWN


def short(value: Any) -> str:
    """Give the repr of a value, its middle or its end left out where it is long."""
    return _SHORT.repr(value)


def unlike(got: Any, wanted: Any) -> str:
    """Say where two unequal values first differ, and how much is missing and too many.

    Args:
        got: what came.
        wanted: what was expected.

    Returns:
        Words to put behind the reprs of both, with a semicolon before them; empty where the reprs
        show both whole, or where they aren't two of a kind.
    """
    parts: list[str] = []
    if _are(list, got, wanted) or _are(tuple, got, wanted):
        if max(len(got), len(wanted)) > SHOWN:
            parts = [_first(got, wanted), *_counts(got, wanted)]
    elif _are((set, frozenset), got, wanted):
        if max(len(got), len(wanted)) > SHOWN:
            parts = _counts(got, wanted)
    elif _are(Mapping, got, wanted):
        if max(len(got), len(wanted)) > SHOWN:
            parts = [*_values(got, wanted), *_counts(got, wanted)]
    elif (_are(bytes, got, wanted) or _are(str, got, wanted)) and max(
        len(short(got)), len(short(wanted))
    ) >= _CHARACTERS:
        parts = [_first(got, wanted)]
    return "".join(f"; {each}" for each in parts)


def _are(kind: type[Any] | tuple[type[Any], ...], *values: Any) -> bool:
    return all(isinstance(each, kind) for each in values)


def _first(got: Sequence[Any], wanted: Sequence[Any]) -> str:
    """Say at which index two sequences part."""
    lengths = f"{len(wanted):,} expected, {len(got):,} got"
    both = min(len(got), len(wanted))
    index = next((i for i in range(both) if got[i] != wanted[i]), both)
    if index == both:
        return f"{lengths}: alike as far as the shorter goes"
    words = f"expected {short(wanted[index])}, got {short(got[index])}"
    return f"{lengths}: the first difference is at [{index}]: {words}"


def _values(got: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> list[str]:
    """Say which value is the first that differs, of those that both have."""
    keys = [key for key in wanted if key in got and got[key] != wanted[key]]
    if not keys:
        return []
    words = f"expected {short(wanted[keys[0]])}, got {short(got[keys[0]])}"
    return [f"{len(keys):,} values differ: the first is that of {short(keys[0])}: {words}"]


def _counts(got: Iterable[Any], wanted: Iterable[Any]) -> list[str]:
    """Say how many are missing and too many, an order left aside."""
    try:
        came, due = Counter(list(got)), Counter(list(wanted))
    except TypeError:
        return []
    sides = ((due - came, "missing"), (came - due, "too many"))
    told = [f"{side.total():,} {what}: {_named(side)}" for side, what in sides if side]
    if told or isinstance(got, set | frozenset | Mapping):
        return told
    return ["none is missing or too many: the order differs"]


def _named(side: Counter[Any]) -> str:
    some = [short(each) for each in side][:_NAMED]
    more = ", ..." if len(side) > _NAMED else ""
    return ", ".join(some) + more
