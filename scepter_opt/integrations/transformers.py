"""transformers: a config's optimizer and schedule in its Trainer, made when the Trainer makes its own."""

from __future__ import annotations

import importlib
from contextlib import suppress
from typing import Any

from ..components.checking import check_node
from ..config.nodes import full_key
from ..errors import ConfigError, Problem
from ..lr_schedulers.api import build_lr_scheduler
from ..lr_schedulers.metrics import metric_for
from ..lr_schedulers.registry import LR_SCHEDULERS
from ..optimizers.api import build_optimizer
from ..optimizers.registry import OPTIMIZERS
from ..schedules.horizon import Horizon
from .loop import Driver
from .ticks import ticks_of
from .trainer_schedules import TrainerSchedule

_CONSTANT = {"NAME": "NoneLR"}


def attach(trainer: Any, optimizer: Any, lr_scheduler: Any = None, logger: Any = None) -> None:
    """Let a Trainer train with a config's optimizer and schedule, in place of those of its arguments.

    Both are made when the Trainer makes its own: over the model as FSDP or DeepSpeed has wrapped it, anew for each
    trial of a search, with the total and the length of an epoch that the Trainer has counted. INTERVAL and FREQUENCY
    are those of the node. MONITOR names what the Trainer's evaluation measures, `eval_loss` or `loss`; a tick by epochs
    takes what is measured at the end of the epoch, else the last that was measured in it. The state is in the Trainer's
    checkpoints, and what they log as learning rate is that of the step before.

    ```python
    trainer = Trainer(model, arguments, train_dataset=rows)
    attach(trainer, cfg.optimizer, cfg.lr_scheduler)
    trainer.train()
    ```

    Args:
        trainer: transformers' Trainer, or a class derived from it; one that was given no `optimizers=`.
        optimizer: The optimizer's node.
        lr_scheduler: The scheduler's node; None for constant rates.
        logger: Told what was built; anything with `info`.

    Raises:
        ConfigError: A node is wrong, the Trainer has an optimizer already, or it never measures what the schedule
            waits for.
    """
    check_node(optimizer, OPTIMIZERS)
    schedule = _CONSTANT if lr_scheduler is None else lr_scheduler
    config = check_node(schedule, LR_SCHEDULERS)
    for name in ("optimizer", "lr_scheduler"):
        if getattr(trainer, name) is not None:
            message = "the Trainer has one already: leave its optimizers= out, and attach once."
            raise ConfigError([Problem(full_key(optimizer if name == "optimizer" else schedule) or name, message)])
    if _waits(config) and str(getattr(trainer.args.eval_strategy, "value", trainer.args.eval_strategy)) == "no":
        message = 'is measured where the Trainer evaluates: give it eval_strategy="epoch", or "steps".'
        raise ConfigError([Problem(f"{full_key(schedule) or 'lr_scheduler'}.MONITOR", message, config.get("MONITOR"))])
    attached = _kind_of_callback()(trainer, optimizer, schedule, ticks_of(config).monitor, logger)
    trainer.create_optimizer = attached.create_optimizer
    trainer.create_scheduler = attached.create_scheduler
    trainer.set_initial_training_values = attached.set_initial_training_values
    trainer.add_callback(attached)


def _kind_of_callback() -> Any:
    """The class of what is attached: of the kind of transformers' callbacks, which has a method for every event."""
    return type(Attached.__name__, (Attached, importlib.import_module("transformers").TrainerCallback), {})


def _waits(config: Any) -> bool:
    """Whether a scheduler takes a metric, as far as its class tells."""
    component = getattr(config, "component", None)
    return bool(component is not None and component.target and metric_for(component, None) != "none")


class Attached:
    """What `attach` puts in the place of a Trainer's own calls, and what tells the schedule of epochs and metrics.

    Args:
        trainer: The Trainer.
        optimizer: The optimizer's node.
        lr_scheduler: The scheduler's node.
        monitor: Name of the metric that the scheduler waits for.
        logger: Told what was built.
    """

    def __init__(self, trainer: Any, optimizer: Any, lr_scheduler: Any, monitor: str | None, logger: Any) -> None:
        self._trainer, self._optimizer, self._lr_scheduler = trainer, optimizer, lr_scheduler
        self._monitor, self._logger = monitor, logger
        self._count = trainer.set_initial_training_values
        self._rates: list[float] = []
        self._epoch_steps: int | None = None
        self._epoch_began: int | None = None
        self._is_over = True

    # in place of the Trainer's own

    def set_initial_training_values(self, args: Any, dataloader: Any) -> Any:
        """The Trainer's own, of which the length of an epoch is kept."""
        counted = self._count(args, dataloader)
        self._epoch_steps = None
        with suppress(TypeError):  # a stream has no length
            self._epoch_steps = counted[1] if len(dataloader) else None
        return counted

    def create_optimizer(self, model: Any = None) -> Any:
        """The optimizer of the node over the model, as the Trainer has it by now."""
        if self._trainer.optimizer is None:
            model = self._trainer.model if model is None else model
            self._trainer.optimizer = build_optimizer(model, self._optimizer, self._logger)
            self._rates = [float(group["lr"]) for group in self._trainer.optimizer.param_groups]
        return self._trainer.optimizer

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The scheduler of the node over the optimizer that there is by now."""
        trainer = self._trainer
        if trainer.lr_scheduler is None:
            over = trainer.optimizer if optimizer is None else optimizer
            inner = getattr(over, "optimizer", over)  # Accelerate's wrapper asks to be stepped by itself
            # where it was trained before, a schedule begins from the rates that the config gives all the same
            for group, rate in zip(inner.param_groups, self._rates, strict=False):
                if hasattr(group["lr"], "fill_"):
                    group["lr"].fill_(rate)  # a compiled step keeps the tensor
                else:
                    group["lr"] = rate
            run = Horizon(num_training_steps, self._epoch_steps)
            scheduler = build_lr_scheduler(inner, self._lr_scheduler, run, logger=self._logger)
            driver = Driver(scheduler, self._lr_scheduler)
            trainer.lr_scheduler = TrainerSchedule(driver, self._monitor, self._ends_epoch)
            trainer._created_lr_scheduler = True  # each training makes it anew
            self._epoch_began, self._is_over = None, True
        return trainer.lr_scheduler

    # called by the Trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Measure what a schedule from a checkpoint waits for: it was written before the evaluation of its step."""
        if self._schedule.lacks_metric:
            self._trainer.evaluate()

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Count the steps of an epoch from here, or from where the epoch of a checkpoint began."""
        is_resumed = self._epoch_began is None and self._epoch_steps is not None
        self._epoch_began = state.global_step - (state.global_step % self._epoch_steps if is_resumed else 0)
        self._is_over = False

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Make what waited: this step is to have its rates.

        Raises:
            ConfigError: The metric was not measured.
        """
        self._schedule.settle()

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: Any = None, **_: Any) -> None:
        """Pass on what was measured, by the Trainer's names and without their `eval_`."""
        if isinstance(self._trainer.lr_scheduler, TrainerSchedule):
            named = dict(metrics or {})
            self._schedule.measured({**{name.removeprefix("eval_"): value for name, value in named.items()}, **named})

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """End an epoch whose last step did not: it was skipped, or nobody knew that it was the last."""
        # a training that stops at its last step leaves an epoch that is not over
        is_whole = self._epoch_steps is None or control.should_epoch_stop or self._made(state) >= self._epoch_steps
        if not self._is_over and is_whole:
            self._is_over = True
            self._schedule.end_epoch()

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Make what waits for a metric that is there."""
        if not self._schedule.lacks_metric:
            self._schedule.settle()

    @property
    def _schedule(self) -> TrainerSchedule:
        schedule: TrainerSchedule = self._trainer.lr_scheduler
        return schedule

    def _made(self, state: Any) -> int:
        """The steps of this epoch that the Trainer has counted."""
        return int(state.global_step - (self._epoch_began or 0))

    def _ends_epoch(self) -> bool:
        # the Trainer counts a step after it has told its scheduler
        if self._is_over or self._made(self._trainer.state) + 1 != self._epoch_steps:
            return False
        # what is saved with the last step has the epoch's end in it: a resumed Trainer begins with the next
        self._is_over = True
        return True
