"""Payloads as JSON, by pydantic."""

from __future__ import annotations

import dataclasses
from typing import Any

from pydantic import TypeAdapter

from aide_de_camp.spi import BoundCodec, DecodeError, EncodeError, UnsupportedPayload
from aide_de_camp_codecs._json.raw import raw_json
from aide_de_camp_codecs.pydantic.schema import SchemaFacts, read_schema
from aide_de_camp_codecs.pydantic.words import decode_error


class PydanticCodec:
    """The codec `pydantic`."""

    @property
    def name(self) -> str:
        """``pydantic``."""
        return "pydantic"

    def bind(self, payload_type: Any) -> BoundCodec[Any]:
        """Make ready for one payload type.

        Args:
            payload_type: a model, a pydantic dataclass, or whatever else ``TypeAdapter`` takes.

        Raises:
            UnsupportedPayload: pydantic has no schema for it, or JSON can't give its values.
        """
        try:
            adapter: TypeAdapter[Any] = TypeAdapter(payload_type)
            facts = read_schema(dict(adapter.core_schema))
        except Exception as error:
            raise UnsupportedPayload(
                "payload_type",
                f"pydantic can't take it: {error}; for an attrs class use the codec `json`",
            ) from error
        if facts.instance_only:
            named = ", ".join(f"`{name}`" for name in sorted(facts.instance_only))
            raise UnsupportedPayload(
                "payload_type",
                f"it holds {named}, which no JSON can give back: use a model or a plain type",
            )
        if facts.lost_keys:
            named = ", ".join(f"`{name}`" for name in sorted(facts.lost_keys))
            raise UnsupportedPayload(
                "payload_type",
                f"it holds a mapping with keys of {named}, which JSON can't give back: use text, "
                "numbers or the like as keys, or a list of pairs",
            )
        if facts.bytes_as_text:
            raise UnsupportedPayload(
                "payload_type",
                "it holds `bytes`, which pydantic writes as UTF-8 text, and most bytes are none: "
                'set `ser_json_bytes` and `val_json_bytes` to "base64" in the class\'s '
                "`model_config`, or use `pydantic.Base64Bytes`",
            )
        name = getattr(payload_type, "__qualname__", None) or str(payload_type)
        return BoundPydantic(adapter, facts, name)


class BoundPydantic:
    """Encodes and decodes the payloads of one type."""

    __slots__ = ("_adapter", "_extra", "_facts", "_type_name")

    def __init__(self, adapter: TypeAdapter[Any], facts: SchemaFacts, type_name: str) -> None:
        self._adapter = adapter
        self._facts = facts
        self._type_name = type_name
        # pydantic's own check would overrule the models that allow extra fields.
        self._extra: Any = None if facts.allows_extra else "forbid"

    def encode(self, payload: Any) -> bytes:
        """Turn a payload into bytes.

        Raises:
            EncodeError: a part of it can't be written, or isn't what its model says; the error
                names the field, and shows nothing of its value.
        """
        data = self._written(payload)
        if data is not None:
            return data
        path = self._unwritable_field(payload)
        raise EncodeError(
            f"{path}: a value isn't what `{self._type_name}` declares, or JSON can't hold it",
            path=path,
        )

    def decode(self, data: bytes) -> Any:
        """Turn stored bytes into a payload, strictly (clause DEC-4).

        Raises:
            DecodeError: the bytes aren't exactly a payload of this type.
        """
        try:
            payload = self._adapter.validate_json(data, strict=True, extra=self._extra)
            again = self._written(payload)
            if again != data:
                self._refuse_surplus(data, again)
        except DecodeError:
            raise
        except Exception as error:  # noqa: BLE001 - DEC-4: whatever a codec raises
            failed = decode_error(error, data, type_name=self._type_name, names=self._facts.names)
        else:
            return payload
        # Outside the handler, so that no traceback quotes the payload through the first error.
        raise failed

    def _written(self, payload: Any, only: set[str] | None = None) -> bytes | None:
        try:
            return self._adapter.dump_json(
                payload, by_alias=True, round_trip=True, warnings="error", include=only
            )
        except Exception:  # noqa: BLE001 - whatever a payload's own code raises
            return None

    def _unwritable_field(self, payload: Any) -> str:
        for name in _names_of(payload, self._facts):
            if self._written(payload, {name}) is None:
                return f"$.{name}"
        return "$"

    def _refuse_surplus(self, data: bytes, again: bytes | None) -> None:
        raw = raw_json(data)
        if self._extra is not None:
            return
        path = "$" if again is None else _dropped(raw, raw_json(again), "$", self._facts)
        if path is not None:
            raise DecodeError(
                f"the bytes are no JSON of `{self._type_name}` at {path}: it holds a field that "
                "the type doesn't have",
                path=path,
            )


def _class_of(value: object) -> type:
    return type(value)


def _names_of(payload: Any, facts: SchemaFacts) -> list[str]:
    kind: Any = _class_of(payload)
    if dataclasses.is_dataclass(kind):
        return [field.name for field in dataclasses.fields(kind)]
    if kind is dict:
        # Of a TypedDict; what else is a key is payload content.
        return [name for name in payload if name in facts.names]
    return list(getattr(kind, "__pydantic_fields__", ()))


def _dropped(raw: Any, again: Any, path: str, facts: SchemaFacts) -> str | None:
    """Find the object of which not every key came through a decode and an encode."""
    below: list[tuple[str, Any, Any]] = []
    kinds = (_class_of(raw), _class_of(again))
    if kinds == (dict, dict):
        if not set(raw) <= set(again):
            return path
        for key, value in raw.items():
            suffix = f".{key}" if key in facts.names else "[...]"
            below.append((suffix, value, again[key]))
    elif kinds == (list, list):
        pairs = zip(raw, again, strict=False)
        below.extend((f"[{index}]", *pair) for index, pair in enumerate(pairs))
    for suffix, left, right in below:
        found = _dropped(left, right, path + suffix, facts)
        if found is not None:
            return found
    return None
