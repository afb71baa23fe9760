"""The schemas of whole files: an app's, an option's of a config group, a preset of rules, and of one class."""

from __future__ import annotations

import re
from collections.abc import Callable

from ..components.entry import Entry
from ..components.places import SEVERAL, SINGLE
from ..components.registry import Registry, registries, registry
from .defaults import Options, chosen_at, chosen_here, defaults_list, names_in, options_of
from .definitions import Definitions
from .nesting import nested
from .nodes import named, of_class, unnamed
from .rules import named_rules
from .values import Schema, choice

DRAFT = "http://json-schema.org/draft-07/schema#"
MADE_BY = "Written by `scepter-opt schema`, which writes it anew."
_PRESETS = "param_groups"


def class_file(entry: Entry) -> Schema:
    """The schema of a node of one class, alone in a file or not.

    Args:
        entry: The class.
    """
    definitions = Definitions(nested)
    name = of_class(entry, definitions, file=True)["$ref"].rpartition("/")[2]
    schema = {"type": "object", **definitions.schemas.pop(name)}
    schema["properties"] |= {"NAME": choice([entry.name])}
    return _file(entry.name, schema, definitions)


def option_file(kind: str, options: Options) -> Schema:
    """The schema of an option's file: a node, which a defaults list may extend.

    Args:
        kind: `optimizer` or `lr_scheduler`.
        options: What options lead to.
    """
    known, definitions = registry(kind), Definitions(nested)
    rest = unnamed(known, definitions, file=True)
    for name in reversed(names_in(options, kind)):
        keys = unnamed(known, definitions, name, file=True)
        rest = {"if": chosen_here(kind, name, options, definitions), "then": keys, "else": rest}
    presets = {"override /param_groups@PARAM_GROUPS": list(options.get(_PRESETS, {}))} if kind == "optimizer" else {}
    listed = {"properties": {"defaults": defaults_list(presets, list(options_of(kind, options)))}}
    schema = {"type": ["object", "null"], "allOf": [listed, named(known, definitions, file=True), rest]}
    return _file(f"An option of {kind}", schema, definitions)


def rules_file(options: Options) -> Schema:
    """The schema of a preset of rules.

    Args:
        options: What options lead to.
    """
    definitions = Definitions(nested)
    schema = named_rules(None, definitions)
    schema["properties"] |= {"defaults": defaults_list({}, list(options.get(_PRESETS, {})))}
    return _file("Rules of PARAM_GROUPS", {"type": ["object", "null"], **schema}, definitions)


def app_file(options: Options) -> Schema:
    """The schema of an app's file, which holds nodes beside whatever else the app has.

    Args:
        options: What options lead to.
    """
    definitions = Definitions(nested)
    groups = {kind: list(options_of(kind, options)) for kind in ("optimizer", "lr_scheduler")}
    presets = {"param_groups@optimizer.PARAM_GROUPS": list(options.get(_PRESETS, {}))}
    places = {key: _place(registry(kind), options, definitions) for key, kind in SINGLE.items()}
    places |= {
        key: {"additionalProperties": _place(registry(kind), options, definitions)} for key, kind in SEVERAL.items()
    }
    schema = {
        "type": ["object", "null"],
        "properties": {"defaults": defaults_list(groups | presets, []), "hydra": {}, **places},
        "additionalProperties": _anything(definitions),
        "allOf": [
            *(_by_choice(kind, re.escape(key), options, definitions, _at(key)) for key, kind in SINGLE.items()),
            *(_by_choice(kind, rf"{key}\.[^.@]+", options, definitions, _below(key)) for key, kind in SEVERAL.items()),
        ],
    }
    return _file("A Hydra app's config", schema, definitions)


def _file(title: str, schema: Schema, definitions: Definitions) -> Schema:
    return {"$schema": DRAFT, "$comment": MADE_BY, "title": title, **schema, "definitions": definitions.schemas}


def _place(known: Registry, options: Options, definitions: Definitions) -> Schema:
    """A key at which a node is usual. What stands there may also be the app's own text, but no option of ours."""
    kind = known.kind

    def make() -> Schema:
        words = [*options_of(kind, options), *known.entries()]
        message = f"Is a text, not a node: choose it in the defaults list, `- {kind}: OPTION`."
        text = {"pattern": f"^(?!(?:{'|'.join(map(re.escape, words))})$)", "patternErrorMessage": message}
        other = {"type": ["null", "string"], **text, "errorMessage": f"Must be a node of {kind}: keys with values."}
        return {"if": {"type": "object"}, "then": named(known, definitions), "else": other}

    about = {"description": f"A node of {kind}: NAME says the class, or the defaults list chooses it."}
    return about | {"allOf": [definitions.named(f"{kind}.place", make)]}


def _by_choice(
    kind: str, place: str, options: Options, definitions: Definitions, at: Callable[[Schema], Schema]
) -> Schema:
    """What holds at a place whose node does not say its class: by the defaults list, or else any class's keys."""
    known = registry(kind)
    schema = at(unnamed(known, definitions))
    for name in reversed(names_in(options, kind)):
        keys = unnamed(known, definitions, name)
        schema = {"if": chosen_at(place, name, options, definitions), "then": at(keys), "else": schema}
    return schema


def _at(key: str) -> Callable[[Schema], Schema]:
    return lambda schema: {"properties": {key: _if_mapping(schema)}}


def _below(key: str) -> Callable[[Schema], Schema]:
    return lambda schema: {"properties": {key: {"additionalProperties": _if_mapping(schema)}}}


def _if_mapping(schema: Schema) -> Schema:
    return {"if": {"type": "object"}, "then": schema}


def _anything(definitions: Definitions) -> Schema:
    """What the app has of its own, with nodes anywhere that a NAME tells."""

    def make() -> Schema:
        here = {"$ref": "#/definitions/anything"}
        inside: Schema = {"additionalProperties": here, "items": here}
        for known in registries():
            name = {"required": ["NAME"], "properties": {"NAME": {"enum": list(known.entries())}}}
            inside = {"if": {"type": "object", **name}, "then": named(known, definitions), "else": inside}
        return inside

    return definitions.named("anything", make)
