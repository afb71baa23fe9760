"""Accelerate: model, loader, optimizer and a driver, prepared with the length of the run that each process makes."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..components.checking import check_node
from ..lr_schedulers.api import build_lr_scheduler
from ..lr_schedulers.registry import LR_SCHEDULERS
from ..optimizers.api import build_optimizer
from ..optimizers.registry import OPTIMIZERS
from .loop import Driver
from .ticks import run_of

_CONSTANT = {"NAME": "NoneLR"}


class Prepared(NamedTuple):
    """What a loop trains with."""

    model: Any
    """The model, as Accelerate has wrapped it."""
    loader: Any
    """The loader, which gives each process its share."""
    optimizer: Any
    """Accelerate's wrapper of the optimizer."""
    driver: Driver
    """Of the schedule; its `scheduler` is torch's, and not prepared."""


def prepare(
    accelerator: Any,
    model: Any,
    loader: Any,
    optimizer: Any,
    lr_scheduler: Any = None,
    *,
    epochs: int | None = None,
    total_steps: int | None = None,
    logger: Any = None,
    **recording: Any,
) -> Prepared:
    """Build a config's optimizer and schedule, and prepare what is to be prepared.

    Accelerate steps a scheduler that it has prepared once for each process, so that a run of two is over at half of its
    steps. This one is not prepared: the driver ticks it when the optimizer has made a step, not where Accelerate
    accumulates gradients or its scaler skips one, however many processes there are. The length of the run is that of
    the prepared loader. `accelerator.save_state` and `load_state` have the driver and the scheduler too.

    ```python
    accelerator = Accelerator(gradient_accumulation_steps=4)
    model, loader, optimizer, driver = prepare(
        accelerator, model, loader, cfg.optimizer, cfg.lr_scheduler, epochs=cfg.epochs
    )
    for _ in range(cfg.epochs):
        for batch in loader:
            with accelerator.accumulate(model):
                accelerator.backward(model(batch))
                optimizer.step()
                optimizer.zero_grad()
            driver.step()
        driver.end_epoch({"validation_loss": validate(model)})
    ```

    Args:
        accelerator: The Accelerator.
        model: The model, not yet prepared.
        loader: The training loader, not yet prepared.
        optimizer: The optimizer's node.
        lr_scheduler: The scheduler's node; None for constant rates.
        epochs: Of the whole run.
        total_steps: Most optimizer steps of the whole run, of all processes together; beside or in place of `epochs`.
        logger: Told what was built; anything with `info`.
        recording: `record`, `record_every` and `norms`, for the driver.

    Raises:
        ConfigError: Anything is wrong; or a schedule needs the length of the run, and it is not known.
    """
    check_node(optimizer, OPTIMIZERS)
    node = _CONSTANT if lr_scheduler is None else lr_scheduler
    check_node(node, LR_SCHEDULERS)
    built = build_optimizer(model, optimizer, logger)
    # together: what shards a model puts its own parameters into the optimizer
    model, wrapped, loader = accelerator.prepare(model, built, loader)
    run = run_of(epochs, _length(loader), accelerator.gradient_accumulation_steps, total_steps)
    scheduler = build_lr_scheduler(built, node, run, logger=logger)
    if accelerator.scaler is not None:
        # with a scaler the wrapper puts a `step` back that it has kept: it keeps the one that torch's schedulers know
        wrapped.__setstate__({})
    driver = Driver(scheduler, node, scaler=accelerator.scaler, counts_steps=True, **recording)
    accelerator.register_for_checkpointing(scheduler, driver)
    return Prepared(model, loader, wrapped, driver)


def _length(loader: Any) -> int | None:
    """Batches of an epoch, of one process; None for a stream."""
    try:
        return len(loader)
    except TypeError:
        return None
