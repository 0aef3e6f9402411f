"""A codec with one fault, and what the kit must find of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import ModuleType
from typing import Any, ClassVar

from aide_de_camp.spi import BoundCodec, CodecDescriptor
from aide_de_camp_codecs.json.codec import JsonCodec
from aide_de_camp_conformance.codec_harness import CodecHarness


class Broken(CodecHarness):
    """The codec `json`, in which a subclass breaks one thing; its docstring is the fault.

    It is the codec and its harness in one, so that other processes find it by its class.

    Attributes:
        kills: the ids of the requirements that must turn red.
        may: those that do where the values drawn happen to show it; no others do.
    """

    name = "json"
    refuses: Collection[str] = ("dict by tuple",)
    kills: ClassVar[frozenset[str]] = frozenset()
    may: ClassVar[frozenset[str]] = frozenset()
    data_only: ClassVar[bool] = True

    def descriptor(self) -> CodecDescriptor:
        """Say that it is a codec like any other."""
        return CodecDescriptor(
            name=type(self).name, spi=(0, 1), factory=type(self), data_only=self.data_only
        )

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Make ready for a payload type."""
        return _Bound(self, JsonCodec().bind(payload_type), payload_type)

    def encode(self, ready: BoundCodec[Any], form: Any, payload: Any) -> Any:
        """Encode; a subclass may break it."""
        return ready.encode(payload)

    def decode(self, ready: BoundCodec[Any], form: Any, data: bytes) -> Any:
        """Decode; a subclass may break it."""
        return ready.decode(data)


class _Bound:
    def __init__(self, codec: Broken, ready: BoundCodec[Any], form: Any) -> None:
        self._codec = codec
        self._ready = ready
        self._form = form

    def encode(self, payload: Any) -> bytes:
        data: bytes = self._codec.encode(self._ready, self._form, payload)
        return data

    def decode(self, data: bytes) -> Any:
        return self._codec.decode(self._ready, self._form, data)


def killed_by(*ids: str, may: str | None = None) -> Any:
    """Say which requirements a broken codec turns red, and which it may."""

    def mark(broken: type[Broken]) -> type[Broken]:
        broken.kills = frozenset(ids)
        broken.may = frozenset() if may is None else frozenset({may})
        return broken

    return mark


def collect(modules: Iterable[ModuleType]) -> Mapping[str, type[Broken]]:
    """Gather the broken codecs of some modules by their names.

    Raises:
        ValueError: two have the same name, or one has no docstring of its own, or kills nothing.
    """
    found: dict[str, type[Broken]] = {}
    for module in modules:
        for name, value in vars(module).items():
            if isinstance(value, type) and issubclass(value, Broken) and value is not Broken:
                if name in found or not value.__doc__ or not value.kills:
                    raise ValueError(
                        f"mutant {name} is there twice, says no fault, or kills nothing"
                    )
                found[name] = value
    return found
