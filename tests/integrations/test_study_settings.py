"""The settings of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from scepter_opt import ConfigError
from scepter_opt.integrations.study_settings import Settings

pytest.importorskip("optuna")
FILE = Path(__file__).parents[2] / "conf/hydra/sweeper/optuna_study.yaml"


def said(**keys: Any) -> dict[str, Any]:
    """What the option's file says, and these keys."""
    own = yaml.safe_load(FILE.read_text(encoding="utf-8"))
    assert own.pop("_target_") == "hydra_plugins.scepter_opt.StudySweeper"
    return {**own, "study_name": "train", **keys}


def test_the_options_file_says_every_setting_with_its_default() -> None:
    assert Settings.of(said()) == Settings(study_name="train", pruner="none")


def test_all_problems_come_at_once_with_what_would_be_right() -> None:
    wrong = said(n_trials=0, n_jobs=True, seed="x", direction="maximise", storage=3, n_trails=5, sampler="tpa")
    with pytest.raises(ConfigError) as raised:
        Settings.of(wrong)
    assert {problem.key: problem.message for problem in raised.value.problems if problem.key != "sampler"} == {
        "n_trails": "the sweeper has no such key. Did you mean n_trials? It has n_trials, direction, sampler, pruner, "
        "storage, study_name, seed, n_jobs, params, custom_search_space.",
        "n_trials": "must be a whole number of at least 1.",
        "n_jobs": "must be a whole number of at least 1.",
        "seed": "must be a whole number of at least 0 or null.",
        "direction": "must be minimize or maximize. Did you mean maximize?",
        "storage": "must be a text.",
    }
    assert "there is no such sampler. Did you mean tpe?" in str(raised.value)


def test_the_storage_is_a_file_of_sqlite_or_what_a_url_says(tmp_path: Path) -> None:
    assert Settings.of(said()).url(tmp_path / "sweep") == f"sqlite:///{tmp_path}/sweep/study.db"
    assert (tmp_path / "sweep").is_dir()
    assert Settings.of(said(storage=f"{tmp_path}/mine/a.db")).url(tmp_path) == f"sqlite:///{tmp_path}/mine/a.db"
    assert Settings.of(said(storage="postgresql://host/base")).url(tmp_path) == "postgresql://host/base"
