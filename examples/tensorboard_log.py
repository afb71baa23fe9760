"""Trains on the digits and writes rates, settings and norms of every group for TensorBoard.

    python examples/tensorboard_log.py
    tensorboard --logdir outputs/tensorboard
    python examples/tensorboard_log.py --folder outputs/tensorboard/second --epochs 5 --every 10

It needs TensorBoard: pip install tensorboard
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
from digits import ConvNet, batches, evaluate, load, steps_per_epoch
from torch.nn.functional import cross_entropy

import scepter_opt

BATCH_SIZE, SEED = 64, 0
OPTIMIZER = {
    "NAME": "AdamW",
    "LEARNING_RATE": 3e-3,
    "PARAM_GROUPS": {
        "no_decay": {"WHERE": {"KINDS": ["bias", "norm"]}, "SET": {"WEIGHT_DECAY": 0.0}},
        "head": {"WHERE": {"NAMES": "head"}, "SET": {"LR_MULT": 2}},
    },
}
SCHEDULE = {
    "NAME": "PhasesLR",
    "PHASES": {
        "warmup": {"CURVE": "linear", "FROM": 0.0, "TO": 1.0, "LENGTH": "10%"},
        "decay": {"CURVE": "cosine", "TO": 0.0},
    },
}


def train(folder: Path, epochs: int, every: int) -> float:
    """Train, with the records of the run in a folder; returns the validation accuracy, a share."""
    from torch.utils.tensorboard import SummaryWriter

    torch.manual_seed(SEED)
    training, validation = load()
    steps = epochs * steps_per_epoch(training, BATCH_SIZE)
    model = ConvNet()
    optimizer = scepter_opt.build_optimizer(model, OPTIMIZER)
    scheduler = scepter_opt.build_lr_scheduler(optimizer, SCHEDULE, total_steps=steps)
    with SummaryWriter(str(folder)) as writer:

        def record(values: Mapping[str, float], step: int) -> None:
            for name, value in values.items():
                writer.add_scalar(name, value, step)

        driver = scepter_opt.Driver(scheduler, SCHEDULE, record=record, record_every=every, norms=True)
        for pixels, labels in batches(training, BATCH_SIZE, SEED, 0, steps):
            model.train()
            optimizer.zero_grad()
            cross_entropy(model(pixels), labels).backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
            driver.step()
    return evaluate(model, validation).validation_accuracy


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description="Train on the digits, with records for TensorBoard.")
    parser.add_argument("--folder", type=Path, default=Path("outputs/tensorboard/first"), help="of the records")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training images")
    parser.add_argument("--every", type=int, default=5, help="steps from one record to the next")
    given = parser.parse_args()
    try:
        accuracy = train(given.folder, given.epochs, given.every)
    except ModuleNotFoundError as error:
        if error.name != "tensorboard":
            raise
        sys.exit("tensorboard is not installed: pip install tensorboard")
    print(f"Validation accuracy {accuracy:.2%}; to see the curves: tensorboard --logdir {given.folder.parent}")


if __name__ == "__main__":
    main()
