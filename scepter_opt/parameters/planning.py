"""Config and parameters to a plan: the rules are matched, decided, and put into the fewest groups."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Mapping
from itertools import repeat
from typing import Any

from ..config.nodes import read
from ..errors import ConfigError, Problem, below
from .grouping import check_groups, put_into_groups
from .layer_decay import exponents
from .named_parameters import Parameters, collect
from .plan import Plan
from .resolution import Combination, Optimizers, decide, given_settings
from .rows import RuleUse
from .rules import Rule, Rules
from .selectors import lacking, select, select_names
from .suggestions import explain, nearest_names
from .where import listed


def make_plan(config: Any, parameters: Any) -> Plan:
    """Which parameter gets which settings. Neither the model nor the Config is changed.

    Args:
        config: A checked Config of an optimizer.
        parameters: A module, a mapping of names to modules or tensors, `named_parameters()`, tensors, or torch's list
            of group dicts.

    Raises:
        ConfigError: A rule matches nothing, or what it says cannot be; keys are relative to the optimizer's node.
    """
    ends = config.parts().values() if hasattr(config, "parts") else [config]
    found = collect(parameters, graph_tensors=any(end.get("DIFFERENTIABLE") for end in ends))
    found = _only(listed(config.get("ONLY")), found)
    config, optimizers = _scaled(config)
    rules = _rules(config)
    matched = _matched(rules, found)
    combinations, column = _combine(optimizers, rules, matched, found, given_settings(config, found.given))
    _check_matches(rules, matched, found, combinations, column)
    if not any(not combination.frozen for combination in combinations):
        message = f"all {len(found)} parameters are frozen." if len(found) else "there are no parameters to train."
        raise ConfigError([Problem("", message)])
    groups = put_into_groups(optimizers.configs, rules, combinations, found.given)
    check_groups(config, optimizers.configs, rules, groups, combinations, found, column)
    uses = tuple(_use(name, rule, len(matched[name]), combinations) for name, rule in rules.items())
    return Plan(
        optimizer=config.NAME,
        rules=uses,
        group_settings=groups,
        combinations=combinations,
        column=column,
        config=config,
        parameters=found,
    )


def _only(patterns: list[str], found: Parameters) -> Parameters:
    if not patterns:
        return found
    if not found.has_names:
        message = "needs names, and these are tensors alone: pass the module, or named_parameters()."
        raise ConfigError([Problem("ONLY", message)])
    missed = [pattern for pattern in patterns if not select_names([pattern], found)]
    if missed:
        raise ConfigError([Problem("ONLY", f"matches nothing: {nearest_names(missed, found)}", missed[0])])
    return found.subset(select_names(patterns, found))


def _scaled(config: Any) -> tuple[Any, Optimizers]:
    """The Config with the rates that LR_SCALING makes of them, and the optimizers that parameters can end in."""
    if not hasattr(config, "parts"):
        return config, Optimizers({"": config}, "", {"": 1.0})
    factors = {}
    parts = {}
    for name, part in config.parts().items():
        scaling = part.get("LR_SCALING") or config.LR_SCALING
        factors[name] = scaling.factor if scaling else 1.0
        changes = {"LEARNING_RATE": part.LEARNING_RATE * factors[name]} if "LEARNING_RATE" in part else {}
        parts[name] = dataclasses.replace(part, LR_SCALING={}, **changes) if scaling else part
    if any(factor != 1.0 for factor in factors.values()):
        config = config.with_parts(parts)
    return config, Optimizers(parts, config.default_part, factors)


def _rules(config: Any) -> Mapping[str, Rule]:
    said = config.get("PARAM_GROUPS")
    if not said or hasattr(config, "parts"):
        return said or {}
    rules, problems = Rules().check(read(said)[0], None, None)
    if problems:
        raise ConfigError(problem.under("PARAM_GROUPS") for problem in problems)
    checked: Mapping[str, Rule] = rules
    return checked


def _matched(rules: Mapping[str, Rule], found: Parameters) -> dict[str, set[int]]:
    """By rule the positions that it matches."""
    matched: dict[str, set[int]] = {}
    problems = []
    for name, rule in rules.items():
        wrong = lacking(rule.WHERE, found)
        problems += [problem.under(f"PARAM_GROUPS.{name}.WHERE") for problem in wrong]
        matched[name] = set() if wrong else select(rule.WHERE, found)
        if not matched[name] and not wrong and not rule.OPTIONAL:
            message = f"matches nothing: {explain(rule.WHERE, found)} OPTIONAL: true lets it."
            problems.append(Problem(f"PARAM_GROUPS.{name}.WHERE", message))
    if problems:
        raise ConfigError(problems)
    return matched


def _combine(
    optimizers: Optimizers,
    rules: Mapping[str, Rule],
    matched: Mapping[str, set[int]],
    found: Parameters,
    given: list[dict[str, Any]],
) -> tuple[list[Combination], array[int]]:
    """Each different combination once, and per parameter which it is."""
    count = len(found)
    hits: Any = [0] * count if rules else repeat(0, count)
    powers: Any = [0] * count if rules else repeat(0, count)
    for number, (name, rule) in enumerate(rules.items()):
        bit = 1 << number
        for i in matched[name]:
            hits[i] |= bit
        if "LAYER_DECAY" in rule.SET and matched[name]:
            with below(f"PARAM_GROUPS.{name}.SET.LAYER_DECAY"):
                for i, power in exponents(listed(rule.SET.get("LAYERS")), found, matched[name]).items():
                    powers[i] = power
    number_of: dict[Any, int] = {}
    combinations: list[Combination] = []
    column = array("I", bytes(4 * count))
    trained = [tensor.requires_grad for tensor in found.tensors]
    keys = zip(hits, powers, found.given_of or repeat(-1, count), trained, strict=True)
    for i, key in enumerate(keys):
        number = number_of.setdefault(key, len(combinations))
        column[i] = number
        if number == len(combinations):
            hit, power, source, trainable = key
            those = {name: rule for bit, (name, rule) in enumerate(rules.items()) if hit >> bit & 1}
            settings = given[source] if source >= 0 else {}
            combination = decide(optimizers, those, settings, power, not trainable)
            combinations.append(dataclasses.replace(combination, source=source, power=power))
    return combinations, column


def _check_matches(
    rules: Mapping[str, Rule],
    matched: Mapping[str, set[int]],
    found: Parameters,
    combinations: list[Combination],
    column: array[int],
) -> None:
    """Refuse rules that match only what is frozen, by another rule or from the start."""
    trained = {name for combination in combinations if not combination.frozen for name in combination.rules}
    problems = []
    for name, rule in rules.items():
        if matched[name] and name not in trained and not rule.SET.get("FREEZE") and not rule.OPTIONAL:
            example = min(matched[name])
            who = combinations[column[example]].decided.get("FREEZE")
            by = f"frozen by the rule {who}" if who else "which needs no gradient"
            which = f"such as {found.names[example] or 'the first'}, {by}"
            message = f"matches only frozen parameters, {which}. OPTIONAL: true lets it."
            problems.append(Problem(f"PARAM_GROUPS.{name}.WHERE", message))
    if problems:
        raise ConfigError(problems)


def _use(name: str, rule: Rule, hits: int, combinations: list[Combination]) -> RuleUse:
    """How often a rule matched, and whether later rules overrule all that it says."""
    those = [combination for combination in combinations if name in combination.rules]
    decides = any(name in who.split(" * ") for combination in those for who in combination.decided.values())
    return RuleUse(name, hits, bool(rule.SET and those and not decides))
