"""Builds what FINISH says: the scheduler that ends another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..components.keywords import construct, target_class
from ..config.base import OpenConfig
from ..config.plain import plain
from ..schedules.fitting import epoch_ticks
from .base_scheduler import SchedulerConfig

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from ..schedules.horizon import Horizon

TARGET = "scepter_opt.runtime.finish_lr.FinishLR"


def build_finish(config: Any, before: LRScheduler | None, optimizer: Optimizer, run: Horizon, key: str) -> LRScheduler:
    """The scheduler of a node with FINISH.

    Args:
        config: Its Config.
        before: The scheduler up to `FINISH.AT`; None where it begins with a loaded state.
        optimizer: torch's optimizer.
        run: The length of the run, as the call said it.
        key: Full key of the node.

    Raises:
        ConfigError: It has no end, or another than the run's.
    """
    timed = _timed(config)
    scheduler: LRScheduler = construct(
        target_class(TARGET), optimizer, config.FINISH, before, timed._total(run), epoch_ticks(timed, run), key
    )
    return scheduler


def without_finish(config: Any) -> Any:
    """The Config of the schedule before."""
    if isinstance(config, OpenConfig):
        values = {key: value for key, value in config.items() if key != "FINISH"}
        return OpenConfig(values, config.component)
    return dataclasses.replace(config, FINISH=None)


def fitted_finish(config: Any, before: Mapping[str, Any] | None, run: Horizon) -> dict[str, Any]:
    """What the rates of such a schedule come from, as plain values.

    Args:
        config: Its Config.
        before: The same of the schedule before, where it is ticked.
        run: The length of the run.
    """
    timed = _timed(config)
    finish, epoch = config.FINISH, epoch_ticks(timed, run)
    if finish.LENGTH is None:
        finish = {**plain(finish), "LENGTH": f"up to {timed._total(run)}"}
    elif finish.LENGTH.unit == "epochs" and epoch is not None:
        finish = {**plain(finish), "LENGTH": float(finish.LENGTH.amount * epoch)}
    return {**(before or {"NAME": config.NAME}), "FINISH": plain(finish)}


def _timed(config: Any) -> SchedulerConfig:
    """The keys that say what ticks are, also of a class without a Config, which has plain values of them."""
    if isinstance(config, SchedulerConfig):
        return config
    keys = {key: config.get(key) for key in ("INTERVAL", "FREQUENCY", "TOTAL_STEPS") if config.get(key) is not None}
    return SchedulerConfig(NAME=config.NAME, **keys)
