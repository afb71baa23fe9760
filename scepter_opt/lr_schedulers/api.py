"""What people call for schedules: build one scheduler or several, or the plain function of a schedule."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from ..components.checking import check_node, checked_nodes
from ..config.nodes import full_key, node_of_call, read
from ..errors import ConfigError, Problem, below, did_you_mean, say
from ..schedules.timeline import PlainSchedule
from .building import horizon, untouched
from .phases import PhasesLR
from .registry import LR_SCHEDULERS

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from ..schedules.horizon import Horizon
    from ..schedules.joining import Factor


def build_lr_scheduler(
    optimizer: Optimizer,
    cfg: Any = None,
    total_steps: int | Horizon | None = None,
    steps_per_epoch: int | None = None,
    logger: Any = None,
    **keys: Any,
) -> LRScheduler:
    """Build the scheduler that a node describes.

    Args:
        optimizer: torch's optimizer whose rates it sets.
        cfg: The node: any mapping with `NAME`, or a Config.
        total_steps: Optimizer steps of the whole run, for schedules that need an end; or a Horizon, which knows the
            steps per epoch too.
        steps_per_epoch: Optimizer steps per epoch, for schedules that count epochs.
        logger: Told what was built; anything with `info`.
        keys: The node's keys, in place of `cfg`, as for `build_optimizer`.

    Raises:
        ConfigError: Anything is wrong; nothing was changed.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    >>> scheduler = build_lr_scheduler(optimizer, {"NAME": "CosineAnnealingLR"}, total_steps=100)
    >>> scheduler.T_max
    100
    """
    node = node_of_call(cfg, keys, "lr_scheduler")
    return LR_SCHEDULERS.build(
        node, logger, optimizer=optimizer, total_steps=total_steps, steps_per_epoch=steps_per_epoch
    )


def build_lr_schedulers(
    optimizers: Mapping[str, Optimizer],
    cfgs: Any,
    total_steps: int | None = None,
    steps_per_epoch: int | None = None,
    logger: Any = None,
) -> dict[str, LRScheduler]:
    """Build a scheduler for each of several optimizers.

    Args:
        optimizers: Optimizers by name.
        cfgs: Nodes of schedulers under the same names; `NoneLR` keeps the rates of one as they are.
        total_steps: Steps of each optimizer in the whole run.
        steps_per_epoch: Steps of each optimizer per epoch.
        logger: Told what was built; anything with `info`.

    Raises:
        ConfigError: Anything is wrong, or the names differ; nothing was changed.
    """
    prefix = full_key(cfgs) or "lr_schedulers"
    configs = checked_nodes(cfgs, LR_SCHEDULERS, prefix)
    problems = []
    for name in configs:
        if name not in optimizers:
            message = f"there is no optimizer of this name.{did_you_mean(name, optimizers)}"
            problems.append(Problem(name, message))
    message = "is missing: this optimizer has no scheduler. For none choose NAME: NoneLR."
    problems += [Problem(name, message) for name in optimizers if name not in configs]
    if problems:
        raise ConfigError(problem.under(prefix) for problem in problems)
    with ExitStack() as whole:
        # what only the run's length shows is found when the first optimizers have got their schedulers
        for name in configs:
            with below(f"{prefix}.{name}"):
                whole.enter_context(untouched(optimizers[name]))
        return {
            name: LR_SCHEDULERS.build(
                config,
                logger,
                optimizer=optimizers[name],
                total_steps=total_steps,
                steps_per_epoch=steps_per_epoch,
                key=f"{prefix}.{name}",
            )
            for name, config in configs.items()
        }


def schedule(node: Any, total_steps: int | Horizon | None = None, steps_per_epoch: int | None = None) -> Factor:
    """The plain function of a PhasesLR node, for anything that follows a schedule: a teacher's momentum, a loss weight.

    Args:
        node: A node with PHASES; its NAME may be left out. FROM and TO are the values themselves.
        total_steps: Optimizer steps of the whole run, or a Horizon.
        steps_per_epoch: Optimizer steps per epoch.

    Returns:
        From a tick, 0 or above, to the value at that tick.

    Raises:
        ConfigError: Anything is wrong.

    >>> momentum = schedule({"PHASES": {"rise": {"CURVE": "linear", "FROM": 0.5, "TO": 1.0}}}, total_steps=100)
    >>> momentum(0), momentum(50), momentum(1000)
    (0.5, 0.75, 1.0)
    """
    values, problems = read(node)
    values.setdefault("NAME", "PhasesLR")
    with below(full_key(node) or "schedule"):
        if problems:
            raise ConfigError(problems)
        # without a key of its own: the block around puts it before every problem, and twice would be once too often
        config = check_node(values, LR_SCHEDULERS, key="")
        if not isinstance(config, PhasesLR.Config):
            raise ConfigError([Problem("NAME", "must be PhasesLR: other schedulers need an optimizer.", config.NAME)])
        for key in ("SETTINGS", "RULES", "FINISH"):
            if config[key]:
                raise ConfigError([Problem(key, "belongs to an optimizer's schedule; a plain function has none.")])
        run = horizon(total_steps, steps_per_epoch)
        fitted = config.with_horizon(run)
        function = PlainSchedule(fitted.timelines().rate)
        for remark in (*config.remarks(), *config.remarks_on(fitted, run)):
            say(remark)
        return function
