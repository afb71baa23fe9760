"""Sweeps as studies: trials that end early, that fail and that are killed, and what becomes of the study."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from scepter_opt import ConfigError
from scepter_opt.integrations.optuna_study import run_study
from scepter_opt.integrations.study_jobs import Job
from tests.examples.runs import ROOT, fork

optuna = pytest.importorskip("optuna")

APP = ROOT / "tests/apps/study.py"
SPACE = ["-m", "+search_space=sgd"]


def trials(folder: Path, name: str = "study") -> list[Any]:
    """What is in the study of a sweep."""
    study = optuna.load_study(study_name=name, storage=f"sqlite:///{folder}/sweep/study.db")
    return list(study.trials)


def ends(folder: Path) -> list[tuple[str, float | None, dict[str, Any]]]:
    """State, value and parameters of the trials that were not killed."""
    found = trials(folder)
    return [(each.state.name, each.value, each.params) for each in found if each.value is not None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that was never stopped."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "said").write_text(fork(folder, *SPACE, script=APP).stdout)
    return folder


def test_trials_without_hope_end_early_and_are_no_failures(whole: Path) -> None:
    found = trials(whole)
    assert [each.state.name for each in found[:2]] == ["COMPLETE"] * 2  # as it is said
    early = [each for each in found if each.state.name == "PRUNED"]
    assert len(found) == 5
    assert early
    for each in early:
        assert each.value == each.intermediate_values[each.last_step]
        assert each.last_step < 4
    best = yaml.safe_load((whole / "sweep/optimization_results.yaml").read_text())
    (of_best,) = (each for each in found if each.value == min(one.value for one in found))
    assert best["best_value"] == of_best.value
    assert best["best_params"] == {key: str(value) for key, value in of_best.params.items()}
    said = (whole / "said").read_text()
    assert f"Trial {early[0].number} ended early at" in said
    assert "To go on after a stop: the same command with hydra.sweep.dir=sweep" in said


def test_a_study_that_was_killed_goes_on_as_if_it_had_not_been(whole: Path, tmp_path: Path) -> None:
    (tmp_path / "kill").write_text("1:report")
    fork(tmp_path, *SPACE, script=APP, code=-9)
    assert [each.state.name for each in trials(tmp_path)] == ["COMPLETE", "RUNNING"]
    (tmp_path / "kill").unlink()
    assert "1 of 5 trials are done" in fork(tmp_path, *SPACE, script=APP).stdout
    assert ends(tmp_path) == ends(whole)
    assert [each.user_attrs.get("again") for each in trials(tmp_path)][1:3] == [None, 1]


def test_a_job_that_fails_shows_its_error_and_the_others_go_on(tmp_path: Path) -> None:
    rates = "optimizer.LEARNING_RATE=0.05,0.1,0.5"
    said = fork(tmp_path, "-m", rates, "refuse=0.2", "hydra.sweeper.sampler=grid", script=APP).stdout
    states = {each.params["optimizer.LEARNING_RATE"]: each.state.name for each in trials(tmp_path)}
    assert states == {0.05: "COMPLETE", 0.1: "COMPLETE", 0.5: "FAIL"}
    assert "SGD has no such key. Did you mean LEARNING_RATE?" in said
    assert "Best of 3 trials is" in said


def test_keys_go_with_the_optimizer_that_was_drawn(tmp_path: Path) -> None:
    fork(tmp_path, "-m", "optimizer=sgd,adamw", "+search_space=chosen", "hydra.sweeper.n_trials=4", script=APP)
    own = {"sgd": "MOMENTUM", "adamw": "BETAS"}
    drawn = set()
    for each in trials(tmp_path):
        chosen = each.params.pop("optimizer")
        drawn.add(chosen)
        keys = {"LEARNING_RATE", "WEIGHT_DECAY", own[chosen]}
        assert set(each.params) == {f"optimizer.{key} ({chosen})" for key in keys}
        job = yaml.safe_load((tmp_path / f"sweep/{each.number}/.hydra/config.yaml").read_text())
        assert job["optimizer"]["NAME"] == {"sgd": "SGD", "adamw": "AdamW"}[chosen]
        assert job["optimizer"]["LEARNING_RATE"] == each.params[f"optimizer.LEARNING_RATE ({chosen})"]
    assert drawn == {"sgd", "adamw"}


def test_what_is_wrong_is_said_before_there_is_a_study(tmp_path: Path) -> None:
    refused = fork(tmp_path, "-m", "+optimizer.MOMENTUMM=0.1,0.2", script=APP, code=1).stderr
    assert refused.startswith("1 problem in the configuration\n  hydra.sweeper: the sweep is wrong:\n")
    assert "optimizer.MOMENTUMM = 0.1: SGD has no such key. Did you mean MOMENTUM?" in refused
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ((), "hydra.sweeper: nothing is swept: say ranges, such as +search_space=chosen"),
        (
            ("refuse=interval(2,3)", "hydra.sweeper.sampler=grid"),
            "refuse: is an interval, and a grid goes through lists",
        ),
        (("hydra.sweeper.sampler=grid", "+search_space=chosen"), "a grid has the same keys in all trials"),
        (("hydra.sweeper.custom_search_space=scepter_opt.checking.chek",), "has no chek. Did you mean check?"),
        (
            ("refuse=2,3", "hydra.sweeper.sampler={name: tpe, sed: 1}"),
            "sweeper.sampler.sed = 1: TPESampler has no such",
        ),
    ],
)
def test_what_a_study_cannot_be_is_an_error(overrides: tuple[str, ...], words: str, tmp_path: Path) -> None:
    with initialize_config_dir(str(APP.parent / "conf"), version_base="1.3"):
        own = [each for each in overrides if not each.startswith("refuse=")]  # which is swept
        config = compose("study", [f"hydra.sweep.dir={tmp_path}/sweep", *own], return_hydra_config=True)
        config.hydra.overrides.task = [each for each in overrides if not each.startswith("hydra")]
        said = {key: value for key, value in config.hydra.sweeper.items() if key != "_target_"}
        context = SimpleNamespace(config_loader=GlobalHydra.instance().config_loader())
        with pytest.raises(ConfigError) as raised:
            run_study(said, config.hydra.overrides.task, config, context, None, Job(None))
    assert words in str(raised.value)
    assert not (tmp_path / "sweep").exists()


@pytest.mark.long
def test_a_study_in_which_nothing_has_a_result_is_an_error(tmp_path: Path) -> None:
    refused = fork(tmp_path, *SPACE, "refuse=0", "hydra.sweeper.n_trials=2", script=APP, code=1)
    assert "none of 2 trials has a result. The first failed: 1 problem in the config" in refused.stderr


@pytest.mark.long
@pytest.mark.parametrize("moments", [("0:report", "0:return", "1:report", "2:return", "4:report"), ("3:return",) * 3])
def test_killed_again_and_again_it_loses_no_trial(moments: tuple[str, ...], whole: Path, tmp_path: Path) -> None:
    finished: list[Any] = []
    for moment in moments:
        (tmp_path / "kill").write_text(moment)
        fork(tmp_path, *SPACE, script=APP, code=None)
        assert ends(tmp_path)[: len(finished)] == finished
        finished = ends(tmp_path)
    (tmp_path / "kill").unlink()
    fork(tmp_path, *SPACE, script=APP)
    assert ends(tmp_path) == ends(whole)
