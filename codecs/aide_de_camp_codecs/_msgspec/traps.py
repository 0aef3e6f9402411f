"""Refuse the classes that msgspec would read or write otherwise than their author meant."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import attrs
import msgspec

from aide_de_camp.spi import UnsupportedPayload
from aide_de_camp_codecs._msgspec.forms import resolved, walk_classes

PYDANTIC = "use the codec `pydantic` (extra `pydantic`)"


def refuse_traps(payload_type: Any) -> None:
    """Check every class within a payload type.

    Args:
        payload_type: the form that a codec is to be bound to.

    Raises:
        UnsupportedPayload: a class isn't carried as its author meant; the message has the path,
            the reason and the way out.
    """
    try:
        trouble = next(
            (
                f"{path} (`{cls.__name__}`) {trouble}"
                for path, cls in walk_classes(payload_type)
                for trouble in _troubles(cls)
            ),
            None,
        )
    except Exception as error:
        raise UnsupportedPayload(
            "payload_type",
            f"its annotations can't be evaluated ({type(error).__name__}: {error}); payload "
            "classes, and the types that they name, belong at a module's top level",
        ) from error
    if trouble is not None:
        raise UnsupportedPayload("payload_type", trouble)


def _troubles(cls: type) -> Iterator[str]:
    if hasattr(cls, "__pydantic_validator__"):
        yield f"is a pydantic class, whose rules msgspec would pass over: {PYDANTIC}"
    elif attrs.has(cls):
        yield from _attrs_class(cls)
    elif dataclasses.is_dataclass(cls):
        yield from _dataclass(cls)
    elif issubclass(cls, msgspec.Struct) and cls is not msgspec.Struct:
        if any(
            "__init__" in vars(base) for base in cls.__mro__[: cls.__mro__.index(msgspec.Struct)]
        ):
            yield "has its own `__init__`, which decoding would pass over: use `__post_init__`"
        yield from _identity(cls)


def _identity(cls: type) -> Iterator[str]:
    compares: Any = cls.__eq__
    config: Any = getattr(cls, "__struct_config__", None)
    # A Struct always has msgspec's own `__eq__`; its configuration says what that does.
    inherited = compares is msgspec.Struct.__eq__ and not config.eq
    if compares is object.__eq__ or inherited:
        yield (
            "compares by identity, so no decoded payload could be equal to the one that was "
            "scheduled: give the class `eq=True`, or its own `__eq__`"
        )


def _attrs_class(cls: type) -> Iterator[str]:
    if "__attrs_attrs__" not in vars(cls):
        yield "is a plain subclass of an attrs class: decorate it with `attrs.define` as well"
    if "__attrs_init__" in vars(cls):
        yield (
            "has its own `__init__` (or `init=False`), which decoding would pass over: use "
            "`__attrs_post_init__`, or a class method that builds it"
        )
    yield from _identity(cls)
    typed = resolved(cls)
    names: set[str] = set()
    for field in attrs.fields(cls):
        names.add(field.name)
        for trouble in _attrs_field(field, typed=field.name in typed):
            yield f"has the field `{field.name}`, which {trouble}"
    for name in _extra_attributes(cls, names):
        yield (
            f"has the attribute `{name}` beside its fields (a `cached_property` or an extra "
            "slot), which encoding would write as if it were one: make it a plain property"
        )


def _attrs_field(field: Any, *, typed: bool) -> Iterator[str]:
    if field.name.startswith("_"):
        yield "is private: encoding would leave it out. Rename it without the underscore"
    if not typed:
        yield "has no type annotation: give it one"
    if field.converter is not None:
        yield (
            "has a converter, which decoding would not run: convert before you build the "
            "payload, or use a validator"
        )
    if getattr(field.default, "takes_self", False):
        yield (
            "takes its default from the other fields, which decoding can't do: give it a "
            "plain default, or fill it in `__attrs_post_init__`"
        )
    if not field.init:
        yield "has `init=False`, though decoding would set it from the bytes: make it a property"
    if field.alias is not None and field.alias != field.name:
        yield "has an alias, which the bytes would not use: drop it"


def _extra_attributes(cls: type, fields: set[str]) -> list[str]:
    extra: set[str] = set()
    for base in cls.__mro__:
        slots: Any = vars(base).get("__slots__", ())
        extra.update((slots,) if isinstance(slots, str) else slots)
        extra.update(
            name
            for name, value in vars(base).items()
            if isinstance(value, functools.cached_property)
        )
    return sorted(name for name in extra - fields if not name.startswith("_"))


def _dataclass(cls: type) -> Iterator[str]:
    if "__dataclass_fields__" not in vars(cls):
        yield "is a plain subclass of a dataclass: decorate it with `dataclass` as well"
    if not vars(cls)["__dataclass_params__"].init:
        yield (
            "has `init=False`, so decoding would pass over its own `__init__`: use "
            "`__post_init__`, or a class method that builds it"
        )
    yield from _identity(cls)
    for name, hint in resolved(cls).items():
        if isinstance(hint, dataclasses.InitVar):
            yield f"has the `InitVar` `{name}`, which isn't kept: make it a field"
    # Given as Any: is_dataclass narrows to an instance or a class, and fields takes either.
    decorated: Any = cls
    for field in dataclasses.fields(decorated):
        if not field.init:
            yield (
                f"has the field `{field.name}` with `init=False`, which encoding would leave "
                "out: make it a property, or a field that the caller gives"
            )
