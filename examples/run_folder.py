"""What a training run leaves in its folder: metrics.csv, curves.png and checkpoint.pt."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

METRICS, CURVES, CHECKPOINT = "metrics.csv", "curves.png", "checkpoint.pt"


class Row(NamedTuple):
    """One optimizer step, with the rate of the first group; an epoch's validation stands in its last step's row."""

    step: int
    epoch: int
    learning_rate: float
    loss: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


@contextmanager
def metrics_file(folder: Path, rows: Iterable[Row] = ()) -> Iterator[Callable[[Row], object]]:
    """metrics.csv with `rows` in it, and a function that adds one; each is on disk as soon as it is added."""
    with (folder / METRICS).open("w", newline="", buffering=1) as file:
        writer = csv.writer(file)
        writer.writerow(Row._fields)
        writer.writerows(rows)
        yield writer.writerow


def read_metrics(folder: Path, steps: int) -> list[Row]:
    """The first rows of a run's metrics.csv: a run that was killed may have written more than its checkpoint knows."""
    rows = []
    with (folder / METRICS).open(newline="") as file:
        for step, epoch, rate, loss, *scores in islice(csv.reader(file), 1, steps + 1):
            validation = (float(score) if score else None for score in scores)
            rows.append(Row(int(step), int(epoch), float(rate), float(loss), *validation))
    return rows


def save_checkpoint(folder: Path, step: int, **parts: Any) -> None:
    """Save the state of each part and of torch's random numbers after `step`; a file that is there is whole."""
    import torch

    state = {name: part.state_dict() for name, part in parts.items()}
    unfinished = folder / f"{CHECKPOINT}.unfinished"
    with unfinished.open("wb") as file:
        torch.save({"step": step, "random": torch.get_rng_state(), **state}, file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(folder / CHECKPOINT)


def load_checkpoint(folder: Path, **parts: Any) -> int:
    """Bring the parts and torch's random numbers back to a saved state; returns its step."""
    import torch

    state = torch.load(folder / CHECKPOINT, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    torch.set_rng_state(state["random"])
    return int(state["step"])


def draw_curves(folder: Path, rows: list[Row], title: str) -> None:
    """Draw loss, accuracy and learning rate over the steps."""
    from matplotlib.figure import Figure  # no pyplot: it would look for a window system
    from matplotlib.ticker import PercentFormatter

    figure = Figure(figsize=(8, 8), dpi=120, layout="constrained")
    figure.suptitle(title)
    losses, accuracy, rates = figure.subplots(3, 1, sharex=True)
    steps = [row.step for row in rows]
    validated = [row for row in rows if row.validation_loss is not None]
    epoch_ends = [row.step for row in validated]

    losses.plot(steps, [row.loss for row in rows], linewidth=0.8, alpha=0.6, label="training")
    losses.plot(epoch_ends, [row.validation_loss for row in validated], marker=".", label="validation")
    losses.set(ylabel="cross entropy", yscale="log")
    losses.legend()
    accuracy.plot(epoch_ends, [row.validation_accuracy for row in validated], marker=".", color="C1")
    accuracy.set(ylabel="validation accuracy")
    accuracy.yaxis.set_major_formatter(PercentFormatter(xmax=1))
    rates.plot(steps, [row.learning_rate for row in rows], color="C2")
    rates.set(ylabel="learning rate", xlabel="optimizer step", ylim=(0, None))
    for axes in (losses, accuracy, rates):
        axes.grid(alpha=0.3)
    figure.savefig(folder / CURVES)
