"""What a training run leaves in its folder: metrics.csv, curves.png, checkpoints and config.yaml."""

from __future__ import annotations

import csv
import logging
import re
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from itertools import islice, takewhile
from pathlib import Path
from typing import Any, Generic, NamedTuple, TextIO, TypeVar

from interruption import Interruption, exit_code, interruptible
from omegaconf import DictConfig, OmegaConf
from processes import LOCAL_COUNT, Processes, command_of_torchrun

from scepter_opt import LoadReport, checkpoint

METRICS, CURVES, CHECKPOINTS, CONFIG = "metrics.csv", "curves.png", "checkpoints", "config.yaml"

log = logging.getLogger(__name__)

RowT = TypeVar("RowT", bound="NamedTuple")


class Row(NamedTuple):
    """One optimizer step, with the rate of the first group; an epoch's validation stands in its last step's row."""

    step: int
    epoch: int
    learning_rate: float
    loss: float
    validation_loss: float | None = None
    validation_accuracy: float | None = None


class SavedRun(NamedTuple):
    """A run that can be continued."""

    folder: Path
    """The run's own."""
    checkpoint: Path
    """What of it is loaded: the folder of its checkpoints, or one of them."""

    @classmethod
    def at(cls, path: Path) -> SavedRun:
        """The run of which the folder, the checkpoints' folder or a checkpoint is named; whether it is there or not."""
        folder = next((one for one in (path, *path.parents[:2]) if (one / METRICS).is_file()), path)
        return cls(folder, path / CHECKPOINTS if folder == path else path)

    def checkpoints(self) -> list[Path]:
        """All checkpoints of the run, the oldest first."""
        found = (self.folder / CHECKPOINTS).glob("step-*")
        return sorted(path for path in found if path.suffix != ".unfinished")


class Recorder(Generic[RowT]):
    """Keeps the rows of a run, on disk too, and shows where it stands.

    Args:
        folder: The run's folder.
        rows: What was recorded before.
        done: Steps that were made before.
        write: Adds a row to metrics.csv.
        show: Told the number of steps and a text with the last row's losses.
        interruption: Whether the run was asked to end.
        processes: Those that train together.
        parts: What a checkpoint holds, as `scepter_opt.checkpoint` takes it.
        keep: Checkpoints that stay, the newest; None keeps all.
        total_steps: Optimizer steps of the whole run.
    """

    def __init__(
        self,
        folder: Path,
        rows: list[RowT],
        done: int,
        write: Callable[[RowT], object],
        show: Callable[[int, str], object],
        interruption: Interruption,
        processes: Processes,
        parts: Mapping[str, Any],
        keep: int | None,
        total_steps: int,
    ) -> None:
        self.folder = folder
        self.rows = rows
        self.total_steps = total_steps
        self.done = done
        """Steps that were made."""
        self._write = write
        self._show = show
        self._interruption = interruption
        self._processes = processes
        self._parts = parts
        self._keep = keep
        self._saved: int | None = None

    @property
    def is_interrupted(self) -> bool:
        """Whether the run was asked to end: the loop is left, and the rest is done for it.

        All processes ask this after the same step: a signal may reach them in different ones.
        """
        return self._processes.any(self._interruption.signal is not None)

    def add(self, row: RowT, *, save: bool) -> None:
        """Record a step, and save a checkpoint after it if asked to."""
        self.rows.append(row)
        self.done += 1
        self._write(row)
        if save:
            self.save()
        values = zip(type(row)._fields, row, strict=True)
        losses = (f"{name} {value:.4f}" for name, value in values if name.endswith("loss") and value is not None)
        self._show(self.done, ", ".join(losses).replace("_", " "))

    def save(self) -> None:
        """Save a checkpoint, unless this step has one."""
        if self._saved != self.done:
            checkpoint.save(self.folder / CHECKPOINTS, **self._parts, step=self.done, keep=self._keep)
            self._saved = self.done


@contextmanager
def recording(
    cfg: DictConfig, folder: Path, row: type[RowT], total_steps: int | None, processes: Processes, **parts: Any
) -> Iterator[Recorder[RowT]]:
    """A Recorder for a run in `folder`, after `parts` were brought to where the run `cfg.resume` stands.

    Without `total_steps` it is as long as the schedule, which may know its end only then.

    When the block is left a checkpoint is saved. Where SIGTERM or Ctrl-C came inside it the program ends then, and says
    how to go on.

    Raises:
        ConfigError: The run cannot be continued; `folder` is as it was.
    """
    rows: list[RowT] = []
    done = 0
    if cfg.resume is None:
        if processes.is_first:
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)  # a run's that was here before
    else:
        run = SavedRun.at(Path(cfg.resume))
        report = checkpoint.load(run.checkpoint, **parts, policy=cfg.policy, logger=log)
        rows, done = read_metrics(run.folder, row, report), report.step
    if processes.is_first:
        with replacement(folder / CONFIG) as file:
            OmegaConf.save(cfg, file, resolve=True)
    total = parts["driver"].total_steps if total_steps is None else total_steps
    with interruptible() as interruption:
        written = metrics_file(folder, row, rows) if processes.is_first else nullcontext(lambda _: None)
        with written as write, progress_bar() as progress:
            bar = progress.add_task("training", total=total, completed=done, losses="")

            def show(step: int, losses: str) -> None:
                progress.update(bar, completed=step, losses=losses)

            recorder = Recorder(folder, rows, done, write, show, interruption, processes, parts, cfg.keep, total)
            yield recorder
        recorder.save()
    if recorder.is_interrupted:
        number = processes.same(interruption.signal) or signal.SIGTERM  # which the first may not have heard yet
        message = "Stopped by %s after %d of %d steps. To go on: %s"
        log.info(message, number.name, recorder.done, total, command_to_go_on(folder, processes))
        sys.exit(exit_code(number))


def command_to_go_on(folder: Path, processes: Processes) -> str:
    """What continues the run in `folder`, for a shell."""
    plain = re.fullmatch(r"[\w./:-]+", str(folder))
    # Hydra has quotes of its own around what its grammar does not take for a word
    value = str(folder) if plain else "'{}'".format(str(folder).replace("'", r"\'"))
    program = command_of_torchrun(LOCAL_COUNT) if processes.parallel else "python"
    return f"{program} {shlex.join([sys.argv[0], f'resume={value}'])}"


def progress_bar() -> Any:
    """A bar that counts steps and shows the losses."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.fields[losses]}"))


@contextmanager
def replacement(path: Path) -> Iterator[TextIO]:
    """A file to write, which takes the name when it is complete: a run that is killed before has the old one."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    with unfinished.open("w", newline="", encoding="utf-8") as file:
        yield file
    unfinished.replace(path)


@contextmanager
def metrics_file(folder: Path, row: type[RowT], rows: Iterable[RowT]) -> Iterator[Callable[[RowT], object]]:
    """metrics.csv with `rows` in it, and a function that adds one; each is on disk as soon as it is added."""
    path = folder / METRICS
    with replacement(path) as file:
        writer = csv.writer(file)
        writer.writerow(row._fields)
        writer.writerows(rows)
    with path.open("a", newline="", buffering=1) as file:
        yield csv.writer(file).writerow


def read_metrics(folder: Path, row: type[RowT], report: LoadReport) -> list[RowT]:
    """The rows of a run's metrics.csv up to its checkpoint: a run that was killed may have written more.

    Where the steps of an epoch are others now, a row stands at the step that is as far through the run; of several
    that come to stand at one step the last stays.
    """

    def is_before(line: list[str]) -> bool:  # and whole
        return len(line) == len(row._fields) and int(line[0]) <= report.saved_step

    with (folder / METRICS).open(newline="") as file:
        lines = list(takewhile(is_before, islice(csv.reader(file), 1, None)))
    rows = (row._make(map(_number, line)) for line in lines)
    by_step = {-(-one[0] * report.step // report.saved_step): one for one in rows}
    return [one._replace(step=step) for step, one in by_step.items() if step]


def _number(cell: str) -> int | float | None:
    if not cell:
        return None
    return int(cell) if cell.isdecimal() else float(cell)


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
