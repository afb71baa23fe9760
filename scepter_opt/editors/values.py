"""The schema of one value: as pydantic has it, and in every form in which a config may write it."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..config.coercion import json_schema
from ..config.wording import words
from . import texts

Schema = dict[str, Any]
_BOUNDS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
_DEEPEST = 8
"""Levels of a type of somebody's own that are looked into: it may hold itself."""


DEFERRED: Schema = {"type": "string", "pattern": texts.DEFERRED}


def deferrable(schema: Schema) -> Schema:
    """The same, or an interpolation, or `???`."""
    # not anyOf, of which an editor would tell every alternative that failed
    return {"if": DEFERRED, "else": schema} if schema else {}


def choice(values: list[Any], *others: Schema, about: list[str] | None = None) -> Schema:
    """One of some values, or an interpolation, or `???`.

    Args:
        values: The values.
        others: What may stand there besides.
        about: What each value means.
    """
    listed: Schema = {"enum": values}
    if about:
        listed |= {"enumDescriptions": about, "markdownEnumDescriptions": about}
    # anyOf, since editors offer no values that stand in an else
    return {"anyOf": [listed, *others, DEFERRED]}


def documented(schema: Schema, text: str, type_: str, default: Any = ..., *, required: bool = False) -> Schema:
    """A schema with what an editor shows beside it.

    Args:
        schema: The schema of the value.
        text: What the key is for.
        type_: What the value is, in words.
        default: Its default; `...` for none.
        required: Whether it has to be said, in this file or another.
    """
    # editors list the values that there are
    facts = [
        "" if "anyOf" in schema else type_,
        "required" if required else "" if default is ... else f"default {_shown(default)}",
    ]
    schema = {"allOf": [schema]} if "$ref" in schema else schema  # what stands beside a reference is not read
    about: Schema = {"description": "\n\n".join(filter(None, [text, "; ".join(filter(None, facts))]))}
    return about | ({} if default is ... or required else {"default": default}) | schema


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    return {"if": {"type": "null"}, "else": schema}


@cache
def of_annotation(annotation: Any, infinite: bool = False) -> tuple[Schema, str]:
    """The schema of a value by its annotated type, and the type in words.

    Args:
        annotation: The type of a key, with marks such as Bounds.
        infinite: Whether numbers need not be finite.
    """
    schema = json_schema(annotation, infinite)
    known = schema.get("$defs", {})
    return loosened(schema, known, infinite), words(schema, known)


def loosened(schema: Mapping[str, Any], known: Mapping[str, Any], infinite: bool = False, depth: int = 0) -> Schema:
    """A schema that also takes the texts, interpolations and `???` that a config may hold in place of a value.

    Args:
        schema: One of pydantic's.
        known: What its references lead to, by name.
        infinite: Whether numbers need not be finite.
        depth: Levels above it.
    """
    members = list(_members(schema, known)) if depth < _DEEPEST else [{}]
    if any(not (member.keys() & {"type", "enum", "const"}) for member in members):
        return {}  # one of them is anything
    lists = [member for member in members if member.get("type") == "array"]
    others = [member for member in members if member.get("type") != "array"]
    array = _array(lists, known, infinite, depth)
    if not others:
        return deferrable(array)
    single = _scalar(others, known, infinite, depth)
    if not lists or not single:
        return single
    if "anyOf" in single:
        return {"anyOf": [*single["anyOf"], array]}
    return {"if": {"type": "array"}, "then": array, "else": single}


def _members(schema: Mapping[str, Any], known: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The alternatives of a schema, those of its alternatives included."""
    if "$ref" in schema:
        return _members(known[schema["$ref"].rpartition("/")[2]], known)
    if "anyOf" in schema:
        return [member for each in schema["anyOf"] for member in _members(each, known)]
    return [schema]


def _array(lists: list[Mapping[str, Any]], known: Mapping[str, Any], infinite: bool, depth: int) -> Schema:
    array: Schema = {"type": "array"}
    if len(lists) != 1:
        return array
    schema = lists[0]
    if "prefixItems" in schema:  # draft 7, which editors know best, calls them items
        array["items"] = [loosened(item, known, infinite, depth + 1) for item in schema["prefixItems"]]
        array["errorMessage"] = f"Must be a list of {len(array['items'])} values."
    elif schema.get("items"):
        array["items"] = loosened(schema["items"], known, infinite, depth + 1)
    return array | {key: schema[key] for key in ("minItems", "maxItems", "uniqueItems") if key in schema}


def _scalar(members: list[Mapping[str, Any]], known: Mapping[str, Any], infinite: bool, depth: int) -> Schema:
    """What is no list, with the keywords of all alternatives side by side: each holds for values of its own type."""
    choices = [value for member in members for value in _choices(member)]
    by_type = {str(member["type"]): member for member in members if not _choices(member)}
    if choices:
        # what may be one of some texts or a number is the check's to judge
        return choice([*choices, *([None] if by_type else [])]) if by_type.keys() <= {"null"} else {}
    if by_type.keys() == {"null"}:
        return {"type": "null", "errorMessage": "Must be: null."}
    schema: Schema = {}
    patterns = []
    # of several kinds of numbers the bounds of each would hold for all
    alone = len(by_type.keys() & {"number", "integer", "boolean"}) == 1
    for kind in by_type.keys() & {"number", "integer"}:
        bounds = {key: by_type[kind][key] for key in _BOUNDS if alone and key in by_type[kind]}
        patterns.append(texts.number(bounds, whole=kind == "integer", infinite=infinite))
        schema |= bounds
    if "boolean" in by_type:
        patterns.append(texts.BOOLEAN)
        schema |= {"minimum": 0, "maximum": 1} if alone else {}
    if "object" in by_type:
        schema |= _object(by_type["object"], known, infinite, depth)
    if "string" not in by_type:
        schema["pattern"] = "|".join([*sorted(patterns), texts.DEFERRED])
    types = sorted({*by_type, "string", *(["integer"] if "boolean" in by_type else [])})
    message = " or ".join(dict.fromkeys(words(member, known) for member in members))
    return {"type": types if len(types) > 1 else types[0], **schema, "errorMessage": f"Must be: {message}."}


def _choices(member: Mapping[str, Any]) -> list[Any]:
    return list(member.get("enum", [member["const"]] if "const" in member else []))


def _object(schema: Mapping[str, Any], known: Mapping[str, Any], infinite: bool, depth: int) -> Schema:
    values = schema.get("additionalProperties")
    return {"additionalProperties": loosened(values, known, infinite, depth + 1)} if isinstance(values, dict) else {}


def _shown(value: Any) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def plain_default(value: Any) -> Any:
    """A default as JSON has it; `...` where it has none."""
    from ..config.plain import plain

    shown = value.name if isinstance(value, enum.Enum) else plain(value)
    return ... if isinstance(shown, float) and shown in (float("inf"), float("-inf")) else shown
