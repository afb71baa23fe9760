"""The groups that rules speak of, before there is a model whose parameters they match."""

from __future__ import annotations

from typing import Any

from ..config.names import keyword_of
from ..parameters.rules import DEFAULT

_FACTORS = {"LR_MULT": "lr", "WEIGHT_DECAY_MULT": "weight_decay"}
# what a rule sets and no group of torch's has
_NO_SETTINGS = {"NAME", "PARAM_GROUPS", "OPTIMIZERS", "OPTIMIZER", "FREEZE", "LAYER_DECAY", "LAYERS", "LR_SCALING"}


def groups_of_rules(config: Any) -> list[dict[str, Any]]:
    """What a parameter of no rule gets, then what one of each rule alone gets, as `preview` takes groups.

    A rule that freezes has none. Layer-wise decay is shown as its last layer has it: the others are the model's.

    Args:
        config: The checked Config of an optimizer.
    """
    parts = config.parts() if hasattr(config, "parts") else {"": config}
    default = config.default_part if hasattr(config, "parts") else ""
    scales, own = {}, {}
    for part, node in parts.items():
        scaling = node.get("LR_SCALING") or config.get("LR_SCALING")
        scales[part] = scaling.factor if scaling else 1.0
        own[part] = _settings(node, scales[part])
    # each part has a group of its own, whether rules change it or not: factors are of that group's values
    groups = [_group(DEFAULT if part == default else part, [], part, own[part]) for part in parts]
    for name, rule in (config.get("PARAM_GROUPS") or {}).items():
        said = _said(rule)
        if said.get("FREEZE"):
            continue
        part = said.get("OPTIMIZER") or default
        group = _group(name, [name], part, own[part] | _settings(said, scales[part]))
        for factor, key in _FACTORS.items():
            if factor in said and key in group:
                group[key] *= said[factor]
        groups.append(group)
    return groups


def _group(name: str, rules: list[str], part: str, settings: dict[str, Any]) -> dict[str, Any]:
    return {**settings, "name": name, "rules": [rules], "optimizer": part}


def _said(rule: Any) -> dict[str, Any]:
    """What a rule sets; a class without a Config keeps its rules as they were written."""
    settings = rule.get("SET", {}) if hasattr(rule, "get") else rule.SET
    return dict(settings.items()) if settings else {}


def _settings(node: Any, scale: float) -> dict[str, Any]:
    """The keys of a node or a rule as a group of torch's has them."""
    values = {
        keyword_of(key): value
        for key, value in node.items()
        if value is not None and key not in _NO_SETTINGS and key not in _FACTORS
    }
    if "lr" in values:
        values["lr"] = float(values["lr"]) * scale
    return values
