"""Trains a small byte-level transformer on the text that ships with Python, and prints first which parameter gets what.

    python examples/language_model.py
    python examples/language_model.py optimizer=muon_adamw
    python examples/language_model.py optimizer=muon_adamw optimizer.OPTIMIZERS.adamw.LEARNING_RATE=2e-3
    python examples/language_model.py lr_scheduler=warmup_stable_decay lr_scheduler.PHASES.decay.LENGTH=40%
    python examples/language_model.py layers=2 epochs=4
    python examples/language_model.py stop_after=60 hydra.run.dir=outputs/text
    python examples/language_model.py resume=outputs/text
    python examples/language_model.py resume=outputs/text policy=config lr_scheduler=warmup_stable_decay
    torchrun --nproc-per-node 2 examples/language_model.py parallel=fsdp optimizer=muon_adamw

Its folder, by default outputs/<date>/<time>, gets metrics.csv (one row per step), curves.png, checkpoints/ (the three
newest) and config.yaml. SIGTERM and Ctrl-C end it after the step that it is in, with a checkpoint. Under -m each job
returns its validation loss in nats per byte, for a sweeper to minimise.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache
from math import log as ln
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
from processes import Processes, one_message, run, together

import scepter_opt
from scepter_opt import Problem

if TYPE_CHECKING:
    from torch import nn

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
    with one_message():
        cfg = run_configuration(cfg, own_problems)
        with together(cfg.parallel) as processes:
            return train(cfg, processes.same(output_folder()), processes)


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


def train(cfg: DictConfig, folder: Path, processes: Processes) -> float:
    """Train as the configuration says, with files in `folder`; returns the validation loss in nats per byte."""
    import torch
    from descent import descend
    from run_folder import Panel, draw_curves, recording
    from text import Transformer, evaluate, load, loss, random_pieces

    torch.manual_seed(cfg.seed)
    text = load()
    total_steps = total_given(cfg, cfg.epochs * cfg.steps_per_epoch)
    model: nn.Module = Transformer(cfg.context, cfg.layers, cfg.width)
    scepter_opt.freeze(model, cfg.optimizer)
    model = processes.wrap(model)
    plan = scepter_opt.plan(cfg.optimizer, model)
    print(plan)
    plan.compare_across_ranks(timeout=60)

    optimizer = scepter_opt.build_optimizer(model, cfg.optimizer)
    scheduler = scepter_opt.build_lr_scheduler(
        optimizer, cfg.lr_scheduler, total_steps=total_steps, steps_per_epoch=cfg.steps_per_epoch
    )
    driver = scepter_opt.Driver(scheduler, cfg.lr_scheduler)

    state = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "driver": driver}
    with recording(cfg, folder, Row, total_steps, processes, **state) as recorder:
        last = min(recorder.total_steps, cfg.stop_after or recorder.total_steps)
        while recorder.done < last and not recorder.is_interrupted:
            rate = float(optimizer.param_groups[0]["lr"])
            # all processes draw the whole batch
            (pieces,), weight = processes.share(random_pieces(text.training, cfg.batch_size, cfg.context + 1))
            before = descend(optimizer, lambda p=pieces, w=weight: w * loss(model, p), processes)  # type: ignore[misc]

            @cache
            def metrics(before: float = before) -> dict[str, float]:
                measured = {"loss": before, "validation_loss": evaluate(model, text.validation, cfg.context)}
                return processes.same(measured)

            driver.step(metrics)
            epoch_is_over = driver.steps % cfg.steps_per_epoch == 0
            if epoch_is_over:
                driver.end_epoch(metrics)
            measured = metrics() if epoch_is_over or metrics.cache_info().currsize else {"loss": before}
            recorder.add(
                Row(driver.steps, -(-driver.steps // cfg.steps_per_epoch), rate, **measured), save=epoch_is_over
            )

    reached = processes.same(evaluate(model, text.validation, cfg.context))
    if processes.is_first:
        chosen = f"{cfg.chosen.optimizer}, {cfg.chosen.lr_scheduler}"
        draw_curves(
            folder,
            recorder.rows,
            f"{chosen}: {reached:.3f} nats, {reached / ln(2):.3f} bits per byte",
            Panel("cross entropy, nats per byte", ("loss", "validation_loss"), "log"),
            Panel("learning rate", ("learning_rate",)),
        )
    message = "Validation loss %.3f nats per byte after %d of %d steps, in %s"
    log.info(message, reached, recorder.done, recorder.total_steps, folder)
    return reached


if __name__ == "__main__":
    run(main)
