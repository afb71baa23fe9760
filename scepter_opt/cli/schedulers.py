"""The schedulers of a config with their optimizers, how long their runs are, and the curves of their groups."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from ..checking import check
from ..components.registry import registries, registry
from ..errors import ConfigError, Problem
from ..insight.preview import Preview, preview, unit_of
from ..parameters.plan import Plan
from ..schedules.horizon import Horizon


def pairs(cfg: DictConfig) -> Iterator[tuple[str, Any, Any]]:
    """The key and Config of each scheduler in a config, with the Config of its optimizer, if there is one."""
    configs = check(cfg)
    optimizers, schedulers = (
        {key: config for key, config in configs.items() if registry.builds(config)} for registry in registries()
    )
    if not schedulers:
        raise ConfigError([Problem("lr_scheduler", "there is none: choose one by lr_scheduler=OPTION.")])
    for key, scheduler in schedulers.items():
        own = own_optimizer(key, optimizers)
        yield key, scheduler, None if own is None else optimizers[own]


def optimizers_of(configs: Mapping[str, Any]) -> list[str]:
    """The keys of the optimizers among what `check` gives.

    Raises:
        ConfigError: There is none.
    """
    keys = [key for key, config in configs.items() if registry("optimizer").builds(config)]
    if not keys:
        raise ConfigError([Problem("optimizer", "there is none: choose one by optimizer=OPTION.")])
    return keys


def own_optimizer(key: str, optimizers: Collection[str]) -> str | None:
    """The key of a scheduler's optimizer: the only one there is, or that of the same name; None without any.

    Members of `optimizers` and `lr_schedulers` share a name.
    """
    last = key.rpartition(".")[2]
    return next((other for other in optimizers if len(optimizers) == 1 or other.rpartition(".")[2] == last), None)


def previews_of(
    cfg: DictConfig, plans: Mapping[str, Plan], total_steps: int | None, steps_per_epoch: int | None
) -> dict[str, Preview]:
    """The curves of planned groups, where the config has schedulers and the length of their run is known.

    Args:
        cfg: The whole config.
        plans: By their keys the plans of its optimizers.
        total_steps: Optimizer steps of the whole run.
        steps_per_epoch: Optimizer steps per epoch.
    """
    schedulers = {key: config for key, config in check(cfg).items() if registry("lr_scheduler").builds(config)}
    shown = {}
    for key, scheduler in schedulers.items():
        own = own_optimizer(key, plans)
        # none: nobody chose it, it is what stands there until another is chosen
        if own is None or (scheduler.NAME == "NoneLR" and total_steps is None):
            continue
        if total_steps is None and scheduler.get("TOTAL_STEPS") is None:
            print(f"the page has no curves of {key}: say by --total-steps how long the run is", file=sys.stderr)
            continue
        run = horizon_of(scheduler, total_steps, steps_per_epoch)
        shown[key] = preview(OmegaConf.select(cfg, key), run, plans[own])
    return shown


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
