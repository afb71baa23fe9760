"""Calls a scheduler at the right moments of a training loop that is written by hand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from math import isnan
from typing import TYPE_CHECKING, Any, TypeAlias, final

from ..checkpoint.objects import inner_scheduler
from ..components.checking import check_node
from ..components.keywords import target_class
from ..config.nodes import full_key
from ..errors import ConfigError, Problem, below, did_you_mean, say, show
from ..lr_schedulers.finishing import TARGET as FINISH_TARGET
from ..lr_schedulers.metrics import Metric, metric_for
from ..lr_schedulers.registry import LR_SCHEDULERS
from ..parameters.modes import evaluating
from ..parameters.replaced import replaced
from ..schedules.horizon import Interval, steps_per_tick
from ..schedules.record import BUILT_FROM
from .counting import count_steps, turn_of
from .pruning import Reporting
from .recording import Write, recorder_of
from .ticks import ticks_of

if TYPE_CHECKING:
    from torch.amp import GradScaler
    from torch.optim.lr_scheduler import LRScheduler

Metrics: TypeAlias = Mapping[str, Any] | Callable[[], Mapping[str, Any]] | None
"""What was measured, by name; a function is called only where a tick takes a metric."""


@final
class Driver(Reporting):
    """Counts optimizer steps and epochs, and ticks the scheduler as its node says.

    In a loop written by hand::

        driver = scepter_opt.Driver(scheduler, cfg.lr_scheduler, scaler=scaler)
        for epoch in range(epochs):
            for batch in loader:
                scaler.scale(loss(batch)).backward()
                scaler.step(optimizer)
                scaler.update()
                driver.step()
            driver.end_epoch({"validation_loss": validate()})

    Args:
        scheduler: What `build_lr_scheduler` made; inside Accelerate's wrapper it is ticked by itself, by the steps that
            its optimizer makes.
        cfg: The node that it was made of: INTERVAL, FREQUENCY and MONITOR are read.
        scaler: The GradScaler of the loop: a step that it skipped is no tick, for each of several optimizers alone.
        counts_steps: Whether `step` is no tick where the optimizer made none since the last call, as with a scaler.
        metrics: Names of the metrics that the loop measures, where they are known.
        record: Called every `record_every` steps with what the step was made with, `{"lr/backbone": 0.001, ...}`, and
            the step, as `wandb.log` and `mlflow.log_metrics` are: all numbers of each group, by its name.
        record_every: Steps from one record to the next.
        norms: Whether records have norms of gradients and updates too, and of the weights what an update is.

    Raises:
        ConfigError: The node is another scheduler's, or MONITOR names no metric where one is waited for.

    >>> import torch, scepter_opt
    >>> node = {"NAME": "StepLR", "STEP_SIZE": 1, "GAMMA": 0.5, "INTERVAL": "epoch"}
    >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    >>> driver = Driver(scepter_opt.build_lr_scheduler(optimizer, node), node)
    >>> for _ in range(3):
    ...     optimizer.step()
    ...     _ = driver.step()
    >>> _ = driver.end_epoch()
    >>> optimizer.param_groups[0]["lr"], driver.state_dict()
    (0.5, {'steps': 3, 'epochs': 1})
    """

    def __init__(
        self,
        scheduler: LRScheduler,
        cfg: Any,
        *,
        scaler: GradScaler | None = None,
        metrics: Collection[str] = (),
        counts_steps: bool = False,
        record: Write | None = None,
        record_every: int = 50,
        norms: bool = False,
    ) -> None:
        for name, given in (("scheduler", scheduler), ("scaler", scaler)):
            if hasattr(given, "param_groups"):
                raise ConfigError([Problem(name, f"a driver needs a {name} here, not the {type(given).__name__}.")])
        config = check_node(cfg, LR_SCHEDULERS)
        ticks = ticks_of(config)
        self.scheduler: Any = scheduler
        self.scaler = scaler
        self.steps = 0
        """Optimizer steps that were made."""
        self.epochs = 0
        """Epochs that ended."""
        self._by_epoch, self._frequency, self._monitor = ticks.by_epoch, ticks.frequency, ticks.monitor
        self._node_key = full_key(cfg) or "lr_scheduler"
        self._key = f"{self._node_key}.MONITOR"
        self._inner = inner_scheduler(scheduler)
        # a wrapper would make a tick of each process, and none where gradients are accumulated
        self._counts = counts_steps or scaler is not None or self._inner is not scheduler
        with below(self._node_key):
            metric = self._fitting(config, metrics)
        self._takes_metric = metric != "none"
        self._needs_metric = metric == "required" or (metric == "optional" and self._by_epoch)
        # a scheduler of phases by steps waits for its metric from epoch to epoch, and is not to complain in between
        if metric == "optional" and not self._by_epoch:
            self._inner.is_observed = True  # its metric comes by epochs, between the ticks
        self._seen = False
        self._turn = turn_of(config, self._inner)
        self._stepped = 0
        self._checked = False
        if self._counts:
            count_steps(self, self._inner)
        self._recorder = recorder_of(self._inner, record, record_every, norms)

    @property
    def total_steps(self) -> int | None:
        """Optimizer steps until the schedule is over; None where it has no end, or its epochs are of unknown length."""
        ticks = getattr(self._inner, "total_steps", None)
        epoch = getattr(self._inner, BUILT_FROM, {}).get("steps_per_epoch")
        if ticks is None or (self._by_epoch and epoch is None):
            return None
        return int(ticks) * steps_per_tick("epoch" if self._by_epoch else "step", self._frequency, epoch)

    def _fitting(self, config: Any, metrics: Collection[str]) -> Metric:
        """Whether the scheduler takes a metric; refuse what would only show after the first epoch."""
        component = config.component
        built = FINISH_TARGET if config.get("FINISH") else component.target
        target = target_class(built) if built else None
        if target is not None and not isinstance(self._inner, target):
            message = f"this is the node of another scheduler: the driver is given a {type(self._inner).__name__}."
            raise ConfigError([Problem("NAME", message, config.NAME)])
        metric = metric_for(component, self._inner)
        if metric == "none":
            return metric
        if self._monitor is None:
            message = f"is required: {type(self._inner).__name__} waits for a metric, by its name."
            raise ConfigError([Problem("MONITOR", message, None)])
        if metrics and self._monitor not in metrics:
            message = f"there is no such metric.{did_you_mean(self._monitor, metrics)} There are {', '.join(metrics)}."
            raise ConfigError([Problem("MONITOR", message, self._monitor)])
        return metric

    def step(self, metrics: Metrics = None) -> bool:
        """Say that the optimizer was called, after `scaler.update()` where there is a scaler.

        Args:
            metrics: What was measured at this step, by name, or a function that measures it, called only if it is
                needed: where a tick that takes a metric is a step.

        Returns:
            Whether that was a tick of the scheduler.

        Raises:
            ConfigError: The metric is not there, or is NaN; or, at the first step, the optimizer's parameters are no
                longer those of its model.
        """
        # since the last call: a loop that accumulates gradients may step less often than it calls, and never more
        if self._counts and not self._stepped:
            return False
        self._stepped = 0
        if not self._checked:
            self._check_parameters()
        self.steps += 1
        if self._recorder is not None:
            self._recorder.made(self.steps)
        return not self._by_epoch and self._tick(self.steps, metrics)

    def _check_parameters(self) -> None:
        """Refuse an optimizer whose model has other parameters by now: once, at the first step."""
        self._checked = True
        optimizer = getattr(self._inner, "optimizer", None)
        problem = replaced(optimizer) if hasattr(optimizer, "param_groups") else None
        if problem is not None:
            raise ConfigError([problem])

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
        # a metric that came at a step of this epoch serves for the epoch too
        if self._by_epoch:
            return self._tick(self.epochs, metrics)
        if self._takes_metric and not self._needs_metric:
            measured = self._measured(metrics)
            if self._has_metric(measured) or not self._seen:
                self._inner.observe(self._metric(measured))
            self._seen = False
        return False

    def evaluating(self) -> AbstractContextManager[None]:
        """Have the model's weights be those to evaluate and to save inside a `with`, and those to train after it.

        Of an optimizer with two modes, such as those without a schedule; any other has the same weights for both.
        Metrics that are given as a function are measured so.
        """
        return evaluating(self._inner.optimizer)

    def takes_metric(self, interval: Interval) -> bool:
        """Whether the next call of `step`, or for an epoch of `end_epoch`, takes a metric."""
        if interval == "epoch" and not self._by_epoch:
            return self._takes_metric and not self._needs_metric
        count = self.epochs if interval == "epoch" else self.steps
        is_own = self._by_epoch == (interval == "epoch")
        return self._needs_metric and is_own and (count + 1) % self._frequency == 0

    def state_dict(self) -> dict[str, Any]:
        """What was counted; the scheduler's own state is saved beside it."""
        return {"steps": self.steps, "epochs": self.epochs}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what was counted.

        Raises:
            ConfigError: It is not the state of a driver.
        """
        if state_dict.keys() != self.state_dict().keys():
            raise ConfigError([Problem("driver", f"this is no driver's state: it has {', '.join(state_dict)}.")])
        self.steps, self.epochs = state_dict["steps"], state_dict["epochs"]
        if self._recorder is not None:
            self._recorder.expect(self.steps)

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        # the hooks of an optimizer are not copied with it, and a driver that never hears of a step never ticks
        if self._counts:
            count_steps(self, self._inner)

    def _tick(self, count: int, metrics: Metrics) -> bool:
        if count % self._frequency:
            return False
        measured = self._measured(metrics) if self._takes_metric else None
        if self._needs_metric or (self._takes_metric and self._has_metric(measured)):
            self._inner.step(self._metric(measured))
            self._seen = True
        else:
            self._inner.step()
        if self._turn and self._inner.last_epoch > self._turn[1]:
            key, end, after = self._turn
            self._turn = None
            say(Problem(f"{self._node_key}.{key}", f"the run goes on after {end} ticks: {after} from there on.", end))
        return True

    def _has_metric(self, metrics: Mapping[str, Any] | None) -> bool:
        """Whether the metric is among these."""
        return self._monitor in (metrics or {})

    def _metric(self, metrics: Mapping[str, Any] | None) -> float:
        names = ", ".join(metrics or {})
        if not metrics:
            call = "end_epoch" if self._by_epoch or not self._needs_metric else "step"
            message = f"{type(self._inner).__name__} waits for a metric, and none was given to driver.{call}()."
            raise ConfigError([Problem(self._key, message, self._monitor)])
        name = str(self._monitor)
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

    def _measured(self, metrics: Metrics) -> Mapping[str, Any] | None:
        if callable(metrics):
            with self.evaluating():
                metrics = metrics()
        measured = metrics
        if measured is not None and not isinstance(measured, Mapping):
            raise ConfigError([Problem(self._key, 'metrics are given by name: {"loss": 1.0}.', measured)])
        return measured
