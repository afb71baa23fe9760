"""SCEPTER's own schedules, and none at all."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Annotated

from ..config.fields import Bounds, CheckedAs, NonNegative, OptionalWholeFromOne, WholeFromZero
from .base_scheduler import BaseScheduler, SchedulerConfig, TorchSchedulerConfig
from .registry import LR_SCHEDULERS

# torch's chain lets each scheduler change the rate that the others have made; these compute it from the first one.
_SETS_RATES = {"ChainedScheduler": "it sets rates, and does not multiply what others have made"}


@LR_SCHEDULERS.register_class()
class NoneLR(BaseScheduler):
    """No schedule: every rate stays as it is."""

    target = "scepter_opt.runtime.scepter_schedulers.NoneLR"

    @dataclass(kw_only=True)
    class Config(SchedulerConfig):
        # it writes no rate, so an optimizer that finds its own may have it
        needs_rate = False


@LR_SCHEDULERS.register_class()
class LinoPolyLR(BaseScheduler):
    """A polynomial from the full rate to 0, which then holds (SCEPTER)."""

    target = "scepter_opt.runtime.scepter_schedulers.LinoPolyLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        horizon = "END_EPOCH"
        refused_in = _SETS_RATES
        reached = ("END_EPOCH",)
        after_end = "the rate is 0"
        END_EPOCH: OptionalWholeFromOne = None
        """Ticks until the rate is 0; null takes the run's length from the call."""
        POWER: NonNegative = 1.0
        """Exponent of the polynomial."""


@LR_SCHEDULERS.register_class()
class WarmupToConstantLR(BaseScheduler):
    """A linear warm-up from 0 to the full rate, which then holds (SCEPTER)."""

    target = "scepter_opt.runtime.scepter_schedulers.WarmupToConstantLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        refused_in = _SETS_RATES
        reached = ("WARMUP_STEPS",)
        WARMUP_STEPS: WholeFromZero = 10000
        """Ticks of the warm-up; 0 is none."""


class DecayMode(str, enum.Enum):
    """Ways down after StepAnnealingLR's warm-up."""

    cosine = "cosine"
    linear = "linear"
    none = "none"


@LR_SCHEDULERS.register_class()
class StepAnnealingLR(BaseScheduler):
    """A linear warm-up, then annealing to 0, never below an absolute floor (SCEPTER)."""

    target = "scepter_opt.runtime.scepter_schedulers.StepAnnealingLR"

    @dataclass(kw_only=True)
    class Config(SchedulerConfig):
        horizon = "TOTAL_STEPS"
        refused_in = _SETS_RATES
        absolute_floor = "MIN_LR"
        reached = ("WARMUP_STEPS",)
        WARMUP_STEPS: WholeFromZero
        """Ticks of the warm-up."""
        TOTAL_STEPS: OptionalWholeFromOne = None
        """Ticks until the rate is 0; null takes the run's length from the call."""
        DECAY_MODE: DecayMode = DecayMode.cosine
        """Curve after the warm-up: cosine, linear, or none, which holds the full rate."""
        MIN_LR: NonNegative = 0.0
        """Lowest rate, absolute."""
        # SCEPTER's name for what torch calls LAST_EPOCH
        LAST_STEP: Annotated[int | float, CheckedAs(Annotated[int, Bounds(ge=-1)])] = -1
        """Tick that was the last; -1 starts anew."""
