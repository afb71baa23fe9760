"""PlateauLR: phases first, then the rate drops when a metric has stopped improving."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

from annotated_types import Gt, Lt

from ..components.keywords import construct, target_class
from ..config.fields import Fraction, NonNegative, WholeFromZero
from ..errors import Problem
from ..schedules.fitting import Fitting, epoch_ticks
from ..schedules.horizon import Horizon, UnknownYet
from ..schedules.phases import Phases
from ..schedules.remarks import in_words, remarks_on_drops, remarks_on_fit, remarks_on_phases
from ..schedules.timeline import Timeline
from .base_scheduler import BaseScheduler, Interval, SchedulerConfig
from .official_schedulers import PlateauMode, ThresholdMode
from .registry import LR_SCHEDULERS

if TYPE_CHECKING:
    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler
    from typing_extensions import Self


@LR_SCHEDULERS.register_class()
class PlateauLR(BaseScheduler):
    """Phases first, then the rate drops when a metric has stopped improving; its step may take the metric."""

    target = "scepter_opt.runtime.plateau_lr.PlateauLR"
    metric = "optional"

    @dataclass(kw_only=True)
    class Config(SchedulerConfig):
        reached = ("PATIENCE",)
        # torch's holders step their parts without arguments
        refused_in = dict.fromkeys(("SequentialLR", "ChainedScheduler"), "its step takes a metric")

        PHASES: Annotated[Any, Phases("leading")] = field(default_factory=dict)
        """Named phases before the metric counts: {warmup: {CURVE: linear, FROM: 0, TO: 1, LENGTH: 500}}."""
        INTERVAL: Interval = Interval.epoch
        """What one tick of the scheduler is: an optimizer step or an epoch."""
        MODE: PlateauMode = PlateauMode.min
        """min for a metric that should fall, max for one that should rise."""
        FACTOR: Annotated[float, Gt(0), Lt(1)] = 0.1
        """Factor on the rate at each drop; below 1."""
        PATIENCE: WholeFromZero = 10
        """Metrics without improvement that are let pass."""
        THRESHOLD: NonNegative = 1e-4
        """Least change that is an improvement."""
        THRESHOLD_MODE: ThresholdMode = ThresholdMode.rel
        """rel: the threshold is a share of the best value's size, whatever its sign; abs: a difference from it."""
        COOLDOWN: WholeFromZero = 0
        """Metrics after a drop that are not counted."""
        MIN_FACTOR: Fraction = 0.0
        """Least product of all drops: a floor for every group, relative to its own rate."""

        def with_horizon(self, run: Horizon) -> Self:
            """The same Config with every length in ticks."""
            total = self._total(run)
            fitting = Fitting(total, epoch_ticks(self, run), exact=False, truncate=False, total_key="")
            try:
                phases = fitting.fit(self.PHASES, "PHASES")
            except UnknownYet:
                # the phases count epochs, unless INTERVAL says steps, and a total in steps is of no use to them
                if total is None and run.total_steps is not None:
                    self.ticks_of(run)
                raise
            return dataclasses.replace(self, TOTAL_STEPS=total, PHASES=phases)

        def remarks(self) -> Iterable[Problem]:
            return (remark.under("PHASES") for remark in remarks_on_phases(self.PHASES))

        def remarks_on(self, fitted: Self, run: Horizon) -> Iterable[Problem]:
            yield from super().remarks_on(fitted, run)
            yield from (remark.under("PHASES") for remark in remarks_on_fit(self.PHASES, fitted.PHASES))
            yield from remarks_on_drops(Timeline.of(fitted.PHASES, "PHASES"))

        def describe(self) -> str:
            before = f"{in_words(self.PHASES)}, then " if self.PHASES else ""
            return f"{self.NAME}: {before}times {self.FACTOR:g} after {self.PATIENCE} metrics without improvement"

        def try_out(self, run: Horizon) -> Self:
            fitted = self.with_horizon(run)
            Timeline.of(fitted.PHASES, "PHASES").curve()
            return fitted

    def __call__(self, optimizer: Optimizer) -> LRScheduler:
        cfg = self.cfg
        scheduler: LRScheduler = construct(
            target_class(self.target),
            optimizer,
            # without phases the metric counts from the first tick on
            Timeline.of(cfg.PHASES, "PHASES") if cfg.PHASES else None,
            mode=cfg.MODE.value,
            factor=cfg.FACTOR,
            patience=cfg.PATIENCE,
            threshold=cfg.THRESHOLD,
            threshold_mode=cfg.THRESHOLD_MODE.value,
            cooldown=cfg.COOLDOWN,
            min_factor=cfg.MIN_FACTOR,
        )
        return scheduler
