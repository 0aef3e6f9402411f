"""Read what the codec needs to know out of a pydantic core schema."""

from __future__ import annotations

from typing import Any

from attrs import Factory, define


@define
class SchemaFacts:
    """What a core schema says.

    Attributes:
        names: the names and aliases of every field, which messages may show.
        allows_extra: True if a model in it says ``extra="allow"``.
        instance_only: the names of types that are only checked with ``isinstance``, which no
            JSON can give.
        lost_keys: the kinds of keys of mappings that are written and can't be read again.
        bytes_as_text: True if it holds ``bytes`` that would be written as if they were UTF-8.
    """

    names: set[str] = Factory(set[str])
    allows_extra: bool = False
    instance_only: set[str] = Factory(set[str])
    bytes_as_text: bool = False
    lost_keys: set[str] = Factory(set[str])


_ALIASES = ("validation_alias", "serialization_alias", "alias")
_EXTRA = ("extra_behavior", "extra_fields_behavior")
_CLASSES = {"model", "dataclass", "typed-dict"}
_TEXT_OF_BYTES = ({"base64"}, {"hex"})
_LOST_KEYS = {
    "call",
    "dataclass",
    "dict",
    "frozenset",
    "list",
    "model",
    "none",
    "set",
    "tuple",
    "typed-dict",
}
_NOT_DATA = {"is-instance", "is-subclass", "callable", "generator"}


def read_schema(schema: Any) -> SchemaFacts:
    """Walk a core schema, down what JSON takes through it.

    Args:
        schema: a ``TypeAdapter``'s ``core_schema``.
    """
    facts = SchemaFacts()
    waiting: list[tuple[Any, bool]] = [(schema, True)]
    while waiting:
        node, as_text = waiting.pop()
        kind = _class_of(node)
        if kind is list or kind is tuple:
            waiting.extend((each, as_text) for each in node)
        elif kind is dict:
            as_text = _writes_bytes_as_text(node, as_text=as_text)
            _note(facts, node, as_text=as_text)
            waiting.extend(
                (value, as_text)
                for key, value in node.items()
                if key
                not in {"python_schema", "lax_schema", "metadata", "serialization", "default"}
            )
    return facts


def _class_of(value: object) -> type:
    return type(value)


def _writes_bytes_as_text(node: dict[Any, Any], *, as_text: bool) -> bool:
    """Say how bytes are written within a node, where ``as_text`` is how they are around it."""
    if "serialization" in node:
        return False
    if node.get("type") in _CLASSES:
        config: Any = node.get("config", {})
        return {config.get("ser_json_bytes"), config.get("val_json_bytes")} not in _TEXT_OF_BYTES
    return as_text


def _note(facts: SchemaFacts, node: dict[Any, Any], *, as_text: bool) -> None:
    fields: Any = node.get("fields")
    if _class_of(fields) is dict:
        facts.names.update(map(str, fields))
    if node.get("type") == "dataclass-field":
        facts.names.add(str(node["name"]))
    for key in _ALIASES:
        if isinstance(node.get(key), str):
            facts.names.add(node[key])
    if any(node.get(key) == "allow" for key in _EXTRA):
        facts.allows_extra = True
    keys: Any = node.get("keys_schema")
    if _class_of(keys) is dict and keys.get("type") in _LOST_KEYS:
        facts.lost_keys.add(str(keys["type"]))
    if node.get("type") == "bytes" and as_text:
        facts.bytes_as_text = True
    if node.get("type") in _NOT_DATA:
        cls: Any = node.get("cls")
        facts.instance_only.add(getattr(cls, "__qualname__", str(node["type"])))
