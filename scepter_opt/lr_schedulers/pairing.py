"""What a scheduler asks of its optimizer: of its Config, where there is only that, and of the object."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import prod
from typing import Any

from ..config.base import OpenConfig
from ..config.validation import fields
from ..errors import ConfigError, Problem, did_you_mean
from ..schedules.group_settings import RATE, Setting, rules_of
from ..schedules.joining import Joined
from ..schedules.timeline import Curves, Timelines

_OF_BETAS = ("MOMENTUM", "BETA1", "BETA2")

# Of Configs


def settings_of(config: type) -> list[str]:
    """The settings of an optimizer that can be scheduled: its numbers but the rate, and both betas."""
    known = fields(config)
    floats = [key for key, each in known.items() if getattr(each.annotation, "__origin__", each.annotation) is float]
    return list(dict.fromkeys([key for key in floats if key != RATE] + (list(_OF_BETAS) if "BETAS" in known else [])))


def unknown_settings(settings: Iterable[str]) -> Iterator[Problem]:
    """Settings that no optimizer can have."""
    from ..components.registry import registry

    settings = list(settings)
    configs = [entry.config for entry in registry("optimizer").entries().values()] if settings else []
    known = dict.fromkeys(key for config in configs if config for key in settings_of(config))
    for name in settings:
        if name == RATE:
            yield Problem(name, "is what PHASES is for.")
        elif name not in known and None not in configs:
            yield Problem(name, f"no optimizer has such a setting.{did_you_mean(name, list(known))}")


def parts_with(name: str, optimizer: Any) -> dict[str, Any] | None:
    """The Configs of an optimizer's parts that have a setting; None where one of them may have any.

    MOMENTUM is the first beta only where no part has a momentum.
    """
    parts: Mapping[str, Any] = {} if isinstance(optimizer, OpenConfig) else optimizer.parts()
    if not parts or any(isinstance(part, OpenConfig) for part in parts.values()):
        return None
    if name == "MOMENTUM" and any("MOMENTUM" in part for part in parts.values()):
        return {key: part for key, part in parts.items() if "MOMENTUM" in part}
    return {key: part for key, part in parts.items() if name in settings_of(type(part))}


def settings_against(settings: Iterable[str], optimizer: Any) -> Iterator[Problem]:
    """What is wrong with scheduling settings of this optimizer's Config."""
    for name in settings:
        holding = parts_with(name, optimizer)
        if holding is None:
            continue
        if not holding:
            names = [key for part in optimizer.parts().values() for key in settings_of(type(part))]
            hint = did_you_mean(name, names) or f" It has {', '.join(dict.fromkeys(names)) or 'none'}."
            yield Problem(name, f"{optimizer.NAME} has no such setting to schedule.{hint}")
        # a rule may give the value that the optimizer itself lacks
        elif all(part.get(name, 1) == 0 for part in holding.values()) and not _set_by_a_rule(optimizer, name):
            message = f"{optimizer.NAME}'s {name} is 0, and a factor on 0 stays 0: give the optimizer a value."
            yield Problem(name, message)
        elif name == "MOMENTUM" and "BETA1" in settings and not any("MOMENTUM" in part for part in holding.values()):
            yield Problem(name, _both_betas(optimizer.NAME))


def _both_betas(name: str) -> str:
    return f"is BETA1 where an optimizer has BETAS, as {name} has, and that is scheduled too: leave one of them out."


def _set_by_a_rule(optimizer: Any, name: str) -> bool:
    rules = (optimizer.get("PARAM_GROUPS") or {}).values()
    return any(name in (getattr(rule, "SET", None) or {}) for rule in rules)


def rules_against(rules: Iterable[str], optimizer: Any) -> Iterator[Problem]:
    """Rules that this optimizer's Config does not have."""
    known = list(optimizer.get("PARAM_GROUPS") or {})
    for name in rules:
        if name not in known:
            hint = did_you_mean(name, known) or f" There are {', '.join(known) or 'none'}."
            yield Problem(name, f"{optimizer.NAME}'s PARAM_GROUPS have no such rule.{hint}")


def own_values(name: str, optimizer: Any) -> list[float]:
    """What a setting is in this optimizer's Config without multipliers, in each part that has it; not the zeros."""
    if isinstance(optimizer, OpenConfig):
        return []
    # a value of 0 makes no factor of FROM_VALUE, which is refused where the scheduler is built
    parts = optimizer.parts() if name == RATE else parts_with(name, optimizer) or {}
    values = []
    for part in parts.values():
        position = Setting.of(name, [{"momentum": None}] if "MOMENTUM" in part else []).beta
        value = part.get(name) if position is None else part.BETAS[position]
        values += [float(value)] if value else []
    return values


def parts_that_have(name: str, optimizer: Any) -> list[str]:
    """The parts of a Hybrid that have a setting, by the groups that are in them."""
    groups = optimizer.param_groups
    setting = Setting.of(name, groups)
    return list(dict.fromkeys(str(group.get("optimizer", "")) for group in groups if setting.is_in(group)))


def reach(name: str, parts: Sequence[str]) -> Iterator[Problem]:
    """What is said of a setting that several parts of a Hybrid have, since a schedule bends it in all of them."""
    if len(parts) > 1:
        message = (
            f"is scheduled in {', '.join(parts)}, every part that has it. For some parameters alone it is scheduled "
            "under their rule: RULES: {rule: {SETTINGS: {...}}}."
        )
        yield Problem(f"SETTINGS.{name}", message)


def momentum_to_cycle(config: Any, optimizer: Any) -> Iterator[Problem]:
    """What is wrong with cycling the momentum of this optimizer's Config."""
    if not config.CYCLE_MOMENTUM or isinstance(optimizer, OpenConfig):
        return
    if getattr(optimizer, "several", False):
        message = f"the parts of a {optimizer.NAME} have no momentum in common to cycle: set CYCLE_MOMENTUM to false."
        yield Problem("CYCLE_MOMENTUM", message, True)
    elif "MOMENTUM" not in optimizer and "BETAS" not in optimizer:
        message = f"{optimizer.NAME} has neither MOMENTUM nor BETAS to cycle: set CYCLE_MOMENTUM to false."
        yield Problem("CYCLE_MOMENTUM", message, True)


def rates_never_read(config: Any, optimizer: Any) -> Iterator[Problem]:
    """What is said of the optimizer's rates beside a scheduler that sets rates of its own."""
    if isinstance(optimizer, OpenConfig):
        return
    said = []
    for name, part in optimizer.parts().items():
        known = fields(type(part)).get("LEARNING_RATE")
        if known is not None and known.default != part.LEARNING_RATE:
            said.append(f"LEARNING_RATE {part.LEARNING_RATE:g}" + (f" of {name}" if name else ""))
    said += ["LR_SCALING"] if optimizer.get("LR_SCALING") else []
    if said:
        message = f"is the rate: {optimizer.NAME}'s {' and '.join(said)} is never read."
        yield Problem("MAX_LR", message, config.MAX_LR)


# Of objects


def refuse_unrated(optimizer: Any) -> None:
    """Refuse an optimizer that finds its rates itself, as Adafactor of other packages does where it is given none.

    Raises:
        ConfigError: A group has no rate.
    """
    if any(group.get("lr", 0.0) is None for group in optimizer.param_groups):
        message = "the optimizer finds its rate itself, since its LEARNING_RATE is null: there is none to schedule."
        raise ConfigError([Problem("", message)])


def refuse_unfit(timelines: Timelines, optimizer: Any) -> None:
    """Refuse what the optimizer does not have, before anything is written into it.

    Raises:
        ConfigError: It lacks a setting or a rule, or a curve leaves a setting's range.
    """
    # A user's own optimizer has no Config, and a Config does not know which groups were made: so what check found
    # between Configs is looked for again, where nothing has been written yet.
    groups = optimizer.param_groups
    problems = [*_rules_of_groups(timelines.rules, groups), *_settings_of_groups(timelines, optimizer)]
    if problems:
        raise ConfigError(problems)
    curves_of = Curves(timelines).of
    for name in timelines.names:
        setting = Setting.of(name, groups)
        for group in filter(setting.is_in, groups):
            curves = curves_of(name, rules_of(group)[0], setting.own(optimizer, group))
            if setting.beta is None or not curves:  # no bound above, or of a rule that the group is not of
                continue
            highest = float(setting.base(dict(group))) * _highest_product(curves)
            if highest >= 1:
                message = f"goes up to {highest:g}, and a beta must be below 1."
                raise ConfigError([Problem(f"SETTINGS.{name}", message)])


def shared_rule(rule: str, groups: Iterable[Mapping[str, Any]]) -> Problem | None:
    """The problem with a curve for a rule that only some parameters of a group have; None where there is none."""
    shared = next((group["name"] for group in groups if rule in rules_of(group)[1]), None)
    if shared is None:
        return None
    message = (
        f"its parameters share the group {shared} with others, since their settings are equal. A rule "
        "without SET keeps the parameters that it names to themselves: add one, and name it here."
    )
    return Problem(f"RULES.{rule}", message)


def _rules_of_groups(rules: Iterable[str], groups: Sequence[dict[str, Any]]) -> Iterator[Problem]:
    # rules that only some parameters of a group have are known too, and refused for another reason
    names = {name for group in groups for rules in rules_of(group) for name in rules}
    for rule in rules:
        shared = shared_rule(rule, groups)
        if shared is not None:
            yield shared
        elif rule not in names:
            message = f"no group of the optimizer is made by this rule.{did_you_mean(rule, names)}"
            yield Problem(f"RULES.{rule}", f"{message} There are {', '.join(sorted(names)) or 'none'}.")


def _settings_of_groups(timelines: Timelines, optimizer: Any) -> Iterator[Problem]:
    groups = optimizer.param_groups
    for key, name, rule, _ in timelines.keyed():
        setting = Setting.of(name, groups)
        holding = [group for group in groups if setting.is_in(group) and (not rule or rule in rules_of(group)[0])]
        if name != RATE and not any(float(setting.base(dict(group))) for group in holding):
            has = f"the optimizer's {name} is 0, and a factor on 0 stays 0: give the optimizer a value."
            lacks = f"{type(optimizer).__name__} has no such setting to schedule."
            yield Problem(key, has if holding else lacks)
    if Setting.of("MOMENTUM", groups).beta is not None and {"MOMENTUM", "BETA1"} <= set(timelines.names):
        yield Problem("SETTINGS.MOMENTUM", _both_betas(type(optimizer).__name__))


def _highest_product(curves: Sequence[Joined]) -> float:
    """The largest product of curves."""
    # The pieces of one curve each go one way, so that their first and last ticks tell. A product of two that go
    # different ways may lie higher in between: there ten thousand ticks are looked at, all of a short schedule.
    begins = {begin for curve in curves for begin, _, _ in curve.parts}
    ticks = begins | {begin - 1 for begin in begins if begin}
    if len(curves) > 1:
        ticks |= set(range(0, max(begins), max(1, max(begins) // 10_000)))
    return max(prod(curve(tick) for curve in curves) for tick in ticks)
