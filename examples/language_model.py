"""Trains a small byte-level transformer on the text that ships with Python, and prints first which parameter gets what.

    python examples/language_model.py
    python examples/language_model.py optimizer=muon_adamw
    python examples/language_model.py optimizer=muon_adamw optimizer.OPTIMIZERS.adamw.LEARNING_RATE=2e-3
    python examples/language_model.py lr_scheduler=warmup_stable_decay lr_scheduler.PHASES.decay.LENGTH=40%
    python examples/language_model.py layers=2 epochs=4
    python examples/language_model.py stop_after=60 hydra.run.dir=outputs/text
    python examples/language_model.py resume=outputs/text
    python examples/language_model.py resume=outputs/text policy=config lr_scheduler=warmup_stable_decay

Its folder, by default outputs/<date>/<time>, gets metrics.csv (one row per step), curves.png, checkpoints/ (the three
newest) and config.yaml. SIGTERM and Ctrl-C end it after the step that it is in, with a checkpoint. Under -m each job
returns its validation loss in nats per byte, for a sweeper to minimise.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from functools import cache
from math import log as ln
from pathlib import Path
from typing import NamedTuple

import hydra
from command_line import (
    missing,
    output_folder,
    refused,
    run_configuration,
    total_given,
    wrong_monitor,
    wrong_numbers,
)
from omegaconf import DictConfig

import scepter_opt
from scepter_opt import ConfigError, Problem

log = logging.getLogger(__name__)

LEAST = {"epochs": 1, "steps_per_epoch": 1, "batch_size": 1, "context": 1, "layers": 1, "width": 32, "seed": 0}
# What a scheduler can MONITOR.
METRICS = ("validation_loss", "loss")


class Row(NamedTuple):
    """One optimizer step, with the rate of the first group; an epoch's validation stands in its last step's row."""

    step: int
    epoch: int
    learning_rate: float
    loss: float
    validation_loss: float | None = None


@hydra.main(version_base="1.3", config_path="conf", config_name="language_model")
def main(cfg: DictConfig) -> float:
    """One job: mistakes are found before torch is imported, and shown without a traceback."""
    try:
        return train(run_configuration(cfg, own_problems), output_folder())
    except ConfigError as error:
        sys.exit(str(error))


def own_problems(cfg: DictConfig) -> Iterator[Problem]:
    """What this app cannot do, whatever the package can."""
    yield from wrong_numbers(cfg, LEAST)
    if type(cfg.width) is int and cfg.width % 32:
        yield Problem("width", "must be a multiple of 32, the size of a head of attention.", cfg.width)
    if type(cfg.context) is int and cfg.context > 4096:
        yield Problem("context", "must be at most 4096 bytes: the text to validate with is short.", cfg.context)
    yield from missing(cfg, "optimizer", "lr_scheduler")
    yield from wrong_monitor(cfg, METRICS)
    yield from refused(cfg, "optimizer", {"SparseAdam": "takes sparse gradients only, and this net has none."})


def train(cfg: DictConfig, folder: Path) -> float:
    """Train as the configuration says, with files in `folder`; returns the validation loss in nats per byte."""
    import torch
    from descent import descend
    from run_folder import Panel, draw_curves, recording
    from text import Transformer, evaluate, load, loss, random_pieces

    torch.manual_seed(cfg.seed)
    text = load()
    total_steps = total_given(cfg, cfg.epochs * cfg.steps_per_epoch)
    model = Transformer(cfg.context, cfg.layers, cfg.width)
    print(scepter_opt.plan(cfg.optimizer, model))

    optimizer = scepter_opt.build_optimizer(model, cfg.optimizer)
    scheduler = scepter_opt.build_lr_scheduler(
        optimizer, cfg.lr_scheduler, total_steps=total_steps, steps_per_epoch=cfg.steps_per_epoch
    )
    driver = scepter_opt.Driver(scheduler, cfg.lr_scheduler)

    state = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "driver": driver}
    with recording(cfg, folder, Row, total_steps, **state) as run:
        last = min(run.total_steps, cfg.stop_after or run.total_steps)
        while run.done < last and not run.is_interrupted:
            rate = float(optimizer.param_groups[0]["lr"])
            pieces = random_pieces(text.training, cfg.batch_size, cfg.context + 1)
            before = descend(optimizer, lambda pieces=pieces: loss(model, pieces))  # type: ignore[misc]

            @cache
            def metrics(before: float = before) -> dict[str, float]:
                return {"loss": before, "validation_loss": evaluate(model, text.validation, cfg.context)}

            driver.step(metrics)
            epoch_is_over = driver.steps % cfg.steps_per_epoch == 0
            if epoch_is_over:
                driver.end_epoch(metrics)
            measured = metrics() if epoch_is_over or metrics.cache_info().currsize else {"loss": before}
            run.add(Row(driver.steps, -(-driver.steps // cfg.steps_per_epoch), rate, **measured), save=epoch_is_over)

    reached = evaluate(model, text.validation, cfg.context)
    draw_curves(
        folder,
        run.rows,
        f"{cfg.chosen.optimizer}, {cfg.chosen.lr_scheduler}: {reached:.3f} nats, {reached / ln(2):.3f} bits per byte",
        Panel("cross entropy, nats per byte", ("loss", "validation_loss"), "log"),
        Panel("learning rate", ("learning_rate",)),
    )
    log.info(
        "Validation loss %.3f nats per byte after %d of %d steps, in %s", reached, run.done, run.total_steps, folder
    )
    return reached


if __name__ == "__main__":
    main()
