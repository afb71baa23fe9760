"""The example runs under launchers, whose workers are programs of their own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.examples.runs import ROOT, TRAIN, start

pytestmark = pytest.mark.hosts

LAUNCHERS = {"joblib": "hydra_joblib_launcher", "submitit_local": "hydra_submitit_launcher"}
TWO_JOBS = ["optimizer=adamw,sgd", "stop_after=2", "batch_size=384", "hydra.sweep.dir=sweep"]


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_two_jobs_run_under_a_launcher(launcher: str, tmp_path: Path) -> None:
    pytest.importorskip(f"hydra_plugins.{LAUNCHERS[launcher]}")
    start(tmp_path, "-m", f"hydra/launcher={launcher}", *TWO_JOBS)
    assert rows(tmp_path) == {"0": 2, "1": 2}


def test_a_copy_of_the_example_runs_under_submitit_too(tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_submitit_launcher")
    copy = shutil.copytree(ROOT / "examples", tmp_path / "mine", ignore=shutil.ignore_patterns("__pycache__"))
    start(tmp_path, "-m", "hydra/launcher=submitit_local", *TWO_JOBS, script=copy / TRAIN.name)
    assert rows(tmp_path) == {"0": 2, "1": 2}


def rows(folder: Path) -> dict[str, int]:
    """The steps that each job recorded."""
    found = (folder / "sweep").glob("*/metrics.csv")
    return {path.parent.name: len(path.read_text().splitlines()) - 1 for path in found}
