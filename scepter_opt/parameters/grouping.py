"""Combinations of rules to torch's groups: the fewest that there can be, and none that the optimizer cannot take."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, Problem
from .named_parameters import Parameters
from .resolution import GIVEN, Combination
from .rules import DEFAULT, Rule
from .selectors import kind_bits, kinds_of
from .where import Kind, listed


@dataclass
class Group:
    """One of torch's groups."""

    name: str
    """The rules that made it joined with `+`, or `default`; numbered where several would have the same."""
    part: str
    """The part of a Hybrid that takes it; empty where there are none."""
    settings: dict[str, Any]
    """The settings that differ from the optimizer's own, by its keys."""
    learning_rate: Any
    """The final rate, None where the optimizer has none."""
    weight_decay: Any
    """The final weight decay, None where the optimizer has none."""


def put_into_groups(
    configs: Mapping[str, Any], rules: Mapping[str, Rule], combinations: list[Combination], given: list[dict[str, Any]]
) -> list[Group]:
    """Groups of equal settings, each combination told the number of its own.

    The parameters of a rule without SET, and those of each group dict that was given, stay in groups of their own.
    """
    place = {name: number for number, name in enumerate(rules)}
    naming = {name for name, rule in rules.items() if not rule.SET}
    ranked = sorted(
        (combination for combination in combinations if not combination.frozen),
        key=lambda c: (c.source, [place[name] for name in c.rules], -c.power),
    )
    members: dict[Any, list[Combination]] = {}
    for combination in ranked:
        named = tuple(name for name in combination.rules if name in naming)
        key = (combination.source, combination.part, named, _hashable(combination.settings))
        members.setdefault(key, []).append(combination)
    groups = []
    for number, those in enumerate(members.values()):
        for combination in those:
            combination.group = number
        config = configs[those[0].part]
        settings = those[0].settings
        groups.append(
            Group(
                name=_name(those, place, naming, given),
                part=those[0].part,
                settings=settings,
                learning_rate=settings.get("LEARNING_RATE", config.get("LEARNING_RATE")),
                weight_decay=settings.get("WEIGHT_DECAY", config.get("WEIGHT_DECAY")),
            )
        )
    _number(groups)
    return groups


def _name(those: list[Combination], place: Mapping[str, int], naming: set[str], given: list[dict[str, Any]]) -> str:
    told = given[those[0].source].get("name") if those[0].source >= 0 else None
    hit = dict.fromkeys(tuple(sorted(set(each.rules), key=lambda name: place[name])) for each in those)
    sent = any("OPTIMIZER" in combination.decided for combination in those)
    named = those[0].settings or sent or any(naming.intersection(rules) for rules in hit)
    # parameters of one rule or another with equal settings share a group, and `|` tells that from one rule and another
    made = "|".join("+".join(rules) for rules in sorted(hit, key=len, reverse=True) if rules) if named else ""
    return "+".join(filter(None, [str(told) if told is not None else "", made])) or DEFAULT


def _number(groups: list[Group]) -> None:
    """Give groups that would have one name a number each: what logs rates by group needs names that differ."""
    total = Counter(group.name for group in groups)
    count: Counter[str] = Counter()
    for group in groups:
        name = group.name
        if total[name] > 1:
            group.name = f"{name}[{count[name]}]"
            count[name] += 1


def _hashable(settings: Mapping[str, Any]) -> Any:
    return tuple(sorted((key, _frozen(value)) for key, value in settings.items()))


def _frozen(value: Any) -> Any:
    if type(value).__module__.startswith("torch"):
        return id(value)
    if isinstance(value, dict):
        return _hashable(value)
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def check_groups(
    config: Any,
    configs: Mapping[str, Any],
    rules: Mapping[str, Rule],
    groups: list[Group],
    combinations: list[Combination],
    found: Parameters,
    column: array[int],
) -> None:
    """Refuse what an optimizer cannot take: the number of groups, of dimensions, a kind no rule names.

    Raises:
        ConfigError: With the rule that sent a parameter to an optimizer which cannot take it.
    """
    problems: list[Problem] = []
    for part, chosen in configs.items():
        component = chosen.component
        own = [group.name for group in groups if group.part == part]
        if not own and part != config.default_part and not _may_be_empty(part, rules):
            message = "no parameters end in this part: no rule sends any to it, or later rules send them elsewhere."
            problems.append(Problem(f"OPTIMIZERS.{part}", message))
        if component.one_group and len(own) > 1:
            message = f"{chosen.NAME} takes one group only, and there are {len(own)}: {', '.join(own[:4])}."
            problems.append(Problem("PARAM_GROUPS" if rules else "", message))
        if component.dimensions is None and not component.refused_kinds:
            continue
        refused: dict[tuple[str, str], list[str]] = {}
        for i, number in enumerate(column):
            combination = combinations[number]
            if combination.part == part and not combination.frozen:
                key = _sender(config, combination)
                for reason in _refusals(component, config, combination, rules, found, i):
                    refused.setdefault((key, reason), []).append(found.names[i] or "a tensor")
        for (key, reason), names in refused.items():
            which = names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
            problems.append(Problem(key, f"{chosen.NAME} {reason.format(which)}", part or chosen.NAME))
    if problems:
        raise ConfigError(problems)


def _may_be_empty(part: str, rules: Mapping[str, Rule]) -> bool:
    """Whether a rule that may match nothing sends parameters to a part."""
    return any(rule.OPTIONAL and rule.SET.get("OPTIMIZER") == part for rule in rules.values())


def _sender(config: Any, combination: Combination) -> str:
    """The key that sends a parameter to the optimizer that it ends in."""
    rule = combination.decided.get("OPTIMIZER", "")
    if rule in combination.rules:
        return f"PARAM_GROUPS.{rule}.SET.OPTIMIZER"
    return f"OPTIMIZERS.{combination.part}" if rule == GIVEN else "DEFAULT" if config.several else "NAME"


def _refusals(
    component: Any, config: Any, combination: Combination, rules: Mapping[str, Rule], found: Parameters, i: int
) -> Iterator[str]:
    """Why an optimizer cannot take a parameter, with a place for its name."""
    ndim = found.tensors[i].ndim
    if component.dimensions is not None and ndim != component.dimensions:
        yield f"takes parameters of {component.dimensions} dimensions, not {{}} (of {ndim})."
        return
    sender = combination.decided.get("OPTIMIZER", "")
    if config.several:  # nothing is sent to a default part, and a group dict names its parameters itself
        senders, named = [rules[sender]] if sender in rules else [], sender == GIVEN
    else:
        senders, named = [rules[name] for name in combination.rules], bool(config.get("ONLY"))
    for kind in kinds_of(kind_bits(found)[i]):
        if kind in component.refused_kinds and not named and not any(_names(rule, kind) for rule in senders):
            yield f"takes an {kind} such as {{}} only from a rule that names it by NAMES, MODULES or KINDS."


def _names(rule: Rule, kind: str) -> bool:
    return bool(rule.WHERE.NAMES or rule.WHERE.MODULES or Kind[kind] in listed(rule.WHERE.KINDS))
