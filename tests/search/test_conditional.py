"""The keys of whichever optimizer was drawn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir

from scepter_opt import ConfigError
from scepter_opt.search.conditional import suggest

CONFIG = "defaults: [{optimizer: sgd}, {optimizer@optim: mine}, _self_]\n"
MINE = "defaults: [adamw, _self_]\nLEARNING_RATE: 3e-3\n"


class Trial:
    """Of Optuna's kind: draws the first of what there is."""

    def __init__(self, **drawn: str) -> None:
        self.params: dict[str, Any] = drawn

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        """As Optuna's."""
        assert log
        assert low < high
        return self.params.setdefault(name, low)  # type: ignore[no-any-return]  # what was set

    def suggest_categorical(self, name: str, choices: list[Any]) -> Any:
        """As Optuna's."""
        return self.params.setdefault(name, choices[0])


@pytest.fixture(autouse=True)
def _app(tmp_path: Path) -> Iterator[None]:
    (tmp_path / "optimizer").mkdir()
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "optimizer/mine.yaml").write_text(MINE)
    with initialize_config_dir(str(tmp_path), version_base="1.3"):
        yield


def drawn(trial: Trial, *task: str) -> dict[str, Any]:
    """What a trial has drawn in a sweep with these overrides."""
    cfg = compose("config", return_hydra_config=True)
    cfg.hydra.overrides.task = list(task)
    suggest(cfg, trial)
    return trial.params


def test_each_optimizer_has_its_own_keys() -> None:
    for option, key in (("sgd", "MOMENTUM"), ("adamw", "BETAS")):
        found = drawn(Trial(optimizer=option), "optimizer=sgd,adamw")
        assert set(found) == {"optimizer", *(f"optimizer.{each}" for each in ("LEARNING_RATE", "WEIGHT_DECAY", key))}
    found = drawn(Trial(optimizer="muon_adamw"), "optimizer=muon_adamw,sgd")
    assert "optimizer.OPTIMIZERS.adamw.LEARNING_RATE" in found
    assert "optimizer.OPTIMIZERS.muon.LEARNING_RATE" not in found


def test_what_the_command_line_says_is_not_drawn() -> None:
    found = drawn(
        Trial(optimizer="sgd"), "optimizer=sgd,adamw", "++optimizer.MOMENTUM=0.9", "optimizer.WEIGHT_DECAY=0,1"
    )
    assert set(found) == {"optimizer", "optimizer.LEARNING_RATE"}


def test_an_option_of_ones_own_and_another_place_are_known_by_what_they_compose_to() -> None:
    assert set(drawn(Trial(**{"optimizer@optim": "mine"}), "optimizer@optim=mine,sgd")) == {
        "optimizer@optim", "optim.LEARNING_RATE", "optim.WEIGHT_DECAY", "optim.BETAS",
    }  # fmt: skip
    assert set(drawn(Trial(), "optimizer=adamw")) == {
        "optimizer.LEARNING_RATE", "optimizer.WEIGHT_DECAY", "optimizer.BETAS",
    }  # fmt: skip


def test_without_an_optimizer_there_is_nothing_to_draw() -> None:
    with pytest.raises(ConfigError, match="optimizer: holds no optimizer"):
        drawn(Trial(), "~optimizer")
