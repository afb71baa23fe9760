"""torch's absolute rates, given to groups of different rates in proportion, and warned of where they cannot be."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ..errors import Problem, below, say
from ..parameters.merging import SETTINGS
from .base_scheduler import SchedulerConfig

if TYPE_CHECKING:
    from torch.optim import Optimizer


def in_proportion(config: Any, optimizer: Optimizer) -> Any:
    """The same Config with its absolute rates as lists, one for each group, in proportion to the groups' own rates.

    What is written stands for a group at the optimizer's own rate, or where that is 0 for the highest, so that a group
    at 0 stays there. A list in the config stays as it is, and so does all of it for an optimizer that this package did
    not build: there torch's keys mean what torch means.

    Args:
        config: A scheduler's Config.
        optimizer: torch's optimizer whose groups it will set.

    Warns:
        ConfigWarning: An absolute floor of which torch takes only one lifts a group over the others, or every group.
    """
    groups = optimizer.param_groups
    own = float(optimizer.defaults.get("lr") or 0.0)
    # a plan puts `rules` into every group, so groups without are another's; a rate of None is found by the class itself
    if not any("rules" in group for group in groups) or any(group.get("lr") is None for group in groups):
        return config
    rates = [_before_schedules(group) for group in groups]
    _warn_of_floors(config, groups, rates)
    if all(rate == own for rate in rates):
        return config
    return _scaled(config, rates, own or max(rates))


def _before_schedules(group: dict[str, Any]) -> float:
    """The rate of a group, which a schedule may have moved already, and a cycle of torch's with it the first one."""
    if "initial_lr" not in group:
        return float(group["lr"])
    said = group.get(SETTINGS, {}).get("LEARNING_RATE")
    return float(group["initial_lr"] if said is None else said)


class Proportional(list[float]):
    """An absolute rate for each group, in proportion to the group's own.

    Args:
        share: What a group at a rate of 1 gets.
        rates: The rates of the groups.
    """

    def __init__(self, share: float, rates: list[float]) -> None:
        super().__init__(share * rate for rate in rates)
        self.share = share


def _scaled(config: Any, rates: list[float], own: float) -> Any:
    """A Config, and those that it holds, with a list for each absolute rate."""
    if not isinstance(config, SchedulerConfig):
        return config
    # 0 is 0 for every group, and null is no rate: neither needs a list
    values = {name: getattr(config, name) for name in config.absolute_rates}
    changed: dict[str, Any] = {
        name: Proportional(value / own, rates)
        for name, value in values.items()
        if value and not isinstance(value, list)
    }
    if "SCHEDULERS" in config:
        changed["SCHEDULERS"] = {name: _scaled(part, rates, own) for name, part in config.get("SCHEDULERS").items()}
    return dataclasses.replace(config, **changed) if changed else config


def _warn_of_floors(config: Any, groups: list[dict[str, Any]], rates: list[float]) -> None:
    if not isinstance(config, SchedulerConfig):
        return
    floor = getattr(config, config.absolute_floor) if config.absolute_floor else 0.0
    lowest, highest = min(range(len(rates)), key=rates.__getitem__), max(rates)
    if floor > highest:
        message = f"is above the rate, {highest:g}, which rises to it: it is a rate itself, not a factor."
        say(Problem(config.absolute_floor, message, floor))
    elif floor > 0 and len(set(rates)) > 1:
        name = groups[lowest].get("name", f"[{lowest}]")
        message = (
            f"is absolute and the same for all groups: it lifts the group {name}, whose rate is {rates[lowest]:g}, "
            f"against the one at {highest:g}. PhasesLR's floors are relative."
        )
        say(Problem(config.absolute_floor, message, floor))
    for name, part in (config.get("SCHEDULERS") or {}).items():
        with below(f"SCHEDULERS.{name}"):
            _warn_of_floors(part, groups, rates)
