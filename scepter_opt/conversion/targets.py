"""Hydra's `_target_` nodes of torch's classes: keywords become keys, lists of schedulers named nodes."""

from __future__ import annotations

from typing import Any

from ..components.checking import inspect
from ..components.registry import option_name, registry
from ..components.targets import as_keys, call_keys, target_entry, target_kind
from ..config.validation import fields
from ..errors import ConfigError, Problem, join_key
from .result import Converted, idle, is_later, normal

# What the builder gives, and what torch no longer has: it printed, and changed nothing.
_GIVEN_BY_BUILD = ("params", "optimizer")
_PRINTED = "verbose"
# Hydra's ways to name a function.
_GETTERS = ("hydra.utils.get_method", "hydra.utils.get_object", "hydra.utils.get_class")


def kind_of(values: dict[Any, Any]) -> str | None:
    """The kind of a node whose `_target_` is torch's; None of any other."""
    return None if call_keys(values)[1] else target_kind(values)


def foreign(kind: str, key: str, values: dict[Any, Any]) -> Converted:
    """A node at a usual place whose `_target_` is not torch's: it has no counterpart."""
    message = (
        f"is no class of torch's. Where it is an {kind} of torch's kind, this package builds the node as it is; to "
        f"choose it by NAME, register it with {kind.upper()}S.register_class()."
    )
    return Converted(kind, key, "_target_", None, [Problem(join_key(key, "_target_"), message, values["_target_"])])


def convert_node(kind: str, key: str, values: dict[Any, Any]) -> Converted:
    """A node with a `_target_` of torch's as one of ours.

    Args:
        kind: `optimizer` or `lr_scheduler`.
        key: Full key of the node, for the report.
        values: The node.
    """
    converted = Converted(kind, key, str(values["_target_"]), None)
    if isinstance(values.get("params"), list):
        message = "groups of parameters are rules here: write them as PARAM_GROUPS (docs/rules.md)."
        converted.problems.append(Problem(join_key(key, "params"), message))
    if values.get(_PRINTED) is not None:
        converted.notes.append(f"{join_key(key, _PRINTED)} is left out: it only printed.")
    try:
        cleaned = _cleaned(values)
        entry = target_entry(cleaned)
        for unread in idle(entry.name if entry else "", cleaned):
            del cleaned[unread]
            converted.notes.append(f"{join_key(key, unread)} is left out: torch does not read it here.")
        # before it is renamed, so that problems are told in the words of the source
        config, problems = inspect(cleaned, registry(kind), None)
        node = _as_node(cleaned)
        converted.node = node if config is None else normal(kind, node)
    except ConfigError as error:
        problems = list(error.problems)
    converted.problems += [problem.under(key) for problem in problems if not is_later(problem)]
    return converted


def _cleaned(values: dict[Any, Any]) -> dict[Any, Any]:
    """The node without what the builder gives; schedulers of a list are named by their places."""
    cleaned: dict[Any, Any] = {}
    for key, value in values.items():
        if key == "schedulers" and isinstance(value, list):
            parts = {f"[{place}]": part for place, part in enumerate(value)}
            _refuse_foreign(parts)
            cleaned[key] = {name: _cleaned(part) if isinstance(part, dict) else part for name, part in parts.items()}
        elif key not in (*_GIVEN_BY_BUILD, _PRINTED):
            cleaned[key] = _function(value)
    return cleaned


def _refuse_foreign(parts: dict[str, Any]) -> None:
    """Parts that are not torch's: a look at them would import them.

    Raises:
        ConfigError: There are such.
    """
    problems = [
        Problem(f"schedulers{name}._target_", "is no scheduler of torch's: register it, and write its node.", target)
        for name, part in parts.items()
        if isinstance(part, dict) and kind_of(part) is None and (target := part.get("_target_")) is not None
    ]
    if problems:
        raise ConfigError(problems)


def _function(value: Any) -> Any:
    """A node that stands for a function as its import path; anything else as it is."""
    if isinstance(value, list):
        return [_function(item) for item in value]
    if not isinstance(value, dict) or not isinstance(value.get("_target_"), str):
        return value
    if value["_target_"] in _GETTERS:
        return value.get("path", value)
    # a function with arguments of its own has no import path
    return value["_target_"] if value.get("_partial_") is True and len(value) == 2 else value


def _as_node(cleaned: dict[Any, Any]) -> dict[str, Any]:
    """The node by our keys; without those that the class does not have, which are reported."""
    entry = target_entry(cleaned)
    if entry is None:  # its kind was told by the same target
        raise ConfigError([Problem("_target_", "is no class of torch's.", cleaned.get("_target_"))])
    keys, _, _ = as_keys(cleaned, entry.name)
    node: dict[str, Any] = {"NAME": entry.name}
    if entry.kind == "optimizer":
        node["IMPLEMENTATION"] = "torch"  # torch's own choice, unless a flag says another
    node |= {key: value for key, value in keys.items() if key in fields(entry.config)}
    if isinstance(node.get("SCHEDULERS"), dict):
        parts = [_as_node(part) for part in node["SCHEDULERS"].values() if isinstance(part, dict)]
        node["SCHEDULERS"] = _named(parts)
    return node


def _named(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Nodes under the options of their names; the second of a name is `linear_2`."""
    named: dict[str, Any] = {}
    for part in parts:
        option = option_name(part["NAME"])
        count = 1 + sum(option_name(other["NAME"]) == option for other in named.values())
        named[option if count == 1 else f"{option}_{count}"] = part
    return named
