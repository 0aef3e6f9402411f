"""DEC-4: what another version of a class wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from aide_de_camp.spi import BoundCodec, DecodeError
from aide_de_camp_conformance.codec_suite.alike import alike
from aide_de_camp_conformance.codec_suite.kinds import ORDER
from aide_de_camp_conformance.codec_suite.kit import SAMPLE, CodecKit
from aide_de_camp_conformance.codec_suite.records import REQUIRED, Fields
from aide_de_camp_conformance.codec_suite.requirement import NotAsked, codec_requirement

_Version = tuple[Fields, dict[str, Any]]

_WRONG: Final[dict[str, _Version]] = {
    "text for a number": ({**ORDER, "number": (str, REQUIRED)}, {**SAMPLE, "number": "7"}),
    "a float for a number": ({**ORDER, "number": (float, REQUIRED)}, {**SAMPLE, "number": 7.5}),
    "a bool for a number": ({**ORDER, "number": (bool, REQUIRED)}, {**SAMPLE, "number": True}),
    "None for a number": ({**ORDER, "number": (int | None, REQUIRED)}, {**SAMPLE, "number": None}),
    "a number for text": ({**ORDER, "note": (int, REQUIRED)}, {**SAMPLE, "note": 7}),
    "a list for text": ({**ORDER, "note": (list[str], REQUIRED)}, {**SAMPLE, "note": ["a"]}),
    "text for a float": ({**ORDER, "price": (str, "1.5")}, {**SAMPLE, "price": "1.5"}),
    "a number for a bool": ({**ORDER, "flag": (int, 1)}, {**SAMPLE, "flag": 1}),
}
_MORE: Final[Fields] = {**ORDER, "weight": (int, 3)}
_LESS: Final[Fields] = {name: field for name, field in ORDER.items() if name != "note"}
_OLDER: Final[Fields] = {name: field for name, field in ORDER.items() if field[1] is REQUIRED}


def _written_as(
    kit: CodecKit, fields: Fields, values: dict[str, Any]
) -> Iterator[tuple[str, Any, BoundCodec[Any], bytes]]:
    """Write a record as another version of its class, for each kind of record.

    Yields:
        The kind, its class as it is now, the codec made ready for that, and the bytes.
    """
    for what, make in kit.records.items():
        now, other = make("Order", ORDER), make("Order", fields)
        ready = kit.codec.bind(now)
        yield what, now, ready, kit.codec.bind(other).encode(other(**values))


@codec_requirement("DEC-4.wrong_type")
def wrong_type(kit: CodecKit) -> None:
    """A field of another type than the class has is a DecodeError, and never converted."""
    for how, (fields, values) in _WRONG.items():
        for what, _, ready, data in _written_as(kit, fields, values):
            kit.refused(ready, data, f"{what} with {how}")


@codec_requirement("DEC-4.missing")
def missing(kit: CodecKit) -> None:
    """A missing field that has no default is a DecodeError."""
    values = {name: value for name, value in SAMPLE.items() if name != "note"}
    for what, _, ready, data in _written_as(kit, _LESS, values):
        kit.refused(ready, data, f"{what} without a note")


@codec_requirement("DEC-4.unknown")
def unknown(kit: CodecKit) -> None:
    """A field that the class doesn't have is a DecodeError, also deep within."""
    for what, _, ready, data in _written_as(kit, _MORE, {**SAMPLE, "weight": 4}):
        kit.refused(ready, data, f"{what} with a weight")
    tried = False
    for what, make in kit.records.items():
        now, other = make("Order", ORDER), make("Order", _MORE)
        for name, wrap in (("list", [other(**SAMPLE, weight=4)]), ("dict", None)):
            forms = (list[now], list[other]) if wrap else (dict[str, now], dict[str, other])  # type: ignore[valid-type] # made at run time
            reader, writer = kit.bound(forms[0]), kit.bound(forms[1])
            if reader is not None and writer is not None:
                tried = True
                data = writer.encode(wrap or {"a": other(**SAMPLE, weight=4)})
                kit.refused(reader, data, f"a {name} of {what} with a weight")
    if not tried:
        raise NotAsked("the codec takes no containers of records")


@codec_requirement("DEC-4.older")
def older(kit: CodecKit) -> None:
    """What an older class wrote is refused, or has the defaults of the fields it didn't know."""
    values = {name: SAMPLE[name] for name in _OLDER}
    for what, now, ready, data in _written_as(kit, _OLDER, values):
        back = kit.read(ready, data, f"an older {what}")
        if not isinstance(back, DecodeError):
            alike(back, now(**values), f"an older {what}")
