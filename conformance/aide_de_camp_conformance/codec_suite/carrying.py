"""ENQ-2, COD-1: what a codec takes, and that it comes back."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from hypothesis import strategies as st

from aide_de_camp.spi import BoundCodec, Codec
from aide_de_camp_conformance.codec_suite.alike import alike, told
from aide_de_camp_conformance.codec_suite.kit import CodecKit
from aide_de_camp_conformance.codec_suite.requirement import NotAsked, codec_requirement
from aide_de_camp_conformance.expect import same

_MEBIBYTE: Final = 1024 * 1024
_LONG: Final = {
    "str": '\x00é\U0001f600\\"x' * (_MEBIBYTE // 10),
    "bytes": bytes(range(256)) * 4096,
    "list": list(range(_MEBIBYTE // 8)),
}
_CHANGEABLE: Final = {"list": [1, 2], "dict": {"a": 1}, "set": {1, 2}, "Any": {"a": [1]}}


@codec_requirement("COD-1.declared")
def declared(kit: CodecKit) -> None:
    """It refuses just the kinds of payload that its harness says, and says so when it is bound."""
    refused = sorted(name for name, kind in kit.kinds.items() if kit.bound(kind.form) is None)
    assert len(refused) < len(kit.kinds), "it takes no kind of payload at all"
    same(refused, sorted(kit.harness.refuses), "the kinds that binding refuses")


@codec_requirement("COD-1.name")
def name(kit: CodecKit) -> None:
    """Every codec that its plugin makes is a Codec, by the name that its descriptor says."""
    for codec in (kit.codec, kit.descriptor.factory()):
        assert isinstance(codec, Codec), f"{type(codec).__name__} is no Codec"
        same(codec.name, kit.descriptor.name, "the name of the codec")


@codec_requirement("ENQ-2.carried")
def carried(kit: CodecKit) -> None:
    """A value of each kind that it takes comes back equal, type by type, from every trip."""
    for what, (kind, ready) in kit.taken.items():
        kit.each(kind.values, partial(_trips, ready, what=what))


def _trips(ready: BoundCodec[Any], value: Any, what: str) -> None:
    once = ready.decode(ready.encode(value))
    alike(once, value, f"a value of kind {what!r}")
    alike(ready.decode(ready.encode(once)), value, f"a value of kind {what!r}, the second time")


@codec_requirement("ENQ-2.everything")
def everything(kit: CodecKit) -> None:
    """What it carries alone it carries in a list too, many to one payload."""
    tried = False
    for what, (kind, _) in kit.taken.items():
        ready = kit.bound(list[kind.form])  # type: ignore[name-defined] # made at run time
        if ready is None:
            continue
        tried = True
        values = st.lists(kind.values, min_size=2, max_size=4)
        kit.each(values, partial(_trips, ready, what=what))
    if not tried:
        raise NotAsked("the codec takes no list")


@codec_requirement("ENQ-2.mebibyte")
def mebibyte(kit: CodecKit) -> None:
    """A payload of about 1 MiB comes back: text with NULs and all planes, bytes, numbers."""
    long = {what: value for what, value in _LONG.items() if what in kit.taken}
    if not long:
        raise NotAsked("the codec takes neither text, bytes nor lists")
    for what, value in long.items():
        ready = kit.taken[what][1]
        # Not by alike: its message, and what it makes of a list, would be as long.
        assert ready.decode(ready.encode(value)) == value, f"1 MiB of {what} came back different"


@codec_requirement("ENQ-2.written")
def gives_bytes(kit: CodecKit) -> None:
    """Encoding gives `bytes`, and leaves the payload as it was."""

    def examine(value: Any, ready: BoundCodec[Any], what: str) -> None:
        before = told(value)
        data = ready.encode(value)
        assert type(data) is bytes, f"{what} was written as {type(data).__name__}"
        same(told(value), before, f"the payload of kind {what!r} after encoding")

    for what, (kind, ready) in kit.taken.items():
        kit.each(kind.values, partial(examine, ready=ready, what=what))


@codec_requirement("ENQ-2.fresh")
def fresh(kit: CodecKit) -> None:
    """Each decoding gives a payload of its own: who changes one changes no other."""
    tried = {what: value for what, value in _CHANGEABLE.items() if what in kit.taken}
    if not tried:
        raise NotAsked("the codec takes nothing that can be changed")
    for what, value in tried.items():
        ready = kit.taken[what][1]
        data = ready.encode(value)
        first = ready.decode(data)
        assert first is not value, f"decoding gave the very {what} that was encoded"
        first.clear()
        alike(ready.decode(data), value, f"a {what} whose other copy was changed")


@codec_requirement("COD-3.same")
def deterministic(kit: CodecKit) -> None:
    """Where it is said to be deterministic, equal payloads are written as the same bytes."""
    if not kit.harness.deterministic:
        raise NotAsked("the codec isn't said to be deterministic")
    other = kit.descriptor.factory()
    for what, (kind, ready) in kit.taken.items():
        again = other.bind(kind.form)

        def examine(value: Any, ready: Any = ready, again: Any = again, what: str = what) -> None:
            data = ready.encode(value)
            same(ready.encode(value), data, f"{what} written twice")
            same(again.encode(ready.decode(data)), data, f"{what} written by another")

        kit.each(kind.values, examine)
