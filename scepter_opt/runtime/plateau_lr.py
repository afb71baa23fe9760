"""Phases first, then drops of the rate when a metric has stopped improving."""

from __future__ import annotations

from math import isnan
from typing import Any, SupportsFloat, final

from torch.optim import Optimizer

from ..errors import ConfigError, Problem, say
from ..schedules.group_settings import RATE
from ..schedules.timeline import Timeline, Timelines
from .phases_lr import TimelinesLR


@final
class PlateauLR(TimelinesLR):
    """Each group's own rate, times the phases' factor, times a factor that drops when a metric does not improve.

    Args:
        optimizer: torch's optimizer.
        phases: What comes before the metric counts; None is nothing.
        mode: `min` or `max`: whether the metric should fall or rise.
        factor: Factor of each drop.
        patience: Metrics without improvement that are let pass.
        threshold: Least change that is an improvement.
        threshold_mode: `rel` or `abs`: a share of the best metric's size, or a difference from it.
        cooldown: Metrics after a drop that are not counted.
        min_factor: Least product of all drops.
        last_epoch: Position to go on from; -1 starts anew.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        phases: Timeline | None = None,
        *,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_factor: float = 0.0,
        last_epoch: int = -1,
    ) -> None:
        self.mode = mode
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.threshold_mode = threshold_mode
        self.cooldown = cooldown
        self.min_factor = min_factor
        self.begin = (phases.end or 0) if phases is not None else 0
        self.reached = 1.0
        self.best: float | None = None
        self.bad = 0
        self.cooling = 0
        self.silent = 0
        self.is_observed = False
        """Whether a metric has come, or comes between ticks."""
        super().__init__(optimizer, Timelines({RATE: phases or Timeline.constant()}), last_epoch)

    @property
    def _end(self) -> None:
        """None: it goes on for as long as the run does."""
        return None

    def scale(self) -> float:
        """The product of all drops."""
        return self.reached

    def step(self, metrics: SupportsFloat | None = None, epoch: int | None = None) -> None:  # type: ignore[override]  # as torch's ReduceLROnPlateau
        """Go on by one tick, and count the metric if there is one.

        Args:
            metrics: The metric.
            epoch: Position to go to (deprecated by torch).

        Raises:
            ConfigError: The metric is NaN.
        """
        tick = self.last_epoch + 1 if epoch is None else epoch
        if metrics is not None:
            self._count_metric(metrics, tick)
        super().step(epoch)
        # Until a first metric has come: one that fails to come later is the loop's own pause. The tick comes first
        # since what is said may be an error.
        if metrics is None and tick > self.begin and not self.is_observed:
            self._count_silence()

    def observe(self, metrics: SupportsFloat) -> None:
        """Count a metric that comes between two ticks.

        Raises:
            ConfigError: The metric is NaN.
        """
        self._count_metric(metrics, self.last_epoch)
        self._update_lr(self.last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """The position, the drops so far, and the counters."""
        counters = {"reached": self.reached, "best": self.best, "bad": self.bad, "cooling": self.cooling}
        return super().state_dict() | counters

    def _take_counters(self, state_dict: dict[str, Any]) -> None:
        for name in ("reached", "best", "bad", "cooling"):
            setattr(self, name, state_dict[name])

    def _count_silence(self) -> None:
        """Say once that nobody passes the metric, when it could have dropped the rate."""
        self.silent += 1
        if self.silent == self.patience + 1:
            say(Problem("MONITOR", f"{self.silent} ticks came without a metric: without one the rate never drops."))

    def _count_metric(self, metrics: SupportsFloat, tick: int) -> None:
        metric = float(metrics)
        self.is_observed = True
        if isnan(metric):
            raise ConfigError([Problem("MONITOR", "the metric is NaN, and nothing can be said of it.", metric)])
        # what is measured in the warm-up says nothing of the full rate
        if tick <= self.begin:
            return
        better = self._is_better(metric)
        if better:
            self.best = metric
        if self.cooling > 0:
            self.cooling -= 1
            self.bad = 0
        else:
            self.bad = 0 if better else self.bad + 1
        if self.bad > self.patience:
            self.reached = max(self.reached * self.factor, self.min_factor)
            self.bad, self.cooling = 0, self.cooldown
            self._forget()

    def _is_better(self, metric: float) -> bool:
        if self.best is None:
            return True
        sign = 1.0 if self.mode == "min" else -1.0
        # a share of what the best is away from 0: of -2 as of 2, so that what is worse is never better
        margin = self.threshold * (abs(self.best) if self.threshold_mode == "rel" else 1.0)
        return sign * metric < sign * self.best - margin
