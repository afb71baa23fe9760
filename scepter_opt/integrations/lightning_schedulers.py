"""What Lightning holds in a scheduler's place, so that the node says when it is ticked, and a checkpoint how often."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, final

from torch.optim.lr_scheduler import LRScheduler

from ..components.checking import check_node
from ..config.nodes import full_key
from ..errors import Problem, say
from ..lr_schedulers.metrics import metric_for
from ..lr_schedulers.registry import LR_SCHEDULERS
from .loop import Driver
from .ticks import ticks_of


@final
class Ticked(LRScheduler):
    """What Lightning holds in a scheduler's place: it takes no part in when that is ticked, and saves how often it was.

    Args:
        scheduler: What `build_lr_scheduler` made.
        cfg: The node that it was made of.
        trainer: Lightning's Trainer.
    """

    def __init__(self, scheduler: LRScheduler, cfg: Any, trainer: Any) -> None:
        config = check_node(cfg, LR_SCHEDULERS)
        self.scheduler = scheduler
        self.optimizer = scheduler.optimizer
        self.driver = Driver(scheduler, cfg, scaler=getattr(trainer.precision_plugin, "scaler", None))
        self._ticks = ticks_of(config)
        self._key = f"{full_key(cfg) or 'lr_scheduler'}.MONITOR"
        metric = metric_for(config.component, scheduler)
        self._takes_metric = metric != "none"
        # one that may do without counts its metric at the ends of epochs, not once more at each step in between
        self._at_steps = metric == "required"
        self._trainer = trainer
        self._metric: dict[str, Any] = {"value": None, "fresh": False}
        self._before: Any = None
        self._is_loaded = False
        self.optimizer.register_step_post_hook(self._after_step)

    def told(self) -> dict[str, Any]:
        """What Lightning is told: with `interval` its monitor of rates knows when to write them down."""
        return {
            "scheduler": self,
            "interval": "epoch" if self._ticks.by_epoch else "step",
            "frequency": self._ticks.frequency,
        }

    def step(self, *_: Any, **__: Any) -> None:
        """Nothing: whoever calls this, Lightning or the module, counts otherwise than the node says."""

    def _after_step(self, *_: Any) -> None:
        self._is_loaded = False
        self.driver.step(self._metrics if self._at_steps else None)

    def begin_epoch(self) -> None:
        """Note the metric of the epoch before, which Lightning keeps until there is another."""
        self._before = self._trainer.callback_metrics.get(self._ticks.monitor)

    def end_epoch(self, epoch: int) -> None:
        """Tick an epoch, once: a checkpoint may have been saved before or after it.

        Args:
            epoch: The number of the epoch that is over, from 0.
        """
        if self.driver.epochs > epoch:
            return
        # what was measured is no part of Lightning's checkpoints: of an epoch that was over then it is in this state
        is_missing = self._takes_metric and self._ticks.monitor not in self._trainer.callback_metrics
        if self._is_loaded and is_missing and not self._metric["fresh"]:
            message = "the checkpoint was saved before its epoch's metric was there: this epoch goes without."
            say(Problem(self._key, message, self._ticks.monitor))
            self.driver.epochs += 1
            return
        self.driver.end_epoch(self._metrics)

    def _metrics(self) -> Mapping[str, Any]:
        kept = {} if self._metric["value"] is None else {self._ticks.monitor: self._metric["value"]}
        return {**kept, **self._trainer.callback_metrics}

    def state_dict(self) -> dict[str, Any]:
        """The scheduler's state, what was counted, and the last metric with whether it is of the present epoch."""
        value = self._trainer.callback_metrics.get(self._ticks.monitor)
        metric = {"value": None if value is None else float(value), "fresh": value is not self._before}
        kept = self._metric if value is None else metric
        return {"scheduler": self.scheduler.state_dict(), "driver": self.driver.state_dict(), "metric": kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a saved state, or from a scheduler's alone, as Lightning saves it without this."""
        if state_dict.keys() == {"scheduler", "driver", "metric"}:
            self.driver.load_state_dict(state_dict["driver"])
            self._metric = dict(state_dict["metric"])
            state_dict = state_dict["scheduler"]
        else:
            self.driver.load_state_dict({"steps": self._trainer.global_step, "epochs": self._trainer.current_epoch})
        self._is_loaded = True
        self.scheduler.load_state_dict(state_dict)

    def get_last_lr(self) -> list[Any]:
        """The rate of each group."""
        return self.scheduler.get_last_lr()

    def get_lr(self) -> list[Any]:
        """The rate of each group, as the scheduler computes it."""
        return self.scheduler.get_lr()

    def __getattr__(self, name: str) -> Any:
        if name == "scheduler":  # of a copy that is not complete yet
            raise AttributeError(name)
        return getattr(self.scheduler, name)
