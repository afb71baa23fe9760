"""torch's schedulers, one class each. Defaults are torch's, held to it by a test."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from ..config.base import Conflict
from ..config.fields import (
    Bounds,
    CheckedAs,
    Fraction,
    ImportPaths,
    NonNegative,
    Numbers,
    OptionalWholeFromOne,
    WholeFromOne,
)
from .base_scheduler import BaseScheduler, Interval, SchedulerConfig, TorchSchedulerConfig
from .registry import LR_SCHEDULERS

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

# A number of ticks with torch's default; null takes the length of the run from the call.
Iterations = Annotated[int | float | None, CheckedAs(Annotated[int, Bounds(ge=0)] | None)]
Milestones = Annotated[list[int | float], CheckedAs(list[Annotated[int, Bounds(ge=1)]])]

# SequentialLR searches them as if they were sorted, and MultiStepLR drops the rate twice at one that is there twice.
INCREASING = Conflict(
    ("MILESTONES",),
    lambda c: any(later <= earlier for earlier, later in zip(c.MILESTONES, c.MILESTONES[1:], strict=False)),
    "must increase.",
)


# Where torch's constructor goes on wrongly, and no closed form puts it right (`continuing` does where there is one).
NO_LAST_EPOCH = Conflict(
    ("LAST_EPOCH",),
    lambda c: c.LAST_EPOCH >= 0,
    "the rates follow from all ticks before: leave it at -1, and load the scheduler's state_dict.",
)


@LR_SCHEDULERS.register_class()
class StepLR(BaseScheduler):
    """The rate is multiplied by GAMMA every STEP_SIZE ticks."""

    target = "torch.optim.lr_scheduler.StepLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        reached = ("STEP_SIZE",)
        STEP_SIZE: WholeFromOne
        """Ticks from one drop to the next."""
        GAMMA: NonNegative = 0.1
        """Factor on the rate at each drop."""


@LR_SCHEDULERS.register_class()
class MultiStepLR(BaseScheduler):
    """The rate is multiplied by GAMMA at each milestone."""

    target = "torch.optim.lr_scheduler.MultiStepLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        conflicts = (INCREASING,)
        reached = ("MILESTONES",)
        MILESTONES: Milestones
        """Ticks at which the rate drops, increasing."""
        GAMMA: NonNegative = 0.1
        """Factor on the rate at each drop."""


@LR_SCHEDULERS.register_class()
class ConstantLR(BaseScheduler):
    """The rate is multiplied by FACTOR until TOTAL_ITERS ticks are over."""

    target = "torch.optim.lr_scheduler.ConstantLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        horizon = "TOTAL_ITERS"
        reached = ("TOTAL_ITERS",)
        FACTOR: Fraction = 1.0 / 3
        """Factor on the rate until the end."""
        TOTAL_ITERS: Iterations = 5
        """Ticks until the full rate is back; null takes the run's length from the call."""


@LR_SCHEDULERS.register_class()
class LinearLR(BaseScheduler):
    """The factor on the rate goes linearly from START_FACTOR to END_FACTOR."""

    target = "torch.optim.lr_scheduler.LinearLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        horizon = "TOTAL_ITERS"
        reached = ("TOTAL_ITERS",)
        # each tick multiplies the rate of the tick before, and from 0 it would never rise
        START_FACTOR: Annotated[float, Bounds(gt=0, le=1)] = 1.0 / 3
        """Factor at the first tick; above 0."""
        END_FACTOR: Fraction = 1.0
        """Factor at the end."""
        TOTAL_ITERS: Iterations = 5
        """Ticks from start to end; null takes the run's length from the call."""


@LR_SCHEDULERS.register_class()
class ExponentialLR(BaseScheduler):
    """The rate is multiplied by GAMMA at every tick."""

    target = "torch.optim.lr_scheduler.ExponentialLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        GAMMA: NonNegative
        """Factor on the rate at each tick."""


@LR_SCHEDULERS.register_class()
class PolynomialLR(BaseScheduler):
    """The rate falls to 0 as a polynomial."""

    target = "torch.optim.lr_scheduler.PolynomialLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        horizon = "TOTAL_ITERS"
        reached = ("TOTAL_ITERS",)
        TOTAL_ITERS: Iterations = 5
        """Ticks until the rate is 0; null takes the run's length from the call."""
        POWER: NonNegative = 1.0
        """Exponent of the polynomial."""


@LR_SCHEDULERS.register_class()
class CosineAnnealingLR(BaseScheduler):
    """The rate falls along half a cosine (Loshchilov and Hutter, 2016); it rises again past T_MAX."""

    target = "torch.optim.lr_scheduler.CosineAnnealingLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        horizon = "T_MAX"
        reached = ("T_MAX",)
        after_end = "the rate rises again"
        # torch's cosine goes on past its end, and up again
        turns = True
        absolute_floor = "ETA_MIN"
        T_MAX: OptionalWholeFromOne = None
        """Ticks until the lowest rate; null takes the run's length from the call."""
        ETA_MIN: NonNegative = 0.0
        """Lowest rate, absolute."""


@LR_SCHEDULERS.register_class()
class CosineAnnealingWarmRestarts(BaseScheduler):
    """Half cosines, each from the full rate again (SGDR: Loshchilov and Hutter, 2016)."""

    target = "torch.optim.lr_scheduler.CosineAnnealingWarmRestarts"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        absolute_floor = "ETA_MIN"
        reached = ("T_0",)
        # no horizon: cosine follows cosine for as long as the run lasts
        T_0: WholeFromOne
        """Ticks of the first cosine."""
        T_MULT: WholeFromOne = 1
        """Factor on the length of each next cosine."""
        ETA_MIN: NonNegative = 0.0
        """Lowest rate, absolute."""


@LR_SCHEDULERS.register_class()
class LambdaLR(BaseScheduler):
    """The factor on the rate is a function of the tick."""

    target = "torch.optim.lr_scheduler.LambdaLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        # YAML has no form for a function; what is written is looked up at the build
        LR_LAMBDA: ImportPaths
        """Import path of a function from the tick to a factor, or a list with one per group."""


@LR_SCHEDULERS.register_class()
class MultiplicativeLR(BaseScheduler):
    """The rate is multiplied at each tick by what a function of the tick says."""

    target = "torch.optim.lr_scheduler.MultiplicativeLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        conflicts = (
            Conflict(
                ("LAST_EPOCH",),
                # to go on, the function is called again for every tick so far
                lambda c: c.LAST_EPOCH >= 1_000_000,
                "the rates follow from all ticks before, and these are too many: load the scheduler's state_dict.",
            ),
        )
        LR_LAMBDA: ImportPaths
        """Import path of a function from the tick to a factor, or a list with one per group."""


class PlateauMode(str, enum.Enum):
    """Whether a metric should fall or rise."""

    min = "min"
    max = "max"


class ThresholdMode(str, enum.Enum):
    """Whether an improvement is a share of the best value or a difference from it."""

    rel = "rel"
    abs = "abs"


@LR_SCHEDULERS.register_class()
class ReduceLROnPlateau(BaseScheduler):
    """The rate drops when a metric has stopped improving; its step takes the metric."""

    target = "torch.optim.lr_scheduler.ReduceLROnPlateau"
    metric = "required"

    @dataclass(kw_only=True)
    class Config(SchedulerConfig):
        refused_in = dict.fromkeys(("SequentialLR", "ChainedScheduler"), "its step takes a metric")
        absolute_rates = ("MIN_LR",)
        reached = ("PATIENCE",)
        # a metric is measured once in an epoch, and patience counts metrics
        INTERVAL: Interval = Interval.epoch
        """What one tick of the scheduler is: an optimizer step or an epoch."""
        MODE: PlateauMode = PlateauMode.min
        """min for a metric that should fall, max for one that should rise."""
        FACTOR: Annotated[float, Bounds(ge=0, lt=1)] = 0.1
        """Factor on the rate at each drop; below 1."""
        PATIENCE: Annotated[int | float, CheckedAs(Annotated[int, Bounds(ge=0)])] = 10
        """Ticks without improvement that are let pass."""
        THRESHOLD: NonNegative = 1e-4
        """Least change that is an improvement."""
        THRESHOLD_MODE: ThresholdMode = ThresholdMode.rel
        """rel: the threshold is a share of the best value; abs: a difference from it."""
        COOLDOWN: Annotated[int | float, CheckedAs(Annotated[int, Bounds(ge=0)])] = 0
        """Ticks after a drop in which nothing is counted."""
        MIN_LR: Numbers = 0.0
        """Lowest rate, absolute; a list gives one per group."""
        EPS: NonNegative = 1e-8
        """Least change of the rate that is made."""

    def __call__(self, optimizer: Optimizer) -> LRScheduler:
        from ..components.keywords import construct, keywords_of, target_class
        from .proportions import Proportional

        # a list is for the groups there are: at one that is added later torch's class would stop the run
        if not isinstance(self.cfg.MIN_LR, Proportional):
            return super().__call__(optimizer)
        keywords = keywords_of(self.cfg, self.common, target_class(self.target))
        target = target_class("scepter_opt.runtime.proportional_plateau.ProportionalPlateau")
        scheduler: LRScheduler = construct(target, optimizer, self.cfg.MIN_LR.share, **keywords)
        return scheduler
