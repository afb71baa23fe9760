"""Trains a generator and a critic on handwritten digits, each with its own optimizer and its own schedule.

    python examples/gan.py
    python examples/gan.py optimizers.critic.LEARNING_RATE=5e-4
    python examples/gan.py optimizer@optimizers.generator=adamw lr_scheduler@lr_schedulers.critic=none
    python examples/gan.py stop_after=100 hydra.run.dir=outputs/gan
    python examples/gan.py resume=outputs/gan
    python examples/gan.py resume=outputs/gan policy=config optimizers.critic.LEARNING_RATE=5e-4 epochs=50
    torchrun --nproc-per-node 2 examples/gan.py parallel=fsdp
    python examples/gan.py --cfg job

Its folder, by default outputs/<date>/<time>, gets metrics.csv (one row per step), curves.png with digits of the
generator, checkpoints/ (the three newest) and config.yaml. SIGTERM and Ctrl-C end it after the step that it is in, with
a checkpoint.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import hydra
from command_line import missing, output_folder, refused, run_configuration, wrong_numbers
from omegaconf import DictConfig
from processes import COUNT, Processes, one_message, run, together

import scepter_opt
from scepter_opt import Problem

if TYPE_CHECKING:
    from torch import nn

log = logging.getLogger(__name__)

NAMES = ("generator", "critic")


class Row(NamedTuple):
    """One step of both optimizers, with their rates and with the losses before it."""

    step: int
    epoch: int
    generator_rate: float
    critic_rate: float
    generator_loss: float
    critic_loss: float


@hydra.main(version_base="1.3", config_path="conf", config_name="gan")
def main(cfg: DictConfig) -> None:
    """One job: mistakes are found before torch is imported, and shown without a traceback."""
    with one_message():
        cfg = run_configuration(cfg, own_problems)
        with together(cfg.parallel) as processes:
            train(cfg, processes.same(output_folder()), processes)


def own_problems(cfg: DictConfig) -> Iterator[Problem]:
    """What this app cannot do, whatever the package can."""
    # batch normalisation needs two images
    yield from wrong_numbers(cfg, {"epochs": 1, "batch_size": 2 * COUNT, "seed": 0})
    why = {
        "LBFGS": "searches along a line, and the two losses change with each other's step.",
        "SparseAdam": "takes sparse gradients only, and these nets have none.",
    }
    no_metric = "waits for a metric, and the losses of a GAN are none."
    for name in NAMES:
        yield from missing(cfg, f"optimizers.{name}", f"lr_schedulers.{name}")
        yield from refused(cfg, f"optimizers.{name}", why)
        yield from refused(cfg, f"lr_schedulers.{name}", dict.fromkeys(("ReduceLROnPlateau", "PlateauLR"), no_metric))


def train(cfg: DictConfig, folder: Path, processes: Processes) -> None:
    """Train as the configuration says, with files in `folder`."""
    import torch
    from digits import batches, load, steps_per_epoch
    from generating import Critic, Generator, critic_step, generator_step, sheet
    from run_folder import Panel, draw_curves, recording

    torch.set_num_threads(1)  # enough for so small nets, and the result does not depend on the machine's cores
    torch.manual_seed(cfg.seed)
    images, _ = load()
    epoch_steps = steps_per_epoch(images, cfg.batch_size, whole=True)
    total_steps = cfg.epochs * epoch_steps

    models: dict[str, nn.Module] = {"generator": Generator(), "critic": Critic()}
    for node in cfg.optimizers.values():
        scepter_opt.freeze(models, node)
    models = {name: processes.wrap(model) for name, model in models.items()}
    generator, critic = (models[name] for name in NAMES)
    for node in cfg.optimizers.values():
        scepter_opt.plan(node, models).compare_across_ranks(timeout=60)
    optimizers = scepter_opt.build_optimizers(models, cfg.optimizers, logger=log)
    schedulers = scepter_opt.build_lr_schedulers(
        optimizers, cfg.lr_schedulers, total_steps=total_steps, steps_per_epoch=epoch_steps
    )
    drivers = {name: scepter_opt.Driver(schedulers[name], cfg.lr_schedulers[name]) for name in NAMES}

    state = {"model": models, "optimizer": optimizers, "scheduler": schedulers, "driver": drivers}
    with recording(cfg, folder, Row, total_steps, processes, **state) as recorder:
        last = min(total_steps, cfg.stop_after or total_steps)
        for pixels, labels in batches(images, cfg.batch_size, cfg.seed, recorder.done, last, whole=True):
            generator_rate, critic_rate = (float(optimizers[name].param_groups[0]["lr"]) for name in NAMES)
            critic_loss = critic_step(critic, generator, optimizers["critic"], pixels, labels, processes)
            generator_loss = generator_step(generator, critic, optimizers["generator"], labels, processes)
            for driver in drivers.values():
                driver.step()
            step = recorder.done + 1
            epoch_is_over = step % epoch_steps == 0
            if epoch_is_over:
                for driver in drivers.values():
                    driver.end_epoch()
            row = Row(step, -(-step // epoch_steps), generator_rate, critic_rate, generator_loss, critic_loss)
            recorder.add(row, save=epoch_is_over)
            if recorder.is_interrupted:
                break

    image = sheet(generator)  # which in shards all processes make
    if processes.is_first:
        draw_curves(
            folder,
            recorder.rows,
            f"{cfg.optimizers.generator.NAME} and {cfg.optimizers.critic.NAME}: step {recorder.done}",
            Panel("hinge loss", ("generator_loss", "critic_loss")),
            Panel("learning rate", ("generator_rate", "critic_rate")),
            image=image,
        )
    log.info("%d of %d steps, in %s", recorder.done, recorder.total_steps, folder)


if __name__ == "__main__":
    run(main)
