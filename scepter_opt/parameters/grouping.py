"""Combinations of rules to torch's groups: the fewest that there can be, and none that the optimizer cannot take."""

from __future__ import annotations

import dataclasses
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from ..errors import Problem
from .named_parameters import Parameters
from .resolution import Combination, changes, is_of_torch, place_of
from .rules import DEFAULT, Rule
from .selectors import kind_bits, kinds_of
from .where import Kind, listed


@dataclass
class Group:
    """One of torch's groups."""

    name: str
    """For people: the rules that made it joined with `+`, or `default`; numbered where several would have the same."""
    part: str
    """The part of a Hybrid that takes it; empty where there are none."""
    settings: dict[str, Any]
    """The settings that differ from the optimizer's own, by its keys."""
    learning_rate: Any
    """The final rate, None where the optimizer has none."""
    weight_decay: Any
    """The final weight decay, None where the optimizer has none."""
    rules: tuple[tuple[str, ...], ...] = ()
    """For each kind of parameter in it the rules that match, in order; the name that a group dict came with is one."""


def put_into_groups(
    configs: Mapping[str, Any], rules: Mapping[str, Rule], combinations: list[Combination], given: list[dict[str, Any]]
) -> list[Group]:
    """Groups of equal settings, each combination told the number of its own.

    The parameters of a rule without SET, and those of each group dict that was given, stay in groups of their own. So
    do parameters of which rules speak and others, also where the rules change nothing: a multiplier that a sweep sets
    to 1 makes as many groups as any other, and a schedule of the rule's own still finds all its parameters.
    """
    place = {name: number for number, name in enumerate(rules)}
    # what freezes or thaws gives no setting to tell its parameters by, as little as a rule that only names them
    naming = {name for name, rule in rules.items() if not rule.SET.keys() - {"FREEZE"}}
    # for people: groups in the order of the rules, and within a rule of layer-wise decay from the stem to the end
    ranked = sorted(
        (c for c in combinations if not c.left_out),
        key=lambda c: (c.source, [place[name] for name in c.rules], -c.power),
    )
    members: dict[Any, list[Combination]] = {}
    for combination in ranked:
        # all that sets parameters apart: where they came from, who trains them, who names them, what is said of them
        named = tuple(name for name in combination.rules if name in naming)
        key = (combination.source, combination.part, named, _hashable(combination.settings))
        members.setdefault(key, []).append(combination)
    groups = []
    for number, alike in enumerate(members.values()):
        for combination in alike:
            combination.group = number
        config = configs[alike[0].part]
        settings = changes(config, alike[0].settings)
        made_by = _rules(alike, given)
        groups.append(
            Group(
                # parameters of one rule or another may share a group: `|` tells that from one rule and another
                name="|".join("+".join(names) for names in made_by if names) or DEFAULT,
                part=alike[0].part,
                settings=settings,
                learning_rate=settings.get("LEARNING_RATE", config.get("LEARNING_RATE")),
                weight_decay=settings.get("WEIGHT_DECAY", config.get("WEIGHT_DECAY")),
                rules=made_by,
            )
        )
    _number(groups)
    return groups


def _rules(alike: list[Combination], given: list[dict[str, Any]]) -> tuple[tuple[str, ...], ...]:
    """For each different combination of rules in a group their names, the most rules first."""
    told = given[alike[0].source].get("name") if alike[0].source >= 0 else None
    own = () if told is None else (str(told),)
    different = dict.fromkeys((*own, *combination.rules) for combination in alike)
    return tuple(sorted(different, key=len, reverse=True))


def _number(groups: list[Group]) -> None:
    """Give groups that would have one name a number each: what logs rates by group needs names that differ."""
    total = Counter(group.name for group in groups)
    taken = {name for name, times in total.items() if times == 1}
    numbers = {name: count() for name in total}
    for group in groups:
        if total[group.name] > 1:
            # a rule may be called `a[0]`
            names = (f"{group.name}[{number}]" for number in numbers[group.name])
            group.name = next(name for name in names if name not in taken)


def _hashable(settings: Mapping[str, Any]) -> Any:
    return tuple(sorted((key, _frozen(value)) for key, value in settings.items()))


def _frozen(value: Any) -> Any:
    if is_of_torch(value):
        return id(value)  # two tensors of one value are two rates
    if isinstance(value, dict):
        return _hashable(value)
    return tuple(map(_frozen, value)) if isinstance(value, (list, tuple)) else value


def leave_out(
    config: Any,
    configs: Mapping[str, Any],
    rules: Mapping[str, Rule],
    combinations: list[Combination],
    parameters: Parameters,
    column: array[int],
) -> list[Problem]:
    """Put frozen parameters that their optimizer cannot take into combinations of their own, which get no group.

    Returns:
        The problems with trainable ones, each with the rule that sent a parameter to an optimizer which cannot take it.
    """
    limited = {
        part: chosen
        for part, chosen in configs.items()
        if chosen.component.dimensions is not None
        or chosen.component.refused_kinds
        or chosen.component.refused_in_shards
    }
    if not limited:
        return []
    # a combination is of many parameters, of which the optimizer may take some and not others
    left_out: dict[int, int] = {}
    refused: dict[tuple[str, str, str], list[str]] = {}
    for i, number in enumerate(column):
        combination = combinations[number]
        chosen = limited.get(combination.part)
        reasons = list(_refusals(chosen.component, config, combination, rules, parameters, i)) if chosen else []
        if reasons and combination.frozen:
            if number not in left_out:
                left_out[number] = len(combinations)
                combinations.append(dataclasses.replace(combination, left_out=True))
            column[i] = left_out[number]
        elif reasons:
            key = _sender(config, combination)
            for reason in reasons:
                refused.setdefault((key, reason, combination.part), []).append(parameters.names[i] or "a tensor")
    # torch would be handed a group without parameters
    left = set(column)
    for number in left_out:
        combinations[number].left_out = number not in left
    problems = []
    for (key, reason, part), names in refused.items():
        which = names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")
        name = configs[part].NAME
        problems.append(Problem(key, f"{name} {reason.format(which)}", part or name))
    return problems


def _why_empty(part: str, rules: Mapping[str, Rule], combinations: list[Combination]) -> str:
    """Why a part of a Hybrid gets no parameters."""
    senders = {name for name, rule in rules.items() if rule.SET.get("OPTIMIZER") == part}
    overruling = [c.decided.get("OPTIMIZER", ()) for c in combinations if senders.intersection(c.rules)]
    others = dict.fromkeys(name for names in overruling for name in names)
    if not others:
        return "no rule sends any to it"
    return f"all that {', '.join(sorted(senders))} sends to it, {', '.join(others)} sends elsewhere"


def check_groups(
    config: Any,
    configs: Mapping[str, Any],
    rules: Mapping[str, Rule],
    groups: list[Group],
    combinations: list[Combination],
) -> Iterator[Problem]:
    """What is wrong with the number of groups that each optimizer gets."""
    for part, chosen in configs.items():
        own = [group.name for group in groups if group.part == part]
        if not own and part != config.default_part and not _may_be_empty(part, rules):
            yield Problem(
                f"OPTIMIZERS.{part}", f"no parameters end in this part: {_why_empty(part, rules, combinations)}."
            )
        if chosen.component.one_group and len(own) > 1:
            message = f"{chosen.NAME} takes one group only, and there are {len(own)}: {', '.join(own[:4])}."
            yield Problem("PARAM_GROUPS" if rules else "", message)


def _may_be_empty(part: str, rules: Mapping[str, Rule]) -> bool:
    """Whether a rule that may match nothing sends parameters to a part."""
    return any(rule.OPTIONAL and rule.SET.get("OPTIMIZER") == part for rule in rules.values())


def _sender(config: Any, combination: Combination) -> str:
    """The key that sends a parameter to the optimizer that it ends in."""
    if combination.decided.get("OPTIMIZER"):
        return place_of(combination.decided, "OPTIMIZER")
    if "OPTIMIZER" in combination.decided:  # a group dict
        return f"OPTIMIZERS.{combination.part}"
    return "DEFAULT" if config.several else "NAME"


def _refusals(
    component: Any, config: Any, combination: Combination, rules: Mapping[str, Rule], parameters: Parameters, i: int
) -> Iterator[str]:
    """Why an optimizer cannot take a parameter, with a place for its name."""
    tensor = parameters.tensors[i]
    ndim = tensor.ndim
    if component.refused_in_shards and hasattr(tensor, "device_mesh"):
        yield f"cannot take parameters in shards such as {{}}: {component.refused_in_shards}."
    if component.dimensions is not None and ndim != component.dimensions:
        yield f"takes parameters of {component.dimensions} dimensions, not {{}} (of {ndim})."
        return
    sent_by = combination.decided.get("OPTIMIZER")
    if config.several:  # nothing is sent to a default part, and a group dict names its parameters itself
        senders, named = [rules[name] for name in sent_by or ()], sent_by == ()
    else:
        senders, named = [rules[name] for name in combination.rules], bool(config.get("ONLY"))
    for kind in kinds_of(kind_bits(parameters)[i]):
        if kind in component.refused_kinds and not named and not any(_names(rule, kind) for rule in senders):
            yield f"takes an {kind} such as {{}} only from a rule that names it by NAMES, MODULES or KINDS."


def _names(rule: Rule, kind: str) -> bool:
    return bool(rule.WHERE.NAMES or rule.WHERE.MODULES or Kind[kind] in listed(rule.WHERE.KINDS))
