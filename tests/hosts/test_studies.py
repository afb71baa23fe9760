"""Studies with the Optuna that hydra-optuna-sweeper pins, beside that sweeper, and under launchers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.examples.runs import ROOT, start

pytestmark = pytest.mark.hosts

optuna = pytest.importorskip("optuna")
APP = ROOT / "tests/apps/study.py"
SPACE = ["-m", "+search_space=sgd"]
LAUNCHERS = {"basic": "", "joblib": "hydra_joblib_launcher", "submitit_local": "hydra_submitit_launcher"}


def trials(folder: Path) -> list[Any]:
    """What is in the study of a sweep."""
    return list(optuna.load_study(study_name="study", storage=f"sqlite:///{folder}/sweep/study.db").trials)


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_trials_report_and_end_early_under_a_launcher(launcher: str, tmp_path: Path) -> None:
    if LAUNCHERS[launcher]:
        pytest.importorskip(f"hydra_plugins.{LAUNCHERS[launcher]}")
    several = ["hydra.sweeper.n_jobs=2", f"hydra/launcher={launcher}"] if LAUNCHERS[launcher] else []
    start(tmp_path, *SPACE, *several, "hydra.sweeper.n_trials=6", script=APP)
    found = trials(tmp_path)
    states = [each.state.name for each in found]
    assert len(states) == 6
    assert "PRUNED" in states
    assert set(states) == {"COMPLETE", "PRUNED"}
    assert all(each.last_step < 4 for each in found if each.state.name == "PRUNED")
    assert {path.name for path in (tmp_path / "sweep").iterdir() if path.is_dir() and path.name.isdecimal()} == {
        str(each.number) for each in found
    }


def test_a_study_that_was_killed_goes_on_as_if_it_had_not_been(tmp_path: Path) -> None:
    (tmp_path / "kill").write_text("1:report")
    start(tmp_path, *SPACE, script=APP, code=-9)
    (tmp_path / "kill").unlink()
    start(tmp_path, *SPACE, script=APP)
    killed, found = trials(tmp_path), [each for each in trials(tmp_path) if each.value is not None]
    assert [each.state.name for each in killed[:2]] == ["COMPLETE", "FAIL"]
    assert len(found) == 5
    assert killed[2].params == killed[1].params


@pytest.mark.parametrize("space", ["sgd", "chosen"])
def test_the_other_sweeper_takes_the_same_spaces(space: str, tmp_path: Path) -> None:
    pytest.importorskip("hydra_plugins.hydra_optuna_sweeper")
    choice = "optimizer=sgd,adamw" if space == "chosen" else "optimizer=sgd"
    # the app's config has settings of this package's sweeper
    config = (ROOT / "tests/apps/conf/study.yaml").read_text().partition("\nhydra:")[0].replace("_study", "")
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf/study.yaml").write_text(config)
    copy = tmp_path / "app.py"
    copy.write_text(APP.read_text())
    done = start(tmp_path, "-m", choice, f"+search_space={space}", "hydra.sweeper.n_trials=4", "hydra.sweep.dir=sweep",
                 script=copy)  # fmt: skip
    assert "hydra/sweeper = 'optuna': counts a trial that ends early as a failure" in done.stderr
    jobs = [yaml.safe_load(path.read_text()) for path in sorted((tmp_path / "sweep").glob("*/.hydra/overrides.yaml"))]
    assert len(jobs) == 4
    for overrides in jobs:
        keys = {re.sub(r"=.*", "", each) for each in overrides}
        own = "MOMENTUM" if "optimizer=sgd" in overrides else "BETAS"
        wanted = {f"optimizer.{key}" for key in ("LEARNING_RATE", "WEIGHT_DECAY", own)}
        assert keys == {"optimizer", "+search_space", *wanted}
