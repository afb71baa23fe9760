"""The schedulers of a config with their optimizers, and how long their runs are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from omegaconf import DictConfig

from ..checking import check
from ..components.registry import registries
from ..errors import ConfigError, Problem
from ..insight.preview import unit_of
from ..schedules.horizon import Horizon


def pairs(cfg: DictConfig) -> Iterator[tuple[str, Any, Any]]:
    """The key and Config of each scheduler in a config, with the Config of its optimizer, if there is one."""
    configs = check(cfg)
    optimizers, schedulers = (
        {key: config for key, config in configs.items() if registry.has(config.NAME)} for registry in registries()
    )
    if not schedulers:
        raise ConfigError([Problem("lr_scheduler", "there is none: choose one by lr_scheduler=OPTION.")])
    for key, scheduler in schedulers.items():
        alone = len(optimizers) == len(schedulers) == 1
        # members of `optimizers` and `lr_schedulers` share a name
        last = key.rpartition(".")[2]
        own = [config for other, config in optimizers.items() if alone or other.rpartition(".")[2] == last]
        yield key, scheduler, own[0] if own else None


def horizon_of(scheduler: Any, total_steps: int | None, steps_per_epoch: int | None) -> Horizon:
    """The length of a run: what was said, else the scheduler's own TOTAL_STEPS.

    Raises:
        ConfigError: Neither is there, or it is no length.
    """
    if total_steps is None and unit_of(scheduler) == "step":
        total_steps = scheduler.get("TOTAL_STEPS")
    if total_steps is None:
        raise ConfigError([Problem("total_steps", "how long is the run? Say it by --total-steps.")])
    try:
        return Horizon(total_steps, steps_per_epoch)
    except ValueError as error:
        key, _, message = str(error).partition(" = ")
        given = {"total_steps": total_steps, "steps_per_epoch": steps_per_epoch}
        raise ConfigError([Problem(key, f"{message.partition(': ')[2]}.", given[key])]) from error
