"""torch's schedulers that cycle between absolute rates, and momentum with them."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from ..config.base import Conflict
from ..config.fields import (
    Beta,
    CheckedAs,
    Fraction,
    ImportPath,
    NonNegative,
    OptionalWholeFromOne,
    Positive,
    WholeFromOne,
)
from ..config.validation import fields
from ..errors import Problem
from . import pairing
from .base_scheduler import BaseScheduler, TorchSchedulerConfig, total_by_epochs
from .registry import LR_SCHEDULERS

# Both write the base rates of the groups when they are built, and all other schedulers compute from those.
_SPOILS = dict.fromkeys(("SequentialLR", "ChainedScheduler"), "it would overwrite the base rates of the others")


Rates = Annotated[Any, CheckedAs(NonNegative | list[NonNegative])]
"""A rate for every group, or a list with one per group."""
Momenta = Annotated[Any, CheckedAs(Beta | list[Beta])]
"""A momentum for every group, or a list with one per group."""


def _above(low: Any, high: Any) -> bool:
    """Whether a lower bound is above its upper one, in any group."""
    # one number stands for all groups; lists of different lengths are torch's to refuse
    count = max(len(bound) if isinstance(bound, list) else 1 for bound in (low, high))
    lows, highs = (bound if isinstance(bound, list) else [bound] * count for bound in (low, high))
    return any(one > other for one, other in zip(lows, highs, strict=False))


_ORDER_OF_MOMENTA = Conflict(
    ("BASE_MOMENTUM", "MAX_MOMENTUM"),
    lambda c: _above(c.BASE_MOMENTUM, c.MAX_MOMENTUM),
    "must be at most MAX_MOMENTUM.",
)


def _momenta_that_stay(config: Any) -> Iterator[Problem]:
    """Momenta that are written and not cycled."""
    known = fields(type(config))
    for key in ("BASE_MOMENTUM", "MAX_MOMENTUM"):
        if not config.CYCLE_MOMENTUM and config[key] != known[key].default:
            yield Problem(key, "changes nothing: CYCLE_MOMENTUM is false.", config[key])


class CyclicMode(str, enum.Enum):
    """Shapes of CyclicLR's cycle."""

    triangular = "triangular"
    triangular2 = "triangular2"
    exp_range = "exp_range"


class ScaleMode(str, enum.Enum):
    """What CyclicLR's SCALE_FN is a function of."""

    cycle = "cycle"
    iterations = "iterations"


@LR_SCHEDULERS.register_class()
class CyclicLR(BaseScheduler):
    """The rate goes up and down between two bounds (Smith, 2015)."""

    target = "torch.optim.lr_scheduler.CyclicLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        refused_in = _SPOILS
        absolute_rates = ("BASE_LR", "MAX_LR")
        reached = ("STEP_SIZE_UP",)
        # torch takes any of these together: it reads only some, or cycles upside down
        conflicts = (
            Conflict(
                ("SCALE_MODE", "SCALE_FN"),
                lambda c: c.SCALE_FN is None and c.SCALE_MODE is not ScaleMode.cycle,
                "torch reads it with a SCALE_FN only.",
            ),
            Conflict(
                ("MODE", "SCALE_FN"),
                lambda c: c.SCALE_FN is not None and c.MODE is not CyclicMode.triangular,
                "torch ignores it beside a SCALE_FN.",
            ),
            Conflict(("BASE_LR", "MAX_LR"), lambda c: _above(c.BASE_LR, c.MAX_LR), "must be at most MAX_LR."),
            _ORDER_OF_MOMENTA,
        )
        BASE_LR: Rates
        """Lower rate, absolute; a list gives one per group."""
        MAX_LR: Rates
        """Upper rate, absolute; a list gives one per group."""
        STEP_SIZE_UP: WholeFromOne = 2000
        """Ticks on the way up."""
        STEP_SIZE_DOWN: OptionalWholeFromOne = None
        """Ticks on the way down; null is as many as up."""
        MODE: CyclicMode = CyclicMode.triangular
        """Shape: triangular, triangular2 (halved each cycle), or exp_range (times GAMMA ** tick)."""
        GAMMA: Positive = 1.0
        """Base of exp_range's scaling."""
        SCALE_FN: ImportPath | None = None
        """Import path of a scaling function, in place of MODE's."""
        SCALE_MODE: ScaleMode = ScaleMode.cycle
        """What SCALE_FN is a function of: the number of the cycle, or of ticks."""
        CYCLE_MOMENTUM: bool = True
        """Whether momentum (or the first beta) goes the other way."""
        BASE_MOMENTUM: Momenta = 0.8
        """Lower momentum; a list gives one per group."""
        MAX_MOMENTUM: Momenta = 0.9
        """Upper momentum; a list gives one per group."""

        def remarks(self) -> Iterator[Problem]:
            yield from _momenta_that_stay(self)
            if self.GAMMA != 1 and (self.SCALE_FN is not None or self.MODE is not CyclicMode.exp_range):
                beside = "a SCALE_FN" if self.SCALE_FN is not None else f"MODE {self.MODE.value}"
                yield Problem("GAMMA", f"changes nothing beside {beside}: it is exp_range's.", self.GAMMA)

        conflicts_with = pairing.momentum_to_cycle
        remarks_with = pairing.rates_never_read


class AnnealStrategy(str, enum.Enum):
    """Curves of OneCycleLR."""

    cos = "cos"
    linear = "linear"


@LR_SCHEDULERS.register_class()
class OneCycleLR(BaseScheduler):
    """One cycle up to a highest rate and down to nearly none (Smith and Topin, 2017)."""

    target = "torch.optim.lr_scheduler.OneCycleLR"

    @dataclass(kw_only=True)
    class Config(TorchSchedulerConfig):
        horizon = "TOTAL_STEPS"
        refused_in = _SPOILS
        absolute_rates = ("MAX_LR",)
        # torch lets TOTAL_STEPS win over EPOCHS without a word
        conflicts = (
            Conflict(
                ("EPOCHS", "STEPS_PER_EPOCH"),
                lambda c: (c.EPOCHS is None) != (c.STEPS_PER_EPOCH is None),
                "EPOCHS and STEPS_PER_EPOCH are given together or not at all.",
            ),
            Conflict(
                ("EPOCHS", "TOTAL_STEPS"),
                lambda c: c.EPOCHS is not None and c.TOTAL_STEPS is not None,
                "give TOTAL_STEPS, or EPOCHS with STEPS_PER_EPOCH, not both.",
            ),
            _ORDER_OF_MOMENTA,
        )
        MAX_LR: Rates
        """Highest rate, absolute; a list gives one per group."""
        TOTAL_STEPS: OptionalWholeFromOne = None
        """Ticks of the cycle; null takes the run's length from the call."""
        EPOCHS: OptionalWholeFromOne = None
        """Epochs of the cycle, with STEPS_PER_EPOCH in place of TOTAL_STEPS."""
        STEPS_PER_EPOCH: OptionalWholeFromOne = None
        """Ticks per epoch."""
        PCT_START: Fraction = 0.3
        """Share of the cycle in which the rate rises."""
        ANNEAL_STRATEGY: AnnealStrategy = AnnealStrategy.cos
        """Curve of the cycle: cos or linear."""
        CYCLE_MOMENTUM: bool = True
        """Whether momentum (or the first beta) goes the other way."""
        BASE_MOMENTUM: Momenta = 0.85
        """Lowest momentum; a list gives one per group."""
        MAX_MOMENTUM: Momenta = 0.95
        """Highest momentum; a list gives one per group."""
        DIV_FACTOR: Positive = 25.0
        """Highest rate over the first one."""
        FINAL_DIV_FACTOR: Positive = 1e4
        """First rate over the last one."""
        THREE_PHASE: bool = False
        """Whether a third phase goes down from the first rate."""

        remarks = _momenta_that_stay
        conflicts_with = pairing.momentum_to_cycle
        remarks_with = pairing.rates_never_read
        # EPOCHS times STEPS_PER_EPOCH is a total, and must agree with the call's like any other
        _total = total_by_epochs
