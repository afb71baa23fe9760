"""PARAM_GROUPS: rules by name, checked before there is a model. Imports no torch."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Gt, Le

from ..config.base import OpenConfig
from ..config.documentation import documentation
from ..config.fields import Nested, NonNegative, Texts
from ..config.names import keyword_of
from ..config.validation import Field, fields, per_class, validate
from ..errors import Problem, did_you_mean, nearest, text_of
from .where import SELECTORS, Where, broken, check_selection, listed

WHOLE = "holds for the whole optimizer; a rule cannot set it."
DEFAULT = "default"
"""Name of the group of the parameters that no rule changes."""


@dataclass(kw_only=True)
class RuleKeys:
    """What a rule can set beside the optimizer's own keys."""

    LR_MULT: NonNegative = 1.0
    """Factor on the learning rate; the factors of all rules that match multiply."""
    WEIGHT_DECAY_MULT: NonNegative = 1.0
    """Factor on the weight decay; the factors of all rules that match multiply."""
    FREEZE: bool = False
    """Whether the parameters are not trained."""
    OPTIMIZER: str = ""
    """Part of a Hybrid that takes the parameters."""
    LAYER_DECAY: Annotated[float, Gt(0), Le(1)] = 1.0
    """Factor on the learning rate from each block of layers to the one before it."""
    LAYERS: Texts = None
    """Regular expressions whose numbered groups, as a tuple, order the blocks of LAYER_DECAY."""


@dataclass(kw_only=True)
class Rule:
    """One rule: which parameters, and what they get."""

    WHERE: Where
    """Which parameters: all selectors must hold."""
    SET: Any = field(default_factory=dict)
    """What they get; without it the rule only names them."""
    OPTIONAL: bool = False
    """Whether the rule may match nothing."""


@dataclass(frozen=True)
class Rules(Nested):
    """Rules by name, in order."""

    def check(self, value: Any, owner: type | None, imports: bool | None) -> tuple[Any, list[Problem]]:
        """The rules by name and what is wrong with them; `owner` is the optimizer's Config, None for one without."""
        form = "must be named rules: {no_decay: {WHERE: ..., SET: ...}, ...}."
        if not isinstance(value, Mapping):
            preset = (
                " A preset is chosen by param_groups@optimizer.PARAM_GROUPS=OPTION." if isinstance(value, str) else ""
            )
            return None, [Problem("", f"{form}{preset}", value)]
        if value.keys() & {"WHERE", "SET"}:
            return None, [Problem("", f"is one rule without a name; {form}")]
        rules: dict[str, Any] = {}
        problems: list[Problem] = []
        for key, node in value.items():
            name = text_of(key)
            rule, faults = _check_rule(node, owner, imports)
            if name in rules:
                faults = [Problem("", "there are two rules of this name.")]
            elif name == DEFAULT:
                faults = [Problem("", "is the name of the group that no rule changes: choose another.")]
            problems += [problem.under(name) for problem in faults]
            rules[name] = rule
        return rules, problems


def _check_rule(node: Any, owner: type | None, imports: bool | None) -> tuple[Any, list[Problem]]:
    if not isinstance(node, Mapping):
        return None, [Problem("", "must be a rule: {WHERE: ..., SET: ...}.", node)]
    spellings = {key: f"WHERE.{key}" for key in SELECTORS} | {key: f"SET.{key}" for key in settable(owner)}
    spellings |= {key.lower(): key for key in fields(Rule)}
    # `SET:` with nothing under it is how YAML writes a rule that only names
    values = {key: value for key, value in node.items() if not (key == "SET" and value is None)}
    if values.get("WHERE", "") in (None, {}):
        values["WHERE"] = {}
    rule, problems = validate(Rule, values, imports, spellings, "a rule")
    if rule is not None:
        problems = [problem.under("WHERE") for problem in check_selection(rule.WHERE)]
    if isinstance(values.get("SET", {}), Mapping):
        settings, faults = check_settings(values.get("SET", {}), owner)
        problems += [problem.under("SET") for problem in faults]
        if rule is not None:
            rule.SET = settings
    else:
        problems.append(Problem("SET", "must be a node: keys of the optimizer with values.", values["SET"]))
    return rule, problems


@per_class
def settable(owner: Any) -> Mapping[str, Field]:
    """The keys that a rule can set: those of an optimizer's Config that may differ by group, and the rules' own."""
    own = dict(fields(RuleKeys))
    # without an optimizer, or with several, the plan knows better which keys there are
    if owner is None or owner.several:
        return own
    common = fields(owner.component.common).keys() - {"IMPLEMENTATION"}
    keys = {key: known for key, known in fields(owner).items() if key not in common}
    # a factor on what the class does not have is no key of its rules, and the nearest name is told
    for multiplier, key in (("LR_MULT", "LEARNING_RATE"), ("WEIGHT_DECAY_MULT", "WEIGHT_DECAY")):
        if key not in keys:
            own.pop(multiplier)
    if "LEARNING_RATE" not in keys:
        own.pop("LAYER_DECAY")
    own.pop("OPTIMIZER")
    return keys | own


def check_settings(values: Mapping[Any, Any], owner: type | None) -> tuple[dict[str, Any], list[Problem]]:
    """The values of a SET in their types, and what is wrong with them, with keys relative to it.

    Args:
        values: What the rule sets.
        owner: The Config of the optimizer; None for one without, and where several share the rule any key passes.
    """
    known = settable(owner)
    # of several optimizers a parameter's own is known when it has been sent to one
    any_key = owner is None or owner.several  # type: ignore[attr-defined]  # an OptimizerConfig
    checked: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in values.items():
        setting = known.get(key)
        if setting is None and any_key and isinstance(key, str):
            checked[key] = value
            continue
        if setting is None:
            problems.append(unknown_setting(key, value, owner))
            continue
        result, wrong = setting.check(value)
        text = documentation(RuleKeys if key in fields(RuleKeys) else owner or RuleKeys).get(key, "")
        problems += [dataclasses.replace(problem, documentation=text) for problem in wrong]
        if not wrong:
            checked[key] = result
    return checked, problems + list(_check_layers(checked))


def unknown_setting(key: Any, value: Any, owner: type | None) -> Problem:
    """The problem with a key that an optimizer does not have, or that cannot differ by group."""
    if key == "OPTIMIZER":
        return Problem(key, "only a Hybrid has parts to send parameters to.", value)
    name = owner.__qualname__.split(".")[-2] if owner and "." in owner.__qualname__ else "the optimizer"
    if owner is not None and key in fields(owner):
        return Problem(key, WHOLE, value)
    spellings = {keyword_of(known): known for known in settable(owner)} | {known: known for known in settable(owner)}
    meant = nearest(key, spellings)
    return Problem(text_of(key), f"{name} has no such key." + (f" Did you mean {meant}?" if meant else ""), value)


def read_once(config: Any, settings: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The settings with their values that differ from the optimizer's own, and that its class reads for all groups."""
    for key in config.component.read_once:
        if key in settings and settings[key] != config.get(key):
            yield key, settings[key]


def _check_layers(settings: Mapping[str, Any]) -> Iterator[Problem]:
    patterns = listed(settings.get("LAYERS"))
    if patterns and "LAYER_DECAY" not in settings:
        yield Problem("LAYERS", "orders the blocks of a LAYER_DECAY, which is missing.")
    for pattern in patterns:
        reason = broken(pattern)
        if not reason and not re.compile(pattern).groups:
            reason = r"needs a group that holds the number of a block, such as blocks\.(\d+)."
        if reason:
            yield Problem("LAYERS", reason, pattern)


def check_rules(config: Any) -> Iterator[Problem]:
    """What is wrong between rules and the optimizer that has them, each of which is right alone."""
    rules = config.PARAM_GROUPS or {}
    said = Counter(key for rule in rules.values() for key in rule.SET)
    for name, rule in rules.items():
        for problem in _check_against(rule.SET, config, said):
            yield problem.under(f"PARAM_GROUPS.{name}.SET")


def _check_against(settings: Mapping[str, Any], config: Any, said: Mapping[str, int]) -> Iterator[Problem]:
    parts = config.parts()
    part = settings.get("OPTIMIZER")
    if part is not None and part not in parts:
        message = f"there is no such part.{did_you_mean(part, list(parts))} There are {', '.join(parts)}."
        yield Problem("OPTIMIZER", message, part)
        return
    candidates = [parts[part]] if part else list(parts.values())
    if any(isinstance(candidate, OpenConfig) for candidate in candidates):
        return  # the keys of a class that is not imported yet are known at the build
    if config.several:
        yield from _check_for_parts(settings, candidates)
    if len(candidates) == 1:
        yield from _check_with_the_rest(settings, candidates[0], said)


def _check_for_parts(settings: Mapping[str, Any], candidates: list[Any]) -> Iterator[Problem]:
    """Settings that none of the optimizers has which the parameters may end in, or not with this value."""
    for key, value in settings.items():
        if key not in fields(RuleKeys):
            owners = [type(config) for config in candidates if key in settable(type(config))]
            if not owners:
                yield unknown_setting(key, value, type(candidates[0]))
            for owner in owners[:1]:
                yield from check_settings({key: value}, owner)[1]


def _check_with_the_rest(settings: Mapping[str, Any], config: Any, said: Mapping[str, int]) -> Iterator[Problem]:
    """Settings that cannot be with the rest of the optimizer's; `said` counts the rules that speak of a key."""
    for key, value in read_once(config, settings):
        yield Problem(key, WHOLE, value)
    for key, message in conflicts(config, settings):
        keys = next(conflict.keys for conflict in config.conflicts if conflict.message == message)
        # another rule may set what is missing for the same parameters: then the plan decides
        if not any(said[k] > (k in settings) for k in keys):
            yield Problem(key, message, settings[key])


def conflicts(config: Any, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Refused combinations that settings make with the rest of a Config: the key that was set, and what is right."""
    own = {key: value for key, value in settings.items() if key in fields(type(config))}
    if own and config.conflicts:
        # refused is what they make together, not what was refused of the optimizer alone
        together = dataclasses.replace(config, **own)
        for conflict in config.conflicts:
            mine = [key for key in conflict.keys if key in own]
            if mine and conflict.when(together):
                yield mine[0], conflict.message
