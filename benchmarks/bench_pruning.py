"""What pruning saves: studies of the digits with and without it, and how good the best of each is.

$ python benchmarks/bench_pruning.py
"""

from __future__ import annotations

import csv
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml
from timing import Row, show

from scepter_opt.integrations.optuna_parts import pruner_of

ROOT = Path(__file__).parent.parent
SEEDS, TRIALS, EPOCHS = 5, 20, 10
# 23 steps are an epoch: half of the trials goes on after the first one, and half of those after the second.
ASHA = {"name": "asha", "min_resource": 23, "reduction_factor": 2}
PRUNERS = {"plain": "none", "asha": str(ASHA).replace("'", "")}
SWEEP = (
    "optimizer=sgd,adamw", "+search_space=chosen", "hydra/sweeper=optuna_study", "hydra.sweeper.direction=maximize",
    f"hydra.sweeper.n_trials={TRIALS}", "hydra.sweeper.sampler=tpe",
)  # fmt: skip


def train(folder: Path, *overrides: str) -> None:
    """Run the example under -m in a folder."""
    command = [sys.executable, str(ROOT / "examples" / "train.py"), "-m", *overrides]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    subprocess.run(
        [*command, f"epochs={EPOCHS}", f"hydra.sweep.dir={folder}"], env=environment, check=True, capture_output=True
    )


def metrics(folder: Path) -> list[list[dict[str, str]]]:
    """The rows of the jobs of a sweep."""
    files = sorted(folder.glob("*/metrics.csv"), key=lambda file: int(file.parent.name))
    return [list(csv.DictReader(file.open(newline=""))) for file in files]


def noise(folder: Path, best: dict[str, str]) -> float:
    """How far the accuracies of one setting are apart, as standard deviation over training with other seeds."""
    train(folder, *(f"{key}={value}" for key, value in best.items()), f"seed={','.join(map(str, range(1, 6)))}")
    return statistics.stdev(float(rows[-1]["validation_accuracy"]) for rows in metrics(folder))


def same_trials(folder: Path) -> tuple[int, float]:
    """Steps and best accuracy of a plain study's own trials, in their order, if the pruner had been asked.

    A training is the same each time, so that what it reports is what it would have reported. A pruned study of its own
    draws other trials: its sampler knows less of those that ended early.
    """
    import optuna

    study = optuna.create_study(direction="maximize", pruner=pruner_of(ASHA), sampler=optuna.samplers.RandomSampler())
    steps = 0
    for curve in metrics(folder):
        reports = [(int(row["step"]), float(row["validation_accuracy"])) for row in curve if row["validation_accuracy"]]
        trial = study.ask()
        trial.suggest_float("number", 0, 1)  # a trial that has drawn nothing is not compared
        for step, accuracy in reports:
            trial.report(accuracy, step)
            if trial.should_prune():
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                break
        else:
            study.tell(trial, accuracy)
        steps += step
    return steps, float(study.best_value)


def rows() -> Iterator[Row]:
    """Steps and best accuracy of each study, and the noise of the accuracy of one setting."""
    steps: dict[str, list[int]] = {name: [] for name in PRUNERS}
    with tempfile.TemporaryDirectory() as place:
        for seed in range(1, SEEDS + 1):
            for name, pruner in PRUNERS.items():
                folder = Path(place, f"{name}-{seed}")
                train(folder, *SWEEP, f"hydra.sweeper.pruner={pruner}", f"hydra.sweeper.seed={seed}")
                found = yaml.safe_load((folder / "optimization_results.yaml").read_text(encoding="utf-8"))
                steps[name].append(sum(map(len, metrics(folder))))
                case = f"digits, {TRIALS} trials, seed {seed}"
                base = steps["plain"][-1]
                row = Row(part="pruning", case=case, name=name, value=float(steps[name][-1]), unit="steps")
                yield {**row, "ratio": steps[name][-1] / base, "to": "plain"}
                accuracy = 100 * found["best_value"]
                yield Row(part="pruning", case=f"{case}, best", name=name, value=accuracy, unit="%")
                if name == "plain":
                    pruned, best = same_trials(folder)
                    row = Row(part="pruning", case=case, name="asha, same trials", value=float(pruned), unit="steps")
                    yield {**row, "ratio": pruned / base, "to": "plain"}
                    yield Row(
                        part="pruning", case=f"{case}, best", name="asha, same trials", value=100 * best, unit="%"
                    )
                if seed == 1 and name == "plain":
                    spread = 100 * noise(Path(place, "noise"), found["best_params"])
                    yield Row(
                        part="pruning", case="its best setting, 5 other seeds", name=name, value=spread, unit="% sd"
                    )
    for name, found_steps in steps.items():
        mean = statistics.mean(found_steps)
        row = Row(part="pruning", case=f"digits, mean of {SEEDS} seeds", name=name, value=mean, unit="steps")
        yield {**row, "ratio": mean / statistics.mean(steps["plain"]), "to": "plain"}


if __name__ == "__main__":
    show(rows())
