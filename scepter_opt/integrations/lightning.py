"""Lightning: a config's optimizers and schedules in place of a module's own, ticked as their nodes say."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, final

from ..components.checking import check_node, checked_nodes
from ..config.nodes import full_key
from ..errors import ConfigError, Problem
from ..lr_schedulers.api import build_lr_scheduler, build_lr_schedulers
from ..lr_schedulers.registry import LR_SCHEDULERS
from ..optimizers.api import build_optimizer, build_optimizers
from ..optimizers.registry import OPTIMIZERS
from ..schedules.horizon import Horizon
from .lightning_schedulers import Ticked
from .ticks import run_of


def _callback_class() -> Any:
    """Lightning's Callback, of whichever of its two packages the app has imported, else of one that is there."""
    names = sorted(("lightning.pytorch", "pytorch_lightning"), key=lambda name: name not in sys.modules)
    for name in names:
        with suppress(ModuleNotFoundError):
            return importlib.import_module(name).Callback
    raise ConfigError([Problem("", "this needs Lightning: pip install lightning")])


Callback: Any = _callback_class()


def configure(
    module: Any,
    optimizer: Any = None,
    lr_scheduler: Any = None,
    *,
    optimizers: Any = None,
    lr_schedulers: Any = None,
    logger: Any = None,
) -> Any:
    """What a module's `configure_optimizers` returns: optimizers and schedules of a config.

    Totals are the trainer's; INTERVAL, FREQUENCY and MONITOR are the nodes', and Lightning steps nothing: a scheduler
    is ticked by the steps that its optimizer makes, in manual optimization too, and by epochs when their metrics are
    there. It is added to the trainer's callbacks until the run is over, and its state is in Lightning's checkpoints.

    ```python
    def configure_optimizers(self):
        return configure(self, self.cfg.optimizer, self.cfg.lr_scheduler)
    ```

    Args:
        module: The LightningModule, attached to its trainer.
        optimizer: The optimizer's node, or what Hydra made of one with `_partial_`.
        lr_scheduler: The scheduler's node; None for no schedule.
        optimizers: Nodes of several optimizers by name, which share the module out by their ONLY.
        lr_schedulers: Nodes of their schedulers under the same names; None for no schedules.
        logger: Told what was built; anything with `info`.

    Raises:
        ConfigError: Anything is wrong.
    """
    nodes = _nodes(optimizer, lr_scheduler, optimizers, lr_schedulers)
    trainer = module.trainer
    # what a strategy has wrapped has the parameters that are trained, and wrappers are no part of their names
    model = module if trainer.model is None else trainer.model
    several = "optimizers" in nodes
    if several:
        built = build_optimizers(model, nodes["optimizers"], logger)
    else:
        built = {"": build_optimizer(model, nodes["optimizer"], logger)}
    schedulers = _schedulers(built, nodes, trainer, logger)
    ticking = Ticking(trainer, schedulers.values())
    trainer.callbacks = [ticking, *(each for each in trainer.callbacks if not isinstance(each, Ticking))]
    configured = [
        {"optimizer": each, **({"lr_scheduler": schedulers[name].told()} if name in schedulers else {})}
        for name, each in built.items()
    ]
    return configured if several else configured[0]


@final
class Configure(Callback):  # type: ignore[misc]  # without types where Lightning is not installed
    """A callback that stands in for a module's `configure_optimizers`, whose Python stays as it is.

    ```yaml
    callbacks:
      configure:
        _target_: scepter_opt.integrations.lightning.Configure
        optimizer: ${optimizer}
        lr_scheduler: ${lr_scheduler}
    ```

    Args:
        optimizer: As for `configure`.
        lr_scheduler: As for `configure`.
        optimizers: As for `configure`.
        lr_schedulers: As for `configure`.
    """

    def __init__(
        self, optimizer: Any = None, lr_scheduler: Any = None, *, optimizers: Any = None, lr_schedulers: Any = None
    ) -> None:
        self.nodes = {
            "optimizer": optimizer,
            "lr_scheduler": lr_scheduler,
            "optimizers": optimizers,
            "lr_schedulers": lr_schedulers,
        }

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Check the nodes, and put `configure` in the place of the module's own.

        Raises:
            ConfigError: Anything is wrong that shows without the model.
        """
        if stage == "fit":
            _check(_nodes(**self.nodes))
            pl_module.configure_optimizers = partial(configure, pl_module, **self.nodes)

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Give the module its own back."""
        vars(pl_module).pop("configure_optimizers", None)


@final
class Ticking(Callback):  # type: ignore[misc]  # without types where Lightning is not installed
    """Tells schedulers that an epoch is over, once all of its metrics are there. `configure` adds it to the trainer.

    A module may log what is monitored in its own `on_train_epoch_end`, which comes after every callback's. So an epoch
    is ticked by what comes next: saving a checkpoint, another epoch, or the end of the run.
    """

    def __init__(self, trainer: Any, schedulers: Iterable[Ticked]) -> None:
        self._trainer = trainer
        self._schedulers = list(schedulers)
        self._over: int | None = None

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """End the epoch before."""
        self._end_epoch()
        for scheduler in self._schedulers:
            scheduler.begin_epoch()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """Note that an epoch is over, unless the run was stopped in its midst."""
        progress = trainer.fit_loop.epoch_loop.batch_progress
        if progress.is_last_batch or progress.current.ready >= trainer.num_training_batches:
            self._over = trainer.current_epoch

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        """End the last epoch."""
        self._end_epoch()

    def state_dict(self) -> dict[str, Any]:
        """Nothing; but what is being saved is to hold the end of the epoch."""
        self._end_epoch()
        return {}

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Take itself away."""
        trainer.callbacks = [each for each in trainer.callbacks if each is not self]

    def _end_epoch(self) -> None:
        over, self._over = self._over, None
        for scheduler in self._schedulers if over is not None else ():
            scheduler.end_epoch(over)  # type: ignore[arg-type]  # it is an epoch here


def _schedulers(built: Mapping[str, Any], nodes: Mapping[str, Any], trainer: Any, logger: Any) -> dict[str, Ticked]:
    several = "optimizers" in nodes
    node = nodes.get("lr_schedulers" if several else "lr_scheduler")
    if node is None:
        return {}
    run = _run(trainer, len(built))
    if not several:
        return {"": Ticked(build_lr_scheduler(built[""], node, run, logger=logger), node, trainer)}
    # a module that steps its optimizers by hand may step them differently often: then their nodes say how often
    said = any(each.get("TOTAL_STEPS") for each in checked_nodes(node, LR_SCHEDULERS, "lr_schedulers").values())
    made = build_lr_schedulers(built, node, None if said else run.total_steps, run.steps_per_epoch, logger)
    return {name: Ticked(scheduler, node[name], trainer) for name, scheduler in made.items()}


def _run(trainer: Any, optimizers: int) -> Horizon:
    """The length of each optimizer's run: Lightning counts the steps of all of them together."""
    # asked for the loader alone, which is set up by it: what is not known, it gives as infinity or -1
    trainer.estimated_stepping_batches  # noqa: B018  # a property that does something
    most = trainer.max_steps / optimizers if trainer.max_steps > 0 else None
    return run_of(trainer.max_epochs, trainer.num_training_batches, trainer.accumulate_grad_batches, most)


def _nodes(optimizer: Any, lr_scheduler: Any, optimizers: Any, lr_schedulers: Any) -> dict[str, Any]:
    """What was given, as nodes by the names of arguments.

    Raises:
        ConfigError: It is one optimizer and several, or none.
    """
    one = {"optimizer": optimizer, "lr_scheduler": lr_scheduler}
    several = {"optimizers": optimizers, "lr_schedulers": lr_schedulers}
    if (optimizer is None) == (optimizers is None):
        what = "neither is given" if optimizer is None else "both are given"
        message = f"{what}: give optimizer with lr_scheduler, or optimizers with lr_schedulers."
        raise ConfigError([Problem("optimizer", message)])
    chosen, others = (one, several) if optimizers is None else (several, one)
    for name, node in others.items():
        if node is not None:
            raise ConfigError([Problem(name, f"stands beside {', '.join(chosen)}: choose one form of the two.")])
    return {name: _as_node(node) for name, node in chosen.items() if node is not None}


def _as_node(value: Any) -> Any:
    """A node, of what Hydra made of one with `_partial_` before this could read it."""
    if isinstance(value, Mapping) and any(isinstance(each, partial) for each in value.values()):
        return {name: _as_node(each) for name, each in value.items()}
    if not isinstance(value, partial):
        return value
    function: Callable[..., Any] = value.func
    if function in (build_optimizer, build_lr_scheduler) and "cfg" in value.keywords:
        return value.keywords["cfg"]
    return {"_target_": f"{function.__module__}.{function.__qualname__}", **value.keywords}


def _check(nodes: Mapping[str, Any]) -> None:
    for name, node in nodes.items():
        registry = OPTIMIZERS if name.startswith("optimizer") else LR_SCHEDULERS
        if name.endswith("s"):
            checked_nodes(node, registry, full_key(node) or name)
        else:
            check_node(node, registry)
