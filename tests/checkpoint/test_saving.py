"""A save changes nothing, and refuses what could not be read back."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch

import scepter_opt
from scepter_opt import ConfigError, checkpoint
from tests.checkpoint.nets import Net
from tests.support import OPTIMIZERS, make_loss, make_model, optimizer_node, same


@pytest.mark.parametrize("steps", [0, 3])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_saving_changes_nothing(name: str, steps: int, tmp_path: Path) -> None:
    made = []
    for saves in (False, True):
        model = make_model(name)
        optimizer = scepter_opt.build_optimizer(model, optimizer_node(name))
        closure = make_loss(model)
        for _ in range(steps):
            optimizer.step(closure)
        drawn = torch.get_rng_state()
        if saves:
            before = copy.deepcopy((optimizer.state_dict(), model.state_dict()))
            checkpoint.save(tmp_path, model=model, optimizer=optimizer, step=steps)
            checkpoint.state(model=model, optimizer=optimizer, step=steps)
            assert same((optimizer.state_dict(), model.state_dict()), before)
            assert torch.equal(torch.get_rng_state(), drawn)
        for _ in range(3):
            optimizer.step(closure)
        made.append([parameter.detach().clone() for parameter in model.parameters()])
    assert same(*made)


def test_an_extra_comes_back_or_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    extra = {"best": 0.5, "history": [1, 2], "ema": {"w": torch.ones(2)}, "name": "run", "none": None, "pair": (1, 2)}
    checkpoint.save(tmp_path, step=1, extra=extra)
    assert same(checkpoint.load(tmp_path).extra, extra)
    for value, key in (({"a": [Net()]}, r"extra.a\[0\]"), ({"f": print}, "extra.f"), (Path("x"), "extra")):
        with pytest.raises(ConfigError, match=f"{key} = .*weights_only=True"):
            checkpoint.save(tmp_path / "never", step=1, extra=value)
    assert not (tmp_path / "never").exists()
