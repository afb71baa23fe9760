"""Calls a scheduler at the right moments of a training loop that is written by hand."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from math import isnan
from typing import TYPE_CHECKING, Any, TypeAlias, final

from ..components.checking import check_node
from ..config.nodes import full_key
from ..errors import ConfigError, Problem, did_you_mean, show
from ..lr_schedulers.registry import LR_SCHEDULERS

if TYPE_CHECKING:
    from torch.amp import GradScaler
    from torch.optim.lr_scheduler import LRScheduler

Metrics: TypeAlias = Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None
"""What was measured, by name; a function is called only where a tick takes a metric."""


@final
class Driver:
    """Counts optimizer steps and epochs, and ticks the scheduler as its node says.

    ```python
    driver = scepter_opt.Driver(scheduler, cfg.lr_scheduler, scaler=scaler)
    for epoch in range(epochs):
        for batch in loader:
            scaler.scale(loss(batch)).backward()
            scaler.step(optimizer)
            scaler.update()
            driver.step()
        driver.end_epoch({"validation_loss": validate()})
    ```

    Args:
        scheduler: What `build_lr_scheduler` made.
        cfg: The node that it was made of: INTERVAL, FREQUENCY and MONITOR are read.
        scaler: The GradScaler of the loop: a step that it skipped is no tick.

    >>> import torch, scepter_opt
    >>> node = {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5, "INTERVAL": "epoch"}
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> driver = Driver(scepter_opt.build_lr_scheduler(optimizer, node), node)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     _ = driver.step()
    >>> _ = driver.end_epoch()
    >>> optimizer.param_groups[0]["lr"], driver.state_dict()
    (0.5, {'steps': 3, 'epochs': 1, 'scale': None})
    """

    def __init__(self, scheduler: LRScheduler, cfg: Any, *, scaler: GradScaler | None = None) -> None:
        for name, given in (("scheduler", scheduler), ("scaler", scaler)):
            if hasattr(given, "param_groups"):
                raise ConfigError([Problem(name, f"a driver needs a {name} here, not the {type(given).__name__}.")])
        config = check_node(cfg, LR_SCHEDULERS)
        interval = config.get("INTERVAL", "step")
        self.scheduler: Any = scheduler
        self.scaler = scaler
        self.steps = 0
        """Optimizer steps that were made."""
        self.epochs = 0
        """Epochs that ended."""
        self._by_epoch = str(getattr(interval, "value", interval)) == "epoch"
        self._frequency = int(config.get("FREQUENCY", 1))
        self._monitor: str | None = config.get("MONITOR")
        self._key = f"{full_key(cfg) or 'lr_scheduler'}.MONITOR"
        metrics = inspect.signature(scheduler.step).parameters.get("metrics")
        self._takes_metric = metrics is not None
        self._needs_metric = metrics is not None and (metrics.default is metrics.empty or self._by_epoch)
        self._seen = False
        self._scale = self._scaling()[0]

    def step(self, metrics: Metrics = None) -> bool:
        """Say that the optimizer was called, after `scaler.update()` where there is a scaler.

        Args:
            metrics: What was measured at this step, by name, or a function that measures it, called only if it is
                needed: where a tick that takes a metric is a step.

        Returns:
            Whether that was a tick of the scheduler.

        Raises:
            ConfigError: The metric is not there, or is NaN.
        """
        if self._skipped():
            return False
        self.steps += 1
        return not self._by_epoch and self._tick(self.steps, metrics)

    def end_epoch(self, metrics: Metrics = None) -> bool:
        """Say that an epoch is over.

        Args:
            metrics: What was measured, by name, or a function that measures it, called only if it is needed: where the
                scheduler waits for a metric.

        Returns:
            Whether that was a tick of the scheduler.

        Raises:
            ConfigError: The metric is not there, or is NaN.
        """
        self.epochs += 1
        if self._by_epoch:
            return self._tick(self.epochs, metrics)
        if self._takes_metric and not self._needs_metric:
            found = self._measured(metrics)
            if self._has_metric(found) or not self._seen:
                self.scheduler.observe(self._metric(found))
            self._seen = False
        return False

    def state_dict(self) -> dict[str, Any]:
        """What was counted; the scheduler's own state is saved beside it."""
        return {"steps": self.steps, "epochs": self.epochs, "scale": self._scale}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what was counted.

        Raises:
            ConfigError: It is not the state of a driver.
        """
        if state_dict.keys() != self.state_dict().keys():
            raise ConfigError([Problem("driver", f"this is no driver's state: it has {', '.join(state_dict)}.")])
        self.steps, self.epochs = state_dict["steps"], state_dict["epochs"]
        self._scale = state_dict["scale"]

    def _tick(self, count: int, metrics: Metrics) -> bool:
        if count % self._frequency:
            return False
        found = self._measured(metrics) if self._takes_metric else None
        if self._needs_metric or (self._takes_metric and self._has_metric(found)):
            self.scheduler.step(self._metric(found))
            self._seen = True
        else:
            self.scheduler.step()
        return True

    def _has_metric(self, metrics: Mapping[str, Any] | None) -> bool:
        """Whether the metric is among these; without a MONITOR, whether there are any."""
        return bool(metrics) if self._monitor is None else self._monitor in (metrics or {})

    def _metric(self, metrics: Mapping[str, Any] | None) -> float:
        names = ", ".join(metrics or {})
        if not metrics:
            call = "end_epoch" if self._by_epoch or not self._needs_metric else "step"
            message = f"{type(self.scheduler).__name__} waits for a metric, and none was given to driver.{call}()."
            raise ConfigError([Problem(self._key, message, self._monitor)])
        if self._monitor is None and len(metrics) > 1:
            raise ConfigError([Problem(self._key, f"is required where there are several metrics: {names}.", None)])
        name = next(iter(metrics)) if self._monitor is None else self._monitor
        if name not in metrics:
            message = f"there is no such metric.{did_you_mean(name, list(metrics))} There are {names}."
            raise ConfigError([Problem(self._key, message, name)])
        try:
            metric = float(metrics[name])
        except (TypeError, ValueError, RuntimeError) as error:
            raise ConfigError(
                [Problem(self._key, f"the metric {name} is no number: {show(metrics[name])}.")]
            ) from error
        if isnan(metric):
            raise ConfigError([Problem(self._key, f"the metric {name} is NaN, and nothing can be said of it.", name)])
        return metric

    def _scaling(self) -> tuple[float | None, int]:
        """The scaler's factor, and how many steps in a row it skipped none."""
        state = self.scaler.state_dict() if self.scaler is not None else {}
        return state.get("scale"), state.get("_growth_tracker", 0)

    def _skipped(self) -> bool:
        """Whether the scaler skipped the step: it then goes back to 0 steps in a row, with a lower factor.

        What the optimizer was called with says nothing: a fused one is called on overflow too.
        """
        before = self._scale
        self._scale, unskipped = self._scaling()
        return unskipped == 0 and self._scale is not None and before is not None and self._scale < before

    def _measured(self, metrics: Metrics) -> Mapping[str, Any] | None:
        found = metrics() if callable(metrics) else metrics
        if found is not None and not isinstance(found, Mapping):
            raise ConfigError([Problem(self._key, 'metrics are given by name: {"loss": 1.0}.', found)])
        return found
