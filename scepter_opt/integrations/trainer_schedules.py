"""A scheduler for trainers that know of steps alone: by epochs too, and with its metric when that has been measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, final

from ..errors import ConfigError, Problem
from ..schedules.horizon import Interval
from .loop import Driver


@final
class TrainerSchedule:
    """What a trainer takes for its scheduler: it says when a step was made, and others when an epoch ends.

    What takes a metric waits for it: until it has been measured, at the latest until the next step begins. All that
    waits is in the state, so that a checkpoint written in between loses nothing.

    Args:
        driver: Of the scheduler.
        monitor: Name of the metric that it waits for, if it waits for one.
        ends_epoch: Whether the step that was just made is the last one of its epoch.
    """

    def __init__(self, driver: Driver, monitor: str | None, ends_epoch: Callable[[], bool]) -> None:
        self.driver = driver
        self.waiting: list[Interval] = []
        """What is over, in its order, and waits for a metric."""
        self.metrics: dict[str, float] = {}
        """What was measured since the last tick that took a metric."""
        self._monitor = monitor
        self._ends_epoch = ends_epoch

    def __getattr__(self, name: str) -> Any:
        # whatever else a trainer or its callbacks ask a scheduler
        if name.startswith("__") or "driver" not in vars(self):
            raise AttributeError(name)
        return getattr(self.driver.scheduler, name)

    def step(self) -> None:
        """Say that the optimizer was called."""
        self._over("step")
        if self._ends_epoch():
            self.end_epoch()

    def end_epoch(self) -> None:
        """Say that an epoch is over."""
        self._over("epoch")

    def measured(self, metrics: Mapping[str, Any]) -> None:
        """Say what was measured.

        Raises:
            ConfigError: The metric that a tick waits for is NaN.
        """
        self.metrics |= metrics
        if self.waiting and self._monitor in metrics:
            self.settle()

    @property
    def lacks_metric(self) -> bool:
        """Whether something waits for a metric that was not measured."""
        return bool(self.waiting) and self._monitor not in self.metrics

    def settle(self) -> None:
        """Make the ticks that waited.

        Raises:
            ConfigError: Their metric is not there, or is NaN.
        """
        while self.waiting:
            self._make(self.waiting[0])
            del self.waiting[0]

    def get_last_lr(self) -> list[Any]:
        """The rate of each group as it stands."""
        return [group["lr"] for group in self.driver.scheduler.optimizer.param_groups]

    def state_dict(self) -> dict[str, Any]:
        """The states of scheduler and driver, and what waits; plain values, for `torch.load(weights_only=True)`."""
        known = {name: value for name, value in self.metrics.items() if name == self._monitor}
        return {
            "scheduler": self.driver.scheduler.state_dict(),
            "driver": self.driver.state_dict(),
            "waiting": list(self.waiting),
            "metrics": known,
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from a state.

        Raises:
            ConfigError: It is no state of such a schedule.
        """
        if state_dict.keys() != self.state_dict().keys():
            message = "the checkpoint's is of a scheduler that the trainer stepped itself: it knows of no epochs."
            raise ConfigError([Problem("lr_scheduler", message)])
        self.driver.load_state_dict(state_dict["driver"])
        self.driver.scheduler.load_state_dict(state_dict["scheduler"])
        self.waiting, self.metrics = list(state_dict["waiting"]), dict(state_dict["metrics"])

    def _over(self, interval: Interval) -> None:
        if self.waiting or self.driver.takes_metric(interval):
            self.waiting.append(interval)
        else:
            self._make(interval)

    def _make(self, interval: Interval) -> None:
        takes = self.driver.takes_metric(interval)
        (self.driver.step if interval == "step" else self.driver.end_epoch)(self.metrics)
        if takes:
            self.metrics = {}
