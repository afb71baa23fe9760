"""PARAM_GROUPS: rules by name, whose SET has the keys of the optimizer that holds them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..components.registry import registry
from ..parameters.rules import DEFAULT, Rule, RuleKeys, settable
from .definitions import Definitions
from .keys import Keys, closed, mapping, properties, property_of, union_of
from .values import Schema, documented, nullable

_RULES = "Must be named rules: {no_decay: {WHERE: ..., SET: ...}, ...}."


def rules(config: Any, definitions: Definitions) -> Schema:
    """The rules of an optimizer.

    Args:
        config: Its Config; None where it is not known which it is.
        definitions: Where the schemas are kept.
    """
    entry = registry("optimizer").entry_of(config)
    name = entry.name if entry else "any" if config is None else "open"
    return definitions.named(f"rules.{name}", lambda: mapping(named_rules(config, definitions), _RULES))


def named_rules(config: Any, definitions: Definitions) -> Schema:
    """Rules by name; those of a class without a Config may set any key."""
    entry = registry("optimizer").entry_of(config)
    if config is not None and entry is None:
        keys: Schema = {"properties": properties(RuleKeys, definitions)}
        return _named(keys, "open", definitions)
    if entry is None or config.several:
        keys = {"properties": _keys_of_any(definitions)}
        is_closed = not any(entry.config is None for entry in registry("optimizer").entries().values())
        return _named(closed(keys["properties"], "No optimizer") if is_closed else keys, "any", definitions)
    own = {
        key: property_of(field, RuleKeys if key in RuleKeys.__dataclass_fields__ else config, definitions)
        for key, field in settable(config).items()
    }
    return _named(closed(own, f"A rule of {entry.name}"), entry.name, definitions)


def keys_of_parts() -> Iterator[tuple[set[str], set[str]]]:
    """Keys that a rule of a Hybrid can set, with the names of the optimizers that all have just these."""
    owners: dict[str, set[str]] = {}
    for name, entry in registry("optimizer").entries().items():
        config: Any = entry.config
        if config is not None and not config.several:
            for key in settable(config).keys() - RuleKeys.__dataclass_fields__.keys():
                owners.setdefault(key, set()).add(name)
    for names in {frozenset(each) for each in owners.values()}:
        yield {key for key, each in owners.items() if each == names}, set(names)


def for_parts() -> Iterator[Schema]:
    """For a Hybrid whose parts all say what they are: no rule sets what none of them has."""
    every = {name for _, names in keys_of_parts() for name in names}
    for keys, names in sorted(keys_of_parts(), key=lambda each: sorted(each[0])):
        if every - names:
            part = {"type": "object", "required": ["NAME"], "properties": {"NAME": {"enum": sorted(every - names)}}}
            parts = {"type": "object", "minProperties": 1, "additionalProperties": part}
            no_keys = {"properties": dict.fromkeys(sorted(keys), False), "errorMessage": "No part has such a key."}
            no_rules = {"additionalProperties": {"properties": {"SET": no_keys}}}
            yield {
                "if": {"required": ["OPTIMIZERS", "PARAM_GROUPS"], "properties": {"OPTIMIZERS": parts}},
                "then": {"properties": {"PARAM_GROUPS": no_rules}},
            }


def _keys_of_any(definitions: Definitions) -> Keys:
    configs: list[Any] = [entry.config for entry in registry("optimizer").entries().values() if entry.config]
    known = [(config, settable(config)) for config in configs if not config.several]
    own = RuleKeys.__dataclass_fields__.keys()
    keys = [(config, {key: each for key, each in its.items() if key not in own}) for config, its in known]
    return union_of(keys, definitions) | properties(RuleKeys, definitions)


def _named(set_keys: Schema, owner: str, definitions: Definitions) -> Schema:
    settings = definitions.named(f"SET.{owner}", lambda: nullable(mapping(set_keys, "Must be keys with values.")))
    rule = properties(Rule, definitions) | {
        "SET": documented(settings, "What they get; without it the rule only names them.", "")
    }
    each = definitions.named(
        f"rule.{owner}", lambda: mapping(closed(rule, "A rule"), "Must be a rule: {WHERE: ..., SET: ...}.")
    )
    # what belongs into a rule, and the name of the group that no rule changes
    names = dict.fromkeys((*Rule.__dataclass_fields__, DEFAULT), False)
    return {"properties": names, "additionalProperties": each, "errorMessage": _RULES}
