"""Trains a small net to read handwritten digits; the optimizer and the schedule are chosen on the command line.

    python examples/train.py
    python examples/train.py optimizer=sgd optimizer.LEARNING_RATE=0.1 optimizer.MOMENTUM=0.9
    python examples/train.py lr_scheduler=one_cycle lr_scheduler.MAX_LR=0.01
    python examples/train.py optimizer=lbfgs optimizer.LEARNING_RATE=1 optimizer.LINE_SEARCH_FN=strong_wolfe epochs=3
    python examples/train.py -m optimizer=adamw,nadam seed=0,1,2
    python examples/train.py stop_after=100 hydra.run.dir=outputs/first
    python examples/train.py resume=outputs/first
    python examples/train.py resume=outputs/first/checkpoints/step-00000092
    python examples/train.py resume=outputs/first policy=config optimizer.LEARNING_RATE=1e-3 batch_size=128
    python examples/train.py resume=outputs/first 'lr_scheduler.FINISH={CURVE: one_minus_sqrt, TO: 0, LENGTH: 20%}'
    torchrun --nproc-per-node 2 examples/train.py parallel=ddp
    python examples/train.py --cfg job

Its folder, by default outputs/<date>/<time>, gets metrics.csv (one row per step), curves.png, checkpoints/ (the three
newest, or as many as `keep` says) and config.yaml. SIGTERM and Ctrl-C end it after the step that it is in, with a
checkpoint. Under -m each job returns its validation accuracy, for a sweeper to maximise.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

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
    from digits import Images
    from torch import nn

log = logging.getLogger(__name__)

# What a scheduler can MONITOR.
METRICS = ("validation_loss", "validation_accuracy", "loss")


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg: DictConfig) -> float:
    """One job: mistakes are found before torch is imported, and shown without a traceback."""
    with one_message():
        cfg = run_configuration(cfg, own_problems)
        with together(cfg.parallel) as processes:
            return train(cfg, processes.same(output_folder()), processes)


def own_problems(cfg: DictConfig) -> Iterator[Problem]:
    """What this app cannot do, whatever the package can."""
    yield from wrong_numbers(cfg, {"epochs": 1, "batch_size": 1, "seed": 0})
    yield from missing(cfg, "optimizer", "lr_scheduler")
    yield from wrong_monitor(cfg, METRICS)
    yield from refused(cfg, "optimizer", {"SparseAdam": "takes sparse gradients only, and this net has none."})


def train(cfg: DictConfig, folder: Path, processes: Processes) -> float:
    """Train as the configuration says, with files in `folder`; returns the validation accuracy, a share."""
    import torch
    from digits import ConvNet, batches, evaluate, load, steps_per_epoch, train_step
    from run_folder import Panel, Row, draw_curves, recording

    torch.set_num_threads(1)  # enough for so small a net, and the result does not depend on the machine's cores
    torch.manual_seed(cfg.seed)
    training, validation = load()
    epoch_steps = steps_per_epoch(training, cfg.batch_size)
    total_steps = total_given(cfg, cfg.epochs * epoch_steps)

    model: nn.Module = ConvNet()
    scepter_opt.freeze(model, cfg.optimizer)
    model = processes.wrap(model)
    scepter_opt.plan(cfg.optimizer, model).compare_across_ranks(timeout=60)
    if not processes.is_first:
        torch.manual_seed(cfg.seed + processes.rank)  # other units are dropped than in the first
    optimizer = scepter_opt.build_optimizer(model, cfg.optimizer, logger=log)
    scheduler = scepter_opt.build_lr_scheduler(
        optimizer, cfg.lr_scheduler, total_steps=total_steps, steps_per_epoch=epoch_steps
    )
    driver = scepter_opt.Driver(scheduler, cfg.lr_scheduler)

    state = {"model": model, "optimizer": optimizer, "scheduler": scheduler, "driver": driver}
    with recording(cfg, folder, Row, total_steps, processes, **state) as recorder:
        last = min(recorder.total_steps, cfg.stop_after or recorder.total_steps)
        for pixels, labels in batches(training, cfg.batch_size, cfg.seed, recorder.done, last):
            rate = float(optimizer.param_groups[0]["lr"])
            loss = train_step(model, optimizer, pixels, labels, processes)
            metrics = cache(partial(measure, model, validation, loss, processes))
            driver.step(metrics)
            epoch_is_over = driver.steps % epoch_steps == 0
            if epoch_is_over:
                driver.end_epoch(metrics)
                driver.report(metrics()["validation_accuracy"])
            measured = metrics() if epoch_is_over or metrics.cache_info().currsize else {"loss": loss}
            recorder.add(Row(driver.steps, -(-driver.steps // epoch_steps), rate, **measured), save=epoch_is_over)
            if recorder.is_interrupted:
                break

    accuracy = processes.same(evaluate(model, validation).validation_accuracy)
    if processes.is_first:
        draw_curves(
            folder,
            recorder.rows,
            f"{cfg.chosen.optimizer}, {cfg.chosen.lr_scheduler}: {accuracy:.2%} of the validation images read rightly",
            Panel("cross entropy", ("loss", "validation_loss"), "log"),
            Panel("validation accuracy", ("validation_accuracy",), "share"),
            Panel("learning rate", ("learning_rate",)),
        )
    message = "Validation accuracy %.2f %% after %d of %d steps, in %s"
    log.info(message, 100 * accuracy, recorder.done, recorder.total_steps, folder)
    return accuracy


def measure(model: nn.Module, validation: Images, loss: float, processes: Processes) -> dict[str, float]:
    """All that a scheduler can MONITOR, by name, the same in all processes."""
    from digits import evaluate

    return processes.same({"loss": loss, **evaluate(model, validation)._asdict()})


if __name__ == "__main__":
    run(main)
