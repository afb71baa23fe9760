"""The keys of a Config, or of any other dataclass of keys, as properties of a schema."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..config.base import Config
from ..config.documentation import documentation
from ..config.validation import Field, fields
from .definitions import Definitions
from .values import Schema, deferrable, documented, nullable, of_annotation, plain_default

Keys = dict[str, Schema]


def properties(config: type, definitions: Definitions) -> Keys:
    """The keys of a dataclass but NAME, each a reference to its schema.

    Args:
        config: A Config, or another dataclass of annotated fields.
        definitions: Where the schemas are kept.
    """
    return {key: property_of(field, config, definitions) for key, field in fields(config).items() if key != "NAME"}


def property_of(field: Field, config: type, definitions: Definitions) -> Schema:
    """A reference to the schema of one key."""
    schema, type_ = _value(field, config, definitions)
    # what is no Config has null for what was not said
    unsaid = field.required or (field.default is None and not issubclass(config, Config))
    default = ... if unsaid else plain_default(field.default)
    text = documentation(config).get(field.key, "")
    return definitions.shared(field.key, documented(schema, text, type_, default, required=field.required))


def property_of_any(owners: list[tuple[Field, type]], definitions: Definitions) -> Schema:
    """A reference to the schema of a key that several classes have, where it is not known whose it is.

    Args:
        owners: The key in each Config that has it.
        definitions: Where the schemas are kept.
    """
    schemas: dict[str, Schema] = {}
    for field, config in owners:
        schema, type_ = _value(field, None if field.nested else config, definitions)
        schemas.setdefault(json.dumps(schema, sort_keys=True), schema)
    texts = dict.fromkeys(documentation(config).get(field.key, "") for field, config in owners)
    # of types that differ, none is told
    one = len(schemas) == 1
    value = next(iter(schemas.values())) if one else {"anyOf": list(schemas.values())}
    text = "\n\n".join(filter(None, texts))
    return definitions.shared(owners[0][0].key, documented(value, text, type_ if one else ""))


def union(configs: list[type], definitions: Definitions) -> Keys:
    """The keys but NAME of several Configs, each as any of those that have it allows.

    Args:
        configs: The Configs.
        definitions: Where the schemas are kept.
    """
    return union_of([(config, fields(config)) for config in configs], definitions)


def union_of(known: Sequence[tuple[type, Mapping[str, Field]]], definitions: Definitions) -> Keys:
    """The same of chosen keys of each."""
    owners: dict[str, list[tuple[Field, type]]] = {}
    for config, its_fields in known:
        for key, field in its_fields.items():
            if key != "NAME":
                owners.setdefault(key, []).append((field, config))
    return {key: property_of_any(each, definitions) for key, each in owners.items()}


def closed(keys: Mapping[str, Schema], owner: str) -> Schema:
    """A schema of these keys and no others.

    Args:
        keys: The keys with their schemas.
        owner: What has them, for the message.
    """
    return {"properties": dict(keys), "additionalProperties": False, "errorMessage": f"{owner} has no such key."}


def mapping(schema: Schema, message: str) -> Schema:
    """A mapping of keys, or what stands for one until it is known.

    Args:
        schema: What must hold of the mapping.
        message: What is said where it is none.
    """
    return deferrable({"if": {"type": "object"}, "then": schema, "else": {"type": "object", "errorMessage": message}})


def _value(field: Field, config: type | None, definitions: Definitions) -> tuple[Schema, str]:
    """The schema of a key's value, and what it is in words."""
    if field.nested is not None:
        schema = definitions.nested(field.nested, config)
        return (nullable(schema) if schema else {}), ""  # null stands for the default
    if field.inner is not None:
        inner: Any = field.inner
        schema = definitions.named(
            inner.__name__,
            lambda: mapping(closed(properties(inner, definitions), field.key), "Must be keys with values."),
        )
        return (schema if field.required else nullable(schema)), ""
    return of_annotation(field.annotation, field.infinite)
