"""What can be said at a place of the configuration: every key with its type, its default and what it is for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..components.entry import Entry
from ..components.registry import registry
from ..config.coercion import json_schema
from ..config.documentation import documentation
from ..config.names import keyword_of
from ..config.plain import plain
from ..config.validation import Field, fields, own_first
from ..config.wording import words
from ..errors import ConfigError, Problem, did_you_mean
from .catalogue import Option, base_of, entry_of, find, settings_of

_OF_COMMON = {"IMPLEMENTATION": "foreach, fused"}


@dataclass(frozen=True)
class Key:
    """One key."""

    name: str
    type: str
    """What its value is, in words, with its bounds."""
    value: Any
    """What it is where nothing else is said; None of one that has to be said."""
    required: bool
    source: str
    """Where the value comes from: `default`, or an option's file."""
    keyword: str
    """torch's argument; empty where it is none of torch's."""
    documentation: str


@dataclass(frozen=True)
class Section:
    """Keys of one place."""

    title: str
    keys: tuple[Key, ...]


def sections(name: str, key: str = "") -> tuple[Section, ...]:
    """The keys of an option, a class or a topic, and those below the keys that hold nodes.

    Args:
        name: As `catalogue.find` takes it; or `phases`, `param_groups`, `lr_scaling`, `finish`.
        key: One of its keys, which alone is wanted, with what is below it.

    Raises:
        ConfigError: There is no such option, or it has no such key.
    """
    topic = name.replace("-", "_").lower()
    topic = {"curve": "phases", "curves": "phases", "phase": "phases", "rules": "param_groups"}.get(topic, topic)
    below = tuple(_TOPICS.get(topic, tuple)())
    if topic in _TOPICS and (topic != "phases" or name.lower() != "phases"):
        return _one(below, key) if key else below
    option = find(name)
    if option.sort == "preset":
        whole = (_rules_of(option), *_TOPICS["param_groups"]())
        return _one(whole, key) if key else whole
    own = _section(option, entry_of(option))
    if not key:
        return (own, *below)
    held = [_BELOW[each.name] for each in own.keys if each.name in _BELOW]
    found = _one((own, *below, *(section for each in dict.fromkeys(held) for section in _TOPICS[each]())), key)
    return (*found, *_TOPICS.get(_BELOW.get(found[0].keys[0].name, ""), tuple)())


def _one(places: tuple[Section, ...], key: str) -> tuple[Section, ...]:
    """The section that has a key, by our name or torch's, with it alone; of a key with dots the last part counts.

    Raises:
        ConfigError: None has it.
    """
    word = key.rpartition(".")[2]
    for section in places:
        for each in section.keys:
            if word.upper() == each.name.upper() or word in (each.keyword, keyword_of(each.name)):
                return (Section(section.title, (each,)),)
    names = {
        name: each.name for section in places for each in section.keys for name in (each.name, each.keyword) if name
    }
    there = ", ".join(each.name for each in places[0].keys)
    message = f"there is no such key.{did_you_mean(word, names)} There are {there}."
    raise ConfigError([Problem(key, message)])


def _section(option: Option, entry: Entry) -> Section:
    # of any class by its import path nothing is known but the keys of its kind
    config = entry.base.common if entry.unread else entry.config
    title = f"{option.group}={option.name}, NAME {option.of or 'an import path'}: {option.summary}"
    if config is None:
        return Section(f"{title} Any key passes.", ())
    said = dict(_said(option)) if option.sort == "recipe" else {}
    component = entry.component
    common = fields(component.common)
    keys = []
    for key in _keys(config):
        # what is no torch class, or a key of every component, is no argument
        is_argument = str(component.target).startswith("torch.") and key.name not in common
        keyword = config.keywords.get(key.name, _spelt(key.name)) if is_argument else _OF_COMMON.get(key.name, "")
        value, source = said.get(key.name, (key.value, key.source))
        keys.append(dataclasses.replace(key, value=value, source=source, keyword=keyword))
    return Section(title, tuple(keys))


def _said(option: Option) -> Iterator[tuple[str, tuple[Any, str]]]:
    """What a recipe's file sets, and those that it extends; the last one holds."""
    base = base_of(option.group, option.name)
    if base and registry(option.group).option(base) is None:
        yield from _said(dataclasses.replace(option, name=base))
    for key, value in settings_of(option.group, option.name).items():
        yield key, (value, f"{option.group}/{option.name}.yaml")


def _keys(config: type) -> Iterator[Key]:
    texts = documentation(config)
    for field in own_first(config):
        typed = _nested(field) or _type(field)
        value = None if field.required else plain(field.default)
        yield Key(field.key, typed, value, field.required, "default", "", texts.get(field.key, ""))


def _type(field: Field) -> str:
    schema = json_schema(field.annotation, field.infinite)
    return words(schema, schema.get("$defs", {}))


def _nested(field: Field) -> str:
    """What a key with a check of its own holds; empty of any other."""
    if field.key in _BELOW and field.nested is not None:
        return f"keys (show {_BELOW[field.key]})"
    if field.inner is not None:
        return "keys"
    kind = type(field.nested).__name__
    several = " list" if getattr(field.nested, "several", False) else ""
    return "" if field.nested is None else f"length{several}" if kind == "Lengths" else "keys"


def _spelt(key: str) -> str:
    """torch's argument, with its own capital."""
    return f"T_{key[2:].lower()}" if key.startswith("T_") else keyword_of(key)


# What stands below keys that hold nodes


def _phases() -> Iterator[Section]:
    from ..schedules.curves import CURVES
    from ..schedules.phases import Phase

    keys = [_with_curves(key, " | ".join(CURVES)) for key in _keys(Phase)]
    yield Section("Keys of a phase, {NAME: {CURVE: ..., ...}}", tuple(keys))
    ends = {
        "required": "goes to TO",
        "optional": "stays at TO, or where it stands",
        "follows": "ends where its keys say",
    }
    curves = []
    for name, curve in CURVES.items():
        own = ", ".join(key + " (required)" * about.required for key, about in curve.keys.items())
        text = f"{_first_line(curve.make)} It {ends[curve.to]}." + (f" Keys: {own}." if own else "")
        curves.append(Key(name, "curve", None, False, "default", "", text))
    yield Section("Values of CURVE", tuple(curves))


def _with_curves(key: Key, curves: str) -> Key:
    return dataclasses.replace(key, type=curves) if key.name == "CURVE" else key


def _first_line(function: Any) -> str:
    return str(function.__doc__ or "").partition("\n")[0]


def _param_groups() -> Iterator[Section]:
    from ..parameters.rules import Rule, RuleKeys
    from ..parameters.where import Where

    yield Section("Keys of a rule, {NAME: {WHERE: ..., SET: ...}}", tuple(_keys(Rule)))
    yield Section("WHERE: all that is given must hold, and of a list any", tuple(_keys(Where)))
    yield Section("SET, beside the optimizer's own keys", tuple(_keys(RuleKeys)))


def _lr_scaling() -> Iterator[Section]:
    from ..optimizers.lr_scaling import Scaling

    yield Section("LR_SCALING", tuple(_keys(Scaling)))


def _finish() -> Iterator[Section]:
    from ..schedules.finishing import CURVES, KEYS, Finish

    known = {key.name: _with_curves(key, " | ".join(CURVES)) for key in _keys(Finish)}
    yield Section("FINISH, and the curve's own keys", tuple(known[name] for name in KEYS))


def _rules_of(option: Option) -> Section:
    """The rules of a preset, each as a key."""
    rules = settings_of(option.group, option.name)
    keys = [Key(name, "rule", rule, False, f"param_groups/{option.name}.yaml", "", "") for name, rule in rules.items()]
    return Section(f"{option.choice}: {option.summary}", tuple(keys))


_TOPICS: Mapping[str, Any] = {
    "phases": _phases,
    "param_groups": _param_groups,
    "lr_scaling": _lr_scaling,
    "finish": _finish,
}
_BELOW = {"PHASES": "phases", "SETTINGS": "phases", "RULES": "phases", "PARAM_GROUPS": "param_groups",
          "LR_SCALING": "lr_scaling", "FINISH": "finish"}  # fmt: skip
