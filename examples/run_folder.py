"""What a training run leaves in its folder: metrics.csv, curves.png, checkpoint.pt and config.yaml."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Generic, NamedTuple, TypeVar

METRICS, CURVES, CHECKPOINT = "metrics.csv", "curves.png", "checkpoint.pt"

RowT = TypeVar("RowT", bound="NamedTuple")


class Row(NamedTuple):
    """One optimizer step, with the rate of the first group; an epoch's validation stands in its last step's row."""

    step: int
    epoch: int
    learning_rate: float
    loss: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


class Recorder(Generic[RowT]):
    """Keeps the rows of a run, on disk too, and shows where it stands.

    Args:
        folder: The run's folder.
        rows: What was recorded before.
        write: Adds a row to metrics.csv.
        show: Told the number of rows and a text with the last row's losses.
        parts: What a checkpoint holds; anything with `state_dict`.
    """

    def __init__(
        self,
        folder: Path,
        rows: list[RowT],
        write: Callable[[RowT], object],
        show: Callable[[int, str], object],
        parts: Mapping[str, Any],
    ) -> None:
        self.folder = folder
        self.rows = rows
        self._write = write
        self._show = show
        self._parts = parts

    @property
    def done(self) -> int:
        """Steps that were made."""
        return len(self.rows)

    def add(self, row: RowT, *, save: bool) -> None:
        """Record a step, and save a checkpoint after it if asked to."""
        self.rows.append(row)
        self._write(row)
        if save:
            self.save()
        values = zip(type(row)._fields, row, strict=True)
        losses = (f"{name} {value:.4f}" for name, value in values if name.endswith("loss") and value is not None)
        self._show(self.done, ", ".join(losses).replace("_", " "))

    def save(self) -> None:
        """Save a checkpoint."""
        save_checkpoint(self.folder, self.done, **self._parts)


@contextmanager
def recording(
    folder: Path, row: type[RowT], total_steps: int, resume: str | None, **parts: Any
) -> Iterator[Recorder[RowT]]:
    """A Recorder for a run in `folder`, after `parts` were brought to where the run `resume` stands."""
    rows: list[RowT] = []
    if resume is not None:
        rows = read_metrics(Path(resume), row, load_checkpoint(Path(resume), **parts))
    with metrics_file(folder, row, rows) as write, progress_bar() as progress:
        bar = progress.add_task("training", total=total_steps, completed=len(rows), losses="")
        recorder = Recorder(
            folder, rows, write, lambda done, losses: progress.update(bar, completed=done, losses=losses), parts
        )
        yield recorder
    recorder.save()


def progress_bar() -> Any:
    """A bar that counts steps and shows the losses."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.fields[losses]}"))


@contextmanager
def metrics_file(folder: Path, row: type[RowT], rows: Iterable[RowT]) -> Iterator[Callable[[RowT], object]]:
    """metrics.csv with `rows` in it, and a function that adds one; each is on disk as soon as it is added."""
    with (folder / METRICS).open("w", newline="", buffering=1) as file:
        writer = csv.writer(file)
        writer.writerow(row._fields)
        writer.writerows(rows)
        yield writer.writerow


def read_metrics(folder: Path, row: type[RowT], steps: int) -> list[RowT]:
    """The first rows of a run's metrics.csv: a run that was killed may have written more than its checkpoint knows."""
    with (folder / METRICS).open(newline="") as file:
        lines = list(islice(csv.reader(file), 1, steps + 1))
    return [row._make(map(_number, line)) for line in lines]


def _number(cell: str) -> int | float | None:
    if not cell:
        return None
    return int(cell) if cell.isdecimal() else float(cell)


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


class Panel(NamedTuple):
    """What one part of the picture shows over the steps."""

    label: str
    """Text at the vertical axis."""
    fields: tuple[str, ...]
    """The rows' fields that are drawn."""
    scale: str = "linear"
    """linear from 0, log, or share: between 0 and 1, shown in per cent."""


def draw_curves(folder: Path, rows: list[Any], title: str, *panels: Panel, image: Any = None) -> None:
    """Draw the panels below each other, and above them a gray image of values from 0 to 1, if there is one."""
    from matplotlib.figure import Figure  # no pyplot: it would look for a window system
    from matplotlib.ticker import PercentFormatter

    heights = ([2.2] if image is not None else []) + [1.0] * len(panels)
    figure = Figure(figsize=(8, 2.7 * sum(heights)), dpi=120, layout="constrained")
    figure.suptitle(title)
    cells = figure.add_gridspec(len(heights), 1, height_ratios=heights)
    if image is not None:
        axes = figure.add_subplot(cells[0])
        axes.imshow(image, cmap="gray", vmin=0, vmax=1)
        axes.set_axis_off()
    steps = [row.step for row in rows]
    color = 0
    for number, panel in enumerate(panels, start=len(heights) - len(panels)):
        axes = figure.add_subplot(cells[number])
        for field in panel.fields:
            values = [getattr(row, field) for row in rows]
            known = [(step, value) for step, value in zip(steps, values, strict=True) if value is not None]
            style = {"linewidth": 0.9} if len(known) == len(rows) else {"marker": "."}
            axes.plot(*zip(*known, strict=True), color=f"C{color}", label=field.replace("_", " "), **style)
            color += 1
        axes.set(ylabel=panel.label, xlim=(0, steps[-1]), yscale="log" if panel.scale == "log" else "linear")
        if panel.scale == "share":
            axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
        elif panel.scale == "linear":
            axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
        if len(panel.fields) > 1:
            axes.legend()
        axes.grid(alpha=0.3)
    axes.set_xlabel("optimizer step")
    figure.savefig(folder / CURVES)
