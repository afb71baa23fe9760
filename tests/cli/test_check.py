"""check: all problems of an app's configuration, and of every combination of a sweep."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra.core.global_hydra import GlobalHydra

from scepter_opt import ConfigError
from scepter_opt.cli.check import check
from scepter_opt.cli.composing import compose

APP = Path(__file__).parents[2] / "examples" / "conf"


@pytest.fixture(autouse=True)
def _width(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")


def printed(capsys: pytest.CaptureFixture[str], *overrides: str, status: int = 1, **options: Any) -> str:
    assert check(list(overrides), **options) == status
    return capsys.readouterr().out


def test_a_config_without_problems_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "optimizer=sgd", "lr_scheduler=warmup_cosine", status=0) == "nothing is wrong\n"
    assert printed(capsys, "epochs=3", app=APP, config_name="train", status=0) == "nothing is wrong\n"
    assert not GlobalHydra.instance().is_initialized()


def test_every_problem_is_printed_and_what_hydra_refuses_has_the_nearest_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert printed(capsys, "optimizer=sgd", "optimizer.MOMENTUM=-1", "optimizer.LEARNING_RATE=-2") == (
        "wrong: optimizer.LEARNING_RATE = -2.0: must be at least 0. (Step size.)\n"
        "wrong: optimizer.MOMENTUM = -1.0: must be at least 0. (Fraction of the previous update that is\n"
        "  kept.)\n"
    )
    assert "Did you mean sgd?" in printed(capsys, "optimizer=sgdd")
    assert "optimizer.LERNING_RATE = 1: AdamW has no such key. Did you mean LEARNING_RATE?" in printed(
        capsys, "optimizer.LERNING_RATE=1"
    )
    assert "cannot be read" in printed(capsys, "optimizer.BETAS=[0.9")
    assert "there is no such folder" in printed(capsys, app=Path("nowhere"))


def test_what_hydra_refuses_of_an_apps_own_keys_is_said_in_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    for multirun in (False, True):
        shown = printed(capsys, "epochs=3", "optimizer.EPS=-1", "optimizer.lr=1", multirun=multirun)
        assert "Could not override 'epochs'" in shown
        assert "optimizer.EPS = -1.0: must be at least 0" in shown
        assert "optimizer.lr = 1: AdamW has no such key. Did you mean LEARNING_RATE?" in shown
    assert "Did you mean lr_scheduler=warmup_cosine?" in printed(capsys, "warmup_cosine").replace("\n  ", " ")


def test_what_is_said_without_being_wrong_is_printed_too(capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys, "optimizer=sgd", "optimizer.DAMPENING=0.5", status=0)
    assert shown.startswith("to know: optimizer.DAMPENING")


def test_a_sweep_is_checked_in_all_combinations_with_counts(capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ["optimizer=sgd,adamw", "optimizer.LEARNING_RATE=0.1,-1", "optimizer.MOMENTUM=0.9,0.8"]
    found = json.loads(printed(capsys, *overrides, multirun=True, json=True))
    assert (found["combinations"], found["wrong"]) == (8, 6)
    counts = {problem["message"]: problem["combinations"] for problem in found["problems"]}
    assert counts.pop("optimizer.LEARNING_RATE = -1.0: must be at least 0. (Step size.)") == 4
    # what a class does not have is told by the class, and hides nothing else
    assert {text.partition(". It has")[0]: count for text, count in counts.items()} == {
        "optimizer.MOMENTUM = 0.9: AdamW has no such key": 2,
        "optimizer.MOMENTUM = 0.8: AdamW has no such key": 2,
    }
    assert found["problems"][0]["first"] == [
        "optimizer=sgd", "optimizer.LEARNING_RATE=-1", "optimizer.MOMENTUM=0.9",
    ]  # fmt: skip
    assert "8 combinations, 6 of them wrong" in printed(capsys, *overrides, multirun=True)


@pytest.mark.parametrize("overrides", [[], ["optimizer=sgd"], ["optimizer.LEARNING_RATE=0.1"]])
def test_a_sweep_of_one_combination_is_one(overrides: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(printed(capsys, *overrides, multirun=True, json=True, status=0))["combinations"] == 1


def test_a_sweep_of_none_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    shown = printed(capsys, "optimizer.LEARNING_RATE=range(1,1)", multirun=True)
    assert shown == "the sweep has no combination: nothing would be run\n"


@pytest.mark.long
def test_ten_thousand_combinations_are_checked(capsys: pytest.CaptureFixture[str]) -> None:
    overrides = ["optimizer=sgd,adamw", "optimizer.LEARNING_RATE=range(1,51)", "optimizer.WEIGHT_DECAY=range(0,100)"]
    found = json.loads(printed(capsys, *overrides, multirun=True, json=True, status=0))
    assert found["combinations"] == 10_000


def test_the_sweep_of_an_apps_config_is_checked_and_the_command_line_wins(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text(
        "defaults: [optimizer: sgd, lr_scheduler: none, _self_]\n"
        "hydra: {sweeper: {params: {optimizer.LEARNING_RATE: '0.1,-1', +optimizer.MOMENTUMS: 1}}}\n"
    )
    found = json.loads(printed(capsys, app=tmp_path, multirun=True, json=True))
    assert (found["combinations"], found["wrong"]) == (2, 2)
    assert {"optimizer.LEARNING_RATE", "optimizer.MOMENTUMS"} <= {
        problem["message"].partition(" =")[0] for problem in found["problems"]
    }
    overrides = ["optimizer.LEARNING_RATE=1,2,3", "+optimizer.MOMENTUMS=2"]
    found = json.loads(printed(capsys, *overrides, app=tmp_path, multirun=True, json=True))
    assert found["combinations"] == 3


def test_combinations_of_values_are_composed_once_for_each_choice_of_a_group(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    composed = []

    def counted(*arguments: Any, **options: Any) -> Any:
        composed.append(arguments)
        return compose(*arguments, **options)

    monkeypatch.setattr("scepter_opt.cli.check.compose", counted)
    overrides = ["optimizer=sgd,adamw", "optimizer.LEARNING_RATE=range(1,101)"]
    found = json.loads(printed(capsys, *overrides, multirun=True, json=True, status=0))
    assert found["combinations"] == 200
    assert len(composed) <= 4


def test_checking_imports_no_torch() -> None:
    script = "import sys; from scepter_opt.cli.app import main; main(sys.argv[1:]); assert 'torch' not in sys.modules"
    command = [sys.executable, "-c", script, "check", "-m", "optimizer=sgd,adamw", "lr_scheduler=warmup_cosine"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_search_space_is_checked_with_what_it_sweeps(capsys: pytest.CaptureFixture[str]) -> None:
    assert "16 combinations, 0 of them wrong" in printed(
        capsys, "optimizer=sgd", "+search_space=sgd", multirun=True, status=0
    )
    shown = printed(capsys, "optimizer=adamw", "+search_space=sgd", multirun=True)
    assert "optimizer.MOMENTUM = 0.0: AdamW has no such key." in shown
    with pytest.raises(ConfigError, match=r"Could not find 'search_space/sdg'. Did you mean sgd\?"):
        check(["+search_space=sdg"], multirun=True)
    shown = printed(
        capsys, "optimizer=sgd,adamw", "+search_space=chosen", "hydra/sweeper=optuna_study", multirun=True, status=0
    )
    assert "custom_search_space: what scepter_opt.search.conditional.suggest draws is" in shown.replace("\n  ", " ")
