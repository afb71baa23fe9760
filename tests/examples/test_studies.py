"""The example in a study: what it reports ends trials early."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.examples.runs import fork, metrics

pytest.importorskip("optuna")

SWEEP = [
    "-m", "optimizer=sgd,adamw", "+search_space=chosen", "hydra/sweeper=optuna_study",
    "hydra.sweeper.direction=maximize", "hydra.sweeper.seed=1", "hydra.sweep.dir=sweep",
]  # fmt: skip
PRUNED = ["hydra.sweeper.pruner={name: asha, min_resource: 12, reduction_factor: 3}", "batch_size=128", "epochs=6"]


@pytest.mark.long
def test_pruning_needs_at_most_half_of_the_steps(tmp_path: Path) -> None:
    fork(tmp_path, *SWEEP, *PRUNED, "hydra.sweeper.n_trials=12")
    steps = [len(metrics(folder)) for folder in (tmp_path / "sweep").iterdir() if folder.name.isdecimal()]
    assert len(steps) == 12
    assert max(steps) == 72
    assert sum(steps) <= 12 * 72 / 2
    found = yaml.safe_load((tmp_path / "sweep/optimization_results.yaml").read_text())
    assert found["best_value"] > 0.97
