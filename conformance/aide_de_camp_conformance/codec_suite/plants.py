"""Bytes and payloads that name code, for a codec that would run it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

PLANT = """
def fire(*arguments):
    import builtins
    builtins.adc_fired = getattr(builtins, "adc_fired", 0) + 1
    return "fired"


class Bomb:
    def __init__(self, *arguments, **named):
        fire()

    def __setstate__(self, state):
        fire()

    def __reduce__(self):
        return fire, ()


fire()
"""
"""A module that leaves a mark when it is imported, called or built from."""


def texts(module: str) -> tuple[str, ...]:
    """Name the code of a module in the ways that careless decoders follow."""
    return (
        f"{module}:fire",
        f"{module}.fire",
        f"{module}.Bomb",
        f"__import__('{module}').fire()",
        f"c{module}\nfire\n(tR.",
        f"!!python/object/apply:{module}.fire []",
    )


def mappings(module: str) -> Iterator[Mapping[str, Any]]:
    """Name it by the keys that libraries use for it."""
    yield {"__class__": "Bomb", "__module__": module, "__state__": {}}
    yield {"__type__": f"{module}:Bomb", "value": {}}
    yield {"$type": f"{module}.Bomb"}
    yield {"py/object": f"{module}.Bomb", "py/state": {"a": 1}}
    yield {"py/reduce": [{"py/function": f"{module}.fire"}, {"py/tuple": []}]}
    yield {"type": "class", "module": module, "class": "Bomb", "args": [], "call": "fire"}


def raw(module: str) -> Iterator[tuple[str, bytes]]:
    """Yield bytes in the grammars in which code has been run before, each with its name."""
    call = f"c{module}\nfire\n(tR.".encode()
    yield "a pickle", call
    yield "a pickle in a record", b"(dVnumber\n" + call[:-1] + b"s."
    yield "a newer pickle", b"\x80\x04" + _short(module) + _short("fire") + b"\x93)R."
    yield "YAML", f"!!python/object/apply:{module}.fire []\n".encode()
    yield "YAML in a record", f"number: !!python/object/new:{module}.Bomb []\n".encode()
    yield "Python", f"__import__('{module}').fire()".encode()
    yield "Python in a record", f"{{'number': __import__('{module}').fire()}}".encode()
    for index, text in enumerate(texts(module)):
        yield f"text {index}", text.encode()


def _short(text: str) -> bytes:
    return b"\x8c" + bytes((len(text),)) + text.encode()
