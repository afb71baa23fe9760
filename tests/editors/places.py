"""Every place of a node that has keys of its own, of every class of the package."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from scepter_opt.components.registry import registries, registry
from scepter_opt.config.validation import Field, fields
from scepter_opt.lr_schedulers.composed_schedulers import OF_THE_HOLDER
from scepter_opt.lr_schedulers.pairing import settings_of
from scepter_opt.optimizers.hybrid import OF_THE_WHOLE
from scepter_opt.optimizers.lr_scaling import Scaling
from scepter_opt.parameters.rules import Rule, RuleKeys, settable
from scepter_opt.parameters.where import Selection, Where
from scepter_opt.schedules.curves import CURVES
from scepter_opt.schedules.finishing import CURVES as ENDING
from scepter_opt.schedules.finishing import KEYS as FINISHING
from scepter_opt.schedules.finishing import Finish
from scepter_opt.schedules.phases import Phase
from tests.support import KEYS

PHASE: dict[str, Any] = {"CURVE": "linear", "FROM": 0.5, "TO": 0.1, "LENGTH": 5}
KINDS = {name: registry.kind for registry in registries() for name in registry.own_entries()}


@dataclass(frozen=True)
class Place:
    """A mapping inside a node."""

    kind: str
    node: Mapping[str, Any]
    """A node that is right."""
    path: tuple[str, ...]
    """Where the mapping is in it."""
    keys: Mapping[str, Field]
    """The keys that it can have."""

    def __str__(self) -> str:
        shape = self.mapping.get("CURVE", "")
        return ".".join([str(self.node["NAME"]), *self.path, *([shape] if isinstance(shape, str) and shape else [])])

    @property
    def mapping(self) -> Mapping[str, Any]:
        """What stands there."""
        inside = self.node
        for key in self.path:
            inside = inside[key]
        return inside

    def having(self, key: str, value: Any) -> dict[str, Any]:
        """The node with a key more at the place."""
        node: dict[str, Any] = copy.deepcopy(dict(self.node))
        inside = node
        for step in self.path:
            inside = inside[step]
        inside[key] = copy.deepcopy(value)
        return node


def places(name: str) -> list[Place]:
    """The places of a class's nodes, the node itself first."""
    kind = KINDS[name]
    config: Any = registry(kind).entry(name).config
    whole = Place(kind, {"NAME": name, **KEYS.get(name, {})}, (), _fields(config))
    below = _of_optimizer(whole, config) if kind == "optimizer" else _of_scheduler(whole)
    return [whole, *below]


def _of_optimizer(whole: Place, config: Any) -> Iterator[Place]:
    rules = {"a": {"WHERE": {"NAMES": "*", "EXCEPT": {"NAMES": "x"}}, "SET": {}}}
    node = {**whole.node, "PARAM_GROUPS": rules, "LR_SCALING": {"BATCH_SIZE": 512}}
    parts = {part: each["NAME"] for part, each in whole.node.get("OPTIMIZERS", {}).items()}
    configs: list[Any] = [registry("optimizer").entry(of).config for of in parts.values()] or [config]
    set_keys = {key: field for each in configs for key, field in settable(each).items()}
    if parts:
        set_keys |= fields(RuleKeys)
    rule = ("PARAM_GROUPS", "a")
    yield replace(whole, node=node, path=rule, keys=_fields(Rule))
    yield replace(whole, node=node, path=(*rule, "WHERE"), keys=_fields(Where))
    yield replace(whole, node=node, path=(*rule, "WHERE", "EXCEPT"), keys=_fields(Selection))
    yield replace(whole, node=node, path=(*rule, "SET"), keys=set_keys)
    yield replace(whole, node=node, path=("LR_SCALING",), keys=_fields(Scaling))
    for part, of in parts.items():
        keys = _fields(registry("optimizer").entry(of).config)
        own = {key: field for key, field in keys.items() if key not in OF_THE_WHOLE}
        yield replace(whole, path=("OPTIMIZERS", part), keys=own)


def _of_scheduler(whole: Place) -> Iterator[Place]:
    # which curve it is makes no difference to the class: the curves of FINISH are gone through once
    for curve in ENDING if whole.node["NAME"] == "NoneLR" else ["linear"]:
        finish = {key: value for key, value in _phase(curve).items() if key != "FROM"}
        known = {key: fields(Finish)[key] for key in (*FINISHING, *CURVES[curve].keys)}
        yield replace(whole, node={**whole.node, "FINISH": finish}, path=("FINISH",), keys=known)
    for part, each in whole.node.get("SCHEDULERS", {}).items():
        keys = _fields(registry("lr_scheduler").entry(each["NAME"]).config)
        own = {key: field for key, field in keys.items() if key not in OF_THE_HOLDER}
        yield replace(whole, path=("SCHEDULERS", part), keys=own)
    if "PHASES" in whole.keys:
        yield from _of_phases(whole)
    if "RULES" in whole.keys:
        names = {key for name, kind in KINDS.items() if kind == "optimizer" for key in _settings(name)}
        phases = whole.keys["PHASES"]
        node = {**whole.node, "SETTINGS": {"EPS": {"a": PHASE}}, "RULES": {"a": {"PHASES": {"b": PHASE}}}}
        yield replace(whole, node=node, path=("SETTINGS",), keys=dict.fromkeys(sorted(names), phases))
        in_parts = {"PHASES": phases, "SETTINGS": whole.keys["SETTINGS"]}
        yield replace(whole, node=node, path=("RULES", "a"), keys=in_parts)
        yield replace(whole, node=node, path=("RULES", "a", "PHASES", "b"), keys=_keys_of("linear"))


def _of_phases(whole: Place) -> Iterator[Place]:
    for curve in CURVES:
        node = {**whole.node, "PHASES": {"a": _phase(curve)}}
        yield replace(whole, node=node, path=("PHASES", "a"), keys=_keys_of(curve))
    node = {**whole.node, "PHASES": {"a": {"PHASES": {"b": PHASE}, "LENGTH": 5}}}
    held = {key: fields(Phase)[key] for key in ("PHASES", "LENGTH")}
    yield replace(whole, node=node, path=("PHASES", "a"), keys=held)
    yield replace(whole, node=node, path=("PHASES", "a", "PHASES", "b"), keys=_keys_of("linear"))


def _phase(curve: str) -> dict[str, Any]:
    """A phase of a curve with what it requires."""
    given = {"POWER": 2, "GAMMA": 0.5, "CYCLES": 2, "TIMESCALE": 5}
    phase: dict[str, Any] = {"CURVE": curve, "FROM": 0.5, "TO": 0.1, "LENGTH": 5}
    phase |= {key: given[key] for key in CURVES[curve].keys if key in given}
    phase |= {"EVERY": 2} if curve == "step" else {}
    # of a constant one value is enough, and of an endless curve the end follows
    unfit = {"required": (), "optional": ("FROM",), "follows": ("TO",)}[CURVES[curve].to]
    return {key: value for key, value in phase.items() if key not in unfit}


def _keys_of(curve: str) -> dict[str, Field]:
    return {key: fields(Phase)[key] for key in CURVES[curve].phase_keys}


def _settings(name: str) -> list[str]:
    config: Any = registry("optimizer").entry(name).config
    return settings_of(config)


def _fields(config: Any) -> dict[str, Field]:
    return {key: field for key, field in fields(config).items() if key != "NAME"}
