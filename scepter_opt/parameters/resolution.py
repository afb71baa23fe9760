"""What the rules that match a parameter come to: its final settings, and which rule decided each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..config.names import key_of, keyword_of
from ..config.validation import fields
from ..errors import ConfigError, Problem, did_you_mean
from .implementation import unavailable
from .rules import WHOLE, Rule, check_settings, conflicts, read_once, settable, unknown_setting

PRODUCTS = {"LR_MULT": "LEARNING_RATE", "WEIGHT_DECAY_MULT": "WEIGHT_DECAY", "LAYER_DECAY": "LEARNING_RATE"}
"""Keys that multiply a setting, and which."""


@dataclass
class Combination:
    """What all parameters get for which the same is said. There are few of them, however many parameters."""

    rules: tuple[str, ...]
    """The rules that match, in order."""
    part: str
    """The part of a Hybrid; empty where there are none."""
    frozen: bool
    """Whether the parameters are not trained now, be it by a rule or from the start."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Final values of the settings that rules and group dicts speak of, by the optimizer's keys."""
    decided: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """By key the rule that decided it, of a factor all rules; none where it came with torch's own group dicts."""
    source: int = -1
    """The group dict that brought the parameters; -1 for none."""
    power: int = 0
    """The power of the deciding rule's LAYER_DECAY."""
    left_out: bool = False
    """Whether the optimizer cannot take the parameters, which is no matter as long as they are frozen."""
    group: int = -1
    """Which of the plan's groups; -1 for what is left out."""


@dataclass(frozen=True)
class Optimizers:
    """The Configs that parameters can end in, by part, with what scales their rates."""

    configs: Mapping[str, Any]
    default: str
    factors: Mapping[str, float]


def resolve_settings(
    optimizers: Optimizers, rules: Mapping[str, Rule], given: Mapping[str, Any], exponent: int, frozen: bool
) -> Combination:
    """The settings of the parameters for which these rules match, also of frozen ones: they may train later.

    Args:
        optimizers: What they can end in.
        rules: The rules that match, in order.
        given: Settings that came with the parameters, by key.
        exponent: The power of the deciding rule's LAYER_DECAY.
        frozen: Whether they are frozen already.

    Raises:
        ConfigError: The optimizer that they end in has no such setting, or it cannot be with the others.
    """
    said, decided = _last_word(rules, given)
    # what is no setting of the optimizer is taken out first; the rest is checked against the part that gets it
    part = said.pop("OPTIMIZER", optimizers.default)
    frozen = said.pop("FREEZE", False) or frozen
    said.pop("LAYERS", None)
    config = optimizers.configs[part]
    settings = {key: value for key, value in said.items() if key not in PRODUCTS}
    if optimizers.default:
        _check(config, settings, decided)
    if decided.get("LEARNING_RATE"):
        # a rate of a rule was written for the same batch size as the optimizer's own, which is scaled already
        settings["LEARNING_RATE"] *= optimizers.factors[part]
    # multipliers come last, whatever the order of rules: a rate that a later rule sets is multiplied too
    for factor, key in PRODUCTS.items():
        if factor in said:
            value = settings[key] if key in settings else number_of(config, key)
            if value is None:
                raise _problem(decided, factor, f"{config.NAME} has no {key}.", said[factor])
            settings[key] = value * (said[factor] ** exponent if factor == "LAYER_DECAY" else said[factor])
    for key, value in read_once(config, settings):
        raise _problem(decided, key, WHOLE, value)
    changed = changes(config, settings)
    for key, message in conflicts(config, changed) if hasattr(config, "conflicts") else ():
        raise _problem(decided, key, message, changed[key])
    return Combination(tuple(rules), part, frozen, settings, decided)


def number_of(config: Any, key: str) -> Any:
    """A number of the optimizer's own; None where it has none.

    Raises:
        ConfigError: It is none. YAML's `1e-2` is a text, which a class without a Config gets as it was written.
    """
    value = config.get(key)
    if not isinstance(value, str):
        return value
    try:
        return float(value)
    except ValueError:
        raise ConfigError([Problem(key, "must be a number, for a rule or LR_SCALING to multiply it.", value)]) from None


def _last_word(
    rules: Mapping[str, Rule], given: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, tuple[str, ...]]]:
    """By key what the last rule says, of factors the product, and who decided it."""
    said: dict[str, Any] = dict(given)
    decided: dict[str, tuple[str, ...]] = dict.fromkeys(given, ())
    for name, rule in rules.items():
        for key, value in rule.SET.items():
            # multipliers multiply over rules; of everything else the last word holds
            multiplies = key in ("LR_MULT", "WEIGHT_DECAY_MULT") and key in said
            said[key] = said[key] * value if multiplies else value
            decided[key] = (*decided[key], name) if multiplies else (name,)
    return said, decided


def changes(config: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that differ from the optimizer's own."""
    return {key: value for key, value in settings.items() if not _same(value, config.get(key))}


def _check(config: Any, settings: dict[str, Any], decided: Mapping[str, tuple[str, ...]]) -> None:
    """Give the settings the types of the part that they end in; for an optimizer alone the check did it already."""
    for key in list(settings):
        if key not in settable(type(config)):
            problem = unknown_setting(key, settings[key], type(config))
            raise _problem(decided, key, f"the parameters end in {config.NAME}. {problem.message}", settings[key])
        # a tensor rate that came in a group dict is to stay that very tensor
        if not is_of_torch(settings[key]):
            checked, problems = check_settings({key: settings[key]}, type(config))
            for problem in problems:
                raise _problem(decided, key, problem.message, settings[key])
            settings |= checked
    if "IMPLEMENTATION" in settings:
        message = unavailable(config, settings["IMPLEMENTATION"], rule=True)
        if message:
            raise _problem(decided, "IMPLEMENTATION", message, settings["IMPLEMENTATION"].value)


def _problem(decided: Mapping[str, tuple[str, ...]], key: str, message: str, value: Any) -> ConfigError:
    return ConfigError([Problem(place_of(decided, key), message, value)])


def place_of(decided: Mapping[str, tuple[str, ...]], key: str) -> str:
    """Where the last word on a setting stands, relative to the optimizer's node."""
    rules = decided.get(key)
    return f"PARAM_GROUPS.{rules[-1]}.SET.{key}" if rules else key


def given_settings(config: Any, groups: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The settings of torch's group dicts by the optimizer's keys, checked as those of rules are.

    Raises:
        ConfigError: The optimizer has no such setting, or not with this value.
    """
    if not hasattr(config, "parts"):
        return [{key_of(key): value for key, value in group.items() if key != "name"} for group in groups]
    return [_given(config, number, group) for number, group in enumerate(groups)]


def _given(config: Any, number: int, group: Mapping[str, Any]) -> dict[str, Any]:
    known = {keyword_of(key): key for key in settable(type(config)) if key in fields(type(config))}
    settings: dict[str, Any] = {}
    problems: list[Problem] = []
    for keyword, value in group.items():
        place = f"group dict [{number}].{keyword}"
        key = key_of(keyword.lower())
        if keyword == "name":
            continue
        if keyword == "optimizer" and config.several:
            settings["OPTIMIZER"] = value
            problems += _check_part(config, place, value)
        elif keyword.lower() not in known and not config.several:
            message = f"{config.NAME} has no such setting.{did_you_mean(keyword, known)}"
            problems.append(Problem(place, message, value))
        elif is_of_torch(value):
            settings[key] = value
        else:
            checked, wrong = check_settings({key: value}, type(config))
            problems += [Problem(place, problem.message, value) for problem in wrong]
            settings |= checked
    if problems:
        raise ConfigError(problems)
    return settings


def _check_part(config: Any, place: str, part: Any) -> Iterator[Problem]:
    names = list(config.parts())
    if part not in names:
        message = f"there is no such part.{did_you_mean(part, names)} There are {', '.join(names)}."
        yield Problem(place, message, part)


def _same(one: Any, other: Any) -> bool:
    # == of tensors is a tensor, and of two rates that are equal now a schedule may move one
    if is_of_torch(one) or is_of_torch(other):
        return one is other
    return bool(one == other)


def is_of_torch(value: Any) -> bool:
    """Whether a setting is a tensor, or what another class of torch's stands for one by."""
    # asked of every setting, also where nothing has imported torch
    return type(value).__module__.startswith("torch")
