"""Nodes: by their NAME, by a `_target_` of torch's, or with the keys of any class where neither is said."""

from __future__ import annotations

import re
from typing import Any

from ..components.entry import Entry
from ..components.registry import Registry, registry
from ..config.documentation import summary
from . import rules, texts
from .definitions import Definitions
from .keys import Keys, closed, mapping, properties, union
from .values import Schema, choice, deferrable, documented

_DOTTED = r"\."
# Hydra's own words beside a `_target_`, and the keywords of its class: what has a small letter is no key of ours.
_KEYWORDS = "[a-z]"


def node(known: Registry, definitions: Definitions, name: str = "") -> Schema:
    """A node at a place of its own, or what stands for one until it is known.

    Args:
        known: The registry whose node it is.
        definitions: Where the schemas are kept.
        name: NAME of the class where the node does not say it; empty where that is not known.
    """
    owner = name or "any"

    def make() -> Schema:
        both = [named(known, definitions), unnamed(known, definitions, name)]
        return mapping({"allOf": both}, f"Must be a node of {known.kind}: keys with values.")

    return definitions.named(f"{known.kind}.node.{owner}", make)


def named(known: Registry, definitions: Definitions, file: bool = False) -> Schema:
    """What holds of a mapping that says which class it is.

    Args:
        known: The registry whose node it is.
        definitions: Where the schemas are kept.
        file: Whether it is a whole file, which may have a defaults list.
    """

    def make() -> Schema:
        by_name: list[Schema] = [
            {"if": _has_name({"const": name}), "then": of_class(entry, definitions, file)}
            for name, entry in known.entries().items()
        ]
        # a class by its import path: its keywords are its own
        path = _has_name({"type": "string", "pattern": _DOTTED})
        by_name.append({"if": path, "then": _of_others(known, definitions)})
        by_name = [{"properties": {"NAME": name_of(known, definitions)}}, *by_name]
        return {
            "if": {"required": ["_target_"]},
            "then": _by_target(known, definitions),
            "else": {"allOf": by_name},
        }

    return definitions.named(f"{known.kind}.named{'.file' * file}", make)


def unnamed(known: Registry, definitions: Definitions, name: str = "", file: bool = False) -> Schema:
    """What holds of a mapping that does not say which class it is.

    Args:
        known: The registry whose node it is.
        definitions: Where the schemas are kept.
        name: NAME of the class, where something else says it.
        file: Whether it is a whole file, which may have a defaults list.
    """
    keys = of_class(known.entry(name), definitions, file) if name else of_any(known, definitions, file)
    said = _has_name({"not": {"type": "string", "pattern": texts.DEFERRED}})
    return {"if": {"not": {"anyOf": [{"required": ["_target_"]}, said]}}, "then": keys}


def of_class(entry: Entry, definitions: Definitions, file: bool = False) -> Schema:
    """The keys of one class.

    Args:
        entry: The class.
        definitions: Where the schemas are kept.
        file: Whether it is a whole file, which may have a defaults list.
    """

    def make() -> Schema:
        config: Any = entry.config
        about = {"title": entry.name, "description": summary(entry.cls)}
        if config is None:
            return about | _common(entry.component.common, definitions)
        schema = about | closed(
            _with_name(registry(entry.kind), properties(config, definitions), definitions, file), entry.name
        )
        conditions = list(rules.for_parts()) if getattr(config, "several", False) else []
        return schema | ({"allOf": conditions} if conditions else {})

    return definitions.named(f"{entry.kind}.{entry.name}{'.file' * file}", make)


def of_any(known: Registry, definitions: Definitions, file: bool = False) -> Schema:
    """The keys of all classes of a registry; any key where one of them takes any."""

    def make() -> Schema:
        configs: list[Any] = [entry.config for entry in known.entries().values()]
        keys = _with_name(known, union([config for config in configs if config], definitions), definitions, file)
        return {"properties": keys} if None in configs else closed(keys, f"No {known.kind}")

    return definitions.named(f"{known.kind}.any{'.file' * file}", make)


def name_of(known: Registry, definitions: Definitions) -> Schema:
    """NAME: one of the registry's, or an import path."""
    entries = known.entries()
    about = [summary(entry.cls) for entry in entries.values()]
    value = choice(list(entries), {"type": "string", "pattern": _DOTTED}, about=about)
    return definitions.shared("NAME", documented(value, f"Name of the class of the {known.kind}.", ""))


def _with_name(known: Registry, keys: Keys, definitions: Definitions, file: bool) -> Keys:
    extra: Keys = {"defaults": {}} if file else {}
    return {"NAME": name_of(known, definitions), **keys, **extra}


def _has_name(schema: Schema) -> Schema:
    return {"required": ["NAME"], "properties": {"NAME": schema}}


def _common(common: type, definitions: Definitions) -> Schema:
    """The package's own keys beside any others."""
    return {"properties": properties(common, definitions)}


def _of_others(known: Registry, definitions: Definitions) -> Schema:
    base: Any = known.base()
    return definitions.named(f"{known.kind}.others", lambda: _common(base.common, definitions))


def _by_target(known: Registry, definitions: Definitions) -> Schema:
    """A node for hydra.utils.instantiate: of torch's classes the keys are known, with keywords beside them."""
    package = known.torch_base.rpartition(".")[0]
    targets = {
        entry.name: entry
        for entry in known.own_entries().values()
        if str(entry.component.target) == f"{package}.{entry.name}"
    }
    prefix = rf"^{re.escape(package)}\.(?:\w+\.)*"
    branches: list[Schema] = []
    for name, entry in targets.items():
        keys = properties(entry.config, definitions) | {"NAME": {"const": name}}  # type: ignore[arg-type]  # our own have one
        branch = {**closed(keys, name), "patternProperties": {_KEYWORDS: {}}}
        branches.append({"if": _has_target(rf"{prefix}{name}$"), "then": branch})
    path = deferrable(
        {"pattern": rf"{prefix}(?:{'|'.join(targets)})$", "errorMessage": f"{package} has no such class known here."}
    )
    others = {"if": _has_target(r"^torch\.optim\."), "then": {"properties": {"_target_": path}}}
    # of any other class nobody knows whether it is of torch's kind, and its keywords are its own
    return {"allOf": [*branches, {**others, "else": _of_others(known, definitions)}]}


def _has_target(pattern: str) -> Schema:
    return {"required": ["_target_"], "properties": {"_target_": {"type": "string", "pattern": pattern}}}
