"""What may be given to a save and a load, and what each refusal says."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from scepter_opt import ConfigError, checkpoint
from tests.checkpoint.nets import Net, build, trained
from tests.support import same


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({}, "step = None: is needed"),
        ({"step": -1}, "step = -1: must be a whole number"),
        ({"step": 1, "keep": 0}, "keep = 0: must be a whole number of at least 1"),
        ({"step": 1, "model": 3}, "model: a int is no model, nor a mapping of several"),
        ({"step": 1, "optimizer": nn.Linear(1, 1)}, "optimizer: a Linear is no optimizer, nor a mapping of several"),
    ],
)
def test_wrong_arguments_of_a_save_are_named(keys: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=words):
        checkpoint.save(tmp_path / "never", **keys)
    assert not (tmp_path / "never").exists()


def test_wrong_arguments_of_a_load_are_named(tmp_path: Path) -> None:
    model = Net()
    checkpoint.save(tmp_path, model=model, step=1)
    with pytest.raises(ConfigError, match=r"missing = 'could': must be one of error, cold\. Did you mean cold"):
        checkpoint.load(tmp_path, model=model, missing="could")
    with pytest.raises(
        ConfigError, match=r"rename.bdy = 'body': the checkpoint has no .* of this name\. Did you mean body\?"
    ):
        checkpoint.load(tmp_path, model=model, rename={"bdy": "body"})
    with pytest.raises(ConfigError, match="rename = 3: must be a mapping"):
        checkpoint.load(tmp_path, model=model, rename=3)  # type: ignore[arg-type]  # what is refused
    with pytest.raises(ConfigError, match="the checkpoint has no such optimizer"):
        checkpoint.load(tmp_path, model=model, optimizer=build(model))
    report = checkpoint.load(tmp_path, model=model, optimizer=build(model), missing="cold")
    assert report.new == ("optimizer",)
    with pytest.raises(ConfigError, match="is no state that"):
        checkpoint.restore({"a": 1})


def test_a_state_is_a_value_that_can_be_restored_again() -> None:
    model = Net()
    optimizer = build(model)
    trained(model, optimizer)
    state = checkpoint.state(model=model, optimizer=optimizer, step=2)
    kept = copy.deepcopy(state)
    ends = []
    for _ in range(2):
        trained(model, optimizer, 3)
        ends.append(copy.deepcopy(model.state_dict()))
        assert same(state, kept)
        checkpoint.restore(state, model=model, optimizer=optimizer)
    assert same(*ends)


def test_a_gradient_scaler_goes_on() -> None:
    scaler, again = (torch.amp.GradScaler("cpu", init_scale=scale) for scale in (8.0, 2.0))
    state = checkpoint.state(scaler=scaler, step=1)
    checkpoint.restore(state, scaler=again)
    assert again.state_dict() == scaler.state_dict()
