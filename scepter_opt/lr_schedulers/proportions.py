"""torch's absolute rates, given to groups of different rates in proportion, and warned of where they cannot be."""

from __future__ import annotations

import dataclasses
import warnings
from typing import TYPE_CHECKING, Any

from ..errors import ConfigWarning, join_key
from .base_scheduler import SchedulerConfig

if TYPE_CHECKING:
    from torch.optim import Optimizer


class Proportional(list[float]):
    """An absolute rate for each group, in proportion to the group's own.

    Args:
        share: What a group at a rate of 1 gets.
        rates: The rates of the groups.
    """

    def __init__(self, share: float, rates: list[float]) -> None:
        super().__init__(share * rate for rate in rates)
        self.share = share


def in_proportion(config: Any, optimizer: Optimizer, key: str = "") -> Any:
    """The same Config with its absolute rates as lists, one for each group, in proportion to the groups' own rates.

    What is written stands for a group at the optimizer's own rate, or where that is 0 for the highest: a group at 0
    stays there. A list in the config stays as it is. Over an optimizer that this package did not build, absolute rates
    mean what torch means by them.

    Args:
        config: A scheduler's Config.
        optimizer: torch's optimizer whose groups it will set.
        key: The Config's full key, for warnings.

    Warns:
        ConfigWarning: An absolute floor of which torch takes only one lifts a group over the others.
    """
    if not isinstance(config, SchedulerConfig) or not any("rules" in group for group in optimizer.param_groups):
        return config
    rates = [float(group.get("initial_lr", group["lr"])) for group in optimizer.param_groups if "lr" in group]
    own = float(optimizer.defaults.get("lr", 0.0))
    if len(rates) < len(optimizer.param_groups) or not any(rate != own for rate in rates):
        return config
    made: dict[str, Any] = {}
    for name in config.absolute_rates:
        value = getattr(config, name)
        if not isinstance(value, list) and value:
            made[name] = Proportional(value / (own or max(rates)), rates)
    if config.absolute_floor and len(set(rates)) > 1:
        _warn_of_floor(config, optimizer, rates, key)
    if "SCHEDULERS" in config:
        made["SCHEDULERS"] = {
            name: in_proportion(part, optimizer, join_key(key, f"SCHEDULERS.{name}"))
            for name, part in config.get("SCHEDULERS").items()
        }
    return dataclasses.replace(config, **made) if made else config


def _warn_of_floor(config: SchedulerConfig, optimizer: Optimizer, rates: list[float], key: str) -> None:
    floor = getattr(config, config.absolute_floor)
    lowest, highest = min(range(len(rates)), key=rates.__getitem__), max(rates)
    if floor > 0:
        name = optimizer.param_groups[lowest].get("name", f"[{lowest}]")
        warnings.warn(
            f"{join_key(key, config.absolute_floor)} = {floor:g} is absolute and the same for all groups: it lifts the "
            f"group {name}, whose rate is {rates[lowest]:g}, against the one at {highest:g}. PhasesLR's floors are "
            "relative.",
            ConfigWarning,
            stacklevel=2,
        )
