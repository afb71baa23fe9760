"""Config and parameters to a plan: the rules are matched, decided, and put into the fewest groups."""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterator, Mapping
from itertools import repeat
from typing import Any

from ..config.base import OpenConfig
from ..config.nodes import read
from ..errors import ConfigError, Problem, below
from .grouping import check_groups, leave_out, put_into_groups
from .layer_decay import exponents
from .named_parameters import Parameters, collect
from .plan import Plan
from .resolution import Combination, Optimizers, given_settings, number_of, resolve_settings
from .rows import RuleUse
from .rules import Rule, Rules
from .selectors import lacking, select, select_names
from .suggestions import explain, nearest_names
from .where import Selection, given, listed

_FEW_RULES = 20


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
    parameters = collect(parameters, graph_tensors=any(end.get("DIFFERENTIABLE") for end in ends))
    parameters = _only(listed(config.get("ONLY")), parameters)
    # rates are scaled before rules multiply them, so that a rule's factor is one of what is trained with
    config, optimizers = _scaled(config)
    rules = _rules(config)
    matched = _matched(rules, parameters)
    given = given_settings(config, parameters.given)
    combinations, column = _combine(optimizers, rules, matched, parameters, given)
    if all(combination.frozen for combination in combinations):
        count = len(parameters)
        freezing = dict.fromkeys(name for each in combinations for name in each.decided.get("FREEZE", ()))
        by = f" by {', '.join(freezing)} of PARAM_GROUPS" if freezing else ""
        message = f"all {count} parameters are frozen{by}." if count else "there are no parameters to train."
        raise ConfigError([Problem("", message)])
    # before the groups, since what is left out is in none
    problems = leave_out(config, optimizers.configs, rules, combinations, parameters, column)
    groups = put_into_groups(optimizers.configs, rules, combinations, parameters.given)
    problems += check_groups(config, optimizers.configs, rules, groups, combinations)
    if problems:
        raise ConfigError(problems)
    return Plan(
        optimizer=config.NAME,
        rules=_uses(rules, matched, combinations),
        group_settings=groups,
        combinations=combinations,
        column=column,
        config=config,
        scales={part: factor for part, factor in optimizers.factors.items() if factor != 1.0},
        parameters=parameters,
        remarks=[*_remarks(rules, combinations), *_unmatched(rules, parameters), *_unread(config)],
    )


def _remarks(rules: Mapping[str, Rule], combinations: list[Combination]) -> list[Problem]:
    """What a build says of rules that are right and do not do what they seem to."""
    thawing = {
        name for combination in combinations if combination.frozen for name in combination.decided.get("FREEZE", ())
    }
    message = "what is frozen already stays so: call requires_grad_(True) on it, before or after this."
    return [
        Problem(f"PARAM_GROUPS.{name}.SET.FREEZE", message, False)
        for name, rule in rules.items()
        if name in thawing and rule.SET.get("FREEZE") is False
    ]


def _unmatched(rules: Mapping[str, Rule], parameters: Parameters) -> Iterator[Problem]:
    """Names that match nothing beside others that do, or in what a rule leaves out: each may be misspelt."""
    for name, rule in rules.items():
        if rule.OPTIONAL:
            continue
        places = [("WHERE", rule.WHERE), *([("WHERE.EXCEPT", rule.WHERE.EXCEPT)] if rule.WHERE.EXCEPT else [])]
        for place, selection in places:
            # a kind or a number cannot be misspelt, and one name alone that matches nothing is an error already
            for key in {"NAMES", "MODULES"}.intersection(given(selection)):
                values = listed(getattr(selection, key))
                for value in values if len(values) > 1 or place != "WHERE" else ():
                    alone = Selection(**{key: value})
                    if not select(alone, parameters):
                        message = f"matches nothing: {explain(alone, parameters)}"
                        yield Problem(f"PARAM_GROUPS.{name}.{place}.{key}", message, value)


def _unread(config: Any) -> Iterator[Problem]:
    """Keys that only a class with a Config follows."""
    if isinstance(config, OpenConfig):
        for key, default in (("IMPLEMENTATION", "auto"), ("TENSOR_LR", False)):
            if config.get(key, default) != default:
                message = f"has no effect: {config.NAME} has no Config, and sees to this itself."
                yield Problem(key, message, config.get(key))


def _only(patterns: list[str], parameters: Parameters) -> Parameters:
    if not patterns:
        return parameters
    if not parameters.has_names:
        message = "needs names, and these are tensors alone: pass the module, or named_parameters()."
        raise ConfigError([Problem("ONLY", message)])
    missed = [pattern for pattern in patterns if not select_names([pattern], parameters)]
    if missed:
        raise ConfigError([Problem("ONLY", f"matches nothing: {nearest_names(missed, parameters)}", missed[0])])
    return parameters.subset(select_names(patterns, parameters))


def _scaled(config: Any) -> tuple[Any, Optimizers]:
    """The Config with the rates that LR_SCALING makes of them, and the optimizers that parameters can end in."""
    if isinstance(config, OpenConfig):
        return _scaled_open(config)
    factors = {}
    parts = {}
    for name, part in config.parts().items():
        scaling = part.get("LR_SCALING") or config.LR_SCALING
        factors[name] = scaling.factor if scaling else 1.0
        if not scaling:
            parts[name] = part
            continue
        # a class may find its rate itself, when it is given none
        rate = part.get("LEARNING_RATE")
        changes = {} if rate is None else {"LEARNING_RATE": rate * factors[name]}
        parts[name] = dataclasses.replace(part, LR_SCALING={}, **changes)
    if any(factor != 1.0 for factor in factors.values()):
        # what was scaled says so no more: a plan of this Config has the same rates
        config = dataclasses.replace(config.with_parts(parts), LR_SCALING={})
    return config, Optimizers(parts, config.default_part, factors)


def _scaled_open(config: OpenConfig) -> tuple[OpenConfig, Optimizers]:
    """The same for a class without a Config, whose rate is what its node calls LEARNING_RATE."""
    scaling = config.get("LR_SCALING")
    if not scaling:
        return config, Optimizers({"": config}, "", {"": 1.0})
    rate = number_of(config, "LEARNING_RATE")
    if rate is None:
        raise ConfigError([Problem("LR_SCALING", "scales LEARNING_RATE, which this node has not.")])
    values = {**dict(config.items()), "LR_SCALING": {}, "LEARNING_RATE": rate * scaling.factor}
    config = OpenConfig(values, config.component)
    return config, Optimizers({"": config}, "", {"": scaling.factor})


def _rules(config: Any) -> Mapping[str, Rule]:
    rules: Mapping[str, Rule] = config.get("PARAM_GROUPS") or {}
    if not rules or hasattr(config, "parts"):
        return rules
    # a class without a Config keeps the node as it was written
    checked, problems = Rules().check(read(rules)[0], None, None)
    if problems:
        raise ConfigError(problem.under("PARAM_GROUPS") for problem in problems)
    return checked  # type: ignore[no-any-return]  # rules by name


def _matched(rules: Mapping[str, Rule], parameters: Parameters) -> dict[str, set[int]]:
    """By rule the positions that it matches."""
    matched: dict[str, set[int]] = {}
    problems = []
    # sorting a hundred thousand names for one rule would take longer than looking at each once
    if len(rules) > _FEW_RULES:
        parameters.sort_names()
    for name, rule in rules.items():
        wrong = lacking(rule.WHERE, parameters)
        problems += [problem.under(f"PARAM_GROUPS.{name}.WHERE") for problem in wrong]
        with below(f"PARAM_GROUPS.{name}.WHERE"):
            matched[name] = set() if wrong else select(rule.WHERE, parameters)
        if not matched[name] and not wrong and not rule.OPTIONAL:
            message = f"matches nothing: {explain(rule.WHERE, parameters)} OPTIONAL: true lets it."
            problems.append(Problem(f"PARAM_GROUPS.{name}.WHERE", message))
    if problems:
        raise ConfigError(problems)
    return matched


def _combine(
    optimizers: Optimizers,
    rules: Mapping[str, Rule],
    matched: Mapping[str, set[int]],
    parameters: Parameters,
    given: list[dict[str, Any]],
) -> tuple[list[Combination], array[int]]:
    """Each different combination once, and per parameter which it is."""
    count = len(parameters)
    hits, rules_of = _hits(matched, count)
    powers: Any = _powers(rules, matched, parameters) if rules else repeat(0, count)
    trained = [tensor.requires_grad for tensor in parameters.tensors]
    number_with: dict[Any, int] = {}
    combinations: list[Combination] = []
    column = array("I", bytes(4 * count))
    # a model has few different keys, so settings are resolved a few times, not a hundred thousand
    for i, key in enumerate(zip(hits, powers, parameters.given_of or repeat(-1, count), trained, strict=True)):
        number = number_with.setdefault(key, len(combinations))
        column[i] = number
        if number == len(combinations):
            hit, power, source, trainable = key
            matching = {name: rules[name] for name in rules_of[hit]}
            settings = given[source] if source >= 0 else {}
            combination = resolve_settings(optimizers, matching, settings, power, not trainable)
            combinations.append(dataclasses.replace(combination, source=source, power=power))
    return combinations, column


def _hits(matched: Mapping[str, set[int]], count: int) -> tuple[list[int], list[tuple[str, ...]]]:
    """Per parameter the number of the rules that match it, and by number their names in order; 0 is none."""
    hits = [0] * count
    rules_of: list[tuple[str, ...]] = [()]
    for name, positions in matched.items():
        number_with: dict[int, int] = {}
        for i in positions:
            before = hits[i]
            number = number_with.get(before)
            if number is None:
                number = number_with[before] = len(rules_of)
                rules_of.append((*rules_of[before], name))
            hits[i] = number
    return hits, rules_of


def _powers(rules: Mapping[str, Rule], matched: Mapping[str, set[int]], parameters: Parameters) -> list[int]:
    """Per parameter the power of its LAYER_DECAY."""
    powers = [0] * len(parameters)
    for name, rule in rules.items():
        if "LAYER_DECAY" in rule.SET and matched[name]:
            with below(f"PARAM_GROUPS.{name}.SET.LAYER_DECAY"):
                for i, power in exponents(listed(rule.SET.get("LAYERS")), parameters, matched[name]).items():
                    powers[i] = power
    return powers


def _uses(
    rules: Mapping[str, Rule], matched: Mapping[str, set[int]], combinations: list[Combination]
) -> tuple[RuleUse, ...]:
    """What became of each rule: how often it matched, whether later ones overrule all that it says, what is frozen."""
    trained = {name for combination in combinations if not combination.frozen for name in combination.rules}
    used = {name for combination in combinations for name in combination.rules}
    decides = {name for combination in combinations for names in combination.decided.values() for name in names}
    return tuple(
        RuleUse(
            name=name,
            hits=len(matched[name]),
            shadowed=bool(rule.SET) and name in used and name not in decides,
            frozen=name in used and name not in trained,
        )
        for name, rule in rules.items()
    )
