"""A JSON Schema in a few words, for people who are to write a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TYPES = {"null": "null", "boolean": "true or false", "string": "text", "integer": "whole number", "number": "number"}
_BOUNDS = {
    "minimum": "of at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}


def words(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    """A JSON Schema, as pydantic makes it, in a few words.

    Args:
        schema: The schema of a value.
        known: What its references lead to, by name.

    >>> words({"anyOf": [{"type": "number", "minimum": 0}, {"type": "null"}]}, {})
    'number of at least 0, or null'
    >>> words({"type": "array", "prefixItems": [{"type": "number"}, {"type": "number"}]}, {})
    '[number, number]'
    """
    if "$ref" in schema:
        return words(known[schema["$ref"].rpartition("/")[2]], known)
    if "anyOf" in schema:
        return ", or ".join(dict.fromkeys(words(each, known) for each in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if schema.get("type") == "array":
        items = schema.get("prefixItems")
        return f"[{', '.join(words(each, known) for each in items)}]" if items else _list(schema, known)
    text = _TYPES.get(schema.get("type", ""), "keys" if schema.get("type") == "object" else "anything")
    bounds = [f"{word} {schema[bound]:g}" for bound, word in _BOUNDS.items() if bound in schema]
    return " ".join([text, " and ".join(bounds)]).strip()


def _list(schema: Mapping[str, Any], known: Mapping[str, Any]) -> str:
    return f"list of {words(schema.get('items', {}), known)}"
