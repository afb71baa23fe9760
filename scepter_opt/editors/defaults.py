"""Hydra's defaults list: what can be chosen in it, and which class it chooses for a place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from ..components.registry import registry
from .definitions import Definitions
from .values import Schema

Options = Mapping[str, Mapping[str, str]]
"""NAME of the class that each option of each config group leads to; empty where it is none that is known."""

_BEFORE = "^(?:(?:optional|override) )*/?"
_KNOWN = rf"(?!{re.escape('scepter_opt/')})[\w/]+"
_GLOBAL = r"(?:_global_\.)?"
SCHEMA_GROUP = "scepter_opt/schema/{}"
"""Where the typed schemas of a kind of node are options."""


def shipped_options(named: Iterable[tuple[str, str, str]], classes: Iterable[tuple[str, str, str]]) -> Options:
    """What options lead to.

    Args:
        named: Group, option and NAME of every option, recipes and presets among them.
        classes: The same of the classes alone, whose typed schemas are options too.
    """
    groups: dict[str, dict[str, str]] = {}
    for group, option, name in named:
        groups.setdefault(group, {})[option] = name
    for group, option, name in classes:
        groups.setdefault(SCHEMA_GROUP.format(group), {})[option] = name
    return groups


def names_in(options: Options, kind: str) -> list[str]:
    """The classes of a registry that options lead to."""
    known = registry(kind)
    named = dict.fromkeys(name for group in options.values() for name in group.values())
    return [name for name in named if name and known.has(name)]


def chosen_at(place: str, name: str, options: Options, definitions: Definitions) -> Schema:
    """Whether the defaults list of an app's file chooses a class, and no other, for a place.

    Args:
        place: A regular expression of the place's key, such as `optimizer`.
        name: NAME of the class.
        options: What options lead to.
        definitions: Where the schemas are kept.
    """
    groups = {group: [option for option, of in known.items() if of == name] for group, known in options.items()}
    ours = {_key(group, place): {"enum": known} for group, known in groups.items() if known}
    match = definitions.shared(
        f"item.{name}",
        {"type": "object", "minProperties": 1, "patternProperties": ours, "additionalProperties": False},
    )
    any_group = rf"{_BEFORE}(?:{place}|[^@]+@{_GLOBAL}{place})$"
    other = {"type": "object", "minProperties": 1, "propertyNames": {"pattern": any_group}, "not": match}
    return _defaults(match, other)


def chosen_here(kind: str, name: str, options: Options, definitions: Definitions) -> Schema:
    """Whether the defaults list of an option's file extends options of a class, and of no other.

    Args:
        kind: `optimizer` or `lr_scheduler`.
        name: NAME of the class.
        options: What options lead to.
        definitions: Where the schemas are kept.
    """
    extended = options_of(kind, options)
    ours = [option for option, of in extended.items() if of == name]
    paths = [f"/{group}/{option}" for group, known in options.items() for option in known if known[option] == name]
    schema = SCHEMA_GROUP.format(kind)
    typed = [option for option, of in options.get(schema, {}).items() if of == name]
    keys = {rf"{_BEFORE}{re.escape(schema)}@_here_$": typed, rf"{_BEFORE}{_KNOWN}@_here_$": ours}
    match = definitions.shared(
        f"item.{name}",
        {
            "if": {"type": "string"},
            "then": {"enum": [*ours, *paths]},
            "else": {
                "type": "object",
                "minProperties": 1,
                "patternProperties": {key: {"enum": of} for key, of in keys.items() if of},
                "additionalProperties": False,
            },
        },
    )
    elsewhere = {"type": "string", "pattern": "@|^_self_$"}
    other: Schema = {
        "not": {"anyOf": [match, elsewhere]},
        "anyOf": [{"type": "string"}, {"propertyNames": {"pattern": "@_here_$"}, "type": "object", "minProperties": 1}],
    }
    return _defaults(match, other)


def options_of(kind: str, options: Options) -> dict[str, str]:
    """The options of all groups that hold nodes of a kind, with the class of each; empty where groups differ."""
    known = registry(kind)
    merged: dict[str, str] = {}
    for its in options.values():
        if any(name and known.has(name) for name in its.values()):
            merged |= {option: name if merged.get(option, name) == name else "" for option, name in its.items()}
    return merged


def defaults_list(groups: Mapping[str, list[str]], options: list[str]) -> Schema:
    """What editors offer in a defaults list; everything else is Hydra's to judge.

    Args:
        groups: Keys of items with the options that they can choose.
        options: Options that can stand alone.
    """
    chosen = {
        key: {"description": f"An option of {key.partition('@')[0]}.", "anyOf": [{"enum": known}, {}]}
        for key, known in groups.items()
    }
    item: Schema = {"anyOf": [{"enum": ["_self_", *options]}, {"type": "object", "properties": chosen}, {}]}
    return {"description": "Hydra's defaults list.", "type": ["array", "null", "string"], "items": item}


def _key(group: str, place: str) -> str:
    """The pattern of an item's key that puts an option of a group at a place."""
    there = rf"{re.escape(group)}@{_GLOBAL}{place}"
    return rf"{_BEFORE}(?:{there}|{place})$" if group == place else rf"{_BEFORE}{there}$"


def _defaults(match: Schema, other: Schema) -> Schema:
    listed = {"type": "array", "contains": match, "not": {"contains": other}}
    return {"required": ["defaults"], "properties": {"defaults": listed}}
