"""The groups of an optimizer and those of a checkpoint made one: whose settings hold, and where a schedule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..config.names import key_of, keyword_of
from ..config.plain import plain
from .state import for_each

SETTINGS = "settings"
"""Where a group keeps what the configuration says of it, by our keys, with the NAME of the class."""
DECIDED = "decided"
"""Entry of an optimizer's state whose order and settings were decided already: its own load is not to do it again."""
OF_CYCLES = ("max_lr", "min_lr", "max_momentum", "base_momentum")
"""What torch's cycles write into groups beside rate and momentum."""
FLAGS = ("foreach", "fused")
"""torch's flags that IMPLEMENTATION stands for."""
RULES = ("name", "rules")
"""Which rules made a group is for the configuration to say, not for a checkpoint, which may lack them."""
_STRUCTURE = ("params", "param_names", "optimizer", SETTINGS, *RULES)
_FIRST = "initial_"
# settings of which a schedule moves one part alone: where it keeps the value before it did
_PARTS = {"BETAS": ("beta1", "beta2", "momentum")}

Decide = Callable[[str], str]
"""By a setting's key which side holds where they differ: `config` or `checkpoint`; else it is not decided."""


@dataclass(frozen=True)
class Difference:
    """A setting in which configuration and checkpoint differ."""

    key: str
    """The setting's key."""
    config: Any
    """What the configuration says, as plain values."""
    checkpoint: Any
    """What the checkpoint says; of a group whose parameters come from several, all that those say."""
    held: str
    """`config`, `checkpoint`, or `error` where nobody decided."""
    groups: tuple[str, ...] = ()
    """The groups of an optimizer that it is about."""
    reason: str = ""
    """Why it is so, where no policy had a say."""


def said_of(group: Mapping[str, Any], keywords: Iterable[str] | None = None) -> dict[str, Any]:
    """What the configuration said of a group, by our keys; of a group that no plan made, what it began with.

    Args:
        group: A group dict.
        keywords: What the constructor of its class takes; None takes whatever is in the group for a setting.
    """
    if SETTINGS in group:
        return dict(group[SETTINGS])
    return {
        key_of(name): plain(group.get(_FIRST + name, value))
        for name, value in group.items()
        if name not in (*_STRUCTURE, *FLAGS) and not name.startswith(_FIRST) and (keywords is None or name in keywords)
    }


def merge(
    here: Sequence[Mapping[str, Any]],
    saved: Sequence[Mapping[str, Any]],
    sources: Sequence[Sequence[int | None]],
    decide: Decide,
) -> tuple[list[dict[str, Any]], list[Difference]]:
    """What the groups here become by loading, without their parameters, and in what the two sides differ.

    A value that a schedule has moved is told from the setting itself: the setting is what configurations say, the value
    is a share of it. Where the configuration holds, the value becomes that share of its own.

    Args:
        here: The group dicts of the optimizer, as they are.
        saved: Those of the checkpoint.
        sources: Per group here and parameter the position in the checkpoint, None where it has none.
        decide: Which side holds.
    """
    group_of = for_each(range(len(saved)), map(_size, saved))
    merged, differences = [], list[Difference]()
    for group, row in zip(here, sources, strict=True):
        origins = [saved[i] for i in dict.fromkeys(group_of[source] for source in row if source is not None)]
        if origins:
            one, differs = _merged(group, origins, decide)
            differences += differs
        else:
            one = _new(group, saved)
        merged.append(one)
    return merged, _together(differences)


def _new(group: Mapping[str, Any], saved: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A group of which the checkpoint has nothing: it joins the schedule where that is, if it is one place."""
    one = {key: value for key, value in group.items() if key != "params"}
    own = _before(group, "lr")
    shares = {_share(other, "lr") for other in saved}
    if len(shares) == 1 and own is not None:
        one["lr"] = _times(own, *shares)
        bounds = {_share(other, _FIRST + "lr") for other in saved if _FIRST + "lr" in other}
        if len(bounds) == 1:
            one.setdefault(_FIRST + "lr", _times(own, *bounds))
    return one


def _size(group: Mapping[str, Any]) -> int:
    return len(group.get("param_names") or group["params"])


def _merged(
    group: Mapping[str, Any], origins: Sequence[Mapping[str, Any]], decide: Decide
) -> tuple[dict[str, Any], list[Difference]]:
    """A group whose parameters come from these."""
    first, kept = origins[0], {*_STRUCTURE, *FLAGS}
    result = {key: value for key, value in first.items() if key not in kept}
    # besides what is the configuration's own, whatever only this side knows
    result |= {key: value for key, value in group.items() if key != "params" and key not in result}
    # a group that was added later says nothing of itself: there the checkpoint holds, as in torch
    known = SETTINGS in group and all(SETTINGS in origin for origin in origins)
    settings = dict(group.get(SETTINGS, {}))
    there = [origin[SETTINGS] for origin in origins] if known else []
    if not known and len(_different(origin.get("lr") for origin in origins)) > 1:
        _hold_own(result, group, first, "LEARNING_RATE", "lr")
    spelt = {name.lower(): name for name in group}
    differences = []
    # one group that says the same is what nearly all are
    for key, own in settings.items() if there != [settings] else ():
        values = _different(said[key] for said in there if key in said)
        name = spelt.get(keyword_of(key))
        if key == "NAME" or not values:
            continue
        if values == [own]:
            if name is not None and len(_different(origin.get(name) for origin in origins)) > 1:
                _hold_own(result, group, first, key, name)  # a schedule of a rule's own had set them apart
            continue
        held, reason = _side(decide(key), values, name)
        if held == "checkpoint":
            settings[key] = values[0]
        if held == "config" and name is not None:
            _hold_own(result, group, first, key, name)
        saved = values[0] if len(values) == 1 else values
        differences.append(Difference(key, own, saved, held, (str(group.get("name", "")),), reason))
    if SETTINGS in group:
        result[SETTINGS] = settings
    return result, differences


def _side(side: str, values: Sequence[Any], name: str | None) -> tuple[str, str]:
    """The side that holds, and why it is not the one that was asked for."""
    reason = ""
    if len(values) > 1:
        reason = "its parameters come from groups that differ"
    elif name is None:
        reason = "the class reads it when it is built"
    return ("config" if reason and side == "checkpoint" else side), reason


def _hold_own(result: dict[str, Any], group: Mapping[str, Any], origin: Mapping[str, Any], key: str, name: str) -> None:
    """Give a group the configuration's value of a setting, times what a schedule has made of the checkpoint's."""
    for part in (name, *_PARTS.get(key, ())):
        # where there is a momentum besides the betas, that is what a schedule of the momentum is for
        if part == name or part not in group:
            result.pop(_FIRST + part, None)
            result |= {_FIRST + part: group[_FIRST + part]} if _FIRST + part in group else {}
    own = _before(group, name)
    if name == "lr" and _FIRST + name in origin:
        result.setdefault(_FIRST + name, _times(own, _share(origin, _FIRST + name)))
    if isinstance(own, (int, float)) and not isinstance(own, bool):
        own = _times(own, _share(origin, name))
    result[name] = tuple(own) if isinstance(own, list) else own


def _before(group: Mapping[str, Any], name: str) -> Any:
    """What a group's setting was before any schedule, as a plain value."""
    # what torch's cycles keep as the first rate is a bound of theirs
    first = None if name == "lr" and SETTINGS in group else group.get(_FIRST + name)
    return plain(
        group.get(SETTINGS, {}).get(key_of(name), group.get(_FIRST + name, group.get(name))) if first is None else first
    )


def _share(group: Mapping[str, Any], name: str) -> float:
    """The part that a schedule has made of a group's setting, or of its first value."""
    value, before = plain(group.get(name)), _before(group, name.removeprefix(_FIRST))
    numbers = all(isinstance(number, (int, float)) for number in (value, before))
    return 1.0 if not numbers or value == before or before == 0 else value / before


def _times(value: Any, share: float) -> Any:
    return value if share == 1.0 else value * share


def _different(values: Iterable[Any]) -> list[Any]:
    """The values that differ, in order; a tuple is a list to a configuration."""
    unlike: list[Any] = []
    for value in values:
        own = plain(value)
        if not any(own == other and isinstance(own, bool) is isinstance(other, bool) for other in unlike):
            unlike.append(own)
    return unlike


def _together(differences: Iterable[Difference]) -> list[Difference]:
    """One difference for all groups in which it is the same."""
    alike: dict[str, Difference] = {}
    for one in differences:
        key = repr((one.key, one.config, one.checkpoint, one.held, one.reason))
        groups = (*alike[key].groups, *one.groups) if key in alike else one.groups
        alike[key] = Difference(one.key, one.config, one.checkpoint, one.held, groups, one.reason)
    return list(alike.values())
