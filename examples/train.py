"""Trains a small net to read handwritten digits; the optimizer and the schedule are chosen on the command line.

    python examples/train.py
    python examples/train.py optimizer=sgd optimizer.LEARNING_RATE=0.1 optimizer.MOMENTUM=0.9
    python examples/train.py lr_scheduler=one_cycle lr_scheduler.MAX_LR=0.01
    python examples/train.py optimizer=lbfgs optimizer.LEARNING_RATE=1 optimizer.LINE_SEARCH_FN=strong_wolfe epochs=3
    python examples/train.py -m optimizer=adamw,nadam seed=0,1,2
    python examples/train.py stop_after=100 hydra.run.dir=outputs/first
    python examples/train.py resume=outputs/first
    python examples/train.py --cfg job

Its folder, by default outputs/<date>/<time>, gets metrics.csv (one row per step), curves.png, checkpoint.pt and
config.yaml. Under -m each job returns its validation accuracy, for a sweeper to maximise.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.utils import to_absolute_path
from omegaconf import DictConfig, OmegaConf

import scepter_opt
from scepter_opt import ConfigError, Problem

log = logging.getLogger(__name__)

CONFIG = "config.yaml"
# The least value of each whole number; the greatest is what torch takes for a seed.
LEAST = {"epochs": 1, "batch_size": 1, "seed": 0, "stop_after": 1}
GREATEST = 2**32 - 1
# What a scheduler can MONITOR.
METRICS = ("validation_loss", "validation_accuracy", "loss")
# What a resumed run does not take over.
OF_THIS_RUN = ("resume", "stop_after")


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def main(cfg: DictConfig) -> float:
    """One job: mistakes are found before torch is imported, and shown without a traceback."""
    try:
        check(cfg)
        if cfg.resume is not None:
            cfg = continued(cfg)
        return train(cfg, Path(HydraConfig.get().runtime.output_dir))
    except ConfigError as error:
        sys.exit(str(error))


def check(cfg: DictConfig) -> None:
    """Raise one ConfigError for all that is wrong with this app's own keys and with its nodes."""
    problems = list(own_problems(cfg))
    try:
        scepter_opt.check(cfg)
    except ConfigError as error:
        problems += error.problems
    if problems:
        raise ConfigError(problems)


def own_problems(cfg: DictConfig) -> Iterator[Problem]:
    """What this app cannot do, whatever the package can."""
    for key, least in LEAST.items():
        value = cfg.get(key)
        optional = key == "stop_after" and value is None
        if not optional and not (type(value) is int and least <= value <= GREATEST):
            yield Problem(key, f"must be a whole number from {least} to {GREATEST}.", value)
    for node in ("optimizer", "lr_scheduler"):
        if node not in cfg:
            yield Problem(node, "is missing.")
    monitor = OmegaConf.select(cfg, "lr_scheduler.MONITOR")
    if monitor not in (None, *METRICS):
        yield Problem("lr_scheduler.MONITOR", f"must be one of {', '.join(METRICS)}.", monitor)
    if OmegaConf.select(cfg, "optimizer.NAME") == "SparseAdam":
        yield Problem("optimizer.NAME", "takes sparse gradients only, and this net has none.", "SparseAdam")


def continued(cfg: DictConfig) -> DictConfig:
    """The configuration of the run that `resume` names; what the command line sets has to agree with it."""
    folder = Path(to_absolute_path(str(cfg.resume)))
    if not all((folder / name).is_file() for name in (CONFIG, "checkpoint.pt", "metrics.csv")):
        raise ConfigError([Problem("resume", "is not the folder of a run with a checkpoint.", cfg.resume)])
    saved = OmegaConf.load(folder / CONFIG)
    given = OmegaConf.create(OmegaConf.to_yaml(cfg, resolve=True))  # plain values, as the saved ones are
    # `+group@key=option` sets what stands at `key`
    keys = [override.lstrip("+~").partition("=")[0].rpartition("@")[2] for override in HydraConfig.get().overrides.task]
    problems = [
        Problem(key, f"differs from the run in {cfg.resume}; leave it out to continue with that run's.")
        for key in keys
        if key not in OF_THIS_RUN and OmegaConf.select(given, key) != OmegaConf.select(saved, key)
    ]
    if problems:
        raise ConfigError(problems)
    merged = OmegaConf.merge(saved, {"resume": str(folder), "stop_after": cfg.stop_after})
    assert isinstance(merged, DictConfig)
    return merged


def train(cfg: DictConfig, folder: Path) -> float:
    """Train as the configuration says, with files in `folder`; returns the validation accuracy, a share."""
    import torch
    from digits import ConvNet, batches, evaluate, load, train_step
    from run_folder import Row, draw_curves, load_checkpoint, metrics_file, read_metrics, save_checkpoint

    torch.set_num_threads(1)  # enough for so small a net, and the result does not depend on the machine's cores
    torch.manual_seed(cfg.seed)
    training, validation = load()
    steps_per_epoch = -(-len(training.labels) // cfg.batch_size)
    total_steps = cfg.epochs * steps_per_epoch

    model = ConvNet()
    optimizer = scepter_opt.build_optimizer(model, cfg.optimizer, logger=log)
    scheduler = scepter_opt.build_lr_scheduler(
        optimizer, cfg.lr_scheduler, total_steps=total_steps, steps_per_epoch=steps_per_epoch
    )
    tick = cfg.lr_scheduler.FREQUENCY * (steps_per_epoch if cfg.lr_scheduler.INTERVAL == "epoch" else 1)
    plateau = scheduler if isinstance(scheduler, torch.optim.lr_scheduler.ReduceLROnPlateau) else None
    metric = cfg.lr_scheduler.MONITOR or METRICS[0]
    state = {"model": model, "optimizer": optimizer, "scheduler": scheduler}

    done, rows = 0, []
    if cfg.resume is not None:
        done = load_checkpoint(Path(cfg.resume), **state)
        rows = read_metrics(Path(cfg.resume), done)
    OmegaConf.save(cfg, folder / CONFIG, resolve=True)

    last = min(total_steps, cfg.stop_after or total_steps)
    with metrics_file(folder, rows) as write, progress_bar() as progress:
        bar = progress.add_task("training", total=total_steps, completed=done, loss=float("nan"))
        for pixels, labels in batches(training, cfg.batch_size, cfg.seed, done, last):
            rate = float(optimizer.param_groups[0]["lr"])
            loss = train_step(model, optimizer, pixels, labels)
            done += 1
            row = Row(done, -(-done // steps_per_epoch), rate, loss)
            if done % steps_per_epoch == 0 or (plateau is not None and done % tick == 0):
                row = row._replace(**evaluate(model, validation)._asdict())
            if done % tick == 0:
                if plateau is None:
                    scheduler.step()
                else:
                    plateau.step(getattr(row, metric))
            rows.append(row)
            write(row)
            if done % steps_per_epoch == 0:
                save_checkpoint(folder, done, **state)
            progress.update(bar, completed=done, loss=loss)
    save_checkpoint(folder, done, **state)

    accuracy = evaluate(model, validation).validation_accuracy
    draw_curves(folder, rows, f"{cfg.optimizer.NAME}, {cfg.lr_scheduler.NAME}: {accuracy:.2%}")
    log.info("Validation accuracy %.2f %% after %d of %d steps, in %s", 100 * accuracy, done, total_steps, folder)
    return accuracy


def progress_bar() -> Any:
    """A bar that counts steps and shows the loss."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("loss {task.fields[loss]:.4f}"))


if __name__ == "__main__":
    main()
