"""Folders of sweeps as they are found on disk, written by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

HEADER = "step,epoch,note,loss,validation_accuracy"


def write_job(
    folder: Path, *overrides: str, accuracies: Sequence[float] = (), ended: bool = True, returned: float | None = None
) -> None:
    """A job's folder: two rows for each epoch, with the validation in the second."""
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra/overrides.yaml").write_text("".join(f"- {json.dumps(override)}\n" for override in overrides))
    rows = [HEADER]
    for epoch, accuracy in enumerate(accuracies, 1):
        rows += [
            f"{2 * epoch - 1},{epoch},text,{1 - accuracy + 0.1},",
            f"{2 * epoch},{epoch},text,{1 - accuracy},{accuracy}",
        ]
    if accuracies:
        (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    if ended:
        (folder / "curves.png").write_bytes(b"")
    if returned is not None:
        name = "hydra.experimental.callbacks.LogJobReturnCallback"
        line = f"[2026-01-01 00:00:00,000][{name}][INFO] - Succeeded with return value: {returned}\n"
        (folder / "train.log").write_text(line)


def write_sweep(folder: Path) -> None:
    """A sweep with three finished jobs, and one of each other kind."""
    for number, (option, rate, accuracy) in enumerate(
        [("sgd", "0.1", 0.5), ("sgd", "0.001", 0.25), ("adamw", "0.1", 0.75)]
    ):
        accuracies = [accuracy / 2, accuracy, accuracy - 0.125]
        write_job(folder / str(number), f"optimizer={option}", f"optimizer.LEARNING_RATE={rate}", accuracies=accuracies)
    common = ["optimizer=adamw", "optimizer.LEARNING_RATE=0.001"]
    write_job(folder / "3", *common, "name=a b", accuracies=[0.875], ended=False)
    with (folder / "3/metrics.csv").open("a") as file:
        file.write("3,2,text,0.")  # it was killed in a row
    write_job(folder / "4", *common, ended=False)
    (folder / "4/train.log").write_text(
        "[2026][hydra.experimental.callbacks.LogJobReturnCallback][ERROR] - \nTraceback\n"
    )
    write_job(folder / "5", *common, ended=False)
    write_job(folder / "10", *common)
    (folder / "10/.hydra/overrides.yaml").write_text("a: [1\n")
