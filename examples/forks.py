"""Draws a run and those that were forked from it in one picture: the rates, and the validation loss of each.

    python examples/train.py hydra.run.dir=outputs/stable keep=null
        lr_scheduler=warmup_constant lr_scheduler.PHASES.warmup.LENGTH=40
    python examples/train.py -m hydra.sweep.dir=outputs/forks
        resume=outputs/stable/checkpoints/step-00000092,outputs/stable/checkpoints/step-00000184
        'lr_scheduler.FINISH={CURVE: one_minus_sqrt, TO: 0, LENGTH: 20%}'
    python examples/forks.py forks.png outputs/stable outputs/forks/*

docs/longer_and_shorter.md says more.
"""

from __future__ import annotations

import csv
import sys
from itertools import takewhile
from pathlib import Path
from typing import Any

from run_folder import METRICS


def main(picture: str, *folders: str) -> None:
    """Draw the runs in these folders, the first one in gray; folders without a run are passed over."""
    runs = {folder: list(csv.DictReader((Path(folder) / METRICS).open())) for folder in folders if is_run(folder)}
    if not runs:
        sys.exit(f"there is no {METRICS} in {', '.join(folders)}")
    draw(Path(picture), runs)


def is_run(folder: str) -> bool:
    """Whether a run was recorded there."""
    return (Path(folder) / METRICS).is_file()


def draw(picture: Path, runs: dict[str, list[dict[str, str]]]) -> None:
    """Draw the rate and the validation loss of each run over its steps."""
    from matplotlib.figure import Figure  # no pyplot: it would look for a window system

    figure = Figure(figsize=(8, 5.4), dpi=120, layout="constrained")
    rate, loss = figure.subplots(2, 1, sharex=True)
    first = next(iter(runs.values()))
    for number, (folder, rows) in enumerate(runs.items()):
        style: dict[str, Any] = {"color": f"C{number - 1}"} if number else {"color": "0.6", "linewidth": 3}
        shared = count_shared(rows, first) if number else 0
        rate.plot(*values(rows, "learning_rate", shared), **style)
        label = f"{Path(folder).name}, {len(rows)} steps"
        loss.plot(*values(rows, "validation_loss", shared), **style, marker=".", label=label)
    rate.set(ylabel="learning rate", ylim=(0, None))
    loss.set(ylabel="validation loss", yscale="log", xlabel="optimizer step")
    loss.legend()
    for axes in (rate, loss):
        axes.grid(alpha=0.3)
    figure.savefig(picture)


def count_shared(rows: list[dict[str, str]], others: list[dict[str, str]]) -> int:
    """How many rows a fork has in common with the run that it comes from."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(rows, others, strict=False)))


def values(rows: list[dict[str, str]], name: str, shared: int) -> tuple[list[int], list[float]]:
    """Steps with the values of a column, from the last one that is shared on."""
    before = [row for row in rows[:shared] if row[name]][-1:]
    known = [(int(row["step"]), float(row[name])) for row in (*before, *rows[shared:]) if row[name]]
    return [step for step, _ in known], [value for _, value in known]


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
