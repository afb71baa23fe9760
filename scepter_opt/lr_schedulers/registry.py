"""The registry of schedulers, and the straight line from a node and an optimizer to torch's scheduler."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..checking import check_node
from ..errors import ConfigError, Problem, below
from ..horizon import Horizon
from ..reading import full_key
from ..registry import Registry
from .base_scheduler import SchedulerConfig
from .proportions import in_proportion

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler


class SchedulerRegistry(Registry):
    """Schedulers by name."""

    def build(
        self,
        cfg: Any,
        logger: Any = None,
        *,
        optimizer: Optimizer,
        total_steps: int | Horizon | None = None,
        steps_per_epoch: int | None = None,
        key: str | None = None,
    ) -> LRScheduler:
        """Check a node and build the scheduler that it describes.

        Args:
            cfg: The node: any mapping with `NAME`, or a Config.
            logger: Told what was built; anything with `info`.
            optimizer: torch's optimizer whose rates it sets.
            total_steps: Optimizer steps of the whole run, or a Horizon, which knows the steps per epoch too.
            steps_per_epoch: Optimizer steps per epoch.
            key: Full key for the messages; by default the node's own.

        Raises:
            ConfigError: Anything is wrong; nothing was changed.
        """
        config = check_node(cfg, self, key=key)
        key = key or full_key(cfg) or self.kind
        with below(key), _untouched(optimizer):
            run = horizon(total_steps, steps_per_epoch)
            if isinstance(config, SchedulerConfig):
                config = in_proportion(config.with_horizon(run), optimizer, key)
            scheduler: LRScheduler = self.entry(config.NAME).component(config, logger)(optimizer)
        if logger is not None:
            logger.info(f"{config.NAME}")
        return scheduler


def horizon(total_steps: int | Horizon | None, steps_per_epoch: int | None) -> Horizon:
    """The length of a run, however it is given.

    Raises:
        ConfigError: It is no length, or the steps per epoch are given twice and differently.
    """
    try:
        if not isinstance(total_steps, Horizon):
            return Horizon(total_steps, steps_per_epoch)
        if steps_per_epoch is None or total_steps.steps_per_epoch == steps_per_epoch:
            return total_steps
        if total_steps.steps_per_epoch is None:
            return Horizon(total_steps.total_steps, steps_per_epoch)
    except ValueError as error:
        raise ConfigError([Problem("", f"{error}.")]) from error
    message = f"the call's steps_per_epoch is {steps_per_epoch}, and its Horizon says {total_steps.steps_per_epoch}."
    raise ConfigError([Problem("", message)])


@contextmanager
def _untouched(optimizer: Any) -> Iterator[None]:
    """Put an optimizer back as it was if building a scheduler for it fails.

    Raises:
        ConfigError: It is no optimizer.
    """
    import torch

    if not isinstance(optimizer, torch.optim.Optimizer):
        message = f"needs a torch.optim.Optimizer, not a {type(optimizer).__name__}."
        raise ConfigError([Problem("", message)])
    groups = [
        {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in group.items()}
        for group in optimizer.param_groups
    ]
    own = dict(vars(optimizer))
    try:
        yield
    except BaseException:
        for group, before in zip(optimizer.param_groups, groups, strict=True):
            tensors = {key: group[key] for key, value in before.items() if isinstance(value, torch.Tensor)}
            group.clear()
            group.update(before | tensors)
            for key, tensor in tensors.items():
                tensor.copy_(before[key])
        vars(optimizer).clear()
        vars(optimizer).update(own)
        raise


LR_SCHEDULERS = SchedulerRegistry(
    "lr_scheduler",
    {
        "scepter_opt.lr_schedulers.official_schedulers": (
            "StepLR MultiStepLR ConstantLR LinearLR ExponentialLR PolynomialLR CosineAnnealingLR "
            "CosineAnnealingWarmRestarts LambdaLR MultiplicativeLR ReduceLROnPlateau"
        ),
        "scepter_opt.lr_schedulers.cyclic_schedulers": "CyclicLR OneCycleLR",
        "scepter_opt.lr_schedulers.composed_schedulers": "SequentialLR ChainedScheduler",
        "scepter_opt.lr_schedulers.define_schedulers": "NoneLR LinoPolyLR",
        "scepter_opt.lr_schedulers.warmup": "WarmupToConstantLR StepAnnealingLR",
        "scepter_opt.lr_schedulers.phases": "PhasesLR",
        "scepter_opt.lr_schedulers.plateau": "PlateauLR",
    },
)
"""Every scheduler by name. A new class of the package's own is added to the row of its module."""


def build_lr_scheduler(
    optimizer: Optimizer,
    cfg: Any,
    total_steps: int | Horizon | None = None,
    steps_per_epoch: int | None = None,
    logger: Any = None,
) -> LRScheduler:
    """Build the scheduler that a node describes.

    Args:
        optimizer: torch's optimizer whose rates it sets.
        cfg: The node: any mapping with `NAME`, or a Config.
        total_steps: Optimizer steps of the whole run, for schedules that need an end; or a Horizon, which knows the
            steps per epoch too.
        steps_per_epoch: Optimizer steps per epoch, for schedules that count epochs.
        logger: Told what was built; anything with `info`.

    Raises:
        ConfigError: Anything is wrong; nothing was changed.

    >>> import torch
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    >>> scheduler = build_lr_scheduler(optimizer, {"NAME": "CosineAnnealingLR"}, total_steps=100)
    >>> scheduler.T_max
    100
    """
    return LR_SCHEDULERS.build(
        cfg, logger, optimizer=optimizer, total_steps=total_steps, steps_per_epoch=steps_per_epoch
    )
